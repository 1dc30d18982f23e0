/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/utf8.h"
#include "graph_fixture.h"
#include "output/verify.h"
#include "verify/evaluate.h"
#include "verify/learn.h"
#include "verify/spec_update.h"

#define SPEC                                                                                       \
	"ipctrace: 1\n"                                                                            \
	"roles: {a: {uid: 0}}\n"                                                                   \
	"require: [{rule: a -> a via unix where bytes > 1GiB, why: \"<b> # \\\"\\e[31m\"}]\n"      \
	"forbid: [a -> a via unix]\n"                                                              \
	"closed: true\n"                                                                           \
	"at_exit: {sysv: 0}\n"                                                                     \
	"exit: 3\n"

/* What a format writes of the graph, owned by the caller. */
static char *judged(verify_write_fn write, const char *text, const struct graph *graph,
		    const struct verify_output *output)
{
	const struct evaluate_options options = {};
	struct text_problem problem;
	struct verdicts verdicts;
	struct spec *spec;
	char *said = NULL;
	size_t len;
	FILE *stream = open_memstream(&said, &len);

	assert_int_equal(spec_parse(text, strlen(text), &spec, &problem), 0);
	assert_int_equal(evaluate(spec, graph, &options, &verdicts), 0);
	assert_int_equal(write(&verdicts, output, stream), 0);
	fclose(stream);
	verdicts_fini(&verdicts);
	spec_free(spec);
	return said;
}

/* Everything that a format writes of a hostile graph, owned by the caller. */
static char *written(verify_write_fn write)
{
	const struct verify_output output = { .spec_path = "a\n\x1b[31m<&\".yaml" };
	struct graph *graph = fixture_hostile();
	char *said;

	graph->capture.mechanisms = UINT64_MAX;
	graph->capture.command_status = 1;
	said = judged(write, SPEC, graph, &output);
	graph_free(graph);
	return said;
}

/* Nothing but newlines is a control, and all is UTF-8. */
static void is_harmless(const char *text)
{
	size_t len = strlen(text), used;
	uint32_t code = 0;

	assert_true(len > 0);
	for (size_t at = 0; at < len; at += used) {
		used = utf8_decode(text + at, len - at, &code);
		assert_true(used > 0);
		assert_true(code == '\n' || (code >= 0x20 && code < 0x7f) || code >= 0xa0);
	}
}

static void test_text(void **state)
{
	char *text = written(verify_write_text);

	(void)state;
	is_harmless(text);
	contains(text, "FAIL");
	contains(text, "INCONCLUSIVE");
	contains(text, "which is not bytes > 1GiB");
	lacks(text, "\xe2\x80\xae");
	free(text);
}

static void test_tap(void **state)
{
	char *text = written(verify_write_tap);

	(void)state;
	is_harmless(text);
	contains(text, "TAP version 13\n1..5\nnot ok 1 - require");
	contains(text, "\n  ---\n");
	contains(text, "\n  ...\n");
	free(text);
}

static void test_junit(void **state)
{
	char *text = written(verify_write_junit);

	(void)state;
	is_harmless(text);
	contains(text, "tests=\"5\" failures=\"4\" errors=\"1\" skipped=\"0\"");
	contains(text, "&lt;b&gt;");
	lacks(text, "<b>");
	lacks(text, "\xe2\x80\xae"); /* a bidirectional override */
	lacks(text, "<&");
	free(text);
}

static void test_json(void **state)
{
	char *text = written(verify_write_json);
	json_t *json = json_loads(text, 0, NULL);

	(void)state;
	is_harmless(text);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "schema")),
			    "ipctrace.verify/1");
	assert_string_equal(json_string_value(json_object_get(json, "verdict")), "fail");
	assert_int_equal(json_array_size(json_object_get(json, "rules")), 5);
	json_decref(json);
	free(text);
}

/*
 * Edges that are alike share a line; what a reader left is told of its writer's edge, not of the
 * other direction's, and first.
 */
