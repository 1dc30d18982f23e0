/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Futexes by system call. A message is a wait that a wake of another process ended. A wait says
 * by its result that it was woken, and a wake how many it woke; where that is not enough, the
 * waker goes on only when the other one surely sleeps (blocked.h). Each word is a channel.
 */
#define _GNU_SOURCE
#include "futex.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "blocked.h"
#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define ROUNDS 20

static void futex_map(struct run *run, struct futexes *futexes)
{
	region_map(run, &futexes->region, true);
	futexes->words = (uint32_t *)futexes->region.bytes;
}

struct futexes futex_open(struct run *run, const struct region_kind *kind)
{
	struct futexes futexes = { .region = region_open(run, kind) };
	unsigned int i, channel;

	futexes.first_channel = futexes.region.channel + 1;
	for (i = 0; i < FUTEX_WORDS; i++) {
		channel = truth_add_channel(run->truth, "futex", "", TRUTH_UNBALANCED);
		ENSURE(channel == futexes.first_channel + i);
	}
	if (kind == &region_anonymous)
		futex_map(run, &futexes);
	return futexes;
}

struct futexes futex_take(struct run *run, const void *arg)
{
	struct futexes futexes = *(const struct futexes *)arg;

	if (futexes.words)
		region_inherit(run, &futexes.region, true);
	else
		futex_map(run, &futexes);
	return futexes;
}

int futex_call(uint32_t *word, int operation, uint32_t value, uintptr_t timeout_or_value,
	       uint32_t *other_word, uint32_t other_value)
{
	return syscall(SYS_futex, word, operation, value, timeout_or_value, other_word,
		       other_value);
}

/* Returns when it was woken. */
static void futex_wait(uint32_t *word)
{
	TRY(futex_call(word, FUTEX_WAIT, 0, 0, NULL, 0));
}

/* As often as it takes to find a waiter. */
static void futex_wake_one(uint32_t *word)
{
	int woken;

	while (!(woken = TRY(futex_call(word, FUTEX_WAKE, 1, 0, NULL, 0))))
		sched_yield();
	ENSURE(woken == 1);
}

static void futex_await_sleeper(pid_t tid, const uint32_t *word)
{
	blocked_wait_at(tid, SYS_futex, word, sizeof(*word));
}

static void futex_count(struct run *run, const struct futexes *futexes, unsigned int word,
			unsigned int from)
{
	truth_count_received(run->truth, futexes->first_channel + word, from, 1, 0);
}

static void futex_wait_for(struct run *run, const struct futexes *futexes, unsigned int word,
			   unsigned int from)
{
	futex_wait(&futexes->words[word]);
	futex_count(run, futexes, word, from);
}

static void futex_pong_body(struct run *run, const void *arg)
{
	struct futexes futexes = futex_take(run, arg);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		futex_wait_for(run, &futexes, 0, 0);
		futex_wake_one(&futexes.words[1]);
	}
}

/* Word 0 is for the child, word 1 for the parent. */
static void futex_ping(struct run *run, const struct futexes *futexes)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		futex_wake_one(&futexes->words[0]);
		futex_wait_for(run, futexes, 1, 1);
	}
}

/* scenario->arg is the kind of memory. */
static void futex_run_ping_pong(struct run *run)
{
	struct futexes futexes = futex_open(run, run->scenario->arg);

	(void)process_start(run, futex_pong_body, &futexes);
	if (!futexes.words)
		futex_map(run, &futexes);
	futex_ping(run, &futexes);
	process_wait_all();
	region_remove(&futexes.region);
}

static void futex_wait_bits_body(struct run *run, const void *arg)
{
	struct futexes futexes = futex_take(run, arg);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		TRY(futex_call(&futexes.words[0], FUTEX_WAIT_BITSET, 0, 0, NULL, 1 << run->rank));
		futex_count(run, &futexes, 0, 0);
	}
}

/* Two waiters at one word; each wake is for one of them. */
static void futex_run_bitset(struct run *run)
{
	struct futexes futexes = futex_open(run, &region_anonymous);
	unsigned int i, rank;

	process_start_group(run, 2, futex_wait_bits_body, &futexes);
	for (i = 0; i < run->options.messages; i++) {
		for (rank = 0; rank < 2; rank++) {
			while (!TRY(futex_call(&futexes.words[0], FUTEX_WAKE_BITSET, INT_MAX, 0,
					       NULL, 1 << rank)))
				sched_yield();
		}
	}
	process_wait_all();
}

/* Waits at the word of its rank. */
static void futex_wait_ranked_body(struct run *run, const void *arg)
{
	struct futexes futexes = futex_take(run, arg);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		futex_wait_for(run, &futexes, run->rank, 0);
}

