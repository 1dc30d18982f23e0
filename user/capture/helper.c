/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Work that may get stuck, in a process of its own: it goes into namespaces, and there are file
 * systems that never answer. The kernel side records nothing of it, as it is a child of the
 * recorder (forked(), process.bpf.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/internal.h"

#define PATIENCE_MS 5000 /* until it says something */

static int helper_emit(void *context, __u32 stream, const struct ipct_event *event)
{
	(void)stream;
	return fwrite(event, event->size, 1, context) == 1 ? 0 : -EPIPE;
}

/* In the child: nothing is flushed but what it wrote itself. */
static _Noreturn void helper_work(helper_fn work, void *context, int fd)
{
	FILE *stream = fdopen(fd, "w");
	int err = -ENOMEM;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (stream)
		err = work(context, helper_emit, stream);
	if (stream && fflush(stream))
		err = -EPIPE;
	_exit(err ? 1 : 0);
}

int helper_run(helper_fn work, void *context, capture_sink sink, void *sink_context)
{
	int ends[2], status, err;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return 0;
	pid = fork();
	if (!pid)
		helper_work(work, context, ends[1]);
	close(ends[1]);
	err = pid < 0 ? 0 : capture_read_rows(ends[0], PATIENCE_MS, sink, sink_context);
	close(ends[0]);
	if (pid < 0)
		return 0;
	if (err) {
		kill(pid, SIGKILL);
		(void)waitpid(pid, &status,
			      WNOHANG); /* one that cannot be killed is not waited for */
	} else {
		(void)waitpid(pid, &status, 0); /* it has closed its end, and is about to exit */
	}
	return err == -ETIMEDOUT ? 0 : err;
}
