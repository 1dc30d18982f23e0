/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The barrier at the end of a capture. A thread of the recorder goes from CPU to CPU and makes on
 * each a call that the program at the exit of system calls answers with a record (own_call(),
 * core.bpf.c). When the drain has read it, it has read all that this CPU's ring got before.
 *
 * What it proves, of a CPU that was reached: the hook was there and ran, and of every call that had
 * returned to its caller there, every signal and every start and end of a process, all before the
 * mark, the record is in the capture, or it is counted as aggregated or lost. Who has seen a
 * process end (CMD), or has had an answer from it, knows that what it did before came before the
 * mark, on whatever CPU that was.
 *
 * What it does not prove:
 * - that a call which had not returned had no effect: a write that is about to return has put its
 *   data into the pipe, and its record comes after. This holds for blocked calls, for programs that
 *   can be preempted before they reserve their record (Linux 7), and for calls of processes that
 *   the end of CMD leaves behind;
 * - anything of what the kernel does later in its own name: timers that send signals, the states
 *   that a TCP connection goes through when its process is gone, and requests of io_uring, which
 *   its workers complete after the call that submitted them, and which are cancelled by a kernel
 *   worker after the process that made the ring is gone;
 * - that nothing was lost: the ledger says that.
 * Such records are taken nevertheless as long as the hooks are attached.
 *
 * A CPU is not reached where the recorder may not run (a cpuset), and where it is offline now.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/internal.h"
#include "capture/procfs_internal.h"

#define ONLINE_FILE "/sys/devices/system/cpu/online"
#define WALKS_MAX 100		  /* a ring that was full then has had room again so often */
#define PATIENCE_NS 2000000000ULL /* until the next CPU is reached */
#define LOOK_MS 10		  /* how often to look whether the walk is over */
#define MORE ",..."

enum cpu_state { CPU_UNUSED, CPU_WANTED, CPU_REACHED };

struct barrier {
	__u32 cpus;
	bool is_passed;
	atomic_uchar *states; /* enum cpu_state */
	/* of the walk, which is a thread */
	atomic_int tid;
	atomic_uint marks; /* made by this walk */
	atomic_bool is_stopped;
	atomic_bool is_over;
};

/* The file has ranges: `0-3,5`. Where it cannot be read, nothing is wanted. */
static void online_want(struct barrier *barrier)
{
	FILE *file = fopen(ONLINE_FILE, "re");
	unsigned int first, last;
	int next = ',';

	while (file && next == ',' && fscanf(file, "%u", &first) == 1) {
		last = first;
		next = fgetc(file);
		if (next == '-' && fscanf(file, "%u", &last) == 1)
			next = fgetc(file);
		for (unsigned int cpu = first; cpu <= last && cpu < barrier->cpus; cpu++)
			if (barrier->states[cpu] == CPU_UNUSED)
				barrier->states[cpu] = CPU_WANTED;
	}
	if (file)
		fclose(file);
}

struct barrier *barrier_new(__u32 cpus)
{
	struct barrier *barrier = calloc(1, sizeof(*barrier));

	if (!barrier)
		return NULL;
	barrier->cpus = cpus;
	barrier->states = calloc(cpus, sizeof(*barrier->states));
	if (!barrier->states) {
		free(barrier);
		return NULL;
	}
	online_want(barrier);
	return barrier;
}

void barrier_free(struct barrier *barrier)
{
	if (!barrier)
		return;
	free(barrier->states);
	free(barrier);
}

void barrier_note(struct barrier *barrier, __u32 cpu)
{
	if (cpu < barrier->cpus)
		barrier->states[cpu] = CPU_REACHED;
}

static __u32 cpus_in(const struct barrier *barrier, enum cpu_state state)
{
	__u32 nr = 0;

	for (__u32 cpu = 0; cpu < barrier->cpus; cpu++)
		nr += barrier->states[cpu] == state;
	return nr;
}

/* The walk ---------------------------------------------------------------------------------- */

/* Binds a thread (0: this one) to the CPUs first … last; true if it may run on any of them. */
static bool pin(pid_t tid, __u32 first, __u32 last)
{
	size_t size = CPU_ALLOC_SIZE(last + 1);
	cpu_set_t *set = CPU_ALLOC(last + 1);
	bool is_there;

	if (!set)
		return false;
	CPU_ZERO_S(size, set);
	for (__u32 cpu = first; cpu <= last; cpu++)
		CPU_SET_S(cpu, size, set);
	is_there = !sched_setaffinity(tid, size, set);
	CPU_FREE(set);
	return is_there;
}

