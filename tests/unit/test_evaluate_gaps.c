/* SPDX-License-Identifier: GPL-2.0-only */
/* Verdicts on captures that are not whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "evaluate_fixture.h"
/* What may be missing proves no absence and no upper limit. */
static void gap_is(struct graph *graph, enum verdict_reason reason)
{
	passes(graph, "require: [a -> b via pipe]");
	passes(graph, "require: [\"a -> b via pipe where bytes >= 1000\"]");
	fails(graph, "require: [\"a -> b via pipe where bytes < 1000\"]", VERDICT_REASON_BOUND);
	fails(graph, "forbid: [a -> b via pipe]", VERDICT_REASON_SEEN);
	fails(graph, "closed: {mechanisms: [pipe]}", VERDICT_REASON_SEEN);
	is_open(graph, "require: [\"a -> b via pipe where bytes <= 1000\"]", reason);
	is_open(graph, "require: [\"a -> b via pipe where unread = 0\"]", reason);
	is_open(graph, "require: [\"a -> b via pipe where errors.EPIPE = 0\"]", reason);
	is_open(graph, "require: [\"a -> b via pipe where peers = 1\"]", reason);
	is_open(graph, "require: [b -> a via pipe]", reason);
	is_open(graph, "forbid: [b -> a via pipe]", reason);
	is_open(graph, "closed: {mechanisms: [tcp]}", reason);
	is_open(graph, "at_exit: {sysv: 0}", reason);
}

static void test_lost(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	world.graph->ledger.lost = 3;
	world.graph->ledger.seen += 3;
	for (size_t i = 0; i < world.graph->edges_nr; i++) {
		world.graph->edges[i].is_exact = false;
		world.graph->edges[i].at_least = (struct graph_count){ 0, 0 };
	}
	gap_is(world.graph, VERDICT_REASON_LOST);
	/* so many are taken for none */
	assert_int_equal(judged(world.graph, "forbid: [b -> a via pipe]", 3, NULL), VERDICT_PASS);
	assert_int_equal(judged(world.graph, "require: [\"a -> b via pipe where bytes = 1000\"]", 3,
				NULL),
			 VERDICT_PASS);
	assert_int_equal(judged(world.graph, "forbid: [b -> a via pipe]", 2, NULL),
			 VERDICT_INCONCLUSIVE);
	graph_free(world.graph);
}

/* Of several writers, loss makes none more certain than it was. */
static void test_lost_guess(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	fixture_endpoint(world.graph, world.pipe, world.c, IPCT_ROLE_SEND, 10, 1000);
	fixture_edge(world.graph, world.c, world.b, world.pipe, 10, 1000);
	world.graph->ledger.lost = 1;
	world.graph->ledger.seen++;
	for (size_t i = 0; i < world.graph->edges_nr; i++) {
		world.graph->edges[i].is_exact = false;
		world.graph->edges[i].at_least = (struct graph_count){ 0, 0 };
	}
	is_open(world.graph, "require: [a -> b via pipe]", VERDICT_REASON_LOST);
	is_open(world.graph, "require: [\"* -> b via pipe where bytes >= 2000\"]",
		VERDICT_REASON_LOST);
	is_open(world.graph, "forbid: [a -> b via pipe]", VERDICT_REASON_LOST);
	is_open(world.graph, "closed: {mechanisms: [pipe]}\nallow: [c -> b via pipe]",
		VERDICT_REASON_LOST);
	/* what is certain stays so */
	world.graph->edges[0].at_least = (struct graph_count){ 1, 10 };
	passes(world.graph, "require: [\"a -> b via pipe where bytes >= 10\"]");
	is_open(world.graph, "require: [\"a -> b via pipe where bytes >= 11\"]",
		VERDICT_REASON_LOST);
	fails(world.graph, "forbid: [a -> b via pipe]", VERDICT_REASON_SEEN);
	fails(world.graph, "closed: {mechanisms: [pipe]}", VERDICT_REASON_SEEN);
	/* another one that sent is enough for doubt, also if nothing is known to be taken */
	world.graph->edges[0].at_least = (struct graph_count){ 0, 0 };
	world.graph->edges_nr--;
	is_open(world.graph, "forbid: [a -> b via pipe]", VERDICT_REASON_LOST);
	graph_free(world.graph);
}

