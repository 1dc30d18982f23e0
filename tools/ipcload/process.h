/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes of a scenario: start, wait for, release and replace them, without any IPC that is
 * not counted in the truth. Children die with their parent, so a failed scenario ends as a whole.
 */
#ifndef IPCLOAD_PROCESS_H
#define IPCLOAD_PROCESS_H

#include <sys/types.h>

struct run;

typedef void process_body(struct run *run, const void *arg);

/* Starts a child as the next actor: it runs body(run, arg), writes its counts and exits with 0. */
pid_t process_start(struct run *run, process_body *body, const void *arg);
/* Starts `nr` of them; run->rank in the child is its number, from 0. */
void process_start_group(struct run *run, unsigned int nr, process_body *body, const void *arg);
/* In a process that was made in another way (vfork, a child of a child). */
void process_finish(struct run *run) __attribute__((noreturn));

/* Wait for a child, or for all; one that failed has said why, and the caller ends with it. */
void process_wait(pid_t pid);
void process_wait_all(void);

#define PROCESS_MAX_NUMBERS 8

/*
 * Executes this program again, in the same process and as the same actor: it goes on in
 * scenario->reexec() with `numbers` (descriptors, channel numbers), which may not be negative.
 */
void process_exec(struct run *run, const int *numbers, unsigned int nr) __attribute__((noreturn));

/* The same in a new process, made with vfork(). */
pid_t process_spawn(struct run *run, const int *numbers, unsigned int nr);

/* What `ipcload exec-child ...` does. */
void process_resume(int argc, char **argv) __attribute__((noreturn));

/* Kills the calling process after two minutes, so that no scenario hangs for ever. */
void process_arm_watchdog(void);

/* A pipe, counted in the truth, through which one process lets others go on, one byte each. */
struct gate {
	int rx;
	int tx;
	unsigned int channel;
};

struct gate gate_open(struct run *run);
void gate_release(struct run *run, const struct gate *gate, unsigned int nr);
void gate_pass(struct run *run, const struct gate *gate);

/*
 * For scenarios that a tracer may be attached to: says "ready" on stdout and waits for a byte on
 * stdin if --wait-stdin was given.
 */
void process_wait_stdin(const struct run *run);

#endif