/* One call wakes at two words: the operation, an addition of 0, finds the second one equal to 0. */
static void futex_run_wake_op(struct run *run)
{
	const uint32_t operation = FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0);
	struct futexes futexes = futex_open(run, &region_anonymous);
	uint32_t *words = futexes.words;
	pid_t pids[2];
	unsigned int i;

	for (run->rank = 0; run->rank < 2; run->rank++)
		pids[run->rank] = process_start(run, futex_wait_ranked_body, &futexes);
	for (i = 0; i < run->options.messages; i++) {
		futex_await_sleeper(pids[0], &words[0]);
		futex_await_sleeper(pids[1], &words[1]);
		ENSURE(TRY(futex_call(&words[0], FUTEX_WAKE_OP, 1, 1, &words[1], operation)) == 2);
	}
	process_wait_all();
}

#define MAX_WAITERS 50 /* as many as there may be processes */

/* Each child waits at word 0, ROUNDS times; whoever wakes it there or elsewhere is the actor. */
struct crowd {
	struct futexes futexes;
	unsigned int word; /* at which they are woken */
	unsigned int waker;
	struct gate moved; /* to where the waker finds them */
	struct gate woken;
	pid_t pids[MAX_WAITERS];
};

static void futex_crowd_body(struct run *run, const void *arg)
{
	const struct crowd *crowd = arg;
	struct futexes futexes = futex_take(run, &crowd->futexes);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		futex_wait(&futexes.words[0]);
		futex_count(run, &futexes, crowd->word, crowd->waker);
	}
}

static void futex_start_crowd(struct run *run, struct crowd *crowd)
{
	ENSURE(run->options.processes <= MAX_WAITERS);
	for (run->rank = 0; run->rank < run->options.processes; run->rank++)
		crowd->pids[run->rank] = process_start(run, futex_crowd_body, crowd);
}

static void futex_await_crowd(const struct run *run, const struct crowd *crowd)
{
	unsigned int i;

	for (i = 0; i < run->options.processes; i++)
		futex_await_sleeper(crowd->pids[i], &crowd->futexes.words[0]);
}

static void futex_run_many_waiters(struct run *run)
{
	struct crowd crowd = { .futexes = futex_open(run, &region_anonymous) };
	const int waiters = run->options.processes;
	unsigned int i;

	futex_start_crowd(run, &crowd);
	for (i = 0; i < ROUNDS; i++) {
		futex_await_crowd(run, &crowd);
		ENSURE(TRY(futex_call(&crowd.futexes.words[0], FUTEX_WAKE, INT_MAX, 0, NULL, 0)) ==
		       waiters);
	}
	process_wait_all();
}

/* Wakes at word 1 those who went to sleep at word 0. */
static void futex_wake_requeued_body(struct run *run, const void *arg)
{
	const struct crowd *crowd = arg;
	struct futexes futexes = futex_take(run, &crowd->futexes);
	const int waiters = run->options.processes;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		gate_pass(run, &crowd->moved);
		ENSURE(TRY(futex_call(&futexes.words[1], FUTEX_WAKE, INT_MAX, 0, NULL, 0)) ==
		       waiters);
		gate_release(run, &crowd->woken, 1);
	}
}

/* The parent moves the waiters and wakes nobody: the waker, its first child, does. */
static void futex_run_requeue(struct run *run)
{
	struct crowd crowd = { .word = 1, .waker = 1 };
	uint32_t *words;
	const int waiters = run->options.processes;
	unsigned int i;

	crowd.futexes = futex_open(run, &region_anonymous);
	crowd.moved = gate_open(run);
	crowd.woken = gate_open(run);
	words = crowd.futexes.words;
	(void)process_start(run, futex_wake_requeued_body, &crowd);
	futex_start_crowd(run, &crowd);
	for (i = 0; i < ROUNDS; i++) {
		futex_await_crowd(run, &crowd);
		ENSURE(TRY(futex_call(&words[0], FUTEX_CMP_REQUEUE, 0, INT_MAX, &words[1], 0)) ==
		       waiters);
		gate_release(run, &crowd.moved, 1);
		gate_pass(run, &crowd.woken);
	}
	process_wait_all();
}

/* The waiter is the parent, who cannot know who woke it: the wakers count. */
static void futex_wake_parent_body(struct run *run, const void *arg)
{
	struct futexes futexes = futex_take(run, arg);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		futex_wake_one(&futexes.words[0]);
	truth_count_edge(run->truth, futexes.first_channel, truth_self(run->truth), 0,
			 run->options.messages, 0);
}

