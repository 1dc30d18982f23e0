/* SPDX-License-Identifier: GPL-2.0-only */
/* A small graph, and what a specification of a few lines makes of it. */
#ifndef EVALUATE_FIXTURE_H
#define EVALUATE_FIXTURE_H

#include "graph_fixture.h"
#include "verify/evaluate.h"

/* a → b over a pipe, a ↔ c over a unix socket, all exact; the kernel and `before` have their say.
 */
struct world_of_tests {
	struct graph *graph;
	uint32_t a, b, c, kernel, before, remote;
	uint32_t pipe, stream;
};

#define ROLES "ipctrace: 1\nroles: {a: {comm: a}, b: {comm: b}, c: {comm: c}}\n"

static inline struct world_of_tests world_new_of_tests(void)
{
	struct world_of_tests world = { .graph = fixture_new() };
	struct graph *graph = world.graph;

	graph->capture.mechanisms = UINT64_MAX;
	world.a = fixture_process(graph, 1, "a", "/a");
	world.b = fixture_process(graph, 2, "b", "/b");
	world.c = fixture_process(graph, 3, "c", "/c");
	world.kernel = fixture_process(graph, 0, "kernel", "");
	world.before = fixture_process(graph, 0, "before capture", "");
	world.remote = fixture_process(graph, 0, "10.0.0.7:80", "");
	world.pipe = fixture_channel(graph, IPCT_PIPE, "", "pipe:[1]");
	fixture_endpoint(graph, world.pipe, world.a, IPCT_ROLE_SEND, 10, 1000);
	fixture_endpoint(graph, world.pipe, world.b, IPCT_ROLE_RECEIVE, 10, 1000);
	fixture_edge(graph, world.a, world.b, world.pipe, 10, 1000);
	world.stream = fixture_channel(graph, IPCT_UNIX_STREAM, "/run/c.sock", "socket:[2]");
	fixture_edge(graph, world.a, world.c, world.stream, 5, 500);
	fixture_edge(graph, world.c, world.a, world.stream, 4, 400)->direction = 1;
	return world;
}

static inline struct spec *spec_of(const char *rules)
{
	struct text_problem problem;
	struct spec *spec;
	char text[2000];

	snprintf(text, sizeof(text), ROLES "%s\n", rules);
	if (spec_parse(text, strlen(text), &spec, &problem))
		fail_msg("%zu:%zu: %s in %s", problem.place.line, problem.place.column,
			 problem.text, text);
	return spec;
}

/* The verdict on the only rule (or closed, at_exit), with up to `max_lost` lost. */
static inline enum verdict_status judged(const struct graph *graph, const char *rules,
					 uint64_t max_lost, enum verdict_reason *ret_reason)
{
	const struct evaluate_options options = { .max_lost = max_lost };
	struct spec *spec = spec_of(rules);
	struct verdicts verdicts;
	enum verdict_status status;

	assert_int_equal(evaluate(spec, graph, &options, &verdicts), 0);
	assert_true(verdicts.nr >= 1);
	status = verdicts.all[0].status;
	if (ret_reason)
		*ret_reason = verdicts.all[0].reason;
	verdicts_fini(&verdicts);
	spec_free(spec);
	return status;
}

static inline void is(const struct graph *graph, const char *rules, enum verdict_status expected,
		      enum verdict_reason reason)
{
	enum verdict_reason found;
	enum verdict_status status = judged(graph, rules, 0, &found);

	if (status != expected || found != reason)
		fail_msg("%s: %s (%s), expected %s (%s)", rules, verdict_status_names[status],
			 verdict_reason_names[found], verdict_status_names[expected],
			 verdict_reason_names[reason]);
}

static inline void passes(const struct graph *graph, const char *rules)
{
	is(graph, rules, VERDICT_PASS, VERDICT_REASON_NONE);
}

static inline void fails(const struct graph *graph, const char *rules, enum verdict_reason reason)
{
	is(graph, rules, VERDICT_FAIL, reason);
}

static inline void is_open(const struct graph *graph, const char *rules, enum verdict_reason reason)
{
	is(graph, rules, VERDICT_INCONCLUSIVE, reason);
}

#endif
