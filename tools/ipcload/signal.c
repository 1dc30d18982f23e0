/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals: every way to send one, the ones that are not queued, and those of the kernel.
 * A channel is a signal at a target; the sender is what siginfo says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

static unsigned int signal_add_channel(struct run *run, const char *name)
{
	return truth_add_channel(run->truth, "signal", name, TRUTH_UNBALANCED);
}

/* Blocks a signal, in the children to come as well: so it waits for who asks for it. */
static sigset_t signal_block(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	TRY(sigprocmask(SIG_BLOCK, &set, NULL));
	return set;
}

/* From who siginfo says; not for SIGPIPE, which lies. */
static void signal_count(struct run *run, unsigned int channel, const siginfo_t *info)
{
	const bool is_kernel = info->si_code > 0 || info->si_code == SI_TIMER;
	unsigned int from = is_kernel ? TRUTH_KERNEL : truth_find_actor(run->truth, info->si_pid);

	truth_count_received(run->truth, channel, from, 1, 0);
}

static siginfo_t signal_wait(const sigset_t *set)
{
	siginfo_t info;

	while (sigwaitinfo(set, &info) < 0)
		ENSURE(errno == EINTR);
	return info;
}

static void signal_receive(struct run *run, unsigned int channel, const sigset_t *set)
{
	siginfo_t info = signal_wait(set);

	signal_count(run, channel, &info);
}

/* What is pending, without waiting for more. Returns how many. */
static unsigned int signal_receive_pending(struct run *run, unsigned int channel,
					   const sigset_t *set)
{
	const struct timespec no_time = { 0 };
	unsigned int nr = 0;
	siginfo_t info;

	while (sigtimedwait(set, &info, &no_time) >= 0) {
		signal_count(run, channel, &info);
		nr++;
	}
	ENSURE(errno == EAGAIN);
	return nr;
}

/* The ways to send a signal to a process. */
typedef int signal_send(pid_t pid, int signo);

static int signal_send_tkill(pid_t pid, int signo)
{
	return syscall(SYS_tkill, pid, signo);
}

static int signal_send_tgkill(pid_t pid, int signo)
{
	return syscall(SYS_tgkill, pid, pid, signo);
}

static int signal_send_sigqueue(pid_t pid, int signo)
{
	return sigqueue(pid, signo, (union sigval){ .sival_int = 42 });
}

static int signal_send_pidfd(pid_t pid, int signo)
{
	int pidfd = TRY(syscall(SYS_pidfd_open, pid, 0));
	int err = syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);

	TRY(close(pidfd));
	return err;
}

struct signal_way {
	signal_send *send;
};

static const struct signal_way way_kill = { kill };
static const struct signal_way way_tkill = { signal_send_tkill };
static const struct signal_way way_tgkill = { signal_send_tgkill };
static const struct signal_way way_sigqueue = { signal_send_sigqueue };
static const struct signal_way way_pidfd = { signal_send_pidfd };

struct ping_pong {
	sigset_t set;
	unsigned int to_parent; /* channels */
	unsigned int to_child;
};

static void signal_pong_body(struct run *run, const void *arg)
{
	const struct signal_way *way = run->scenario->arg;
	const struct ping_pong *game = arg;
	const pid_t parent = getppid();
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		signal_receive(run, game->to_child, &game->set);
		TRY(way->send(parent, SIGUSR1));
	}
}

static void signal_run_ping_pong(struct run *run)
{
	const struct signal_way *way = run->scenario->arg;
	struct ping_pong game = {
		.set = signal_block(SIGUSR1),
		.to_parent = signal_add_channel(run, "SIGUSR1"),
		.to_child = signal_add_channel(run, "SIGUSR1"),
	};
	pid_t child = process_start(run, signal_pong_body, &game);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		TRY(way->send(child, SIGUSR1));
		signal_receive(run, game.to_parent, &game.set);
	}
	process_wait(child);
}