static void *walk(void *context)
{
	struct barrier *barrier = context;

	barrier->tid = gettid();
	for (__u32 cpu = 0; cpu < barrier->cpus && !barrier->is_stopped; cpu++) {
		if (barrier->states[cpu] != CPU_WANTED || !pin(0, cpu, cpu))
			continue;
		(void)syscall(SYS_ioctl, -1, IPCT_BARRIER_COMMAND, cpu); /* it fails always */
		barrier->marks++;
	}
	barrier->is_over = true;
	return NULL;
}

/* One that waits for a CPU which it does not get goes on where there is one. */
static void walk_stop(struct barrier *barrier)
{
	barrier->is_stopped = true;
	if (!barrier->is_over && barrier->tid)
		(void)pin(barrier->tid, 0, barrier->cpus - 1); /* gone: as well */
}

/* Drains while the walk goes on. False: it hangs at a CPU, or there is no thread. */
static bool walk_run(struct capture *capture, capture_sink sink, void *context, int *ret_err)
{
	struct barrier *barrier = capture->barrier;
	__u64 deadline_ns = procfs_now_ns() + PATIENCE_NS;
	__u32 left = cpus_in(barrier, CPU_WANTED);
	pthread_t thread;

	barrier->marks = 0;
	barrier->is_stopped = barrier->is_over = false;
	if (pthread_create(&thread, NULL, walk, barrier))
		return false;
	while (left && !barrier->is_over && procfs_now_ns() < deadline_ns) {
		int err = capture_drain(capture, LOOK_MS, sink, context);
		__u32 still = cpus_in(barrier, CPU_WANTED);

		if (err < 0)
			*ret_err = err;
		if (still < left)
			deadline_ns = procfs_now_ns() + PATIENCE_NS;
		left = still;
	}
	walk_stop(barrier);
	pthread_join(thread, NULL);
	return procfs_now_ns() < deadline_ns;
}

int barrier_pass(struct capture *capture, capture_sink sink, void *context)
{
	struct barrier *barrier = capture->barrier;
	bool goes_on = true;
	int err = 0;

	online_want(barrier);
	barrier->is_passed = true;
	for (int i = 0; i < WALKS_MAX && goes_on && cpus_in(barrier, CPU_WANTED); i++) {
		int drained;

		goes_on = walk_run(capture, sink, context, &err) && barrier->marks;
		drained = capture_drain(capture, 0, sink, context);
		if (drained < 0)
			err = drained;
	}
	return err;
}

/* What became of it ------------------------------------------------------------------------- */

/* Appends a range; one that finds no room becomes MORE. */
static void range_add(char *text, __u32 first, __u32 last)
{
	size_t len = strlen(text), room = CAPTURE_CPUS_MAX - strlen(MORE) - len;
	const char *comma = len ? "," : "";
	int needed;

	if (len >= strlen(MORE) && !strcmp(text + len - strlen(MORE), MORE))
		return;
	if (first == last)
		needed = snprintf(text + len, room, "%s%u", comma, first);
	else
		needed = snprintf(text + len, room, "%s%u-%u", comma, first, last);
	if (needed < 0 || (size_t)needed >= room)
		memcpy(text + len, MORE, sizeof(MORE));
}

void barrier_tell(const struct barrier *barrier, struct capture_ledger *ret_ledger)
{
	if (!barrier->is_passed)
		return;
	ret_ledger->barrier_reached = cpus_in(barrier, CPU_REACHED);
	ret_ledger->barrier_cpus = ret_ledger->barrier_reached + cpus_in(barrier, CPU_WANTED);
	for (__u32 cpu = 0; cpu < barrier->cpus; cpu++) {
		__u32 first = cpu;

		if (barrier->states[cpu] != CPU_WANTED)
			continue;
		while (cpu + 1 < barrier->cpus && barrier->states[cpu + 1] == CPU_WANTED)
			cpu++;
		range_add(ret_ledger->barrier_missed, first, cpu);
	}
}
