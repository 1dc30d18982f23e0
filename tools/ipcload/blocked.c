/* SPDX-License-Identifier: GPL-2.0-only */
#define _GNU_SOURCE
#include "blocked.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "try.h"

static int blocked_open(pid_t tid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == EACCES || errno == EPERM))
		try_skip("/proc/PID/syscall cannot be read");
	return TRY(fd);
}

/* The kernel writes "running", or the call and its arguments once the thread is off the CPU. */
static bool blocked_read(int fd, long *ret_call, uintptr_t *ret_arg)
{
	char text[256];
	ssize_t nr = pread(fd, text, sizeof(text) - 1, 0);

	if (nr < 0 && (errno == EACCES || errno == EPERM))
		try_skip("/proc/PID/syscall cannot be read");
	text[TRY(nr)] = '\0';
	return sscanf(text, "%ld %lx", ret_call, ret_arg) == 2;
}

static void blocked_wait_between(pid_t tid, long call, uintptr_t first, uintptr_t last)
{
	int fd = blocked_open(tid);
	uintptr_t arg;
	long current;

	while (!blocked_read(fd, &current, &arg) || current != call || arg < first || arg > last)
		sched_yield();
	TRY(close(fd));
}

void blocked_wait(pid_t tid, long call)
{
	blocked_wait_between(tid, call, 0, UINTPTR_MAX);
}

void blocked_wait_at(pid_t tid, long call, const void *start, size_t size)
{
	blocked_wait_between(tid, call, (uintptr_t)start, (uintptr_t)start + size - 1);
}
