/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals that are taken without being delivered: read from a signalfd, or waited for. The edge
 * is that of any other signal: from the sender to the process that it was queued to.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define SIGNALFD_AT_ONCE 8 /* signals that a read has room for */

/* What takes the signals, with gates through which the two sides wait for each other. */
struct taker {
	sigset_t set;
	int fd;
	unsigned int channel;
	struct gate sent;
	struct gate taken;
};

/* Blocked, in the children to come as well: so signals wait for who takes them. */
static struct taker taker_open(struct run *run, const int *signals, unsigned int nr)
{
	struct taker taker;
	unsigned int i;

	sigemptyset(&taker.set);
	for (i = 0; i < nr; i++)
		TRY(sigaddset(&taker.set, signals[i]));
	TRY(sigprocmask(SIG_BLOCK, &taker.set, NULL));
	taker.fd = TRY(signalfd(-1, &taker.set, SFD_NONBLOCK));
	taker.sent = gate_open(run);
	taker.taken = gate_open(run);
	return taker;
}

static unsigned int taker_add_channel(struct run *run, const char *name)
{
	return truth_add_channel(run->truth, "signal", name, TRUTH_UNBALANCED);
}

/* One read of what is there; returns how many signals it took, all of them `signo`. */
static unsigned int taker_read(struct run *run, const struct taker *taker, int signo)
{
	struct signalfd_siginfo infos[SIGNALFD_AT_ONCE];
	ssize_t size = read(taker->fd, infos, sizeof(infos));
	unsigned int nr, i;

	if (size < 0) {
		ENSURE(errno == EAGAIN);
		return 0;
	}
	nr = size / sizeof(*infos);
	ENSURE(nr && size % sizeof(*infos) == 0);
	for (i = 0; i < nr; i++) {
		ENSURE(infos[i].ssi_signo == (uint32_t)signo);
		truth_count_received(run->truth, taker->channel,
				     truth_find_actor(run->truth, infos[i].ssi_pid), 1, 0);
	}
	return nr;
}

static void taker_wait(const struct taker *taker)
{
	struct pollfd poller = { .fd = taker->fd, .events = POLLIN };

	ENSURE(TRY(poll(&poller, 1, -1)) == 1);
}

/* The descriptor was made by the parent, but whoever reads it reads signals of its own. */
static void taker_read_each_body(struct run *run, const void *arg)
{
	const struct taker *taker = arg;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		taker_wait(taker);
		ENSURE(taker_read(run, taker, SIGUSR1) == 1);
		gate_release(run, &taker->taken, 1);
	}
}

static void signalfd_run_simple(struct run *run)
{
	struct taker taker = taker_open(run, (const int[]){ SIGUSR1 }, 1);
	unsigned int i;
	pid_t child;

	taker.channel = taker_add_channel(run, "SIGUSR1");
	child = process_start(run, taker_read_each_body, &taker);
	for (i = 0; i < run->options.messages; i++) {
		TRY(kill(child, SIGUSR1));
		gate_pass(run, &taker.taken);
	}
	process_wait(child);
}

#define MANY 5
#define MANY_ROUNDS 20

static void taker_read_many_body(struct run *run, const void *arg)
{
	const struct taker *taker = arg;
	unsigned int i;

	for (i = 0; i < MANY_ROUNDS; i++) {
		ENSURE(taker_read(run, taker, SIGRTMIN) == 0);
		gate_release(run, &taker->taken, 1);
		gate_pass(run, &taker->sent);
		ENSURE(taker_read(run, taker, SIGRTMIN) == MANY);
	}
}

static void signalfd_run_many(struct run *run)
{
	struct taker taker = taker_open(run, (const int[]){ SIGRTMIN }, 1);
	unsigned int i, j;
	pid_t child;

	taker.channel = taker_add_channel(run, "SIGRTMIN");
	child = process_start(run, taker_read_many_body, &taker);
	for (i = 0; i < MANY_ROUNDS; i++) {
		gate_pass(run, &taker.taken);
		for (j = 0; j < MANY; j++)
			TRY(sigqueue(child, SIGRTMIN, (union sigval){ .sival_int = j }));
		gate_release(run, &taker.sent, 1);
	}
	process_wait(child);
}