static void test_cut(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	world.graph->capture.is_complete = false;
	gap_is(world.graph, VERDICT_REASON_CUT);
	assert_int_equal(judged(world.graph, "forbid: [b -> a via pipe]", UINT64_MAX, NULL),
			 VERDICT_INCONCLUSIVE);
	graph_free(world.graph);
}

/* What is in the file was whole, but the recording ended before the command. */
static void test_ended_early(void **state)
{
	static const char *const ends[] = { "enough", "error" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world_of_tests world = world_new_of_tests();

		strcpy(world.graph->capture.end, ends[i]);
		gap_is(world.graph, VERDICT_REASON_CUT);
		graph_free(world.graph);
	}
	for (int has_command = 0; has_command < 2; has_command++) {
		struct world_of_tests world = world_new_of_tests();

		strcpy(world.graph->capture.end, "duration");
		world.graph->capture.command_status = -1;
		if (has_command) {
			gap_is(world.graph, VERDICT_REASON_CUT);
			is_open(world.graph, "", VERDICT_REASON_NOT_RECORDED);
		} else {
			for (char **word = world.graph->capture.command; *word; word++)
				free(*word);
			free(world.graph->capture.command);
			world.graph->capture.command = NULL;
			passes(world.graph, "forbid: [b -> a via pipe]");
		}
		graph_free(world.graph);
	}
}

static void test_barrier(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	world.graph->capture.barrier_cpus = 4;
	world.graph->capture.barrier_reached = 3;
	world.graph->capture.is_barrier_reached = false;
	gap_is(world.graph, VERDICT_REASON_BARRIER);
	/* none at all proves no more, whatever may be lost */
	world.graph->capture.barrier_cpus = world.graph->capture.barrier_reached = 0;
	gap_is(world.graph, VERDICT_REASON_BARRIER);
	assert_int_equal(judged(world.graph, "forbid: [b -> a via pipe]", UINT64_MAX, NULL),
			 VERDICT_INCONCLUSIVE);
	graph_free(world.graph);
}

static void test_contradicted(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	world.graph->ledger.seen++;
	gap_is(world.graph, VERDICT_REASON_CONTRADICTED);
	world.graph->ledger.seen--;
	world.graph->capture.rejected = 1;
	gap_is(world.graph, VERDICT_REASON_CONTRADICTED);
	graph_free(world.graph);
}

static void test_unresolved(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	world.graph->capture.has_unresolved = true;
	passes(world.graph, "require: [a -> b via pipe]");
	is_open(world.graph, "forbid: [b -> a via pipe]", VERDICT_REASON_UNRESOLVED);
	graph_free(world.graph);
}

static void test_not_traced(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	world.graph->capture.mechanisms = 1ULL << IPCT_PIPE;
	passes(world.graph, "forbid: [b -> a via pipe]");
	is_open(world.graph, "forbid: [b -> a via tcp]", VERDICT_REASON_NOT_TRACED);
	is_open(world.graph, "require: [b -> a via tcp]", VERDICT_REASON_NOT_TRACED);
	is_open(world.graph, "closed: {mechanisms: [tcp]}", VERDICT_REASON_NOT_TRACED);
	graph_free(world.graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost),	   cmocka_unit_test(test_lost_guess),
		cmocka_unit_test(test_cut),	   cmocka_unit_test(test_ended_early),
		cmocka_unit_test(test_barrier),	   cmocka_unit_test(test_contradicted),
		cmocka_unit_test(test_unresolved), cmocka_unit_test(test_not_traced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
