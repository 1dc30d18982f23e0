/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output_file.h"

/*
 * Every test runs in a directory of its own, which is the current one, and devices are reached
 * through links in it: broken code that renames over its target would replace /dev/null of
 * the whole machine otherwise, as root.
 */

static int enter_directory(void **state)
{
	char path[] = "/tmp/ipctrace-test-XXXXXX";

	if (!mkdtemp(path) || chdir(path))
		return -1;
	*state = strdup(path);
	return *state ? 0 : -1;
}

static int leave_directory(void **state)
{
	char command[100];
	int err;

	snprintf(command, sizeof(command), "rm -rf '%s'", (char *)*state);
	err = chdir("/") || system(command);
	free(*state);
	return err;
}

static void put_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
}

static void assert_content(const char *path, const char *expected)
{
	char content[100] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	(void)!fread(content, 1, sizeof(content) - 1, file); /* a short file is expected */
	fclose(file);
	assert_string_equal(content, expected);
}

static unsigned int count_files(void)
{
	DIR *dir = opendir(".");
	unsigned int nr = 0;

	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr - 2; /* "." and ".." */
}

static struct output_file *open_and_write(const char *path, const char *text)
{
	struct output_file *file;

	assert_int_equal(output_file_open(path, &file), 0);
	fputs(text, output_file_stream(file));
	return file;
}

static void test_new_file(void **state)
{
	struct output_file *file = open_and_write("new", "hello");

	(void)state;
	assert_int_equal(access("new", F_OK), -1);
	assert_int_equal(output_file_commit(file), 0);
	assert_content("new", "hello");
	assert_int_equal(count_files(), 1);
}

static void test_replaced_whole(void **state)
{
	struct output_file *file;

	(void)state;
	put_file("old", "what was there");
	file = open_and_write("old", "new");
	fflush(output_file_stream(file));
	assert_content("old", "what was there");
	assert_int_equal(output_file_commit(file), 0);
	assert_content("old", "new");
	assert_int_equal(count_files(), 1);
}

static void test_abort_leaves_old(void **state)
{
	(void)state;
	put_file("old", "what was there");
	output_file_abort(open_and_write("old", "new"));
	output_file_abort(NULL);
	assert_content("old", "what was there");
	assert_int_equal(count_files(), 1);
}

static void test_end_with_error_leaves_old(void **state)
{
	(void)state;
	put_file("old", "what was there");
	assert_int_equal(output_file_end(open_and_write("old", "new"), -ETIME), -ETIME);
	assert_int_equal(output_file_end(open_and_write("old", "new"), -EIO), -EIO);
	assert_content("old", "what was there");
	assert_int_equal(count_files(), 1);
	assert_int_equal(output_file_end(open_and_write("old", "new"), 0), 0);
	assert_content("old", "new");
}

static void test_symlink_is_written_as_it_is(void **state)
{
	struct stat st;

	(void)state;
	put_file("target", "what was there");
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(output_file_commit(open_and_write("link", "new")), 0);
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_content("target", "new");
}

static void test_device_stays(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(symlink("/dev/null", "null"), 0);
	assert_int_equal(output_file_commit(open_and_write("null", "new")), 0);
	assert_int_equal(stat("null", &st), 0);
	assert_true(S_ISCHR(st.st_mode));
	assert_int_equal(count_files(), 1);
}

static void test_fifo_stays(void **state)
{
	struct output_file *file;
	struct stat st;
	char got[4] = "";
	int fd;

	(void)state;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	fd = open("fifo", O_RDONLY | O_NONBLOCK);
	assert_true(fd >= 0);
	file = open_and_write("fifo", "new");
	assert_int_equal(output_file_commit(file), 0);
	assert_int_equal(read(fd, got, 3), 3);
	assert_string_equal(got, "new");
	close(fd);
	assert_int_equal(stat("fifo", &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
}

/* Less than a buffer fails at the end, more while it is written: both say why. */
static void test_full_disk(void **state)
{
	struct output_file *file;
	int i;

	(void)state;
	assert_int_equal(symlink("/dev/full", "full"), 0);
	assert_int_equal(output_file_commit(open_and_write("full", "little")), -ENOSPC);
	file = open_and_write("full", "");
	for (i = 0; i < 10000; i++)
		fputs("much to be written ", output_file_stream(file));
	assert_int_equal(output_file_commit(file), -ENOSPC);
	file = open_and_write("full", "little");
	assert_int_equal(output_file_end(file, -EIO), -ENOSPC);
}

static void test_broken_stdout(void **state)
{
	int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY);
	int err_null, err_dash;

	(void)state;
	fflush(stdout);
	dup2(full, STDOUT_FILENO);
	err_null = output_file_commit(open_and_write(NULL, "text"));
	err_dash = output_file_commit(open_and_write("-", "text"));
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(full);
	assert_int_equal(err_null, -ENOSPC);
	assert_int_equal(err_dash, -ENOSPC);
}

static void test_stdout(void **state)
{
	int saved = dup(STDOUT_FILENO), fd = open("caught", O_WRONLY | O_CREAT, 0600), err;

	(void)state;
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	err = output_file_commit(open_and_write("-", "text"));
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(fd);
	assert_int_equal(err, 0);
	assert_content("caught", "text");
	assert_int_equal(count_files(), 1);
}

static void test_refused(void **state)
{
	struct output_file *file = NULL;

	(void)state;
	assert_int_equal(output_file_open("absent/file", &file), -ENOENT);
	assert_int_equal(output_file_open(".", &file), -EISDIR);
	put_file("plain", "");
	assert_int_equal(output_file_open("plain/file", &file), -ENOTDIR);
	assert_null(file);
	assert_int_equal(count_files(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_new_file),
		TEST(test_replaced_whole),
		TEST(test_abort_leaves_old),
		TEST(test_end_with_error_leaves_old),
		TEST(test_symlink_is_written_as_it_is),
		TEST(test_device_stays),
		TEST(test_fifo_stays),
		TEST(test_full_disk),
		TEST(test_broken_stdout),
		TEST(test_stdout),
		TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