#define GROUP_ROUNDS 10

struct group {
	sigset_t set;
	unsigned int first_channel;
	struct gate gate; /* a member has got its signal */
};

static void signal_member_body(struct run *run, const void *arg)
{
	const struct group *group = arg;
	unsigned int i;

	for (i = 0; i < GROUP_ROUNDS; i++) {
		signal_receive(run, group->first_channel + run->rank, &group->set);
		gate_release(run, &group->gate, 1);
	}
}

static void signal_run_group(struct run *run)
{
	struct group group = { .set = signal_block(SIGUSR1) };
	const unsigned int nr = run->options.processes;
	unsigned int i;
	pid_t leader = 0;
	pid_t pid;

	group.gate = gate_open(run);
	group.first_channel = group.gate.channel + 1;
	for (i = 0; i < nr; i++)
		ENSURE(signal_add_channel(run, "SIGUSR1") == group.first_channel + i);
	for (run->rank = 0; run->rank < nr; run->rank++) {
		pid = process_start(run, signal_member_body, &group);
		leader = leader ? leader : pid;
		TRY(setpgid(pid, leader));
	}
	for (i = 0; i < GROUP_ROUNDS * nr; i++) {
		if (i % nr == 0)
			TRY(kill(-leader, SIGUSR1));
		gate_pass(run, &group.gate);
	}
	process_wait_all();
}

#define BURST 5

struct burst {
	sigset_t set;
	unsigned int channel;
	unsigned int expected;
	struct gate gate; /* all are sent */
};

static void signal_burst_body(struct run *run, const void *arg)
{
	const struct burst *burst = arg;

	gate_pass(run, &burst->gate);
	ENSURE(signal_receive_pending(run, burst->channel, &burst->set) == burst->expected);
}

static void signal_run_burst(struct run *run, int signo, const char *name, unsigned int expected)
{
	struct burst burst = { .expected = expected, .set = signal_block(signo) };
	unsigned int i;
	pid_t child;

	burst.channel = signal_add_channel(run, name);
	burst.gate = gate_open(run);
	child = process_start(run, signal_burst_body, &burst);
	for (i = 0; i < BURST; i++)
		TRY(kill(child, signo));
	gate_release(run, &burst.gate, 1);
	process_wait(child);
}

static void signal_run_coalesced(struct run *run)
{
	signal_run_burst(run, SIGUSR1, "SIGUSR1", 1);
}

static void signal_run_queued(struct run *run)
{
	signal_run_burst(run, SIGRTMIN, "SIGRTMIN", BURST);
}

/* Not blocked: a blocked signal is queued even if it is ignored. */
static void signal_ignored_body(struct run *run, const void *arg)
{
	gate_pass(run, arg);
}

