/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ptrace: a message is a request that succeeded, from the tracer to the tracee, without bytes.
 * Peeks go the other way and pokes this one, with a word. The channel is the tracee's memory.
 *
 * A stop makes SIGCHLD for the tracer, which is ignored here and so no edge. PTRACE_SEIZE and
 * PTRACE_INTERRUPT send no signal; the SIGSTOP of PTRACE_ATTACH is the kernel's.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define WORD sizeof(long)

/* What the tracer looks at and writes to: a copy in each process, all at the same address. */
static volatile long tracee_word;

struct tracee {
	pid_t pid;
	unsigned int actor;
	unsigned int channel;
	struct gate ready;
	struct gate done;
};

static struct tracee tracee_new(struct run *run)
{
	return (struct tracee){
		.channel = truth_add_channel(run->truth, "process-vm", "", TRUTH_UNBALANCED),
		.ready = gate_open(run),
		.done = gate_open(run),
	};
}

static void tracee_start(struct run *run, struct tracee *tracee, process_body *body)
{
	tracee->actor = truth_actors(run->truth);
	tracee->pid = process_start(run, body, tracee);
	gate_pass(run, &tracee->ready);
}

static void tracee_wait_body(struct run *run, const void *arg)
{
	const struct tracee *tracee = arg;

	tracee_word = truth_self(run->truth);
	gate_release(run, &tracee->ready, 1);
	gate_pass(run, &tracee->done);
}

/* Requests that carry no word. */
static void tracee_control(struct run *run, const struct tracee *tracee, int request,
			   uintptr_t address, uintptr_t data)
{
	long err = ptrace(request, tracee->pid, address, data);

	if (err < 0 && errno == EPERM)
		try_skip("no right to trace");
	TRY(err);
	truth_count_edge(run->truth, tracee->channel, truth_self(run->truth), tracee->actor, 1, 0);
}

static void tracee_fail(const struct tracee *tracee, int request, uintptr_t address, uintptr_t data,
			int err)
{
	errno = 0;
	ENSURE(ptrace(request, tracee->pid, address, data) == -1 && errno == err);
}

static long tracee_peek(struct run *run, const struct tracee *tracee, int request,
			uintptr_t address)
{
	long word;

	errno = 0;
	word = ptrace(request, tracee->pid, address, NULL);
	ENSURE(!errno);
	truth_count_received(run->truth, tracee->channel, tracee->actor, 1, WORD);
	return word;
}

static void tracee_poke(struct run *run, const struct tracee *tracee, int request,
			uintptr_t address, long word)
{
	TRY(ptrace(request, tracee->pid, address, word));
	truth_count_edge(run->truth, tracee->channel, truth_self(run->truth), tracee->actor, 1,
			 WORD);
}

static void tracee_wait_stop(const struct tracee *tracee)
{
	int status;

	ENSURE(TRY(waitpid(tracee->pid, &status, __WALL)) == tracee->pid);
	ENSURE(WIFSTOPPED(status));
}

static void tracee_seize(struct run *run, const struct tracee *tracee)
{
	tracee_control(run, tracee, PTRACE_SEIZE, 0, 0);
	tracee_control(run, tracee, PTRACE_INTERRUPT, 0, 0);
	tracee_wait_stop(tracee);
}

static void tracee_end(struct run *run, const struct tracee *tracee)
{
	tracee_control(run, tracee, PTRACE_DETACH, 0, 0);
	gate_release(run, &tracee->done, 1);
	process_wait_all();
}

static void tracee_read_registers(struct run *run, const struct tracee *tracee)
{
	struct user_regs_struct registers;
	struct iovec part = { &registers, sizeof(registers) };

	tracee_control(run, tracee, PTRACE_GETREGSET, NT_PRSTATUS, (uintptr_t)&part);
	ENSURE(part.iov_len == sizeof(registers));
}

