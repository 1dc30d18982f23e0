/* SPDX-License-Identifier: GPL-2.0-only */
/* Semaphores and mutexes of the C library, of which uprobes and the kernel both tell. */
#include "world_fixture.h"

#define WORD 64 /* offset in the memory */
#define USER IPCT_SYNC_USER
#define MUTEX (IPCT_SYNC_USER | IPCT_SYNC_MUTEX)

struct did {
	uint32_t pid, waker;
	uint64_t offset;
	int32_t amount;
	uint16_t flags;
	uint8_t role;
};

static void did(struct world *world, struct did what)
{
	struct ipct_sync sync = {
		.event = head(what.pid, IPCT_EVENT_SYNC, sizeof(sync)),
		.key = { 9, 9 },
		.offset = what.offset,
		.mechanism = IPCT_FUTEX,
		.role = what.role,
		.amount = what.amount,
		.flags = what.flags,
		.waker_pid = what.waker,
		.waker_start_ns = what.waker,
	};

	if (!what.pid)
		sync.event.start_ns = 0;
	apply(world, &sync);
}

static void post(struct world *world, uint32_t pid, uint16_t flags)
{
	did(world, (struct did){ pid, 0, WORD, 1, flags, IPCT_ROLE_POST });
}

static void wait(struct world *world, uint32_t pid, uint16_t flags)
{
	did(world, (struct did){ pid, 0, WORD, 1, flags, IPCT_ROLE_WAIT });
}

/* The calls of a contended one: `pid` slept at the word until `waker` woke it. */
static void sleep_and_wake(struct world *world, uint32_t waker, uint32_t pid, uint64_t offset)
{
	did(world, (struct did){ waker, 0, offset, 1, 0, IPCT_ROLE_POST });
	did(world, (struct did){ pid, waker, offset, 1, IPCT_SYNC_BLOCKED, IPCT_ROLE_WAIT });
}

static void a_contended_semaphore_counts_once(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	post(world, P, USER);
	sleep_and_wake(world, P, Q, WORD);
	wait(world, Q, USER);
	post(world, P, USER); /* without anybody asleep */
	wait(world, Q, USER);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, Q), 2);
	assert_true(edge_of(graph, P, Q)->is_exact);
	graph_free(graph);
}

static void a_contended_mutex_counts_once(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	wait(world, P, MUTEX);
	post(world, P, MUTEX);
	sleep_and_wake(world, P, Q, WORD);
	wait(world, Q, MUTEX);
	post(world, Q, MUTEX);
	wait(world, P, MUTEX);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, Q), 1);
	assert_int_equal(messages_of(graph, Q, P), 1);
	assert_true(edge_of(graph, P, Q)->is_exact);
	graph_free(graph);
}

/* Another futex in the same memory, e.g. of a condition variable. */
static void a_futex_next_to_it_counts(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	post(world, P, USER);
	wait(world, Q, USER);
	sleep_and_wake(world, P, Q, WORD + 4);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 2);
	assert_int_equal(messages_of(graph, P, Q), 2);
	graph_free(graph);
}

/* R had put two units there before. */
static void units_from_before_go_first(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	did(world, (struct did){ 0, 0, WORD, 2, USER | IPCT_SYNC_SET, IPCT_ROLE_POST });
	post(world, P, USER);
	wait(world, Q, USER);
	graph = world_end(world);
	assert_int_equal(from_node(graph, BEFORE, Q), 1);
	assert_int_equal(messages_of(graph, P, Q), 0);
	graph_free(graph);
}

/* sem_init() at a place that held another semaphore. */
static void a_new_semaphore_has_the_units_of_its_maker(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	post(world, R, USER);
	did(world, (struct did){ P, 0, WORD, 1, USER | IPCT_SYNC_SET, IPCT_ROLE_POST });
	wait(world, Q, USER);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, Q), 1);
	assert_int_equal(messages_of(graph, R, Q), 0);
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_contended_semaphore_counts_once),
		cmocka_unit_test(a_contended_mutex_counts_once),
		cmocka_unit_test(a_futex_next_to_it_counts),
		cmocka_unit_test(units_from_before_go_first),
		cmocka_unit_test(a_new_semaphore_has_the_units_of_its_maker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
