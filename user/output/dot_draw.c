/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The child reads and writes unnamed files in memory, so neither side can block the other, and
 * nothing is written of a drawing that failed. What dot has to say goes to our stderr.
 */
#include "output/dot_draw.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOT_TIMEOUT_MS 20000

extern char **environ;

/* A stream on an unnamed file; NULL with errno. */
static FILE *memory_file_open(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	FILE *stream = fd < 0 ? NULL : fdopen(fd, "w+");

	if (!stream && fd >= 0)
		close(fd);
	return stream;
}

static int spawn_dot(FILE *in, FILE *out, pid_t *ret_pid)
{
	static char *const argv[] = { (char *)"dot", (char *)"-Tsvg", NULL };
	posix_spawn_file_actions_t actions;
	int err;

	err = posix_spawn_file_actions_init(&actions);
	if (err)
		return -err;
	err = posix_spawn_file_actions_adddup2(&actions, fileno(in), STDIN_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&actions, fileno(out), STDOUT_FILENO);
	if (!err)
		err = posix_spawnp(ret_pid, "dot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return err == ENOENT ? -ENOPKG : -err;
}

/* Waits until the child has ended: 1, or until the time is over: 0. -errno. */
static int poll_child(pid_t pid)
{
	struct pollfd child = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int ready;

	if (child.fd < 0)
		return -errno;
	do {
		ready = poll(&child, 1, DOT_TIMEOUT_MS);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		ready = -errno;
	close(child.fd);
	return ready;
}

static int wait_dot(pid_t pid)
{
	int ready = poll_child(pid), status = 0;

	if (ready <= 0)
		(void)kill(pid, SIGKILL); /* it is our child and not reaped: it is there */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (ready <= 0)
		return ready ? ready : -ETIME;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EPROTO;
}

static int copy(FILE *from, FILE *to)
{
	char buffer[16384];
	size_t len;

	rewind(from);
	while ((len = fread(buffer, 1, sizeof(buffer), from)))
		if (fwrite(buffer, 1, len, to) != len)
			return -EIO;
	return ferror(from) ? -EIO : 0;
}

static int run_dot(FILE *in, FILE *out)
{
	pid_t pid;
	int err;

	if (fflush(in))
		return -errno;
	rewind(in);
	err = spawn_dot(in, out, &pid);
	return err ? err : wait_dot(pid);
}

int dot_draw(int (*write)(const void *what, FILE *stream), const void *what, FILE *stream)
{
	FILE *in = memory_file_open("ipctrace-dot");
	FILE *out = memory_file_open("ipctrace-svg");
	int err = in && out ? 0 : -errno;

	if (!err)
		err = write(what, in);
	if (!err)
		err = run_dot(in, out);
	if (!err)
		err = copy(out, stream);
	if (out)
		fclose(out);
	if (in)
		fclose(in);
	return err;
}
