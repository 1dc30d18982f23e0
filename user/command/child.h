/* SPDX-License-Identifier: GPL-2.0-only */
/* CMD: started, but held until the tracing is ready. */
#ifndef IPCTRACE_CHILD_H
#define IPCTRACE_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct child {
	pid_t pid;   /* 0: none */
	int barrier; /* write end: releases it */
	int report;  /* read end: errno of a failed exec, end of file of a good one */
	bool is_over;
	int status; /* exit status as a shell says it, once it is over */
};

/* Can a program of this name be executed (looked up in PATH)? 0 or -errno, as of an exec. */
int child_check(const char *name);

/* Forks; the child waits, and runs its program with the signal mask `mask`. 0 or -errno. */
int child_start(struct child *child, char *const *command, const sigset_t *mask);

/*
 * Lets the child run its program. 0, also when it has ended before (a signal: see is_over), or
 * -errno of the exec: then it is over, with status 127 or 126. SIGPIPE must be blocked.
 */
int child_release(struct child *child);

/* Looks whether it has ended, without waiting. */
void child_poll(struct child *child);

/* Ends a child that was never released; NULL-safe for a child that was not started. */
void child_abandon(struct child *child);

#endif
