/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System V semaphores. A message is a successful wait (a negative operation, however large) on
 * units that another process put there; units are taken in the order in which they were put. For
 * a wait for zero, it is a wait that had to block, and comes from whoever brought the value to 0.
 * So a scenario lets only one process put units into a semaphore that is being waited for, or
 * makes sure, by the counts of waiters that the kernel keeps, who is next.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

#include "naming.h"
#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define SETS_MAX 4 /* semaphores in a set */
#define ROUNDS 20

/* The kernel leaves the definition to the program. */
union semun {
	int val;
	unsigned short *array;
};

struct semaphores {
	int id;
	unsigned int channel;
};

/* A set of SETS_MAX semaphores, all 0. */
static struct semaphores sem_open_set(struct run *run, bool is_private)
{
	union semun zeroes = { .array = (unsigned short[SETS_MAX]){ 0 } };
	char name[NAMING_SIZE] = "";
	key_t key = is_private ? IPC_PRIVATE : naming_key(name);
	struct semaphores set;

	set.id = semget(key, SETS_MAX, IPC_CREAT | IPC_EXCL | 0600);
	if (set.id < 0 && errno == ENOSYS)
		try_skip("the kernel has no System V semaphores");
	TRY(set.id);
	TRY(semctl(set.id, 0, SETALL, zeroes));
	set.channel = truth_add_channel(run->truth, "sysv-sem", name, TRUTH_UNBALANCED);
	return set;
}

static void sem_remove(const struct semaphores *set)
{
	TRY(semctl(set->id, 0, IPC_RMID));
}

static int sem_operate(const struct semaphores *set, unsigned short number, short change, int flags)
{
	struct sembuf operation = { .sem_num = number, .sem_op = change, .sem_flg = flags };

	return semop(set->id, &operation, 1);
}

/* A semaphore holds no more than 32767: whoever outruns the waiters lets them catch up. */
static void sem_post_one(const struct semaphores *set, unsigned short number)
{
	while (sem_operate(set, number, 1, 0) < 0) {
		ENSURE(errno == ERANGE);
		sched_yield();
	}
}

static void sem_set(const struct semaphores *set, unsigned short number, int value)
{
	TRY(semctl(set->id, number, SETVAL, (union semun){ .val = value }));
}

static void sem_count(struct run *run, const struct semaphores *set, unsigned int from,
		      unsigned int messages)
{
	truth_count_received(run->truth, set->channel, from, messages, 0);
}

/* Waits for a unit that the actor `from` puts there. */
static void sem_wait_one(struct run *run, const struct semaphores *set, unsigned short number,
			 unsigned int from)
{
	TRY(sem_operate(set, number, -1, 0));
	sem_count(run, set, from, 1);
}

/* Until that many processes are blocked, waiting for the value to grow or for it to be 0. */
static void sem_await_waiters(const struct semaphores *set, unsigned short number, int command,
			      int waiters)
{
	while (TRY(semctl(set->id, number, command)) != waiters)
		sched_yield();
}

static void sem_pong_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		sem_wait_one(run, arg, 0, 0);
		sem_post_one(arg, 1);
	}
}

static void sem_ping_pong(struct run *run, bool is_private)
{
	struct semaphores set = sem_open_set(run, is_private);
	unsigned int i;

	(void)process_start(run, sem_pong_body, &set);
	for (i = 0; i < run->options.messages; i++) {
		sem_post_one(&set, 0);
		sem_wait_one(run, &set, 1, 1);
	}
	process_wait_all();
	sem_remove(&set);
}

static void sem_run_ping_pong(struct run *run)
{
	sem_ping_pong(run, false);
}

static void sem_run_private(struct run *run)
{
	sem_ping_pong(run, true);
}

static void sem_wait_for_parent_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		sem_wait_one(run, arg, 0, 0);
}

static void sem_run_many_waiters(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);
	unsigned int i;

	process_start_group(run, run->options.processes, sem_wait_for_parent_body, &set);
	for (i = 0; i < run->options.messages * run->options.processes; i++)
		sem_post_one(&set, 0);
	process_wait_all();
	sem_remove(&set);
}