static void futex_run_many_wakers(struct run *run)
{
	struct futexes futexes = futex_open(run, &region_anonymous);
	unsigned int i;

	process_start_group(run, run->options.processes, futex_wake_parent_body, &futexes);
	for (i = 0; i < run->options.messages * run->options.processes; i++)
		futex_wait(&futexes.words[0]);
	process_wait_all();
}

static void futex_wait_on_vector_body(struct run *run, const void *arg)
{
	struct futexes futexes = futex_take(run, arg);
	struct futex_waitv vector[FUTEX_WORDS - 1] = { 0 };
	unsigned int i;
	int woken;

	for (i = 0; i < FUTEX_WORDS - 1; i++) {
		vector[i].uaddr = (uintptr_t)&futexes.words[i];
		vector[i].flags = FUTEX_32;
	}
	for (i = 0; i < run->options.messages; i++) {
		woken = syscall(SYS_futex_waitv, vector, FUTEX_WORDS - 1, 0, NULL, 0);
		if (woken < 0 && errno == ENOSYS)
			try_skip("the kernel has no futex_waitv()");
		ENSURE(TRY(woken) == (int)(i % (FUTEX_WORDS - 1)));
		futex_count(run, &futexes, woken, 0);
		futex_wake_one(&futexes.words[FUTEX_WORDS - 1]);
	}
}

/* One word after the other; the answer, at the last one, says that the wait is over. */
static void futex_run_waitv(struct run *run)
{
	struct futexes futexes = futex_open(run, &region_anonymous);
	struct futex_waitv nothing;
	unsigned int i;

	if (syscall(SYS_futex_waitv, &nothing, 0, 0, NULL, 0) < 0 && errno == ENOSYS)
		try_skip("the kernel has no futex_waitv()");
	(void)process_start(run, futex_wait_on_vector_body, &futexes);
	for (i = 0; i < run->options.messages; i++) {
		futex_wake_one(&futexes.words[i % (FUTEX_WORDS - 1)]);
		futex_wait_for(run, &futexes, FUTEX_WORDS - 1, 1);
	}
	process_wait_all();
}

/* Calls of Linux 6.7 that the C library's headers do not know yet. */
#define CALL_FUTEX_WAKE 454
#define CALL_FUTEX_WAIT 455
#define ANY_BIT 0xffffffffUL

static void futex_wait_v2(struct run *run, const struct futexes *futexes, unsigned int word,
			  unsigned int from)
{
	TRY(syscall(CALL_FUTEX_WAIT, &futexes->words[word], 0UL, ANY_BIT, FUTEX_32, NULL,
		    CLOCK_MONOTONIC));
	futex_count(run, futexes, word, from);
}

static void futex_wake_v2(uint32_t *word)
{
	while (!TRY(syscall(CALL_FUTEX_WAKE, word, ANY_BIT, 1, FUTEX_32)))
		sched_yield();
}

static void futex_pong_v2_body(struct run *run, const void *arg)
{
	struct futexes futexes = futex_take(run, arg);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		futex_wait_v2(run, &futexes, 0, 0);
		futex_wake_v2(&futexes.words[1]);
	}
}

static void futex_run_v2(struct run *run)
{
	struct futexes futexes = futex_open(run, &region_anonymous);
	unsigned int i;

	if (syscall(CALL_FUTEX_WAKE, futexes.words, ANY_BIT, 1, FUTEX_32) < 0 && errno == ENOSYS)
		try_skip("the kernel has no futex_wake()");
	(void)process_start(run, futex_pong_v2_body, &futexes);
	for (i = 0; i < run->options.messages; i++) {
		futex_wake_v2(&futexes.words[0]);
		futex_wait_v2(run, &futexes, 1, 1);
	}
	process_wait_all();
}

static void futex_lock_pi(uint32_t *word)
{
	TRY(futex_call(word, FUTEX_LOCK_PI, 0, 0, NULL, 0));
}

/* Lets the lock go when the other one waits for it: the kernel then makes that one its owner. */
static void futex_hand_over_pi(uint32_t *word, pid_t waiter)
{
	while (!(atomic_load((_Atomic uint32_t *)word) & FUTEX_WAITERS))
		sched_yield();
	futex_await_sleeper(waiter, word);
	TRY(futex_call(word, FUTEX_UNLOCK_PI, 0, 0, NULL, 0));
}

static void futex_lock_pi_body(struct run *run, const void *arg)
{
	struct futexes futexes = futex_take(run, arg);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		futex_lock_pi(&futexes.words[0]);
		futex_count(run, &futexes, 0, 0);
		futex_hand_over_pi(&futexes.words[0], getppid());
	}
}

