/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads and writes that a timer's signals interrupt. The signals come from the kernel. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "payload.h"
#include "process.h"
#include "stream.h"
#include "truth.h"
#include "try.h"

#define ROUNDS 20
#define MIB (1024 * 1024)

struct interrupted {
	struct duct duct;
	unsigned int signals; /* the channel */
	int sa_flags;
};

/* Signals that the handler saw: one for each that was queued. */
static volatile sig_atomic_t alarms;

static void alarm_handle(int signo)
{
	(void)signo;
	alarms++;
}

static void alarm_set_interval(long interval_us)
{
	struct itimerval timer = { .it_interval.tv_usec = interval_us,
				   .it_value.tv_usec = interval_us };

	TRY(setitimer(ITIMER_REAL, &timer, NULL));
}

static void alarm_start(const struct interrupted *interrupted)
{
	struct sigaction action = { .sa_handler = alarm_handle, .sa_flags = interrupted->sa_flags };

	alarms = 0;
	TRY(sigaction(SIGALRM, &action, NULL));
	alarm_set_interval(1000);
}

/* A signal that is pending when the timer stops is handled before setitimer() returns. */
static void alarm_stop(struct run *run, const struct interrupted *interrupted)
{
	alarm_set_interval(0);
	if (alarms)
		truth_count_received(run->truth, interrupted->signals, TRUTH_KERNEL, alarms, 0);
}

static void pause_ms(long ms)
{
	const struct timespec pause = { .tv_nsec = ms * 1000000 };

	(void)nanosleep(&pause, NULL); /* makes interrupts likely; nothing depends on it */
}

static void interrupted_read_body(struct run *run, const void *arg)
{
	struct interrupted interrupted = *(const struct interrupted *)arg;
	size_t size = run->options.size;
	char *buf = payload_alloc(size);
	ssize_t nr;

	duct_keep_rx(&interrupted.duct);
	alarm_start(&interrupted);
	do {
		nr = read(interrupted.duct.rx, buf, size);
		if (nr > 0)
			payload_count(run, interrupted.duct.channel, buf, nr);
		else if (nr < 0)
			ENSURE(errno == EINTR && !(interrupted.sa_flags & SA_RESTART));
	} while (nr);
	alarm_stop(run, &interrupted);
	free(buf);
}

static void interrupted_run_reads(struct run *run, int sa_flags)
{
	struct interrupted interrupted = { .sa_flags = sa_flags };
	unsigned int i;

	interrupted.duct = duct_open(run, run->scenario->arg, 0);
	interrupted.signals = truth_add_channel(run->truth, "signal", "SIGALRM", TRUTH_UNBALANCED);
	(void)process_start(run, interrupted_read_body, &interrupted);
	duct_keep_tx(&interrupted.duct);
	for (i = 0; i < ROUNDS; i++) {
		pause_ms(3);
		stream_send(run, interrupted.duct.tx, interrupted.duct.channel, 1,
			    run->options.size);
	}
	duct_close(&interrupted.duct);
	process_wait_all();
}

void stream_run_eintr(struct run *run)
{
	interrupted_run_reads(run, 0);
}

void stream_run_restart(struct run *run)
{
	interrupted_run_reads(run, SA_RESTART);
}

/* A write that a signal cuts short is a message of its own, as always. */
static void interrupted_write_body(struct run *run, const void *arg)
{
	struct interrupted interrupted = *(const struct interrupted *)arg;
	char *buf = payload_alloc(MIB);
	size_t left = 2 * MIB;
	ssize_t nr;

	duct_keep_tx(&interrupted.duct);
	alarm_start(&interrupted);
	while (left) {
		payload_fill(run, buf, left < MIB ? left : MIB);
		nr = write(interrupted.duct.tx, buf, left < MIB ? left : MIB);
		if (nr < 0) {
			ENSURE(errno == EINTR);
			continue;
		}
		truth_count_sent(run->truth, interrupted.duct.channel, 1, nr);
		left -= nr;
	}
	alarm_stop(run, &interrupted);
	free(buf);
}

void stream_run_interrupted_writes(struct run *run)
{
	struct interrupted interrupted = { 0 };

	interrupted.duct = duct_open(run, run->scenario->arg, 0);
	interrupted.signals = truth_add_channel(run->truth, "signal", "SIGALRM", TRUTH_UNBALANCED);
	(void)process_start(run, interrupted_write_body, &interrupted);
	duct_keep_rx(&interrupted.duct);
	do {
		pause_ms(1);
	} while (stream_receive(run, interrupted.duct.rx, interrupted.duct.channel, 65536));
	process_wait_all();
}
