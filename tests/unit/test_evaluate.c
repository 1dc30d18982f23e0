/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "evaluate_fixture.h"
static void test_require(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	passes(world.graph, "require: [a -> b via pipe]");
	passes(world.graph, "require: [\"* -> b via all\"]");
	passes(world.graph, "require: [a -> c via unix /run/*]");
	passes(world.graph, "require: [{rule: a -> b via pipe, count: 10}]");
	fails(world.graph, "require: [{rule: a -> b via pipe, count: 11}]", VERDICT_REASON_BOUND);
	fails(world.graph, "require: [b -> a via pipe]", VERDICT_REASON_ABSENT);
	fails(world.graph, "require: [a -> b via unix]", VERDICT_REASON_ABSENT);
	fails(world.graph, "require: [a -> c via unix /tmp/*]", VERDICT_REASON_ABSENT);
	fails(world.graph, "require: [a -> other via pipe]", VERDICT_REASON_ABSENT);
	graph_free(world.graph);
}

static void test_bounds(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	passes(world.graph,
	       "require: [\"a -> b via pipe where messages = 10, bytes in 1000..1000\"]");
	passes(world.graph, "require: [\"a -> * via all where messages = 15, bytes = 1500\"]");
	passes(world.graph, "require: [\"a -> * via all where peers = 2\"]");
	passes(world.graph, "require: [\"a -> b via pipe where bytes != 999\"]");
	passes(world.graph, "require: [\"a -> b via pipe where rate = 100\"]"); /* in 10 s */
	fails(world.graph, "require: [\"a -> b via pipe where bytes != 1000\"]",
	      VERDICT_REASON_BOUND);
	fails(world.graph, "require: [\"a -> b via pipe where messages > 10\"]",
	      VERDICT_REASON_BOUND);
	fails(world.graph, "require: [\"a -> * via all where peers < 2\"]", VERDICT_REASON_BOUND);
	graph_free(world.graph);
}

static void test_forbid(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	passes(world.graph, "forbid: [b -> a via pipe]");
	passes(world.graph, "forbid: [\"* -> * via tcp\"]");
	fails(world.graph, "forbid: [a -> b via pipe]", VERDICT_REASON_SEEN);
	fails(world.graph, "forbid: [\"* -> * via unix *.sock\"]", VERDICT_REASON_SEEN);
	/* with bounds: only what is within all of them */
	fails(world.graph, "forbid: [\"a -> b via pipe where bytes > 999\"]", VERDICT_REASON_SEEN);
	passes(world.graph, "forbid: [\"a -> b via pipe where bytes > 1000\"]");
	passes(world.graph, "forbid: [a -> b via pipe]\nignore: [a -> b via pipe]");
	fails(world.graph, "forbid: [a -> b via pipe]\nallow: [a -> b via pipe]",
	      VERDICT_REASON_SEEN);
	graph_free(world.graph);
}

/* Edges whose split is a guess: certain is at_least, and the sum of one direction. */
static void test_inexact(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	struct graph_edge *edge = &world.graph->edges[0];

	(void)state;
	edge->is_exact = false;
	edge->at_least = (struct graph_count){ 4, 400 };
	/* the only edge of its direction: the sum is exact */
	passes(world.graph, "require: [\"a -> b via pipe where bytes = 1000\"]");
	fixture_edge(world.graph, world.c, world.b, world.pipe, 10, 1000);
	edge = &world.graph->edges[0];
	world.graph->edges[3].is_exact = false;
	world.graph->edges[3].at_least = (struct graph_count){ 4, 400 };
	passes(world.graph, "require: [\"a -> b via pipe where bytes >= 400\"]");
	passes(world.graph, "require: [\"a -> b via pipe where bytes <= 1600\"]");
	is_open(world.graph, "require: [\"a -> b via pipe where bytes >= 401\"]",
		VERDICT_REASON_BOUND);
	is_open(world.graph, "require: [\"a -> b via pipe where bytes <= 1599\"]",
		VERDICT_REASON_BOUND);
	fails(world.graph, "require: [\"a -> b via pipe where bytes > 1600\"]",
	      VERDICT_REASON_BOUND);
	fails(world.graph, "require: [\"a -> b via pipe where bytes < 400\"]",
	      VERDICT_REASON_BOUND);
	/* both together are exact again */
	passes(world.graph, "require: [\"* -> b via pipe where bytes = 2000\"]");
	fails(world.graph, "forbid: [a -> b via pipe]", VERDICT_REASON_SEEN);
	/* nothing of it is certain: neither there nor not */
	edge->at_least = (struct graph_count){ 0, 0 };
	is_open(world.graph, "require: [a -> b via pipe]", VERDICT_REASON_UNPROVEN);
	is_open(world.graph, "forbid: [a -> b via pipe]", VERDICT_REASON_UNPROVEN);
	is_open(world.graph, "closed: {mechanisms: [pipe]}\nallow: [c -> b via pipe]",
		VERDICT_REASON_UNPROVEN);
	graph_free(world.graph);
}