/* Control alone: no word goes either way. */
static void ptrace_run_control(struct run *run)
{
	struct tracee tracee = tracee_new(run);
	unsigned int i;

	tracee_start(run, &tracee, tracee_wait_body);
	tracee_control(run, &tracee, PTRACE_SEIZE, 0, 0);
	for (i = 0; i < run->options.messages; i++) {
		tracee_control(run, &tracee, PTRACE_INTERRUPT, 0, 0);
		tracee_wait_stop(&tracee);
		tracee_read_registers(run, &tracee);
		tracee_control(run, &tracee, PTRACE_CONT, 0, 0);
	}
	tracee_control(run, &tracee, PTRACE_INTERRUPT, 0, 0);
	tracee_wait_stop(&tracee);
	tracee_control(run, &tracee, PTRACE_SETOPTIONS, 0, PTRACE_O_TRACESYSGOOD);
	tracee_end(run, &tracee);
}

static void ptrace_run_peek(struct run *run)
{
	struct tracee tracee = tracee_new(run);
	unsigned int i;

	tracee_start(run, &tracee, tracee_wait_body);
	tracee_seize(run, &tracee);
	for (i = 0; i < run->options.messages; i++)
		ENSURE(tracee_peek(run, &tracee, i & 1 ? PTRACE_PEEKDATA : PTRACE_PEEKTEXT,
				   (uintptr_t)&tracee_word) == tracee.actor);
	tracee_end(run, &tracee);
}

static void tracee_poked_body(struct run *run, const void *arg)
{
	tracee_wait_body(run, arg);
	ENSURE(tracee_word == (long)run->options.messages);
}

static void ptrace_run_poke(struct run *run)
{
	struct tracee tracee = tracee_new(run);
	unsigned int i;

	tracee_start(run, &tracee, tracee_poked_body);
	tracee_seize(run, &tracee);
	for (i = 1; i <= run->options.messages; i++)
		tracee_poke(run, &tracee, i & 1 ? PTRACE_POKEDATA : PTRACE_POKETEXT,
			    (uintptr_t)&tracee_word, i);
	tracee_end(run, &tracee);
}

/* A register, and the same value back. */
static void ptrace_run_user(struct run *run)
{
#ifdef __x86_64__
	const size_t offset = offsetof(struct user, regs.r15);
	struct tracee tracee = tracee_new(run);
	unsigned int i;
	long word;

	tracee_start(run, &tracee, tracee_wait_body);
	tracee_seize(run, &tracee);
	for (i = 0; i < run->options.messages; i++) {
		word = tracee_peek(run, &tracee, PTRACE_PEEKUSER, offset);
		tracee_poke(run, &tracee, PTRACE_POKEUSER, offset, word);
	}
	tracee_end(run, &tracee);
#else
	(void)run;
	try_skip("no PTRACE_PEEKUSER");
#endif
}

/* Makes system calls until the tracer says stop. */
static void tracee_call_body(struct run *run, const void *arg)
{
	const struct tracee *tracee = arg;

	gate_release(run, &tracee->ready, 1);
	while (!tracee_word)
		(void)getppid();
	gate_pass(run, &tracee->done);
}

/* As strace does it: a stop before and after each call of the tracee. */
static void ptrace_run_syscalls(struct run *run)
{
	struct tracee tracee = tracee_new(run);
	unsigned int i;

	tracee_start(run, &tracee, tracee_call_body);
	tracee_seize(run, &tracee);
	tracee_control(run, &tracee, PTRACE_SETOPTIONS, 0, PTRACE_O_TRACESYSGOOD);
	for (i = 0; i < run->options.messages; i++) {
		tracee_control(run, &tracee, PTRACE_SYSCALL, 0, 0);
		tracee_wait_stop(&tracee);
	}
	tracee_poke(run, &tracee, PTRACE_POKEDATA, (uintptr_t)&tracee_word, 1);
	tracee_end(run, &tracee);
}

#define ATTACH_ROUNDS 5

