/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the C library builds of futexes, shared by processes. It calls the kernel only when
 * somebody has to wait: so whoever releases makes sure that the other one sleeps, and whoever may
 * not overtake waits for a turn, which the memory says.
 *
 * Not here, because the C library leaves open how often it wakes: pthread_cond_broadcast() to
 * several (they contend for the mutex afterwards), read-write locks, and one condition variable
 * for many rounds (it has two words, and which one is used is its own business: so each is used
 * once).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blocked.h"
#include "naming.h"
#include "process.h"
#include "region.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define ROUNDS 20

/* What lies in the memory: each scenario uses a part. */
struct board {
	pthread_mutex_t mutex;
	pthread_cond_t conditions[ROUNDS];
	bool is_ready[ROUNDS];
	pthread_barrier_t barrier;
	sem_t semaphores[2];
	atomic_uint owner; /* actor that has the mutex */
};

struct shared {
	struct region region;
	struct board *board;
	unsigned int channel; /* the first futex */
};

static unsigned int pshared_add_futex(struct run *run)
{
	return truth_add_channel(run->truth, "futex", "", TRUTH_UNBALANCED);
}

static struct shared pshared_open(struct run *run)
{
	struct shared shared = { .region = region_open(run, &region_anonymous) };

	ENSURE(sizeof(struct board) <= region_size());
	region_map(run, &shared.region, true);
	shared.board = (struct board *)shared.region.bytes;
	shared.channel = pshared_add_futex(run);
	return shared;
}

static struct board *pshared_take(struct run *run, const struct shared *shared)
{
	region_inherit(run, &shared->region, true);
	return shared->board;
}

static void pshared_count(struct run *run, const struct shared *shared, unsigned int number,
			  unsigned int from)
{
	truth_count_received(run->truth, shared->channel + number, from, 1, 0);
}

static void pshared_init_mutex(pthread_mutex_t *mutex, int robustness)
{
	pthread_mutexattr_t attr;

	ENSURE(!pthread_mutexattr_init(&attr));
	ENSURE(!pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	ENSURE(!pthread_mutexattr_setrobust(&attr, robustness));
	ENSURE(!pthread_mutex_init(mutex, &attr));
	ENSURE(!pthread_mutexattr_destroy(&attr));
}

static void mutex_await_owner(struct board *board, unsigned int actor)
{
	while (atomic_load(&board->owner) != actor)
		sched_yield();
}

/* To a process that is waiting for it; the caller may lock it again when that one has it. */
static void mutex_hand_over(struct board *board, pid_t waiter, unsigned int actor)
{
	blocked_wait_at(waiter, SYS_futex, &board->mutex, sizeof(board->mutex));
	ENSURE(!pthread_mutex_unlock(&board->mutex));
	mutex_await_owner(board, actor);
}

static void mutex_lock(struct board *board, unsigned int actor)
{
	ENSURE(!pthread_mutex_lock(&board->mutex));
	atomic_store(&board->owner, actor);
}

static void mutex_body(struct run *run, const void *arg)
{
	const struct shared *shared = arg;
	struct board *board = pshared_take(run, shared);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		mutex_lock(board, 1);
		pshared_count(run, shared, 0, 0);
		mutex_hand_over(board, getppid(), 0);
	}
}

/* The first lock and the last unlock are the parent's, and nobody waits then. */
static void mutex_run(struct run *run)
{
	struct shared shared = pshared_open(run);
	struct board *board = shared.board;
	unsigned int i;
	pid_t child;

	pshared_init_mutex(&board->mutex, PTHREAD_MUTEX_STALLED);
	mutex_lock(board, 0);
	child = process_start(run, mutex_body, &shared);
	for (i = 0; i < run->options.messages; i++) {
		mutex_hand_over(board, child, 1);
		mutex_lock(board, 0);
		pshared_count(run, &shared, 0, 1);
	}
	ENSURE(!pthread_mutex_unlock(&board->mutex));
	process_wait_all();
}

struct heritage {
	struct shared shared;
	struct gate has_it; /* the mutex */
	struct gate may_die;
};

static void robust_body(struct run *run, const void *arg)
{
	const struct heritage *heritage = arg;
	struct board *board = pshared_take(run, &heritage->shared);
	int err = pthread_mutex_lock(&board->mutex);

	if (run->rank > 0) {
		ENSURE(err == EOWNERDEAD);
		ENSURE(!pthread_mutex_consistent(&board->mutex));
		pshared_count(run, &heritage->shared, 0, truth_self(run->truth) - 1);
	} else {
		ENSURE(!err);
	}
	gate_release(run, &heritage->has_it, 1);
	gate_pass(run, &heritage->may_die);
}