static void test_edges(void **state)
{
	static const char text[] = "ipctrace: 1\n"
				   "roles: {a: {comm: a}, b: {comm: b}}\n"
				   "require: [\"a -> b via unix where unread = 0\"]\n"
				   "forbid: [b -> a via unix]\n";
	struct graph *graph = fixture_new();
	uint32_t a = fixture_process(graph, 1, "a", "/a"), channel = 0;
	uint32_t b = fixture_process(graph, 2, "b", "/b"), c = fixture_process(graph, 3, "b", "/b");
	const struct verify_output output = { .spec_path = "spec" };
	char *said;

	(void)state;
	graph->capture.mechanisms = UINT64_MAX;
	for (int i = 0; i < 3; i++) {
		channel = fixture_channel(graph, IPCT_UNIX_STREAM, "/s", "socket:[1]");
		fixture_edge(graph, a, b, channel, 1, 10);
		fixture_edge(graph, b, a, channel, 2, 20)->direction = 1;
	}
	channel = fixture_channel(graph, IPCT_UNIX_STREAM, "/s", "socket:[2]");
	fixture_endpoint(graph, channel, a, IPCT_ROLE_SEND, 3, 300);
	fixture_endpoint(graph, channel, c, IPCT_ROLE_SEND, 1, 1);
	fixture_edge(graph, a, c, channel, 2, 200);
	fixture_edge(graph, c, a, channel, 1, 1)->direction = 1;
	graph->channels[channel].unread = (struct graph_count){ 1, 100 };
	said = judged(verify_write_text, text, graph, &output);
	contains(said, "unread = 0\n    unread = 100 B, which is not unread = 0\n"
		       "    seen: a[1] -> b[3] via unix-stream /s (a -> b): 2 messages, 200 B, "
		       "100 B unread\n"
		       "    seen: a[1] -> b[2] via unix-stream /s (a -> b): 3 messages, 30 B in 3 "
		       "channels\n");
	contains(said, "    seen: b[2] -> a[1] via unix-stream /s (b -> a): 6 messages, 60 B in 3 "
		       "channels\n"
		       "    seen: b[3] -> a[1] via unix-stream /s (b -> a): 1 message, 1 B\n");
	lacks(said, "more");
	free(said);
	graph_free(graph);
}

/* ---- learnt and updated specifications ---- */

static char *learnt(const struct graph *const *graphs, size_t nr)
{
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	assert_int_equal(learn_write(graphs, nr, stream), 0);
	fclose(stream);
	return text;
}

/* No verdict of the specification on the graph is anything but a pass. */
static void holds(const char *text, const struct graph *graph)
{
	const struct evaluate_options options = {};
	struct text_problem problem;
	struct verdicts verdicts;
	struct spec *spec;

	if (spec_parse(text, strlen(text), &spec, &problem))
		fail_msg("%zu:%zu: %s in\n%s", problem.place.line, problem.place.column,
			 problem.text, text);
	assert_int_equal(evaluate(spec, graph, &options, &verdicts), 0);
	for (size_t i = 0; i < verdicts.nr; i++)
		if (verdicts.all[i].status != VERDICT_PASS)
			fail_msg("line %zu does not hold in\n%s", verdicts.all[i].line, text);
	verdicts_fini(&verdicts);
	spec_free(spec);
}

/* A server and its two children, a client; `turn` changes what changes from run to run. */
static struct graph *run_new(unsigned int turn)
{
	static const char *const sockets[] = { "/tmp/app.x7Kq2Z/s", "/tmp/app.Ab3dE9/s" };
	struct graph *graph = fixture_new();
	uint32_t server = fixture_process(graph, 100 + turn, "server", "/opt/bin/server");
	uint32_t child = fixture_process(graph, 200 + turn, "server", "/opt/bin/server");
	uint32_t client = fixture_process(graph, 300 + turn, "client", "/opt/bin/client");
	uint32_t outside = fixture_process(graph, 400 + turn, "tee", "/usr/bin/tee");
	uint32_t channel;