static void ptrace_run_attach(struct run *run)
{
	struct tracee tracee = tracee_new(run);
	unsigned int signals;
	unsigned int i;

	signals = truth_add_channel(run->truth, "signal", "SIGSTOP", TRUTH_UNBALANCED);
	tracee_start(run, &tracee, tracee_wait_body);
	for (i = 0; i < ATTACH_ROUNDS; i++) {
		tracee_control(run, &tracee, PTRACE_ATTACH, 0, 0);
		tracee_wait_stop(&tracee);
		ENSURE(tracee_peek(run, &tracee, PTRACE_PEEKDATA, (uintptr_t)&tracee_word) ==
		       tracee.actor);
		if (i < ATTACH_ROUNDS - 1)
			tracee_control(run, &tracee, PTRACE_DETACH, 0, 0);
	}
	truth_count_edge(run->truth, signals, TRUTH_KERNEL, tracee.actor, ATTACH_ROUNDS, 0);
	tracee_end(run, &tracee);
}

/* The request is the tracee's: it names nobody, but its parent is the tracer from then on. */
static void tracee_offer_body(struct run *run, const void *arg)
{
	const struct tracee *tracee = arg;
	long err = ptrace(PTRACE_TRACEME, 0, NULL, NULL);

	if (err < 0 && errno == EPERM)
		try_skip("no right to trace");
	TRY(err);
	truth_count_edge(run->truth, tracee->channel, truth_self(run->truth), 0, 1, 0);
	ENSURE(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 && errno == EPERM);
	tracee_wait_body(run, tracee);
}

static void ptrace_run_traceme(struct run *run)
{
	struct tracee tracee = tracee_new(run);

	tracee_start(run, &tracee, tracee_offer_body);
	gate_release(run, &tracee.done, 1);
	process_wait_all();
}

/* The only request that succeeds besides is the one that the others need. */
static void ptrace_run_failed(struct run *run)
{
	struct tracee tracee = tracee_new(run);

	tracee_start(run, &tracee, tracee_wait_body);
	tracee_fail(&tracee, PTRACE_CONT, 0, 0, ESRCH);
	tracee_control(run, &tracee, PTRACE_SEIZE, 0, 0);
	tracee_fail(&tracee, PTRACE_SEIZE, 0, 0, EPERM);
	tracee_fail(&tracee, PTRACE_PEEKDATA, (uintptr_t)&tracee_word, 0, ESRCH);
	tracee_fail(&tracee, PTRACE_POKEDATA, (uintptr_t)&tracee_word, 0, ESRCH);
	tracee_control(run, &tracee, PTRACE_INTERRUPT, 0, 0);
	tracee_wait_stop(&tracee);
	tracee_fail(&tracee, PTRACE_PEEKDATA, 0, 0, EIO);
	tracee_fail(&tracee, PTRACE_POKEDATA, 0, 0, EIO);
	tracee_end(run, &tracee);
	tracee_fail(&tracee, PTRACE_SEIZE, 0, 0, ESRCH);
}

#define PTRACE_SCENARIO(scenario, text, function)                                                  \
	{                                                                                          \
		.name = scenario, .mechanism = "process-vm", .summary = text, .run = function      \
	}

const struct scenario ptrace_scenarios[] = {
	PTRACE_SCENARIO("ptrace", "seize, interrupt, continue, detach", ptrace_run_control),
	PTRACE_SCENARIO("ptrace-peek", "PTRACE_PEEKTEXT and PEEKDATA", ptrace_run_peek),
	PTRACE_SCENARIO("ptrace-poke", "PTRACE_POKETEXT and POKEDATA", ptrace_run_poke),
	PTRACE_SCENARIO("ptrace-user", "PTRACE_PEEKUSER and POKEUSER", ptrace_run_user),
	PTRACE_SCENARIO("ptrace-syscalls", "stops before and after system calls",
			ptrace_run_syscalls),
	PTRACE_SCENARIO("ptrace-attach", "PTRACE_ATTACH, with the kernel's SIGSTOP",
			ptrace_run_attach),
	PTRACE_SCENARIO("ptrace-traceme", "PTRACE_TRACEME", ptrace_run_traceme),
	PTRACE_SCENARIO("ptrace-failed", "EPERM, ESRCH, EIO", ptrace_run_failed),
	{ 0 },
};
