/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared memory and futexes, used as a 32-bit program uses them (ia32.h). A message of a futex is
 * a wait that a wake ended.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include "ia32.h"
#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define SEGMENT_SIZE 65536

struct segment {
	int id;
	unsigned int channel;
	unsigned int futex; /* channel of the first word */
	uint32_t *words;    /* NULL: not attached here */
	struct gate gate;
};

static struct segment segment_open(struct run *run, unsigned int key)
{
	struct segment segment = { 0 };
	char name[16] = "";

	ia32_probe();
	if (key != IPC_PRIVATE)
		snprintf(name, sizeof(name), "0x%08x", key);
	segment.id = ia32_call(IA32_IPC, IA32_IPC_SHMGET, key, SEGMENT_SIZE,
			       IPC_CREAT | IPC_EXCL | 0600, 0);
	if (segment.id < 0 && errno == ENOSYS)
		try_skip("no System V shared memory");
	TRY(segment.id);
	segment.channel = truth_add_channel(run->truth, "sysv-shm", name, 0);
	return segment;
}

/* Where it is comes back through a pointer, below 4 GiB as a 32-bit program needs it. */
static void segment_attach(struct run *run, struct segment *segment, int flags)
{
	uint32_t *address = ia32_alloc(sizeof(*address));

	TRY(ia32_call(IA32_IPC, IA32_IPC_SHMAT, segment->id, flags, ia32_pointer(address), 0));
	segment->words = (uint32_t *)(uintptr_t)*address;
	truth_count_mapping(run->truth, segment->channel, !(flags & SHM_RDONLY));
}

static void segment_detach(struct segment *segment)
{
	TRY(ia32_call(IA32_IPC, IA32_IPC_SHMDT, 0, 0, 0, ia32_pointer(segment->words)));
	segment->words = NULL;
}

static void segment_remove(const struct segment *segment)
{
	TRY(ia32_call(IA32_IPC, IA32_IPC_SHMCTL, segment->id, IPC_RMID, 0, 0));
}

#define WRITTEN 42

static void segment_read_body(struct run *run, const void *arg)
{
	struct segment segment = *(const struct segment *)arg;

	segment_attach(run, &segment, SHM_RDONLY);
	gate_pass(run, &segment.gate);
	ENSURE(*(volatile uint32_t *)segment.words == WRITTEN);
	segment_detach(&segment);
}

/* The parent can write, the child can not. */
static void ia32_run_shm(struct run *run)
{
	struct segment segment = segment_open(run, 0x1b000000 + getpid());

	segment.gate = gate_open(run);
	(void)process_start(run, segment_read_body, &segment);
	segment_attach(run, &segment, 0);
	*(volatile uint32_t *)segment.words = WRITTEN;
	gate_release(run, &segment.gate, 1);
	process_wait_all();
	segment_detach(&segment);
	segment_remove(&segment);
}

/* The word stays 0: only a wake ends a wait for it. */
static void futex_wait_body(struct run *run, const void *arg)
{
	struct segment segment = *(const struct segment *)arg;
	unsigned int i;

	segment_attach(run, &segment, 0);
	for (i = 0; i < run->options.messages; i++) {
		TRY(ia32_call(IA32_FUTEX, ia32_pointer(segment.words), FUTEX_WAIT, 0, 0, 0));
		truth_count_received(run->truth, segment.futex, 0, 1, 0);
	}
	segment_detach(&segment);
}

/* A wake that finds nobody is repeated, and is no message. */
static void ia32_run_futex(struct run *run)
{
	struct segment segment = segment_open(run, IPC_PRIVATE);
	unsigned int i;

	segment.futex = truth_add_channel(run->truth, "futex", "", TRUTH_UNBALANCED);
	(void)process_start(run, futex_wait_body, &segment);
	segment_attach(run, &segment, 0);
	for (i = 0; i < run->options.messages; i++) {
		while (!TRY(
			ia32_call(IA32_FUTEX, ia32_pointer(segment.words), FUTEX_WAKE, 1, 0, 0)))
			sched_yield();
	}
	process_wait_all();
	segment_detach(&segment);
	segment_remove(&segment);
}

const struct scenario ia32_memory_scenarios[] = {
	SCENARIO("sysv-shm", "-ia32", NULL, "ipc: SHMGET, SHMAT, SHMDT", ia32_run_shm),
	SCENARIO("futex", "-ia32", NULL, "32-bit futex, in a segment", ia32_run_futex),
	{ 0 },
};
