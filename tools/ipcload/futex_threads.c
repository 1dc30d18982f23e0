/* SPDX-License-Identifier: GPL-2.0-only */
/* Futexes between the threads of one process: no IPC, unless the word is in shared memory. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>

#include "futex.h"
#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

/* Two threads of a process that play with a pair of words. */
struct thread_game {
	uint32_t *words;
	int flags; /* of the operations */
	unsigned int rounds;
};

static void game_wait(const struct thread_game *game, unsigned int word)
{
	TRY(futex_call(&game->words[word], FUTEX_WAIT | game->flags, 0, 0, NULL, 0));
}

static void game_wake(const struct thread_game *game, unsigned int word)
{
	while (!TRY(futex_call(&game->words[word], FUTEX_WAKE | game->flags, 1, 0, NULL, 0)))
		sched_yield();
}

static void *game_play_second(void *arg)
{
	unsigned int i;

	for (i = 0; i < ((struct thread_game *)arg)->rounds; i++) {
		game_wait(arg, 0);
		game_wake(arg, 1);
	}
	return NULL;
}

static void game_play(struct thread_game game)
{
	pthread_t second;
	unsigned int i;

	ENSURE(!pthread_create(&second, NULL, game_play_second, &game));
	for (i = 0; i < game.rounds; i++) {
		game_wake(&game, 0);
		game_wait(&game, 1);
	}
	ENSURE(!pthread_join(second, NULL));
}

/* Neither a word in memory of its own nor one that it calls private can be another's. */
static void futex_private_body(struct run *run, const void *arg)
{
	struct futexes futexes = futex_take(run, arg);
	uint32_t words[2] = { 0 };
	const unsigned int rounds = run->options.messages;

	game_play((struct thread_game){ words, FUTEX_PRIVATE_FLAG, rounds });
	game_play((struct thread_game){ words, 0, rounds });
	game_play((struct thread_game){ futexes.words, FUTEX_PRIVATE_FLAG, rounds });
}

static void futex_run_private(struct run *run)
{
	struct futexes futexes = futex_open(run, &region_anonymous);

	(void)process_start(run, futex_private_body, &futexes);
	process_wait_all();
}

/* Threads that do not call it private: the process wakes itself. */
static void futex_self_body(struct run *run, const void *arg)
{
	struct futexes futexes = futex_take(run, arg);
	const unsigned int rounds = run->options.messages;
	const unsigned int self = truth_self(run->truth);

	game_play((struct thread_game){ futexes.words, 0, rounds });
	truth_count_received(run->truth, futexes.first_channel, self, rounds, 0);
	truth_count_received(run->truth, futexes.first_channel + 1, self, rounds, 0);
}

static void futex_run_self(struct run *run)
{
	struct futexes futexes = futex_open(run, &region_anonymous);

	(void)process_start(run, futex_self_body, &futexes);
	process_wait_all();
}

const struct scenario futex_thread_scenarios[] = {
	SCENARIO("futex", "-private", NULL, "threads of a process: no edge", futex_run_private),
	SCENARIO("futex", "-self", NULL, "threads, on shared memory", futex_run_self),
	{ 0 },
};