	graph->capture.mechanisms = UINT64_MAX;
	graph->processes[child].parent = server;
	graph->processes[outside].is_traced = false;
	channel = fixture_channel(graph, IPCT_UNIX_STREAM, sockets[turn], "socket:[1]");
	fixture_edge(graph, client, child, channel, 10, 1000 + turn);
	fixture_edge(graph, child, client, channel, 10, 90)->direction = 1;
	channel = fixture_channel(graph, IPCT_PIPE, "", "pipe:[2]");
	fixture_endpoint(graph, channel, server, IPCT_ROLE_SEND, 1, 4);
	fixture_edge(graph, server, child, channel, 1, 4);
	channel = fixture_channel(graph, IPCT_PIPE, "", "pipe:[3]");
	fixture_edge(graph, client, outside, channel, 1, 4);
	channel = fixture_channel(graph, IPCT_SIGNAL, "SIGCHLD", "signal:[17:1]");
	fixture_edge(graph, child, server, channel, 1, 0);
	channel = fixture_channel(graph, IPCT_TCP, "127.0.0.1:45678", "socket:[4]");
	fixture_edge(graph, client, server, channel, 1, 4);
	channel = fixture_channel(graph, IPCT_MEMFD, "ring", "memfd:[5]");
	fixture_endpoint(graph, channel, server, IPCT_ROLE_MAP_RW, 0, 0);
	fixture_endpoint(graph, channel, child, IPCT_ROLE_MAP_RO, 0, 0);
	if (!turn) {
		channel = fixture_channel(graph, IPCT_FUTEX, "", "futex:[6]");
		fixture_edge(graph, server, child, channel, 1, 0);
		channel = fixture_channel(graph, IPCT_FIFO, "/run/once", "fifo:[7]");
		fixture_edge(graph, server, client, channel, 1, 1);
	}
	return graph;
}

static void test_learn(void **state)
{
	struct graph *graph = run_new(0);
	const struct graph *const graphs[] = { graph };
	char *text = learnt(graphs, 1);

	(void)state;
	holds(text, graph);
	contains(text, "  server-child: {exe: \"*/server\", parent: [server, server-child]}\n"
		       "  server: {exe: \"*/server\"}\n");
	contains(text, "\"client -> server-child via unix-stream /tmp/app.*/s where bytes in "
		       "666..1500\"");
	contains(text, "\"server -> server-child via pipe where bytes in 2..6, unread = 0\"");
	contains(text, "\"client -> server via tcp where bytes");
	contains(text, "\"server -- server-child via memfd ring\"");
	contains(text, "\"server -> client via fifo /run/once");
	/* chance, and what comes from outside, is allowed */
	contains(text, "  - \"server -> server-child via futex\"\n");
	contains(text, "  - \"client -> outside via pipe\"\n");
	lacks(text, "tee");
	lacks(text, "45678");
	free(text);
	graph_free(graph);
}

static void test_learn_runs(void **state)
{
	struct graph *first = run_new(0), *second = run_new(1);
	const struct graph *const graphs[] = { first, second };
	char *text;

	(void)state;
	/* that the server was replaced while it ran makes it no other program */
	free(second->processes[1].exe);
	second->processes[1].exe = strdup("/opt/bin/server (deleted)");
	text = learnt(graphs, 2);
	lacks(text, "deleted");
	holds(text, first);
	holds(text, second);
	contains(text, "# seen: 10 messages, 1000..1001 bytes\n");
	/* what was there once is allowed */
	contains(text, "  - \"server -> client via fifo\"\n");
	free(text);
	graph_free(first);
	graph_free(second);
}

static void test_learn_hostile(void **state)
{
	struct graph *graph = fixture_hostile();
	const struct graph *const graphs[] = { graph };
	char *text;

	(void)state;
	graph->capture.mechanisms = UINT64_MAX;
	text = learnt(graphs, 1);
	is_harmless(text);
	free(text);
	graph_free(graph);
}