static void test_closed(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	passes(world.graph, "closed: true\nallow: [a -> b via pipe, a -> c via unix]");
	passes(world.graph, "closed: false\nforbid: [b -> a via pipe]");
	passes(world.graph, "closed: {mechanisms: [tcp]}");
	passes(world.graph, "closed: {roles: [b]}\nallow: [a -> b via pipe]");
	passes(world.graph, "closed: {roles: [b]}\nignore: [a -> b via pipe]");
	fails(world.graph, "closed: true\nallow: [a -> b via pipe]", VERDICT_REASON_SEEN);
	fails(world.graph, "closed: true\nallow: [b -> a via pipe, a -> c via unix]",
	      VERDICT_REASON_SEEN);
	fails(world.graph, "closed: {roles: [b]}", VERDICT_REASON_SEEN);
	/* required is allowed; answers go with the question, but not through a pipe */
	fixture_edge(world.graph, world.b, world.a, world.pipe, 1, 1)->direction = 0;
	fails(world.graph, "closed: true\nallow: [a -> b via pipe, a -> c via unix]",
	      VERDICT_REASON_SEEN);
	graph_free(world.graph);
}

/* What it sends itself, what the kernel sends, and what is older than the capture. */
static void test_closed_leaves_out(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	uint32_t channel = fixture_channel(world.graph, IPCT_SIGNAL, "SIGALRM", "signal:[14:1]");

	(void)state;
	fixture_edge(world.graph, world.kernel, world.a, channel, 1, 0);
	fixture_edge(world.graph, world.a, world.a, channel, 1, 0);
	fixture_edge(world.graph, world.before, world.b, world.pipe, 1, 10);
	passes(world.graph, "closed: true\nallow: [a -> b via pipe, a -> c via unix]");
	/* but they can be named */
	fails(world.graph, "forbid: [kernel -> a via signal SIGALRM]", VERDICT_REASON_SEEN);
	fails(world.graph, "forbid: [a -> a via signal]", VERDICT_REASON_SEEN);
	fails(world.graph, "forbid: [before -> b via pipe]", VERDICT_REASON_SEEN);
	fixture_edge(world.graph, world.c, world.a, channel, 1, 0);
	fails(world.graph, "closed: true\nallow: [a -> b via pipe, a -> c via unix]",
	      VERDICT_REASON_SEEN);
	graph_free(world.graph);
}

static void test_remote(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	uint32_t channel = fixture_channel(world.graph, IPCT_TCP, "10.0.0.7:80", "socket:[9]");
	struct graph_edge *edge = fixture_edge(world.graph, world.a, world.remote, channel, 3, 30);

	(void)state;
	edge->is_exact = false;
	edge->at_least = (struct graph_count){ 0, 0 };
	/* what left this machine is what can be judged */
	passes(world.graph, "require: [\"a -> remote via tcp *:80 where bytes = 30\"]");
	fails(world.graph, "forbid: [\"* -> remote via tcp\"]", VERDICT_REASON_SEEN);
	fails(world.graph, "closed: {mechanisms: [tcp]}", VERDICT_REASON_SEEN);
	graph_free(world.graph);
}

static void test_unread(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	struct graph_channel *pipe = &world.graph->channels[world.pipe];

	(void)state;
	passes(world.graph, "require: [\"a -> b via pipe where unread = 0\"]");
	pipe->unread.bytes = 7;
	pipe->endpoints[0].count.bytes = 1007;
	fails(world.graph, "require: [\"a -> b via pipe where unread = 0\"]", VERDICT_REASON_BOUND);
	passes(world.graph, "require: [\"a -> b via pipe where unread = 7\"]");
	/* another one sent, and all of its bytes were taken */
	fixture_endpoint(world.graph, world.pipe, world.c, IPCT_ROLE_SEND, 1, 50);
	fixture_edge(world.graph, world.c, world.b, world.pipe, 1, 50);
	fails(world.graph, "require: [\"a -> b via pipe where unread = 0\"]", VERDICT_REASON_BOUND);
	passes(world.graph, "require: [\"c -> b via pipe where unread = 0\"]");
	/* or perhaps not: then it may be of either */
	world.graph->edges[3].is_exact = false;
	world.graph->edges[3].at_least.bytes = 40;
	is_open(world.graph, "require: [\"c -> b via pipe where unread = 0\"]",
		VERDICT_REASON_BOUND);
	graph_free(world.graph);
}

