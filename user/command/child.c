/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/exit_code.h"

static int file_check(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return eaccess(path, X_OK) ? -errno : 0;
}

/* In a directory of PATH, `len` bytes; an empty one is the current directory. */
static int directory_check(const char *directory, size_t len, const char *name)
{
	char *path;
	int err;

	if (asprintf(&path, "%.*s%s%s", (int)len, directory, len ? "/" : "", name) < 0)
		return -ENOMEM;
	err = file_check(path);
	free(path);
	return err;
}

/* As execvp() looks: what cannot be executed is passed over, and remembered. */
int child_check(const char *name)
{
	const char *rest = getenv("PATH");
	int err = -ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/'))
		return file_check(name);
	for (rest = rest ? rest : "/bin:/usr/bin"; rest;) {
		size_t len = strcspn(rest, ":");
		int one = directory_check(rest, len, name);

		if (!one)
			return 0;
		if (one == -EACCES)
			err = one;
		rest = rest[len] ? rest + len + 1 : NULL;
	}
	return err;
}

/* In the child: what the recorder has blocked is no business of CMD. */
static void child_run(int barrier, int report, char *const *command, const sigset_t *mask)
{
	char go;
	int err;

	sigprocmask(SIG_SETMASK, mask, NULL);
	if (read(barrier, &go, 1) != 1)
		_exit(EXIT_CODE_CANNOT_TRACE); /* the recorder is gone */
	execvp(command[0], command);
	err = errno;
	if (write(report, &err, sizeof(err)) != sizeof(err))
		_exit(EXIT_CODE_NOT_EXECUTABLE);
	_exit(err == ENOENT ? EXIT_CODE_NOT_FOUND : EXIT_CODE_NOT_EXECUTABLE);
}

int child_start(struct child *child, char *const *command, const sigset_t *mask)
{
	/* inherited as ignored, it would keep the exit status from us */
	struct sigaction ours = { .sa_handler = SIG_DFL }, inherited;
	int barrier[2], report[2];
	int err;

	if (pipe2(barrier, O_CLOEXEC))
		return -errno;
	if (pipe2(report, O_CLOEXEC)) {
		err = -errno;
		goto close_barrier;
	}
	sigaction(SIGCHLD, &ours, &inherited);
	child->pid = fork();
	if (child->pid < 0) {
		err = -errno;
		child->pid = 0;
		goto close_report;
	}
	if (!child->pid) {
		close(barrier[1]);
		close(report[0]);
		sigaction(SIGCHLD, &inherited, NULL);
		child_run(barrier[0], report[1], command, mask);
	}
	close(barrier[0]);
	close(report[1]);
	child->barrier = barrier[1];
	child->report = report[0];
	return 0;
close_report:
	close(report[0]);
	close(report[1]);
close_barrier:
	close(barrier[0]);
	close(barrier[1]);
	return err;
}

static void child_close(struct child *child)
{
	close(child->barrier);
	close(child->report);
}

static void child_reap(struct child *child, int options)
{
	int status;

	if (child->is_over || waitpid(child->pid, &status, options) != child->pid)
		return;
	child->is_over = true;
	child->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int child_release(struct child *child)
{
	int err = 0;
	ssize_t n;

	if (write(child->barrier, "", 1) != 1) { /* EPIPE: it is gone */
		child_close(child);
		child_reap(child, 0);
		return 0;
	}
	do {
		n = read(child->report, &err, sizeof(err));
	} while (n < 0 && errno == EINTR);
	child_close(child);
	if (!err)
		return 0;
	child_reap(child, 0);
	return -err;
}

void child_poll(struct child *child)
{
	if (child->pid)
		child_reap(child, WNOHANG);
}

void child_abandon(struct child *child)
{
	if (!child->pid || child->is_over)
		return;
	child_close(child); /* it reads the end of file and exits */
	child_reap(child, 0);
}
