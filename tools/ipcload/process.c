/* SPDX-License-Identifier: GPL-2.0-only */
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "blocked.h"
#include "family.h"
#include "payload.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define WATCHDOG_SECONDS 120

void process_finish(struct run *run)
{
	truth_flush(run->truth);
	_exit(0);
}

pid_t process_start(struct run *run, process_body *body, const void *arg)
{
	unsigned int actor = truth_add_actor(run->truth);
	pid_t parent = getpid();
	pid_t pid = TRY(fork());

	if (pid)
		return pid;
	TRY(prctl(PR_SET_PDEATHSIG, SIGKILL));
	if (getppid() != parent)
		_exit(1); /* the parent failed, and said so, before it could take us along */
	blocked_allow();
	truth_become(run->truth, actor);
	body(run, arg);
	process_finish(run);
}

void process_start_group(struct run *run, unsigned int nr, process_body *body, const void *arg)
{
	for (run->rank = 0; run->rank < nr; run->rank++)
		(void)process_start(run, body, arg); /* reaped by process_wait_all() */
}

static void process_check_status(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(WEXITSTATUS(status));
	ENSURE(WIFEXITED(status));
}

void process_wait(pid_t pid)
{
	pid_t reaped;
	int status;

	do {
		reaped = waitpid(pid, &status, 0);
	} while (reaped < 0 && errno == EINTR);
	TRY(reaped);
	process_check_status(status);
}

void process_wait_all(void)
{
	int status;

	for (;;) {
		if (waitpid(-1, &status, 0) > 0)
			process_check_status(status);
		else if (errno == ECHILD)
			return;
		else
			ENSURE(errno == EINTR);
	}
}

#define EXEC_FIXED_ARGS 7

struct exec_args {
	char text[EXEC_FIXED_ARGS + PROCESS_MAX_NUMBERS][64];
	char *argv[EXEC_FIXED_ARGS + PROCESS_MAX_NUMBERS + 1];
};

static void exec_args_init(struct exec_args *args, const struct run *run, unsigned int actor,
			   const int *numbers, unsigned int nr)
{
	unsigned int i;

	ENSURE(nr <= PROCESS_MAX_NUMBERS);
	memset(args, 0, sizeof(*args));
	snprintf(args->text[0], sizeof(args->text[0]), "ipcload");
	snprintf(args->text[1], sizeof(args->text[0]), "exec-child");
	snprintf(args->text[2], sizeof(args->text[0]), "%s", run->scenario->name);
	snprintf(args->text[3], sizeof(args->text[0]), "%d", truth_fd(run->truth));
	snprintf(args->text[4], sizeof(args->text[0]), "%u", actor);
	snprintf(args->text[5], sizeof(args->text[0]), "%u", run->options.messages);
	snprintf(args->text[6], sizeof(args->text[0]), "%zu", run->options.size);
	for (i = 0; i < nr; i++)
		snprintf(args->text[EXEC_FIXED_ARGS + i], sizeof(args->text[0]), "%d", numbers[i]);
	for (i = 0; i < EXEC_FIXED_ARGS + nr; i++)
		args->argv[i] = args->text[i];
}

void process_exec(struct run *run, const int *numbers, unsigned int nr)
{
	struct exec_args args;

	exec_args_init(&args, run, truth_self(run->truth), numbers, nr);
	truth_flush(run->truth);
	TRY(execv("/proc/self/exe", args.argv));
	abort();
}

pid_t process_spawn(struct run *run, const int *numbers, unsigned int nr)
{
	struct exec_args args;
	pid_t pid;

	exec_args_init(&args, run, truth_add_actor(run->truth), numbers, nr);
	pid = vfork();
	if (!pid) {
		execv("/proc/self/exe", args.argv);
		_exit(1);
	}
	return TRY(pid);
}

void process_resume(int argc, char **argv)
{
	int numbers[PROCESS_MAX_NUMBERS] = { 0 };
	struct run run = { .dir = "" };
	int i;

	ENSURE(argc >= EXEC_FIXED_ARGS && argc <= EXEC_FIXED_ARGS + PROCESS_MAX_NUMBERS);
	run.scenario = family_find_scenario(argv[2]);
	ENSURE(run.scenario && run.scenario->reexec);
	run.truth = truth_resume(atoi(argv[3]), strtoul(argv[4], NULL, 10));
	run.options.messages = strtoul(argv[5], NULL, 10);
	run.options.size = strtoul(argv[6], NULL, 10);
	for (i = EXEC_FIXED_ARGS; i < argc; i++)
		numbers[i - EXEC_FIXED_ARGS] = atoi(argv[i]);
	run.scenario->reexec(&run, numbers);
	process_finish(&run);
}

/* No alarm(): some scenarios use ITIMER_REAL themselves. */
void process_arm_watchdog(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	struct itimerspec when = { .it_value.tv_sec = WATCHDOG_SECONDS };
	timer_t timer;

	TRY(timer_create(CLOCK_MONOTONIC, &event, &timer));
	TRY(timer_settime(timer, 0, &when, NULL));
}

struct gate gate_open(struct run *run)
{
	struct gate gate;
	int fds[2];

	TRY(pipe(fds));
	gate.rx = fds[0];
	gate.tx = fds[1];
	gate.channel = truth_add_channel(run->truth, "pipe", "", 0);
	return gate;
}

void gate_release(struct run *run, const struct gate *gate, unsigned int nr)
{
	char byte;

	payload_fill(run, &byte, 1);
	while (nr--) {
		ENSURE(TRY(write(gate->tx, &byte, 1)) == 1);
		truth_count_sent(run->truth, gate->channel, 1, 1);
	}
}

void gate_pass(struct run *run, const struct gate *gate)
{
	char byte;

	ENSURE(TRY(read(gate->rx, &byte, 1)) == 1);
	payload_count(run, gate->channel, &byte, 1);
}

void process_wait_stdin(const struct run *run)
{
	char byte;

	if (!run->options.wait_stdin)
		return;
	ENSURE(TRY(write(STDOUT_FILENO, "ready\n", 6)) == 6);
	ENSURE(TRY(read(STDIN_FILENO, &byte, 1)) == 1);
}
