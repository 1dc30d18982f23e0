/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_TRIES 100

struct output_file {
	FILE *stream;
	char *path;
	char *temporary; /* NULL: written as it is */
};

static int open_stdout(void)
{
	int fd;

	if (fflush(stdout))
		return -errno;
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

static int open_as_is(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);

	return fd < 0 ? -errno : fd;
}

/* A name in the directory of `path`; short, so that it fits where `path` fits. */
static char *temporary_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir_len = slash ? (int)(slash - path) + 1 : 0;
	uint64_t random;
	char *name;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return NULL;
	if (asprintf(&name, "%.*s.ipctrace-%016llx", dir_len, path, (unsigned long long)random) < 0)
		return NULL;
	return name;
}

static int open_beside(struct output_file *file)
{
	int tries, fd, err;

	for (tries = 0; tries < TEMPORARY_TRIES; tries++) {
		file->temporary = temporary_name(file->path);
		if (!file->temporary)
			return -ENOMEM;
		fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			  0666);
		if (fd >= 0)
			return fd;
		err = -errno;
		free(file->temporary);
		file->temporary = NULL;
		if (err != -EEXIST)
			return err;
	}
	return -EEXIST;
}

static int open_target(struct output_file *file)
{
	struct stat st;

	if (!file->path)
		return open_stdout();
	if (lstat(file->path, &st))
		return errno == ENOENT ? open_beside(file) : -errno;
	return S_ISREG(st.st_mode) ? open_beside(file) : open_as_is(file->path);
}

static void release(struct output_file *file)
{
	free(file->temporary);
	free(file->path);
	free(file);
}

static void discard(struct output_file *file)
{
	if (file->temporary)
		(void)unlink(file->temporary); /* nothing more to do about it */
	release(file);
}

int output_file_open(const char *path, struct output_file **ret_file)
{
	struct output_file *file = calloc(1, sizeof(*file));
	int fd, err;

	if (!file)
		return -ENOMEM;
	if (path && strcmp(path, "-")) {
		file->path = strdup(path);
		if (!file->path) {
			err = -ENOMEM;
			goto out_discard;
		}
	}
	fd = open_target(file);
	if (fd < 0) {
		err = fd;
		goto out_discard;
	}
	file->stream = fdopen(fd, "w");
	if (!file->stream) {
		err = -errno;
		close(fd);
		goto out_discard;
	}
	*ret_file = file;
	return 0;

out_discard:
	discard(file);
	return err;
}

FILE *output_file_stream(struct output_file *file)
{
	return file->stream;
}

/* 0, or -errno of the first write that failed. */
static int flush_stream(FILE *stream)
{
	errno = 0;
	if (!ferror(stream))
		return fflush(stream) ? -errno : 0;
	/* the write that failed kept its errno to itself; one more tells, and harms nothing */
	clearerr(stream);
	(void)fputc('\n', stream);
	return fflush(stream) && errno ? -errno : -EIO;
}

int output_file_end_stdout(void)
{
	return flush_stream(stdout);
}

/* Closes the stream; an error of any earlier write counts. */
static int finish_stream(struct output_file *file)
{
	int err = flush_stream(file->stream);

	errno = 0;
	if (fclose(file->stream) && !err)
		err = errno ? -errno : -EIO;
	return err;
}

int output_file_commit(struct output_file *file)
{
	int err = finish_stream(file);

	if (!err && file->temporary && rename(file->temporary, file->path))
		err = -errno;
	if (err)
		discard(file);
	else
		release(file);
	return err;
}

int output_file_end(struct output_file *file, int err)
{
	int stream_err;

	if (!err)
		return output_file_commit(file);
	stream_err = finish_stream(file);
	discard(file);
	return err == -EIO && stream_err ? stream_err : err;
}

void output_file_abort(struct output_file *file)
{
	if (!file)
		return;
	(void)fclose(file->stream); /* the data is given up anyway */
	discard(file);
}