/* A channel for each signal, both taken by one read, the lower number first. */
static void taker_read_mixed_body(struct run *run, const void *arg)
{
	const struct taker *taker = arg;
	const uint32_t signals[] = { SIGUSR1, SIGUSR2 };
	struct signalfd_siginfo infos[SIGNALFD_AT_ONCE];
	unsigned int i, j;

	for (i = 0; i < MANY_ROUNDS; i++) {
		gate_pass(run, &taker->sent);
		ENSURE(TRY(read(taker->fd, infos, sizeof(infos))) == 2 * sizeof(*infos));
		for (j = 0; j < 2; j++) {
			ENSURE(infos[j].ssi_signo == signals[j]);
			truth_count_received(run->truth, taker->channel + j,
					     truth_find_actor(run->truth, infos[j].ssi_pid), 1, 0);
		}
		gate_release(run, &taker->taken, 1);
	}
}

static void signalfd_run_mixed(struct run *run)
{
	struct taker taker = taker_open(run, (const int[]){ SIGUSR1, SIGUSR2 }, 2);
	unsigned int i;
	pid_t child;

	taker.channel = taker_add_channel(run, "SIGUSR1");
	ENSURE(taker_add_channel(run, "SIGUSR2") == taker.channel + 1);
	child = process_start(run, taker_read_mixed_body, &taker);
	for (i = 0; i < MANY_ROUNDS; i++) {
		TRY(kill(child, SIGUSR2));
		TRY(kill(child, SIGUSR1));
		gate_release(run, &taker.sent, 1);
		gate_pass(run, &taker.taken);
	}
	process_wait(child);
}

static void taker_signal_parent_body(struct run *run, const void *arg)
{
	(void)run;
	(void)arg;
	TRY(sigqueue(getppid(), SIGRTMIN, (union sigval){ .sival_int = 0 }));
}

/* Taken after their senders are gone. */
static void signalfd_run_senders(struct run *run)
{
	struct taker taker = taker_open(run, (const int[]){ SIGRTMIN }, 1);
	unsigned int left = run->options.processes;

	taker.channel = taker_add_channel(run, "SIGRTMIN");
	process_start_group(run, left, taker_signal_parent_body, NULL);
	process_wait_all();
	while (left)
		left -= taker_read(run, &taker, SIGRTMIN);
	ENSURE(taker_read(run, &taker, SIGRTMIN) == 0);
}

static void taker_timedwait_body(struct run *run, const void *arg)
{
	const struct timespec no_time = { 0 };
	const struct timespec long_time = { .tv_sec = 100 };
	const struct taker *taker = arg;
	siginfo_t info;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		ENSURE(sigtimedwait(&taker->set, &info, &no_time) < 0 && errno == EAGAIN);
		gate_release(run, &taker->taken, 1);
		ENSURE(TRY(sigtimedwait(&taker->set, &info, &long_time)) == SIGUSR1);
		truth_count_received(run->truth, taker->channel,
				     truth_find_actor(run->truth, info.si_pid), 1, 0);
	}
}

static void sigtimedwait_run(struct run *run)
{
	struct taker taker = taker_open(run, (const int[]){ SIGUSR1 }, 1);
	unsigned int i;
	pid_t child;

	taker.channel = taker_add_channel(run, "SIGUSR1");
	child = process_start(run, taker_timedwait_body, &taker);
	for (i = 0; i < run->options.messages; i++) {
		gate_pass(run, &taker.taken);
		TRY(kill(child, SIGUSR1));
	}
	process_wait(child);
}

const struct scenario signalfd_scenarios[] = {
	SCENARIO("signal", "-signalfd", NULL, "read from a signalfd, one by one",
		 signalfd_run_simple),
	SCENARIO("signal", "-signalfd-many", NULL, "5 of a real-time signal in one read",
		 signalfd_run_many),
	SCENARIO("signal", "-signalfd-mixed", NULL, "two signals in one read", signalfd_run_mixed),
	SCENARIO("signal", "-signalfd-senders", NULL, "from P processes that are gone",
		 signalfd_run_senders),
	SCENARIO("signal", "-sigtimedwait", NULL, "waited for, with a timeout", sigtimedwait_run),
	{ 0 },
};