/* The text as it is updated for a graph. */
static char *updated(const char *old, const struct graph *graph, size_t *ret_changes)
{
	const struct evaluate_options options = {};
	struct text_problem problem;
	struct verdicts verdicts;
	struct spec *spec;
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	if (spec_parse(old, strlen(old), &spec, &problem))
		fail_msg("%zu:%zu: %s", problem.place.line, problem.place.column, problem.text);
	assert_int_equal(evaluate(spec, graph, &options, &verdicts), 0);
	assert_int_equal(spec_update_write(&verdicts, old, strlen(old), stream, ret_changes), 0);
	fclose(stream);
	verdicts_fini(&verdicts);
	spec_free(spec);
	return text;
}

static void update_is(const char *old, const char *expected)
{
	struct graph *graph = run_new(0);
	size_t changes;
	char *text = updated(old, graph, &changes);

	assert_string_equal(text, expected);
	assert_int_equal(changes > 0, strcmp(old, expected) != 0);
	free(text);
	graph_free(graph);
}

#define HEAD                                                                                       \
	"# ü: kept\nipctrace: 1\nroles: {s: {comm: server}, c: {comm: client}}\nexit: any # "     \
	"kept\n"

static void test_update(void **state)
{
	(void)state;
	update_is(HEAD, HEAD);
	update_is(HEAD "require:\n  - c -> s via unix where bytes >= 2k, peers = 1 # why\n",
		  HEAD "require:\n  - \"c -> s via unix where bytes >= 666, peers = 1\" # why\n");
	update_is(HEAD "require: [c -> s via unix where peers = 2]\n",
		  HEAD "require: [\"c -> s via unix where peers = 1\"]\n");
	update_is(HEAD "require:\n  - c -> s via udp # gone\n  - c -> s via unix\n",
		  HEAD "require:\n#  - c -> s via udp # gone\n  - c -> s via unix\n");
	update_is(HEAD "require: [c -> s via udp, s -> s via udp]\n", HEAD "require: []\n");
	/* what is forbidden stays so */
	update_is(HEAD "forbid: [c -> s via unix]\n", HEAD "forbid: [c -> s via unix]\n");
}

static void test_update_allow(void **state)
{
	(void)state;
	update_is(HEAD "closed: {mechanisms: [fifo]}\n",
		  HEAD "closed: {mechanisms: [fifo]}\n"
		       "allow:\n  - \"s -> c via fifo /run/once\"\n");
	update_is(HEAD "closed: {mechanisms: [fifo]}\nallow: []\n",
		  HEAD "closed: {mechanisms: [fifo]}\nallow: [\"s -> c via fifo /run/once\"]\n");
	update_is(HEAD "closed: {mechanisms: [fifo, memfd]}\nallow: [c -> s via unix]\n",
		  HEAD "closed: {mechanisms: [fifo, memfd]}\n"
		       "allow: [c -> s via unix, \"s -> c via fifo /run/once\", "
		       "\"s -- s via memfd ring\"]\n");
	update_is(HEAD "allow:\n    - c -> s via unix # x\nclosed: {mechanisms: [fifo]}",
		  HEAD "allow:\n    - c -> s via unix # x\n    - \"s -> c via fifo /run/once\"\n"
		       "closed: {mechanisms: [fifo]}");
	update_is(HEAD "allow:\nclosed: {mechanisms: [fifo]}\n",
		  HEAD "allow:\n  - \"s -> c via fifo /run/once\"\n"
		       "closed: {mechanisms: [fifo]}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	   cmocka_unit_test(test_tap),
		cmocka_unit_test(test_junit),	   cmocka_unit_test(test_json),
		cmocka_unit_test(test_edges),	   cmocka_unit_test(test_learn),
		cmocka_unit_test(test_learn_runs), cmocka_unit_test(test_learn_hostile),
		cmocka_unit_test(test_update),	   cmocka_unit_test(test_update_allow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