/* Another pipe to the same process, which holds its end and reads none of it. */
static void test_unread_by_holder(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	uint32_t second = fixture_channel(world.graph, IPCT_PIPE, "", "pipe:[8]");
	struct graph_endpoint *send, *hold;

	(void)state;
	fixture_endpoint(world.graph, second, world.a, IPCT_ROLE_SEND, 1, 777);
	world.graph->channels[second].unread.bytes = 777;
	/* nobody is known to have the other end: it may be anybody's */
	is_open(world.graph, "require: [\"a -> b via pipe where unread = 0\"]",
		VERDICT_REASON_BOUND);
	fixture_endpoint(world.graph, second, world.b, IPCT_ROLE_HOLD, 0, 0);
	send = &world.graph->channels[second].endpoints[0];
	hold = &world.graph->channels[second].endpoints[1];
	send->errors = calloc(1, sizeof(*send->errors));
	send->errors[0] = (struct graph_error){ EPIPE, 1 };
	send->errors_nr = 1;
	hold->ends = GRAPH_END_FIRST;
	fails(world.graph, "require: [\"a -> b via pipe where unread = 0\"]", VERDICT_REASON_BOUND);
	fails(world.graph, "require: [\"a -> b via pipe where errors.EPIPE = 0\"]",
	      VERDICT_REASON_BOUND);
	/* another one read from it, or has it */
	fixture_endpoint(world.graph, second, world.c, IPCT_ROLE_RECEIVE, 1, 1);
	is_open(world.graph, "require: [\"a -> b via pipe where unread = 0\"]",
		VERDICT_REASON_BOUND);
	world.graph->channels[second].endpoints[1].process = world.c;
	passes(world.graph, "require: [\"a -> b via pipe where unread = 0\"]");
	graph_free(world.graph);
}

static void test_errors(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	struct graph_endpoint *send = &world.graph->channels[world.pipe].endpoints[0];

	(void)state;
	passes(world.graph, "require: [\"a -> b via pipe where errors.EAGAIN = 0\"]");
	send->errors = calloc(1, sizeof(*send->errors));
	send->errors[0] = (struct graph_error){ EAGAIN, 2 };
	send->errors_nr = 1;
	fails(world.graph, "require: [\"a -> b via pipe where errors.EAGAIN = 0\"]",
	      VERDICT_REASON_BOUND);
	passes(world.graph, "require: [\"a -> b via pipe where errors.EWOULDBLOCK = 2\"]");
	passes(world.graph, "require: [\"a -> b via pipe where errors.EPIPE = 0\"]");
	graph_free(world.graph);
}

static void test_residency(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	is_open(world.graph, "require: [\"a -> b via pipe where p99 < 1s\"]", VERDICT_REASON_BOUND);
	world.graph->edges[0].residency = histogram_new();
	world.graph->edges[0].count.messages = 100;
	for (int i = 0; i < 60; i++)
		assert_int_equal(histogram_add(world.graph->edges[0].residency, 1000000), 0);
	/* forty may have taken any time */
	passes(world.graph, "require: [\"a -> b via pipe where p50 < 1s, p90 > 500us\"]");
	is_open(world.graph, "require: [\"a -> b via pipe where p99 < 1s\"]", VERDICT_REASON_BOUND);
	for (int i = 0; i < 40; i++)
		assert_int_equal(histogram_add(world.graph->edges[0].residency, 1000000), 0);
	world.graph->edges[0].is_exact = false;
	is_open(world.graph, "require: [\"a -> b via pipe where p50 < 1s\"]", VERDICT_REASON_BOUND);
	world.graph->edges[0].is_exact = true;
	passes(world.graph, "require: [\"a -> b via pipe where p99 < 1s, p50 > 500us\"]");
	fails(world.graph, "require: [\"a -> b via pipe where p50 > 2ms\"]", VERDICT_REASON_BOUND);
	/* a histogram is not that exact */
	is_open(world.graph, "require: [\"a -> b via pipe where p50 = 1ms\"]",
		VERDICT_REASON_BOUND);
	graph_free(world.graph);
}

static void test_reserved(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	const struct evaluate_options options = {};
	struct verdicts verdicts;
	struct spec *spec;

	(void)state;
	is(world.graph, "require: [\"a -> b via pipe where wait < 1s\"]", VERDICT_SKIPPED,
	   VERDICT_REASON_NOT_MEASURED);
	fails(world.graph, "require: [\"a -> b via pipe where wait < 1s, bytes = 1\"]",
	      VERDICT_REASON_BOUND);
	/* nothing was judged */
	spec = spec_of("exit: 0\nrequire: [\"a -> b via pipe where wait < 1s\"]");
	assert_int_equal(evaluate(spec, world.graph, &options, &verdicts), 0);
	assert_int_equal(verdicts_status(&verdicts), VERDICT_INCONCLUSIVE);
	verdicts_fini(&verdicts);
	spec_free(spec);
	graph_free(world.graph);
}