static void sem_post_all_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		sem_post_one(arg, 0);
}

/* In the end all units of all of them have been taken. */
static void sem_run_many_posters(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);
	unsigned int i, poster;

	process_start_group(run, run->options.processes, sem_post_all_body, &set);
	for (i = 0; i < run->options.messages; i++) {
		for (poster = 1; poster <= run->options.processes; poster++)
			sem_wait_one(run, &set, 0, poster);
	}
	process_wait_all();
	sem_remove(&set);
}

#define BUFFER_ROOM 5
#define BUFFER_FULL 0 /* semaphores of the set */
#define BUFFER_FREE 1

static void sem_produce_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		sem_wait_one(run, arg, BUFFER_FREE, 0);
		sem_post_one(arg, BUFFER_FULL);
	}
}

/* The bounded buffer of the text books: P producers, the parent consumes. */
static void sem_run_buffer(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);
	unsigned int i, producer;

	sem_set(&set, BUFFER_FREE, BUFFER_ROOM);
	process_start_group(run, run->options.processes, sem_produce_body, &set);
	for (i = 0; i < run->options.messages; i++) {
		for (producer = 1; producer <= run->options.processes; producer++) {
			sem_wait_one(run, &set, BUFFER_FULL, producer);
			sem_post_one(&set, BUFFER_FREE);
		}
	}
	process_wait_all();
	sem_remove(&set);
}

/* Three semaphores in one call, at both sides; the fourth is for the answer. */
static void sem_wait_several_body(struct run *run, const void *arg)
{
	const struct semaphores *set = arg;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		struct sembuf operations[] = { { 0, -1, 0 }, { 1, -2, 0 }, { 2, -1, 0 } };

		TRY(semop(set->id, operations, 3));
		sem_count(run, set, 0, 3);
		sem_post_one(set, 3);
	}
}

static void sem_run_several(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);
	unsigned int i;

	(void)process_start(run, sem_wait_several_body, &set);
	for (i = 0; i < run->options.messages; i++) {
		struct sembuf operations[] = { { 0, 1, 0 }, { 1, 2, 0 }, { 2, 1, 0 } };

		TRY(semop(set.id, operations, 3));
		sem_wait_one(run, &set, 3, 1);
	}
	process_wait_all();
	sem_remove(&set);
}

/* However many units a wait takes, and in however many pieces they came: one message. */
static void sem_wait_sizes_body(struct run *run, const void *arg)
{
	static const short sizes[] = { -1, -2, -3 };
	unsigned int i, j;

	for (i = 0; i < run->options.messages; i++) {
		for (j = 0; j < 3; j++) {
			TRY(sem_operate(arg, 0, sizes[j], 0));
			sem_count(run, arg, 0, 1);
		}
		sem_post_one(arg, 1);
	}
}

static void sem_run_sizes(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);
	unsigned int i, j;

	(void)process_start(run, sem_wait_sizes_body, &set);
	for (i = 0; i < run->options.messages; i++) {
		TRY(sem_operate(&set, 0, 3, 0));
		for (j = 0; j < 3; j++)
			sem_post_one(&set, 0);
		sem_wait_one(run, &set, 1, 1);
	}
	process_wait_all();
	sem_remove(&set);
}

static void sem_wait_rounds_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		sem_wait_one(run, arg, 0, 0);
}

static void sem_run_setval(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);
	unsigned int i;

	(void)process_start(run, sem_wait_rounds_body, &set);
	for (i = 0; i < ROUNDS; i++) {
		sem_await_waiters(&set, 0, GETNCNT, 1);
		sem_set(&set, 0, 1);
	}
	process_wait_all();
	sem_remove(&set);
}

/* Units for two waiters at different semaphores. */
static void sem_wait_ranked_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++)
		sem_wait_one(run, arg, run->rank, 0);
}