static void signal_run_ignored(struct run *run)
{
	struct gate gate = gate_open(run);
	unsigned int i;
	pid_t child;

	ENSURE(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	child = process_start(run, signal_ignored_body, &gate);
	for (i = 0; i < BURST; i++)
		TRY(kill(child, SIGUSR1));
	gate_release(run, &gate, 1);
	process_wait(child);
}

/* Signals that a handler saw, all from one process. */
static volatile sig_atomic_t handled;
static volatile pid_t handled_from;

static void signal_handle(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	handled++;
	handled_from = info->si_pid;
}

static void signal_set_handler(int signo)
{
	struct sigaction action = { .sa_sigaction = signal_handle,
				    .sa_flags = SA_SIGINFO | SA_RESTART };

	handled = 0;
	TRY(sigaction(signo, &action, NULL));
}

static void signal_count_handled(struct run *run, unsigned int channel)
{
	ENSURE(handled > 0);
	truth_count_received(run->truth, channel, truth_find_actor(run->truth, handled_from),
			     handled, 0);
	handled = 0;
}

#define STOP_ROUNDS 3

struct stop {
	sigset_t set;
	unsigned int stop_channel;
	unsigned int continue_channel;
	struct gate gate; /* has gone on */
};

/* A stop takes back a SIGCONT that nobody got yet: so each is taken before the next stop. */
static void signal_stopped_body(struct run *run, const void *arg)
{
	const struct stop *stop = arg;
	unsigned int i;

	for (i = 0; i < STOP_ROUNDS; i++) {
		signal_receive(run, stop->continue_channel, &stop->set);
		gate_release(run, &stop->gate, 1);
	}
}

static void signal_wait_stopped(pid_t pid)
{
	int status;

	ENSURE(TRY(waitpid(pid, &status, WUNTRACED)) == pid);
	ENSURE(WIFSTOPPED(status));
}

/* A stop can be seen by nobody but the parent; SIGCONT is queued only because it is blocked. */
static void signal_run_stop(struct run *run)
{
	struct stop stop = {
		.set = signal_block(SIGCONT),
		.stop_channel = signal_add_channel(run, "SIGSTOP"),
		.continue_channel = signal_add_channel(run, "SIGCONT"),
		.gate = gate_open(run),
	};
	unsigned int i;
	pid_t child;

	child = process_start(run, signal_stopped_body, &stop);
	for (i = 0; i < STOP_ROUNDS; i++) {
		TRY(kill(child, SIGSTOP));
		signal_wait_stopped(child);
		TRY(kill(child, SIGCONT));
		gate_pass(run, &stop.gate);
	}
	truth_count_edge(run->truth, stop.stop_channel, 0, 1, STOP_ROUNDS, 0);
	process_wait(child);
}

/* Counts its own SIGSTOP before it sends it: it will not run again. */
static void signal_killed_body(struct run *run, const void *arg)
{
	const unsigned int *stop_channel = arg;

	truth_count_received(run->truth, *stop_channel, truth_self(run->truth), 1, 0);
	truth_flush(run->truth);
	TRY(raise(SIGSTOP));
}

static void signal_run_kill(struct run *run)
{
	unsigned int stop_channel = signal_add_channel(run, "SIGSTOP");
	unsigned int kill_channel = signal_add_channel(run, "SIGKILL");
	pid_t child = process_start(run, signal_killed_body, &stop_channel);
	int status;

	signal_wait_stopped(child);
	TRY(kill(child, SIGKILL));
	truth_count_edge(run->truth, kill_channel, 0, 1, 1, 0);
	ENSURE(TRY(waitpid(child, &status, 0)) == child);
	ENSURE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void signal_run_self(struct run *run)
{
	unsigned int channel = signal_add_channel(run, "SIGUSR1");
	unsigned int i;

	signal_set_handler(SIGUSR1);
	for (i = 0; i < run->options.messages; i++)
		TRY(raise(SIGUSR1));
	ENSURE((unsigned int)handled == run->options.messages);
	signal_count_handled(run, channel);
}

static void signal_nothing_body(struct run *run, const void *arg)
{
	(void)run;
	(void)arg;
}

/* One after the other: the signal is there before the child can be waited for. */
static void signal_run_child(struct run *run)
{
	unsigned int channel = signal_add_channel(run, "SIGCHLD");
	unsigned int i;

	signal_set_handler(SIGCHLD);
	for (i = 0; i < run->options.processes; i++) {
		process_wait(process_start(run, signal_nothing_body, NULL));
		ENSURE(handled == 1);
		signal_count_handled(run, channel);
	}
	ENSURE(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}

#define KERNEL_ROUNDS 5

static void signal_run_alarm(struct run *run)
{
	const struct itimerval soon = { .it_value.tv_usec = 1000 };
	unsigned int channel = signal_add_channel(run, "SIGALRM");
	sigset_t set = signal_block(SIGALRM);
	unsigned int i;

	for (i = 0; i < KERNEL_ROUNDS; i++) {
		TRY(setitimer(ITIMER_REAL, &soon, NULL));
		signal_receive(run, channel, &set);
	}
}

/* The timer's interrupt meets a system call, or what a tracer does at its end. */
static void signal_run_alarm_busy(struct run *run)
{
	const struct itimerval soon = { .it_value.tv_usec = 100 };
	unsigned int channel = signal_add_channel(run, "SIGALRM");
	sigset_t set = signal_block(SIGALRM);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		TRY(setitimer(ITIMER_REAL, &soon, NULL));
		while (!signal_receive_pending(run, channel, &set))
			;
	}
}

static void signal_run_timer(struct run *run)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	const struct itimerspec soon = { .it_value.tv_nsec = 1000000 };
	unsigned int channel = signal_add_channel(run, "SIGUSR1");
	sigset_t set = signal_block(SIGUSR1);
	unsigned int i;
	timer_t timer;

	TRY(timer_create(CLOCK_MONOTONIC, &event, &timer));
	for (i = 0; i < KERNEL_ROUNDS; i++) {
		TRY(timer_settime(timer, 0, &soon, NULL));
		signal_receive(run, channel, &set);
	}
	TRY(timer_delete(timer));
}

/* siginfo names the process itself, but it is the kernel that sends it. */
static void signal_run_pipe(struct run *run)
{
	unsigned int channel = signal_add_channel(run, "SIGPIPE");
	sigset_t set = signal_block(SIGPIPE);
	unsigned int i;
	int fds[2];

	TRY(pipe(fds));
	TRY(close(fds[0]));
	for (i = 0; i < KERNEL_ROUNDS; i++) {
		ENSURE(write(fds[1], "", 1) < 0 && errno == EPIPE);
		(void)signal_wait(&set);
		truth_count_received(run->truth, channel, TRUTH_KERNEL, 1, 0);
	}
}

const struct scenario signal_scenarios[] = {
	SCENARIO("signal", "", &way_kill, "kill, there and back", signal_run_ping_pong),
	SCENARIO("signal", "-tkill", &way_tkill, "tkill, there and back", signal_run_ping_pong),
	SCENARIO("signal", "-tgkill", &way_tgkill, "tgkill, there and back", signal_run_ping_pong),
	SCENARIO("signal", "-sigqueue", &way_sigqueue, "sigqueue, there and back",
		 signal_run_ping_pong),
	SCENARIO("signal", "-pidfd", &way_pidfd, "pidfd_send_signal, there and back",
		 signal_run_ping_pong),
	SCENARIO("signal", "-group", NULL, "kill of a process group of P", signal_run_group),
	SCENARIO("signal", "-coalesced", NULL, "5 of a standard signal, one is queued",
		 signal_run_coalesced),
	SCENARIO("signal", "-queued", NULL, "5 of a real-time signal, 5 are queued",
		 signal_run_queued),
	SCENARIO("signal", "-ignored", NULL, "5 to a process that ignores them",
		 signal_run_ignored),
	SCENARIO("signal", "-stop", NULL, "SIGSTOP and SIGCONT", signal_run_stop),
	SCENARIO("signal", "-kill", NULL, "SIGKILL to a process that stopped itself",
		 signal_run_kill),
	SCENARIO("signal", "-self", NULL, "a process sends to itself", signal_run_self),
	SCENARIO("signal", "-child", NULL, "SIGCHLD with a handler, from P children",
		 signal_run_child),
	SCENARIO("signal", "-alarm", NULL, "setitimer: from the kernel", signal_run_alarm),
	SCENARIO("signal", "-alarm-busy", NULL, "N of setitimer, in the midst of system calls",
		 signal_run_alarm_busy),
	SCENARIO("signal", "-timer", NULL, "timer_create: from the kernel", signal_run_timer),
	SCENARIO("signal", "-pipe", NULL, "SIGPIPE: from the kernel", signal_run_pipe),
	{ 0 },
};
