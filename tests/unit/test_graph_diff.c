/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "diff_fixture.h"
#include "graph/graph_limit.h"

static void check_change(const struct graph_diff_edge *edge, enum graph_change change,
			 bool is_certain)
{
	if (edge->change != change)
		fail_msg("%s, not %s", graph_change_names[edge->change],
			 graph_change_names[change]);
	assert_int_equal(edge->is_certain, is_certain);
}

static void check_range(const struct graph_range *range, uint64_t low, uint64_t best, uint64_t high)
{
	assert_int_equal(range->low, low);
	assert_int_equal(range->best, best);
	assert_int_equal(range->high, high);
}

/* Other pids, another order, another inode: the same. */
static void test_same(void **state)
{
	struct diff_pair pair = diff_pair_new();
	struct graph_diff *diff;

	(void)state;
	diff_edge(pair.before, "head", "cat", IPCT_PIPE, "", 24, 100000);
	diff_edge(pair.before, "cat", "wc", IPCT_UNIX_STREAM, "/run/wc.sock", 3, 300);
	fixture_process(pair.now, 99, "idle", "/usr/bin/idle");
	diff_edge(pair.now, "cat", "wc", IPCT_UNIX_STREAM, "/run/wc.sock", 3, 300);
	diff_edge(pair.now, "head", "cat", IPCT_PIPE, "", 24, 100000);
	diff = diff_pair_compare(&pair);
	assert_int_equal(diff->edges_nr, 2);
	assert_int_equal(diff->changes[GRAPH_CHANGE_NONE], 2);
	assert_int_equal(diff->uncertain, 0);
	assert_int_equal(diff->programs_nr, 3); /* idle has no edge */
	assert_string_equal(diff->programs[2].name, "wc");
	check_change(diff_find(diff, "head", "cat", ""), GRAPH_CHANGE_NONE, true);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

static void test_new_gone_changed(void **state)
{
	struct diff_pair pair = diff_pair_new();
	const struct graph_diff_edge *edge;
	struct graph_diff *diff;

	(void)state;
	diff_edge(pair.before, "cat", "wc", IPCT_PIPE, "", 3, 300);
	diff_edge(pair.before, "app", "db", IPCT_TCP, "127.0.0.1:5432", 10, 1000);
	diff_edge(pair.now, "cat", "sort", IPCT_PIPE, "", 2, 200);
	diff_edge(pair.now, "app", "db", IPCT_TCP, "127.0.0.1:5432", 10, 1500);
	diff_edge(pair.now, "app", "db", IPCT_TCP, "127.0.0.1:5433", 1, 1);
	diff_edge(pair.now, "app", "db", IPCT_UNIX_STREAM, "127.0.0.1:5432", 1, 1);
	diff_edge(pair.before, "app", "log", IPCT_FIFO, "/log", 9, 90);
	diff_edge(pair.now, "app", "log", IPCT_FIFO, "/log", 8, 90);
	diff = diff_pair_compare(&pair);
	assert_int_equal(diff->changes[GRAPH_CHANGE_NEW], 3);
	assert_int_equal(diff->changes[GRAPH_CHANGE_GONE], 1);
	assert_int_equal(diff->changes[GRAPH_CHANGE_CHANGED], 2);
	check_change(diff_find(diff, "app", "log", "/log"), GRAPH_CHANGE_CHANGED, true);
	edge = diff_find(diff, "app", "db", "127.0.0.1:5433");
	check_change(edge, GRAPH_CHANGE_NEW, true);
	assert_false(edge->sides[GRAPH_DIFF_OLD].is_there);
	check_change(diff_find(diff, "cat", "wc", ""), GRAPH_CHANGE_GONE, true);
	/* new ones first, of them the largest; changed ones last */
	assert_int_equal(diff->edges[0].sides[GRAPH_DIFF_NEW].bytes.best, 200);
	check_change(&diff->edges[3], GRAPH_CHANGE_GONE, true);
	check_change(&diff->edges[4], GRAPH_CHANGE_CHANGED, true);
	check_range(&diff->edges[4].sides[GRAPH_DIFF_OLD].bytes, 1000, 1000, 1000);
	check_range(&diff->edges[4].sides[GRAPH_DIFF_NEW].bytes, 1500, 1500, 1500);
	assert_int_equal(diff->programs[diff->edges[0].to].processes[GRAPH_DIFF_OLD], 0);
	assert_int_equal(diff->programs[diff->edges[0].to].processes[GRAPH_DIFF_NEW], 1);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* The direction is part of an edge. */
static void test_turned(void **state)
{
	struct diff_pair pair = diff_pair_new();
	struct graph_diff *diff;

	(void)state;
	diff_edge(pair.before, "a", "b", IPCT_PIPE, "", 1, 1);
	diff_edge(pair.now, "b", "a", IPCT_PIPE, "", 1, 1);
	diff = diff_pair_compare(&pair);
	check_change(diff_find(diff, "b", "a", ""), GRAPH_CHANGE_NEW, true);
	check_change(diff_find(diff, "a", "b", ""), GRAPH_CHANGE_GONE, true);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* What a channel is called in one run only makes no edge new. */
static void test_passing_names(void **state)
{
	struct diff_pair pair = diff_pair_new();
	struct graph_diff *diff;
	char name[64];

	(void)state;
	diff_edge(pair.before, "app", "db", IPCT_TCP, "127.0.0.1:40123", 1, 10);
	diff_edge(pair.before, "app", "db", IPCT_UNIX_STREAM, "/tmp/job.Ab3dEf/s", 2, 20);
	snprintf(name, sizeof(name), "/run/app.%u", pair.before->processes[0].pid);
	diff_edge(pair.before, "app", "db", IPCT_UNIX_DGRAM, name, 3, 30);
	diff_edge(pair.before, "app", "db", IPCT_PTY, "/dev/pts/1", 4, 40);
	fixture_process(pair.now, 7, "other", "/usr/bin/other");
	diff_edge(pair.now, "app", "db", IPCT_TCP, "127.0.0.1:50321", 1, 10);
	diff_edge(pair.now, "app", "db", IPCT_UNIX_STREAM, "/tmp/job.Zz3dEf/s", 2, 20);
	snprintf(name, sizeof(name), "/run/app.%u", pair.now->processes[1].pid);
	diff_edge(pair.now, "app", "db", IPCT_UNIX_DGRAM, name, 3, 30);
	diff_edge(pair.now, "app", "db", IPCT_PTY, "/dev/pts/9", 4, 40);
	assert_int_not_equal(pair.before->processes[0].pid, pair.now->processes[1].pid);
	diff = diff_pair_compare(&pair);
	assert_int_equal(diff->edges_nr, 4);
	assert_int_equal(diff->changes[GRAPH_CHANGE_NONE], 4);
	diff_find(diff, "app", "db", "127.0.0.1:*");
	diff_find(diff, "app", "db", "/tmp/*/s");
	diff_find(diff, "app", "db", "/run/app.*");
	diff_find(diff, "app", "db", "/dev/pts/*");
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* A port out of that range that both have is the same service; a second one is new. */
static void test_names_of_both(void **state)
{
	struct diff_pair pair = diff_pair_new();
	struct graph_diff *diff;

	(void)state;
	diff_edge(pair.before, "app", "db", IPCT_TCP, "127.0.0.1:50051", 1, 10);
	diff_edge(pair.now, "app", "db", IPCT_TCP, "127.0.0.1:50051", 1, 10);
	diff_edge(pair.now, "app", "db", IPCT_TCP, "127.0.0.1:50052", 1, 10);
	diff = diff_pair_compare(&pair);
	check_change(diff_find(diff, "app", "db", "127.0.0.1:50051"), GRAPH_CHANGE_NONE, true);
	check_change(diff_find(diff, "app", "db", "127.0.0.1:50052"), GRAPH_CHANGE_NEW, true);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* A client on another host has another port each time, the server there has not. */
static void test_far(void **state)
{
	struct diff_pair pair = diff_pair_new();
	const struct graph_diff_edge *edge;
	struct graph_diff *diff;
	struct graph_edge *out;

	(void)state;
	diff_edge(pair.before, "10.0.0.7:40123", "app", IPCT_TCP, "10.0.0.1:80", 1, 10);
	diff_edge(pair.now, "10.0.0.7:50321", "app", IPCT_TCP, "10.0.0.1:80", 1, 10);
	diff_edge(pair.now, "10.0.0.7:50322", "app", IPCT_TCP, "10.0.0.1:80", 1, 10);
	out = diff_edge(pair.now, "app", "10.0.0.9:5432", IPCT_TCP, "10.0.0.9:5432", 5, 50);
	out->is_exact = false;
	out->at_least = (struct graph_count){ 0 };
	diff = diff_pair_compare(&pair);
	edge = diff_find(diff, "10.0.0.7", "app", "10.0.0.1:80");
	check_change(edge, GRAPH_CHANGE_CHANGED, true);
	assert_true(diff->programs[edge->from].is_far);
	assert_int_equal(diff->programs[edge->from].processes[GRAPH_DIFF_NEW], 2);
	/* that it arrived is not proven, that it was sent is */
	edge = diff_find(diff, "app", "10.0.0.9:5432", "10.0.0.9:5432");
	check_change(edge, GRAPH_CHANGE_NEW, true);
	check_range(&edge->sides[GRAPH_DIFF_NEW].bytes, 50, 50, 50);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

static void add_workers(struct graph *graph, uint32_t nr, uint64_t bytes)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t worker = fixture_process(graph, 3000 + i, "worker", "/srv/worker");

		fixture_edge(graph, diff_process(graph, "nginx"), worker,
			     diff_channel(graph, IPCT_PIPE, ""), 1, bytes);
	}
}

/* The kernel is no program of that name. */
static void test_far_is_no_program(void **state)
{
	struct diff_pair pair = diff_pair_new();
	struct graph_diff *diff;
	uint32_t kernel = fixture_process(pair.before, 0, "kernel", "");

	(void)state;
	fixture_edge(pair.before, kernel, diff_process(pair.before, "app"),
		     diff_channel(pair.before, IPCT_SIGNAL, "SIGHUP"), 1, 0);
	diff_edge(pair.now, "kernel", "app", IPCT_SIGNAL, "SIGHUP", 1, 0);
	diff = diff_pair_compare(&pair);
	assert_int_equal(diff->changes[GRAPH_CHANGE_NEW], 1);
	assert_int_equal(diff->changes[GRAPH_CHANGE_GONE], 1);
	assert_int_equal(diff->programs_nr, 3);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

static void test_many_of_one_program(void **state)
{
	struct diff_pair pair = diff_pair_new();
	const struct graph_diff_edge *edge;
	struct graph_diff *diff;

	(void)state;
	add_workers(pair.before, 3, 10);
	add_workers(pair.now, 5, 6);
	diff = diff_pair_compare(&pair);
	assert_int_equal(diff->edges_nr, 1);
	edge = diff_find(diff, "nginx", "worker", "");
	check_change(edge, GRAPH_CHANGE_CHANGED, true);
	assert_int_equal(edge->sides[GRAPH_DIFF_OLD].channels, 3);
	assert_int_equal(edge->sides[GRAPH_DIFF_NEW].channels, 5);
	check_range(&edge->sides[GRAPH_DIFF_NEW].messages, 5, 5, 5);
	assert_int_equal(diff->programs[edge->to].processes[GRAPH_DIFF_OLD], 3);
	assert_int_equal(diff->programs[edge->to].processes[GRAPH_DIFF_NEW], 5);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* One pipe, written by `a`, read by `b` and `c`: which of them read what is not all proven. */
static void add_split(struct graph *graph, uint64_t to_b, uint64_t to_c, uint64_t proven)
{
	uint32_t channel = diff_channel(graph, IPCT_PIPE, "");
	const char *const readers[] = { "b", "c" };
	const uint64_t counts[] = { to_b, to_c };

	for (size_t i = 0; i < 2; i++) {
		struct graph_edge *edge;

		if (!counts[i])
			continue;
		edge = fixture_edge(graph, diff_process(graph, "a"),
				    diff_process(graph, readers[i]), channel, counts[i],
				    counts[i] * 10);
		edge->is_exact = false;
		edge->at_least = (struct graph_count){ proven, proven * 10 };
	}
}

static void test_inexact(void **state)
{
	struct diff_pair pair = diff_pair_new();
	const struct graph_diff_edge *edge;
	struct graph_diff *diff;

	(void)state;
	add_split(pair.before, 50, 50, 40);
	add_split(pair.now, 60, 55, 45);
	diff = diff_pair_compare(&pair);
	edge = diff_find(diff, "a", "b", "");
	check_range(&edge->sides[GRAPH_DIFF_OLD].messages, 40, 50, 60);
	check_range(&edge->sides[GRAPH_DIFF_NEW].bytes, 450, 600, 700);
	check_change(edge, GRAPH_CHANGE_CHANGED, false);
	assert_int_equal(diff->uncertain, 2);
	graph_diff_free(diff);
	add_split(pair.now, 500, 500, 400); /* of another pipe, which the old graph has not */
	diff = diff_pair_compare(&pair);
	check_change(diff_find(diff, "a", "b", ""), GRAPH_CHANGE_CHANGED, true);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* Readers of one program: their sum is proven, whoever of them read what. */
static void test_inexact_among_alike(void **state)
{
	struct diff_pair pair = diff_pair_new();
	const struct graph_diff_edge *edge;
	struct graph_diff *diff;

	(void)state;
	add_split(pair.before, 50, 50, 40);
	diff_rename(pair.before, "c", "b");
	add_split(pair.now, 60, 45, 40);
	diff_rename(pair.now, "c", "b");
	diff = diff_pair_compare(&pair);
	edge = diff_find(diff, "a", "b", "");
	check_range(&edge->sides[GRAPH_DIFF_OLD].messages, 100, 100, 100);
	check_range(&edge->sides[GRAPH_DIFF_NEW].messages, 105, 105, 105);
	check_change(edge, GRAPH_CHANGE_CHANGED, true);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* Where nothing of a channel's split is proven, neither is what it adds up to. */
static void test_nothing_proven(void **state)
{
	struct diff_pair pair = diff_pair_new();
	const struct graph_diff_edge *edge;
	struct graph_diff *diff;

	(void)state;
	add_split(pair.now, 60, 0, 0);
	diff = diff_pair_compare(&pair);
	edge = diff_find(diff, "a", "b", "");
	check_range(&edge->sides[GRAPH_DIFF_NEW].messages, 0, 60, GRAPH_DIFF_NO_LIMIT);
	check_change(edge, GRAPH_CHANGE_NEW, false);
	graph_diff_free(diff);
	add_split(pair.before, 60, 0, 45);
	diff = diff_pair_compare(&pair);
	edge = diff_find(diff, "a", "b", "");
	check_range(&edge->sides[GRAPH_DIFF_OLD].messages, 45, 60, 60);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* A split that gives one reader of two nothing does not prove that it got nothing. */
static void add_cross(struct graph *graph, bool with_second)
{
	uint32_t channel = diff_channel(graph, IPCT_PIPE, "");
	uint32_t a = diff_process(graph, "a"), b = diff_process(graph, "b");
	uint32_t x = diff_process(graph, "x"), y = diff_process(graph, "y");
	const uint32_t edges[][2] = { { a, x }, { b, y }, { a, y } };

	for (size_t i = 0; i < (with_second ? 3 : 2); i++) {
		struct graph_edge *edge =
			fixture_edge(graph, edges[i][0], edges[i][1], channel, 10, 100);

		edge->is_exact = false;
		edge->at_least = (struct graph_count){ 4, 40 };
	}
}

static void test_possible(void **state)
{
	struct diff_pair pair = diff_pair_new();
	const struct graph_diff_edge *edge;
	struct graph_diff *diff;

	(void)state;
	add_cross(pair.before, false);
	add_cross(pair.now, true);
	diff = diff_pair_compare(&pair);
	edge = diff_find(diff, "a", "y", "");
	check_change(edge, GRAPH_CHANGE_NEW, false);
	check_range(&edge->sides[GRAPH_DIFF_OLD].messages, 0, 0, 12);
	assert_int_equal(diff->edges_nr, 3); /* b → x is possible in both, and seen in none */
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* A capture that lacks records proves no absence; what it has is there all the same. */
static void test_lossy(void **state)
{
	struct diff_pair pair = diff_pair_new();
	const struct graph_diff_edge *edge;
	struct graph_diff *diff;

	(void)state;
	diff_edge(pair.before, "a", "b", IPCT_PIPE, "", 10, 100);
	diff_edge(pair.before, "a", "c", IPCT_PIPE, "", 10, 100);
	diff_edge(pair.now, "a", "c", IPCT_PIPE, "", 5, 50);
	diff_edge(pair.now, "a", "d", IPCT_PIPE, "", 1, 1);
	pair.now->capture.is_lossy = true;
	diff = diff_pair_compare(&pair);
	check_change(diff_find(diff, "a", "b", ""), GRAPH_CHANGE_GONE, false);
	check_change(diff_find(diff, "a", "d", ""), GRAPH_CHANGE_NEW, true);
	edge = diff_find(diff, "a", "c", "");
	check_change(edge, GRAPH_CHANGE_CHANGED, false); /* not that it is less */
	check_range(&edge->sides[GRAPH_DIFF_NEW].bytes, 50, 50, GRAPH_DIFF_NO_LIMIT);
	graph_diff_free(diff);
	pair.now->edges[0].count.bytes = pair.now->edges[0].at_least.bytes = 200;
	diff = diff_pair_compare(&pair);
	check_change(diff_find(diff, "a", "c", ""), GRAPH_CHANGE_CHANGED, true);
	graph_diff_free(diff);
	pair.now->capture.is_lossy = false;
	pair.before->capture.barrier_reached = 1;
	pair.before->capture.is_barrier_reached = false;
	diff = diff_pair_compare(&pair);
	check_change(diff_find(diff, "a", "b", ""), GRAPH_CHANGE_GONE, true);
	check_change(diff_find(diff, "a", "d", ""), GRAPH_CHANGE_NEW, false);
	graph_diff_free(diff);
	/* none at all proves no more */
	pair.before->capture.barrier_cpus = 0;
	diff = diff_pair_compare(&pair);
	check_change(diff_find(diff, "a", "b", ""), GRAPH_CHANGE_GONE, true);
	check_change(diff_find(diff, "a", "d", ""), GRAPH_CHANGE_NEW, false);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* What was not traced may have been there. */
static void test_other_mechanisms(void **state)
{
	struct diff_pair pair = diff_pair_new();
	struct graph_diff *diff;

	(void)state;
	diff_edge(pair.now, "a", "b", IPCT_PIPE, "", 1, 1);
	diff_edge(pair.now, "a", "b", IPCT_SIGNAL, "SIGHUP", 1, 0);
	pair.before->capture.mechanisms = 1ULL << IPCT_PIPE;
	pair.now->capture.mechanisms = ~0ULL;
	diff = diff_pair_compare(&pair);
	check_change(diff_find(diff, "a", "b", ""), GRAPH_CHANGE_NEW, true);
	check_change(diff_find(diff, "a", "b", "SIGHUP"), GRAPH_CHANGE_NEW, false);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

static void test_memory(void **state)
{
	struct diff_pair pair = diff_pair_new();
	const struct graph_diff_edge *edge;
	struct graph_diff *diff;
	uint32_t channel;

	(void)state;
	channel = diff_channel(pair.now, IPCT_POSIX_SHM, "/frames");
	fixture_endpoint(pair.now, channel, diff_process(pair.now, "cam"), IPCT_ROLE_MAP_RW, 1, 0);
	fixture_endpoint(pair.now, channel, diff_process(pair.now, "view"), IPCT_ROLE_MAP_RO, 1, 0);
	channel = diff_channel(pair.now, IPCT_POSIX_SHM, "/alone");
	fixture_endpoint(pair.now, channel, diff_process(pair.now, "cam"), IPCT_ROLE_MAP_RW, 1, 0);
	diff = diff_pair_compare(&pair);
	assert_int_equal(diff->edges_nr, 1); /* who only reads sends nothing */
	edge = diff_find(diff, "cam", "view", "/frames");
	assert_true(edge->is_memory);
	check_change(edge, GRAPH_CHANGE_NEW, true);
	graph_diff_free(diff);
	fixture_process(pair.now, 9000, "cam", "/usr/bin/cam");
	fixture_endpoint(pair.now, channel, (uint32_t)pair.now->processes_nr - 1, IPCT_ROLE_MAP_RO,
			 1, 0);
	diff = diff_pair_compare(&pair);
	diff_find(diff, "cam", "cam", "/alone");
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* Nobody knows who sent it. */
static void test_before_capture(void **state)
{
	struct diff_pair pair = diff_pair_new();
	struct graph_diff *diff;
	uint32_t node = fixture_process(pair.now, 0, "before capture", "");

	(void)state;
	fixture_edge(pair.now, node, diff_process(pair.now, "a"),
		     diff_channel(pair.now, IPCT_PIPE, ""), 1, 1);
	diff = diff_pair_compare(&pair);
	assert_int_equal(diff->edges_nr, 0);
	assert_int_equal(diff->programs_nr, 0);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

static void test_groupings(void **state)
{
	struct diff_pair pair = diff_pair_new();
	struct graph_diff *diff;
	uint32_t from = fixture_process(pair.before, 812, "a", "/opt/1/app");
	uint32_t to = fixture_process(pair.now, 813, "a", "/opt/2/app");

	(void)state;
	fixture_edge(pair.before, from, from, diff_channel(pair.before, IPCT_PIPE, ""), 1, 1);
	fixture_edge(pair.now, to, to, diff_channel(pair.now, IPCT_PIPE, ""), 1, 1);
	diff = diff_pair_compare(&pair);
	assert_string_equal(diff->programs[0].name, "app");
	assert_int_equal(diff->changes[GRAPH_CHANGE_NONE], 1);
	graph_diff_free(diff);
	assert_int_equal(graph_diff_new(pair.before, pair.now, GRAPH_GROUP_COMM, &diff), 0);
	assert_string_equal(diff->programs[0].name, "a");
	assert_int_equal(diff->changes[GRAPH_CHANGE_NONE], 1);
	graph_diff_free(diff);
	assert_int_equal(graph_diff_new(pair.before, pair.now, GRAPH_GROUP_EXE, &diff), 0);
	assert_string_equal(diff->programs[1].name, "/opt/2/app");
	assert_int_equal(diff->changes[GRAPH_CHANGE_NEW], 1);
	assert_int_equal(diff->changes[GRAPH_CHANGE_GONE], 1);
	graph_diff_free(diff);
	diff_pair_free(&pair);
}

/* Limits. */

struct limit_example {
	const char *text;
	struct graph_range before, now; /* bytes */
	enum graph_verdict verdict;
};

static void check_limit(const struct limit_example *example)
{
	struct graph_diff_edge edge = { .change = GRAPH_CHANGE_CHANGED, .is_certain = true };
	struct graph_limit limit;

	assert_int_equal(graph_limit_parse(example->text, &limit), 0);
	edge.sides[GRAPH_DIFF_OLD].is_there = edge.sides[GRAPH_DIFF_NEW].is_there = true;
	edge.sides[GRAPH_DIFF_OLD].bytes = example->before;
	edge.sides[GRAPH_DIFF_NEW].bytes = example->now;
	if (graph_limit_judge(&limit, &edge) != example->verdict)
		fail_msg("%s: %d", example->text, graph_limit_judge(&limit, &edge));
}

static void test_limits(void **state)
{
	static const struct limit_example examples[] = {
		{ "bytes+20%", { 100, 100, 100 }, { 120, 120, 120 }, GRAPH_VERDICT_KEPT },
		{ "bytes+20%", { 100, 100, 100 }, { 121, 121, 121 }, GRAPH_VERDICT_BROKEN },
		{ "bytes+15%", { 100, 100, 100 }, { 115, 115, 115 }, GRAPH_VERDICT_KEPT },
		{ "bytes+20%", { 100, 100, 100 }, { 1, 1, 1 }, GRAPH_VERDICT_KEPT },
		{ "bytes+20%", { 0, 0, 0 }, { 1, 1, 1 }, GRAPH_VERDICT_BROKEN },
		{ "bytes-20%", { 100, 100, 100 }, { 80, 80, 80 }, GRAPH_VERDICT_KEPT },
		{ "bytes-20%", { 100, 100, 100 }, { 79, 79, 79 }, GRAPH_VERDICT_BROKEN },
		{ "bytes-20%", { 100, 100, 100 }, { 500, 500, 500 }, GRAPH_VERDICT_KEPT },
		{ "bytes20%", { 100, 100, 100 }, { 79, 79, 79 }, GRAPH_VERDICT_BROKEN },
		{ "bytes20%", { 100, 100, 100 }, { 121, 121, 121 }, GRAPH_VERDICT_BROKEN },
		{ "bytes0%", { 100, 100, 100 }, { 100, 100, 100 }, GRAPH_VERDICT_KEPT },
		{ "bytes+0.5%", { 1000, 1000, 1000 }, { 1006, 1006, 1006 }, GRAPH_VERDICT_BROKEN },
		{ "bytes+1KiB", { 0, 0, 0 }, { 1024, 1024, 1024 }, GRAPH_VERDICT_KEPT },
		{ "bytes+1KiB", { 0, 0, 0 }, { 1025, 1025, 1025 }, GRAPH_VERDICT_BROKEN },
		{ "bytes+20%", { 90, 100, 110 }, { 120, 150, 150 }, GRAPH_VERDICT_DOUBTFUL },
		{ "bytes+20%", { 90, 100, 110 }, { 140, 150, 150 }, GRAPH_VERDICT_BROKEN },
		{ "bytes+20%",
		  { 90, 100, GRAPH_DIFF_NO_LIMIT },
		  { 900, 900, 900 },
		  GRAPH_VERDICT_DOUBTFUL },
		{ "bytes-20%",
		  { 100, 100, 100 },
		  { 1, 1, GRAPH_DIFF_NO_LIMIT },
		  GRAPH_VERDICT_DOUBTFUL },
		{ "messages+0", { 100, 100, 100 }, { 200, 200, 200 }, GRAPH_VERDICT_KEPT },
		{ "new", { 100, 100, 100 }, { 200, 200, 200 }, GRAPH_VERDICT_KEPT },
		{ "gone", { 100, 100, 100 }, { 200, 200, 200 }, GRAPH_VERDICT_KEPT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		check_limit(&examples[i]);
}

static void test_limits_of_new_and_gone(void **state)
{
	struct graph_diff_edge edge = { .change = GRAPH_CHANGE_NEW, .is_certain = true };
	struct graph_limit is_new, is_gone, more;

	(void)state;
	edge.sides[GRAPH_DIFF_NEW] = (struct graph_diff_side){ .is_there = true };
	edge.sides[GRAPH_DIFF_NEW].bytes = (struct graph_range){ 9, 9, 9 };
	assert_int_equal(graph_limit_parse("new", &is_new), 0);
	assert_int_equal(graph_limit_parse("gone", &is_gone), 0);
	assert_int_equal(graph_limit_parse("bytes+1", &more), 0);
	assert_int_equal(graph_limit_judge(&is_new, &edge), GRAPH_VERDICT_BROKEN);
	assert_int_equal(graph_limit_judge(&is_gone, &edge), GRAPH_VERDICT_KEPT);
	assert_int_equal(graph_limit_judge(&more, &edge), GRAPH_VERDICT_KEPT);
	edge.is_certain = false;
	assert_int_equal(graph_limit_judge(&is_new, &edge), GRAPH_VERDICT_DOUBTFUL);
	edge.change = GRAPH_CHANGE_GONE;
	assert_int_equal(graph_limit_judge(&is_gone, &edge), GRAPH_VERDICT_DOUBTFUL);
}

static void test_no_limits(void **state)
{
	static const char *const texts[] = {
		"",	      "news",	   "New",	  "bytes",
		"bytes+",     "bytes+%",   "bytes%",	  "bytes++1",
		"bytes+-1",   "bytes+1%%", "bytes+1.2.3", "bytes+0x10",
		"bytes+1e9",  "byte+1",	   "messages+1k", "messages+1.5.",
		"bytes+nan%", "bytes+1q",
	};
	struct graph_limit limit;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!graph_limit_parse(texts[i], &limit))
			fail_msg("'%s' was taken", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_new_gone_changed),
		cmocka_unit_test(test_turned),
		cmocka_unit_test(test_passing_names),
		cmocka_unit_test(test_names_of_both),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_far_is_no_program),
		cmocka_unit_test(test_many_of_one_program),
		cmocka_unit_test(test_inexact),
		cmocka_unit_test(test_inexact_among_alike),
		cmocka_unit_test(test_nothing_proven),
		cmocka_unit_test(test_possible),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_other_mechanisms),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_before_capture),
		cmocka_unit_test(test_groupings),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_limits_of_new_and_gone),
		cmocka_unit_test(test_no_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