static void sem_run_setall(struct run *run)
{
	union semun ones = { .array = (unsigned short[SETS_MAX]){ 1, 1, 0, 0 } };
	struct semaphores set = sem_open_set(run, false);
	unsigned int i;

	process_start_group(run, 2, sem_wait_ranked_body, &set);
	for (i = 0; i < ROUNDS; i++) {
		sem_await_waiters(&set, 0, GETNCNT, 1);
		sem_await_waiters(&set, 1, GETNCNT, 1);
		TRY(semctl(set.id, 0, SETALL, ones));
	}
	process_wait_all();
	sem_remove(&set);
}

struct zero {
	struct semaphores set;
	struct gate gate; /* the semaphore is not 0 */
};

/* The first one finds a 0 and need not wait: no message. */
static void sem_wait_zero_body(struct run *run, const void *arg)
{
	const struct zero *zero = arg;
	unsigned int i;

	TRY(sem_operate(&zero->set, 1, 0, 0));
	for (i = 0; i < ROUNDS; i++) {
		gate_pass(run, &zero->gate);
		TRY(sem_operate(&zero->set, 0, 0, 0));
		sem_count(run, &zero->set, 0, 1);
	}
}

/* Brought to 0 by a wait of the parent on its own unit, or set to it. */
static void sem_bring_to_zero(struct run *run, bool is_set)
{
	struct zero zero = { .set = sem_open_set(run, false) };
	const int waiters = run->options.processes;
	unsigned int i;

	zero.gate = gate_open(run);
	process_start_group(run, waiters, sem_wait_zero_body, &zero);
	for (i = 0; i < ROUNDS; i++) {
		sem_post_one(&zero.set, 0);
		gate_release(run, &zero.gate, waiters);
		sem_await_waiters(&zero.set, 0, GETZCNT, waiters);
		if (is_set)
			sem_set(&zero.set, 0, 0);
		else
			sem_wait_one(run, &zero.set, 0, 0);
	}
	process_wait_all();
	sem_remove(&zero.set);
}

static void sem_run_zero(struct run *run)
{
	sem_bring_to_zero(run, false);
}

static void sem_run_zero_set(struct run *run)
{
	sem_bring_to_zero(run, true);
}

/* Takes the unit of its predecessor, and gives it back by its exit, when the next one waits. */
static void sem_undo_body(struct run *run, const void *arg)
{
	const struct semaphores *set = arg;

	TRY(sem_operate(set, 0, -1, SEM_UNDO));
	sem_count(run, set, run->rank, 1);
	sem_post_one(set, 1);
	if (run->rank + 1 < run->options.processes)
		sem_await_waiters(set, 0, GETNCNT, 1);
}

static void sem_run_undo(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);

	sem_post_one(&set, 0);
	for (run->rank = 0; run->rank < run->options.processes; run->rank++) {
		(void)process_start(run, sem_undo_body, &set);
		sem_wait_one(run, &set, 1, run->rank + 1);
	}
	process_wait_all();
	sem_remove(&set);
}

/* Neither what fails nor what times out is a message; what does not have to wait is one. */
static void sem_nowait_body(struct run *run, const void *arg)
{
	const struct semaphores *set = arg;
	const struct timespec soon = { .tv_nsec = 1000000 };
	struct sembuf take = { .sem_num = 0, .sem_op = -1 };
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		ENSURE(sem_operate(set, 0, -1, IPC_NOWAIT) < 0 && errno == EAGAIN);
		ENSURE(semtimedop(set->id, &take, 1, &soon) < 0 && errno == EAGAIN);
		sem_post_one(set, 1);
		sem_wait_one(run, set, 2, 0);
		TRY(sem_operate(set, 0, -1, IPC_NOWAIT));
		sem_count(run, set, 0, 1);
	}
}

static void sem_run_nowait(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);
	unsigned int i;

	(void)process_start(run, sem_nowait_body, &set);
	for (i = 0; i < ROUNDS; i++) {
		sem_wait_one(run, &set, 1, 1);
		sem_post_one(&set, 0);
		sem_post_one(&set, 2);
	}
	process_wait_all();
	sem_remove(&set);
}

/*
 * A lock that two processes hold in turns: whoever holds it lets it go when the other one waits,
 * so the kernel hands it over. The parent's unit is for the first of them; the last one is left.
 */
