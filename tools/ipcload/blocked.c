/* SPDX-License-Identifier: GPL-2.0-only */
#define _GNU_SOURCE
#include "blocked.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "process.h"
#include "try.h"

#define BLOCKED_TEXT 512 /* more than the part of the files that is looked at */

static int blocked_open(pid_t tid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == EACCES || errno == EPERM))
		try_skip("/proc/PID/syscall cannot be read");
	return TRY(fd);
}

static void blocked_read(int fd, char ret_text[BLOCKED_TEXT])
{
	ssize_t nr = pread(fd, ret_text, BLOCKED_TEXT - 1, 0);

	if (nr < 0 && (errno == EACCES || errno == EPERM))
		try_skip("/proc/PID/syscall cannot be read");
	ret_text[TRY(nr)] = '\0';
}

/* A child that has ended instead has said why, and the caller ends as it did. */
static bool blocked_is_asleep(int stat_fd, pid_t tid)
{
	char text[BLOCKED_TEXT];
	char *state;

	blocked_read(stat_fd, text);
	state = strrchr(text, ')');
	ENSURE(state && state[1]);
	if (state[2] == 'Z') {
		process_wait(tid);
		ENSURE(state[2] != 'Z');
	}
	return state[2] == 'S';
}

/* The kernel writes "running", or the call and its arguments once the thread is off the CPU. */
static bool blocked_read_call(int fd, long *ret_call, uintptr_t *ret_arg)
{
	char text[BLOCKED_TEXT];

	blocked_read(fd, text);
	return sscanf(text, "%ld %lx", ret_call, ret_arg) == 2;
}

/*
 * A thread that has been woken and has not run yet is in its old call, says the kernel, though it
 * sleeps no more. So it must be asleep first, and then be in the call: nobody but the caller, or
 * a process that waits for it, wakes it in between.
 */
static void blocked_wait_between(pid_t tid, long call, uintptr_t first, uintptr_t last)
{
	int stat_fd = blocked_open(tid, "stat");
	int call_fd = blocked_open(tid, "syscall");
	uintptr_t arg;
	long current;

	while (!blocked_is_asleep(stat_fd, tid) || !blocked_read_call(call_fd, &current, &arg) ||
	       current != call || arg < first || arg > last)
		sched_yield();
	TRY(close(stat_fd));
	TRY(close(call_fd));
}

void blocked_allow(void)
{
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* fails without Yama, which asks for it */
}

void blocked_wait(pid_t tid, long call)
{
	blocked_wait_between(tid, call, 0, UINTPTR_MAX);
}

void blocked_wait_at(pid_t tid, long call, const void *start, size_t size)
{
	blocked_wait_between(tid, call, (uintptr_t)start, (uintptr_t)start + size - 1);
}