static void test_memory(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	uint32_t memory = fixture_channel(world.graph, IPCT_MEMFD, "ring", "memfd:[5]");

	(void)state;
	fixture_endpoint(world.graph, memory, world.a, IPCT_ROLE_MAP_RW, 0, 0);
	fails(world.graph, "require: [a -- b via shared-memory]", VERDICT_REASON_ABSENT);
	fixture_endpoint(world.graph, memory, world.b, IPCT_ROLE_MAP_RO, 0, 0);
	passes(world.graph, "require: [a -- b via shared-memory]");
	passes(world.graph, "require: [b -- a via memfd ring]");
	passes(world.graph, "require: [\"a -- * via memfd where peers = 1\"]");
	fails(world.graph, "require: [a -- b via memfd other]", VERDICT_REASON_ABSENT);
	fails(world.graph, "require: [a -- b via posix-shm]", VERDICT_REASON_ABSENT);
	fails(world.graph, "require: [a -- a via memfd]", VERDICT_REASON_ABSENT);
	fails(world.graph,
	      "forbid: [\"other -- a via memfd\", \"b -- a via memfd\"]\n"
	      "ignore: [c -- b via memfd]\nexit: any\n"
	      "require: [c -- b via memfd]",
	      VERDICT_REASON_ABSENT);
	fails(world.graph, "forbid: [b -- a via memfd]", VERDICT_REASON_SEEN);
	passes(world.graph, "forbid: [other -- a via memfd]");
	fails(world.graph, "closed: {mechanisms: [shared-memory]}", VERDICT_REASON_SEEN);
	passes(world.graph, "closed: {mechanisms: [shared-memory]}\nallow: [b -- a via memfd]");
	graph_free(world.graph);
}

static void test_leftovers(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	uint32_t queue = fixture_channel(world.graph, IPCT_SYSV_MSG, "0x1", "sysv-msg:[1]");
	struct graph_channel *channel = &world.graph->channels[queue];

	(void)state;
	is_open(world.graph, "at_exit: {sysv: 0}", VERDICT_REASON_NOT_RECORDED);
	world.graph->capture.knows_leftovers = true;
	channel->left_at_exit = GRAPH_LEFT_YES; /* which says that it was made in the capture */
	fails(world.graph, "at_exit: {sysv: 0}", VERDICT_REASON_LEFT);
	passes(world.graph, "at_exit: {sysv: 1}");
	passes(world.graph, "at_exit: {posix-mq: 0}");
	channel->left_at_exit = GRAPH_LEFT_NO;
	passes(world.graph, "at_exit: {sysv: 0}");
	channel->left_at_exit = GRAPH_LEFT_UNKNOWN;
	passes(world.graph, "at_exit: {sysv: 0}"); /* not made here */
	channel->created_by = world.a;
	is_open(world.graph, "at_exit: {sysv: 0}", VERDICT_REASON_NOT_RECORDED);
	graph_free(world.graph);
}

static void test_exit(void **state)
{
	struct world_of_tests world = world_new_of_tests();

	(void)state;
	passes(world.graph, "");
	world.graph->capture.command_status = 3;
	fails(world.graph, "", VERDICT_REASON_STATUS);
	passes(world.graph, "exit: 3");
	world.graph->capture.command_status = -1;
	is_open(world.graph, "", VERDICT_REASON_NOT_RECORDED);
	passes(world.graph, "exit: any\nrequire: [a -> b via pipe]");
	is_open(world.graph, "exit: 3", VERDICT_REASON_NOT_RECORDED);
	graph_free(world.graph);
}

static void test_nearest(void **state)
{
	struct world_of_tests world = world_new_of_tests();
	const struct evaluate_options options = {};
	struct spec *spec = spec_of("require: [a -> b via tcp, c -> b via pipe, b -> a via pipe]\n"
				    "forbid: [a -> b via pipe]");
	struct verdicts verdicts;

	(void)state;
	assert_int_equal(evaluate(spec, world.graph, &options, &verdicts), 0);
	assert_int_equal(verdicts.all[0].nearest, 0);
	assert_int_equal(verdicts.all[1].nearest, 0);
	assert_int_equal(verdicts.all[2].nearest, 0);
	/* without examples of their own, the edge stands for its transfers */
	assert_int_equal(verdicts.all[3].examples_nr, 1);
	assert_true(verdicts.all[3].examples[0].is_edge);
	assert_int_equal(verdicts.all[3].examples[0].transfer.bytes, 1000);
	assert_int_equal(verdicts.count[VERDICT_FAIL], 4);
	assert_int_equal(verdicts_status(&verdicts), VERDICT_FAIL);
	verdicts_fini(&verdicts);
	spec_free(spec);
	graph_free(world.graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_require),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_forbid),
		cmocka_unit_test(test_inexact),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_closed_leaves_out),
		cmocka_unit_test(test_remote),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_unread_by_holder),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_residency),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_exit),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