static void sem_mutex_body(struct run *run, const void *arg)
{
	const unsigned int other = truth_self(run->truth) == 1 ? 2 : 1;
	const bool is_first = run->rank == 0;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		sem_wait_one(run, arg, 0, i == 0 && is_first ? 0 : other);
		if (i == 0 && is_first)
			sem_post_one(arg, 1); /* the other one may come */
		if (i + 1 < run->options.messages || is_first)
			sem_await_waiters(arg, 0, GETNCNT, 1);
		sem_post_one(arg, 0);
	}
}

static void sem_run_mutex(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);

	run->rank = 0;
	(void)process_start(run, sem_mutex_body, &set);
	sem_await_waiters(&set, 0, GETNCNT, 1); /* this one is handed over, too */
	sem_post_one(&set, 0);
	sem_wait_one(run, &set, 1, 1);
	run->rank = 1;
	(void)process_start(run, sem_mutex_body, &set);
	process_wait_all();
	sem_remove(&set);
}

static void sem_removed_body(struct run *run, const void *arg)
{
	sem_wait_one(run, arg, 1, 0);
	ENSURE(sem_operate(arg, 0, -1, 0) < 0 && errno == EIDRM);
}

static void sem_run_removed(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);

	(void)process_start(run, sem_removed_body, &set);
	sem_post_one(&set, 1);
	sem_await_waiters(&set, 0, GETNCNT, 1);
	sem_remove(&set);
	process_wait_all();
}

#define WARM_UP_ROUNDS 3

static void sem_preopened_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < WARM_UP_ROUNDS; i++) {
		TRY(sem_operate(arg, 2, -1, 0));
		sem_post_one(arg, 3);
	}
	sem_pong_body(run, arg);
}

/* What is used before it is counted are other semaphores of the set: no unit is left in any. */
static void sem_run_preopened(struct run *run)
{
	struct semaphores set = sem_open_set(run, false);
	unsigned int i;

	(void)process_start(run, sem_preopened_body, &set);
	for (i = 0; i < WARM_UP_ROUNDS; i++) {
		sem_post_one(&set, 2);
		TRY(sem_operate(&set, 3, -1, 0));
	}
	sem_await_waiters(&set, 0, GETNCNT, 1);
	process_wait_stdin(run);
	for (i = 0; i < run->options.messages; i++) {
		sem_post_one(&set, 0);
		sem_wait_one(run, &set, 1, 1);
	}
	process_wait_all();
	sem_remove(&set);
}

#define SEM_SCENARIO(suffix, text, function) SCENARIO("sysv-sem", suffix, NULL, text, function)

const struct scenario sysv_sem_scenarios[] = {
	SEM_SCENARIO("", "two semaphores, there and back", sem_run_ping_pong),
	SEM_SCENARIO("-private", "IPC_PRIVATE", sem_run_private),
	SEM_SCENARIO("-many-waiters", "one process posts, P wait", sem_run_many_waiters),
	SEM_SCENARIO("-many-posters", "P processes post, one waits", sem_run_many_posters),
	SEM_SCENARIO("-buffer", "P producers and a consumer", sem_run_buffer),
	SEM_SCENARIO("-several", "three semaphores in one call", sem_run_several),
	SEM_SCENARIO("-sizes", "waits for 1, 2 and 3 units", sem_run_sizes),
	SEM_SCENARIO("-setval", "released by SETVAL", sem_run_setval),
	SEM_SCENARIO("-setall", "released by SETALL", sem_run_setall),
	SEM_SCENARIO("-zero", "P processes wait for zero", sem_run_zero),
	SEM_SCENARIO("-zero-setval", "P wait for a zero that SETVAL brings", sem_run_zero_set),
	SEM_SCENARIO("-undo", "SEM_UNDO: released by an exit, P in turn", sem_run_undo),
	SEM_SCENARIO("-nowait", "IPC_NOWAIT and timeouts", sem_run_nowait),
	SEM_SCENARIO("-mutex", "a lock handed over between two", sem_run_mutex),
	SEM_SCENARIO("-removed", "removed while a process waits", sem_run_removed),
	SEM_SCENARIO("-preopened", "made and used before it is counted", sem_run_preopened),
	{ 0 },
};
