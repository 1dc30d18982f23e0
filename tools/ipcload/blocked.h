/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waiting until another process sleeps in a system call, as /proc/TID/stat and syscall say: so that
 * what releases it surely finds it blocked. A scenario is skipped where /proc does not say.
 */
#ifndef IPCLOAD_BLOCKED_H
#define IPCLOAD_BLOCKED_H

#include <stddef.h>
#include <sys/types.h>

/* Lets a child or a sibling look at the calling process, which some machines allow parents only. */
void blocked_allow(void);

void blocked_wait(pid_t tid, long call);
/* The same, with a first argument that lies in these bytes: for memory at one address in both. */
void blocked_wait_at(pid_t tid, long call, const void *start, size_t size);

#endif