/* Each child dies with the mutex when the next one waits for it. */
static void robust_run(struct run *run)
{
	struct heritage heritage = { .shared = pshared_open(run) };
	pthread_mutex_t *mutex = &heritage.shared.board->mutex;
	pid_t child;

	heritage.has_it = gate_open(run);
	heritage.may_die = gate_open(run);
	pshared_init_mutex(mutex, PTHREAD_MUTEX_ROBUST);
	for (run->rank = 0; run->rank < run->options.processes; run->rank++) {
		child = process_start(run, robust_body, &heritage);
		if (run->rank > 0) {
			blocked_wait_at(child, SYS_futex, mutex, sizeof(*mutex));
			gate_release(run, &heritage.may_die, 1);
		}
		gate_pass(run, &heritage.has_it);
	}
	gate_release(run, &heritage.may_die, 1);
	process_wait_all();
}

static void condition_init_all(struct board *board)
{
	pthread_condattr_t attr;
	unsigned int i;

	ENSURE(!pthread_condattr_init(&attr));
	ENSURE(!pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	for (i = 0; i < ROUNDS; i++)
		ENSURE(!pthread_cond_init(&board->conditions[i], &attr));
	ENSURE(!pthread_condattr_destroy(&attr));
}

static void condition_body(struct run *run, const void *arg)
{
	const struct shared *shared = arg;
	struct board *board = pshared_take(run, shared);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		ENSURE(!pthread_mutex_lock(&board->mutex));
		while (!board->is_ready[i])
			ENSURE(!pthread_cond_wait(&board->conditions[i], &board->mutex));
		ENSURE(!pthread_mutex_unlock(&board->mutex));
		pshared_count(run, shared, i, 0);
	}
}

/* The mutex is free whenever one of them wants it, so it is no channel. */
static void condition_run(struct run *run)
{
	struct shared shared = pshared_open(run);
	struct board *board = shared.board;
	pthread_cond_t *condition;
	unsigned int i;
	pid_t child;

	for (i = 1; i < ROUNDS; i++)
		ENSURE(pshared_add_futex(run) == shared.channel + i);
	pshared_init_mutex(&board->mutex, PTHREAD_MUTEX_STALLED);
	condition_init_all(board);
	child = process_start(run, condition_body, &shared);
	for (i = 0; i < ROUNDS; i++) {
		condition = &board->conditions[i];
		blocked_wait_at(child, SYS_futex, condition, sizeof(*condition));
		ENSURE(!pthread_mutex_lock(&board->mutex));
		board->is_ready[i] = true;
		ENSURE(!pthread_mutex_unlock(&board->mutex));
		ENSURE(!pthread_cond_signal(condition));
	}
	process_wait_all();
}

#define MAX_WAITERS 50 /* as many as there may be processes */

static void barrier_wait(struct board *board)
{
	int err = pthread_barrier_wait(&board->barrier);

	ENSURE(!err || err == PTHREAD_BARRIER_SERIAL_THREAD);
}

static void barrier_body(struct run *run, const void *arg)
{
	const struct shared *shared = arg;
	struct board *board = pshared_take(run, shared);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		barrier_wait(board);
		pshared_count(run, shared, 0, 0);
	}
}

/* The parent is the last to come, and so the one that wakes the others. */
static void barrier_run(struct run *run)
{
	struct shared shared = pshared_open(run);
	pthread_barrier_t *barrier = &shared.board->barrier;
	const unsigned int nr = run->options.processes;
	pid_t pids[MAX_WAITERS];
	pthread_barrierattr_t attr;
	unsigned int i, j;

	ENSURE(nr <= MAX_WAITERS);
	ENSURE(!pthread_barrierattr_init(&attr));
	ENSURE(!pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
	ENSURE(!pthread_barrier_init(barrier, &attr, nr + 1));
	for (i = 0; i < nr; i++)
		pids[i] = process_start(run, barrier_body, &shared);
	for (i = 0; i < ROUNDS; i++) {
		for (j = 0; j < nr; j++)
			blocked_wait_at(pids[j], SYS_futex, barrier, sizeof(*barrier));
		barrier_wait(shared.board);
	}
	process_wait_all();
}

/* Two semaphores: the first is for the child, the second for the parent. */
struct semaphores {
	struct shared shared;
	sem_t *to_child;
	sem_t *to_parent;
	char names[2][NAMING_SIZE]; /* of named ones */
	struct region regions[2];   /* of which only the channels are used */
};

static void semaphore_wait(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		ENSURE(errno == EINTR);
}

/* To a process that is waiting for it: of all futexes, it can only be this one. */
static void semaphore_post(sem_t *semaphore, pid_t waiter)
{
	blocked_wait(waiter, SYS_futex);
	TRY(sem_post(semaphore));
}

static void semaphore_pong(struct run *run, const struct semaphores *semaphores)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		semaphore_wait(semaphores->to_child);
		pshared_count(run, &semaphores->shared, 0, 0);
		semaphore_post(semaphores->to_parent, getppid());
	}
}