/* The first lock and the last unlock are the parent's, and nobody waits then. */
static void futex_run_pi(struct run *run)
{
	struct futexes futexes = futex_open(run, &region_anonymous);
	unsigned int i;
	pid_t child;

	if (futex_call(&futexes.words[0], FUTEX_LOCK_PI, 0, 0, NULL, 0) < 0 && errno == ENOSYS)
		try_skip("the kernel has no priority inheritance for futexes");
	child = process_start(run, futex_lock_pi_body, &futexes);
	for (i = 0; i < run->options.messages; i++) {
		futex_hand_over_pi(&futexes.words[0], child);
		futex_lock_pi(&futexes.words[0]);
		futex_count(run, &futexes, 0, 1);
	}
	TRY(futex_call(&futexes.words[0], FUTEX_UNLOCK_PI, 0, 0, NULL, 0));
	process_wait_all();
}

static void futex_fail_body(struct run *run, const void *arg)
{
	const struct timespec soon = { .tv_nsec = 1000000 };
	struct futexes futexes = futex_take(run, arg);
	uint32_t *word = &futexes.words[0];
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		ENSURE(futex_call(word, FUTEX_WAIT, 1, 0, NULL, 0) < 0 && errno == EAGAIN);
		ENSURE(futex_call(word, FUTEX_WAIT, 0, (uintptr_t)&soon, NULL, 0) < 0 &&
		       errno == ETIMEDOUT);
		ENSURE(TRY(futex_call(word, FUTEX_WAKE, 1, 0, NULL, 0)) == 0);
		futex_wait_for(run, &futexes, 1, 0);
	}
}

/* Word 0 is waited for in vain. */
static void futex_run_timeout(struct run *run)
{
	struct futexes futexes = futex_open(run, &region_anonymous);
	unsigned int i;

	(void)process_start(run, futex_fail_body, &futexes);
	for (i = 0; i < ROUNDS; i++)
		futex_wake_one(&futexes.words[1]);
	process_wait_all();
}

#define WARM_UP_ROUNDS 3

static void futex_preopened_body(struct run *run, const void *arg)
{
	const struct futexes *futexes = arg;
	unsigned int i;

	for (i = 0; i < WARM_UP_ROUNDS; i++) {
		futex_wait(&futexes->words[0]);
		futex_wake_one(&futexes->words[1]);
	}
	futex_pong_body(run, futexes);
}

/* The first wait that counts has begun before, and is ended by a wake that counts. */
static void futex_run_preopened(struct run *run)
{
	struct futexes futexes = futex_open(run, &region_anonymous);
	pid_t child = process_start(run, futex_preopened_body, &futexes);
	unsigned int i;

	for (i = 0; i < WARM_UP_ROUNDS; i++) {
		futex_wake_one(&futexes.words[0]);
		futex_wait(&futexes.words[1]);
	}
	futex_await_sleeper(child, &futexes.words[0]);
	process_wait_stdin(run);
	futex_ping(run, &futexes);
	process_wait_all();
}

#define FUTEX_SCENARIO(suffix, text, function) SCENARIO("futex", suffix, NULL, text, function)

const struct scenario futex_scenarios[] = {
	SCENARIO("futex", "", &region_anonymous, "in anonymous memory, there and back",
		 futex_run_ping_pong),
	SCENARIO("futex", "-memfd", &region_memfd, "in a memfd", futex_run_ping_pong),
	SCENARIO("futex", "-posix-shm", &region_posix, "in a shm_open object", futex_run_ping_pong),
	SCENARIO("futex", "-sysv-shm", &region_sysv, "in a segment", futex_run_ping_pong),
	SCENARIO("futex", "-file", &region_file, "in a mapped file", futex_run_ping_pong),
	FUTEX_SCENARIO("-bitset", "one word, two bits", futex_run_bitset),
	FUTEX_SCENARIO("-wake-op", "FUTEX_WAKE_OP at two words", futex_run_wake_op),
	FUTEX_SCENARIO("-requeue", "P waiters, moved to another word", futex_run_requeue),
	FUTEX_SCENARIO("-many-waiters", "P woken by one call", futex_run_many_waiters),
	FUTEX_SCENARIO("-many-wakers", "P wake one process", futex_run_many_wakers),
	FUTEX_SCENARIO("-waitv", "futex_waitv on three words", futex_run_waitv),
	FUTEX_SCENARIO("-v2", "futex_wait and futex_wake of Linux 6.7", futex_run_v2),
	FUTEX_SCENARIO("-pi", "a lock with priority inheritance", futex_run_pi),
	FUTEX_SCENARIO("-timeout", "waits and wakes in vain", futex_run_timeout),
	FUTEX_SCENARIO("-preopened", "mapped and used before it is counted", futex_run_preopened),
	{ 0 },
};
