/* SPDX-License-Identifier: GPL-2.0-only */
/* What a reader makes of the barrier at the end of a capture. */
#include <stdio.h>

#include "world_fixture.h"

static void mark(struct world *world, uint32_t cpu)
{
	struct ipct_barrier record = {
		.event = head(0, IPCT_EVENT_BARRIER, sizeof(record)),
		.cpu = cpu,
	};

	apply(world, &record);
}

/* Through the text of the capture file and back, as the reader gets it. */
static struct ledger_info ledger_of(uint32_t cpus, uint32_t reached, const char *missed)
{
	struct ledger_info ledger = { .barrier_cpus = cpus, .barrier_reached = reached }, decoded;
	char *text;

	snprintf(ledger.barrier_missed, sizeof(ledger.barrier_missed), "%s", missed);
	text = ledger_info_encode(&ledger);
	assert_non_null(text);
	assert_int_equal(ledger_info_decode(text, &decoded), 0);
	free(text);
	return decoded;
}

static struct graph_capture end(struct world *world, const struct ledger_info *ledger,
				bool is_complete)
{
	struct capture_info info = { .host = "",
				     .kernel = "",
				     .arch = "",
				     .scope = "system",
				     .hooks = "all",
				     .mechanisms = "all" };
	struct graph_capture capture;
	struct graph *graph;

	assert_int_equal(graph_build(world, &info, ledger, is_complete, &graph), 0);
	capture = graph->capture;
	graph_free(graph);
	world_free(world);
	return capture;
}

static void reached_on_all(void **state)
{
	struct ledger_info ledger = ledger_of(3, 3, "");
	struct world *world = world_begin();
	struct graph_capture capture;

	(void)state;
	mark(world, 0);
	mark(world, 2); /* CPU 1 is not there */
	mark(world, 70);
	capture = end(world, &ledger, true);
	assert_true(capture.is_barrier_reached);
	assert_int_equal(capture.barrier_cpus, 3);
	assert_int_equal(capture.barrier_reached, 3);
	assert_string_equal(capture.barrier_missed, "");
}

static void not_reached_on_some(void **state)
{
	struct ledger_info ledger = ledger_of(4, 1, "1-3");
	struct world *world = world_begin();
	struct graph_capture capture;

	(void)state;
	mark(world, 0);
	capture = end(world, &ledger, true);
	assert_false(capture.is_barrier_reached);
	assert_int_equal(capture.barrier_cpus, 4);
	assert_int_equal(capture.barrier_reached, 1);
	assert_string_equal(capture.barrier_missed, "1-3");
}

/* The recorder has read both marks, but the file holds one: what came before the other is gone. */
static void record_is_missing(void **state)
{
	struct ledger_info ledger = ledger_of(2, 2, "");
	struct world *world = world_begin();
	struct graph_capture capture;

	(void)state;
	mark(world, 1);
	mark(world, 1); /* made again, as its first record was slow: one CPU all the same */
	capture = end(world, &ledger, true);
	assert_false(capture.is_barrier_reached);
	assert_int_equal(capture.barrier_cpus, 2);
	assert_int_equal(capture.barrier_reached, 1);
}

/* A block of the file was damaged: nobody knows what was in it. */
static void capture_is_incomplete(void **state)
{
	struct ledger_info ledger = ledger_of(1, 1, "");
	struct world *world = world_begin();

	(void)state;
	mark(world, 0);
	assert_false(end(world, &ledger, false).is_barrier_reached);
}

static void older_version_has_none(void **state)
{
	struct ledger_info ledger;
	struct graph_capture capture;

	(void)state;
	assert_int_equal(ledger_info_decode("{\"seen\": 3, \"end\": \"command\"}", &ledger), 0);
	capture = end(world_begin(), &ledger, true);
	assert_false(capture.is_barrier_reached);
	assert_int_equal(capture.barrier_cpus, 0);
}

static void nonsense_is_none(void **state)
{
	static const char *const texts[] = {
		"{\"barrier\": 3}",
		"{\"barrier\": {\"cpus\": 2, \"reached\": 3}}",
		"{\"barrier\": {\"cpus\": 4294967298, \"reached\": 2}}",
		"{\"barrier\": {\"cpus\": -1, \"reached\": -1, \"missed\": 7}}",
		"{\"barrier\": {\"missed\": \"\\u001b[2J\"}}",
	};
	struct ipct_barrier record = {
		.event = head(0, IPCT_EVENT_BARRIER, sizeof(record)),
		.cpu = IPCT_CPUS_MAX,
	};
	struct ledger_info ledger;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(ledger_info_decode(texts[i], &ledger), 0);
		assert_int_equal(ledger.barrier_cpus, 0);
		assert_int_equal(ledger.barrier_reached, 0);
		assert_string_equal(ledger.barrier_missed, "");
	}
	assert_int_equal(event_check(&record.event, sizeof(record)), EVENT_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reached_on_all),	  cmocka_unit_test(not_reached_on_some),
		cmocka_unit_test(record_is_missing),	  cmocka_unit_test(capture_is_incomplete),
		cmocka_unit_test(older_version_has_none), cmocka_unit_test(nonsense_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