static void semaphore_ping(struct run *run, const struct semaphores *semaphores, pid_t child)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		semaphore_post(semaphores->to_child, child);
		semaphore_wait(semaphores->to_parent);
		pshared_count(run, &semaphores->shared, 1, 1);
	}
}

static void semaphore_body(struct run *run, const void *arg)
{
	const struct semaphores *semaphores = arg;

	(void)pshared_take(run, &semaphores->shared);
	semaphore_pong(run, semaphores);
}

static void semaphore_run(struct run *run)
{
	struct semaphores semaphores = { .shared = pshared_open(run) };

	ENSURE(pshared_add_futex(run) == semaphores.shared.channel + 1);
	semaphores.to_child = &semaphores.shared.board->semaphores[0];
	semaphores.to_parent = &semaphores.shared.board->semaphores[1];
	TRY(sem_init(semaphores.to_child, 1, 0));
	TRY(sem_init(semaphores.to_parent, 1, 0));
	semaphore_ping(run, &semaphores, process_start(run, semaphore_body, &semaphores));
	process_wait_all();
}

/* Its memory is an object of its own, "/sem." and the name, with the channel `number`. */
static void semaphore_make_named(struct run *run, struct semaphores *semaphores, int number)
{
	char *name = semaphores->names[number];
	char object[NAMING_SIZE + 8];
	char unique[NAMING_SIZE];
	sem_t *semaphore;

	naming_plain(unique);
	ENSURE(snprintf(name, NAMING_SIZE, "/%.100s-%d", unique, number) < NAMING_SIZE);
	snprintf(object, sizeof(object), "/sem.%s", name + 1);
	semaphores->regions[number].channel = truth_add_channel(run->truth, "posix-shm", object, 0);
	semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	if (semaphore == SEM_FAILED && (errno == ENOENT || errno == ENOSYS))
		try_skip("there is no /dev/shm");
	ENSURE(semaphore != SEM_FAILED);
	TRY(sem_close(semaphore));
}

/* The processes open them by name, each at an address of its own. */
static void semaphore_open_named(struct run *run, struct semaphores *semaphores)
{
	semaphores->to_child = sem_open(semaphores->names[0], 0);
	semaphores->to_parent = sem_open(semaphores->names[1], 0);
	ENSURE(semaphores->to_child != SEM_FAILED && semaphores->to_parent != SEM_FAILED);
	region_inherit(run, &semaphores->regions[0], true);
	region_inherit(run, &semaphores->regions[1], true);
}

static void semaphore_named_body(struct run *run, const void *arg)
{
	struct semaphores semaphores = *(const struct semaphores *)arg;

	semaphore_open_named(run, &semaphores);
	semaphore_pong(run, &semaphores);
}

static void semaphore_run_named(struct run *run)
{
	struct semaphores semaphores = { .names = { "" } };
	pid_t child;

	semaphores.shared.channel = pshared_add_futex(run);
	ENSURE(pshared_add_futex(run) == semaphores.shared.channel + 1);
	semaphore_make_named(run, &semaphores, 0);
	semaphore_make_named(run, &semaphores, 1);
	child = process_start(run, semaphore_named_body, &semaphores);
	semaphore_open_named(run, &semaphores);
	semaphore_ping(run, &semaphores, child);
	process_wait_all();
	TRY(sem_unlink(semaphores.names[0]));
	TRY(sem_unlink(semaphores.names[1]));
}

#define PSHARED_SCENARIO(scenario, text, function)                                                 \
	{                                                                                          \
		.name = scenario, .mechanism = "futex", .summary = text, .run = function           \
	}

const struct scenario pshared_scenarios[] = {
	PSHARED_SCENARIO("pthread-mutex", "a mutex handed over between two", mutex_run),
	PSHARED_SCENARIO("pthread-mutex-robust", "its owners die, P in turn", robust_run),
	PSHARED_SCENARIO("pthread-cond", "signals, each to a waiter", condition_run),
	PSHARED_SCENARIO("pthread-barrier", "P wait for the last one", barrier_run),
	PSHARED_SCENARIO("sem-init", "semaphores in shared memory", semaphore_run),
	PSHARED_SCENARIO("sem-open", "semaphores with a name", semaphore_run_named),
	{ 0 },
};
