/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>

#include "graph_fixture.h"
#include "output/output.h"

/* HOSTILE as the schema wants it. */
#define HOSTILE_TEXT "a\\x0A\\x1B[31m\"'<b>&lt;\\N\\\\xFF\\xC2\\x9B\xe2\x80\xae\xef\xbf\xbe\xc3\xbc"

enum { NGINX, PHP, PEER };

static struct graph *example_new(void)
{
	struct graph *graph = fixture_new();
	struct graph_endpoint *endpoint;
	struct graph_channel *channel;
	struct graph_edge *edge;

	fixture_process(graph, 812, "nginx", "/usr/sbin/nginx");
	fixture_process(graph, 840, "php-fpm", "/usr/bin/php");
	fixture_process(graph, 0, "10.0.0.7:5432", "");
	graph->processes[NGINX].start_ns = -5;
	graph->processes[PHP].parent = NGINX;
	graph->processes[PHP].uid = 33;
	graph->processes[PHP].pid_namespace = 4026531836;
	graph->processes[PHP].exit_ns = 9000000000;
	fixture_channel(graph, IPCT_UNIX_STREAM, "/run/php.sock", "socket:[4711]");
	endpoint = fixture_endpoint(graph, 0, NGINX, IPCT_ROLE_SEND, 12, 3456);
	endpoint->operations = 13;
	endpoint->wait_ns = 1000;
	endpoint->errors = fixture_slot(NULL, &endpoint->errors_nr, sizeof(*endpoint->errors));
	endpoint->errors[0] = (struct graph_error){ EAGAIN, 3 };
	endpoint->errors =
		fixture_slot(endpoint->errors, &endpoint->errors_nr, sizeof(*endpoint->errors));
	endpoint->errors[1] = (struct graph_error){ 999, 1 };
	fixture_endpoint(graph, 0, PHP, IPCT_ROLE_RECEIVE, 11, 3400);
	channel = &graph->channels[0];
	channel->before_capture = (struct graph_count){ 1, 10 };
	channel->unread = (struct graph_count){ 2, 20 };
	channel->is_unread_inferred = true;
	channel->truncated = (struct graph_count){ 3, 30 };
	channel->lost = (struct graph_count){ 4, 40 };
	fixture_channel(graph, IPCT_TCP, "", "tcp:[1]");
	edge = fixture_edge(graph, NGINX, PHP, 0, 11, 3400);
	edge->is_exact = false;
	edge->at_least = (struct graph_count){ 10, 3000 };
	edge->first_ns = 100;
	edge->last_ns = 9900000000;
	edge->residency = histogram_new();
	histogram_add(edge->residency, 5);
	histogram_add(edge->residency, 9);
	fixture_edge(graph, PEER, NGINX, 1, 1, UINT64_MAX);
	return graph;
}

/* Writes the graph and reads it back. Frees the graph. */
static json_t *written(struct graph *graph, const struct output_options *options)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);
	json_error_t error;
	json_t *json;

	assert_int_equal(output_json.write(graph, options, stream), 0);
	fclose(stream);
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		fail_msg("line %d: %s", error.line, error.text);
	free(text);
	graph_free(graph);
	return json;
}

static json_t *written_plain(struct graph *graph)
{
	const struct output_options options = { 0 };

	return written(graph, &options);
}

/* The value of a field; the test fails without it. */
static json_t *field(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!value)
		fail_msg("no field '%s'", key);
	return value;
}

static json_t *element(json_t *json, const char *array, size_t index)
{
	json_t *value = json_array_get(field(json, array), index);

	if (!value)
		fail_msg("no %s[%zu]", array, index);
	return value;
}

static void is_text(json_t *object, const char *key, const char *expected)
{
	assert_true(json_is_string(field(object, key)));
	assert_string_equal(json_string_value(field(object, key)), expected);
}

static void is_integer(json_t *object, const char *key, long long expected)
{
	assert_true(json_is_integer(field(object, key)));
	assert_true(json_integer_value(field(object, key)) == expected);
}

static void is_null(json_t *object, const char *key)
{
	assert_true(json_is_null(field(object, key)));
}

static void is_bool(json_t *object, const char *key, bool expected)
{
	assert_true(json_is_boolean(field(object, key)));
	assert_int_equal(json_is_true(field(object, key)), expected);
}

static void is_count(json_t *object, const char *key, long long messages, long long bytes)
{
	is_integer(field(object, key), "messages", messages);
	is_integer(field(object, key), "bytes", bytes);
}

static void test_head(void **state)
{
	struct graph *graph = example_new();
	json_t *json, *capture, *ledger;

	(void)state;
	graph->ledger =
		(struct graph_ledger){ .seen = 10,
				       .recorded = 5,
				       .aggregated = 2,
				       .lost = 3,
				       .causes_nr = 2,
				       .causes = { { "ring-full", 1 }, { "hook-skipped", 2 } } };
	json = written_plain(graph);
	is_text(json, "schema", "ipctrace.graph/1");
	capture = field(json, "capture");
	is_text(capture, "host", "web1");
	is_text(capture, "kernel", "6.18.0");
	is_text(capture, "arch", "x86_64");
	is_text(capture, "start", "2026-08-05T12:00:00.123456789Z");
	is_integer(capture, "duration_ns", 10000000000);
	assert_string_equal(json_string_value(element(capture, "command", 1)), "demo");
	is_text(capture, "scope", "command");
	is_text(capture, "hooks", "all");
	is_bool(capture, "complete", true);
	ledger = field(json, "ledger");
	is_integer(ledger, "seen", 10);
	is_integer(ledger, "recorded", 5);
	is_integer(ledger, "aggregated", 2);
	is_integer(ledger, "lost", 3);
	is_integer(field(ledger, "causes"), "ring-full", 1);
	is_integer(field(ledger, "causes"), "hook-skipped", 2);
	assert_null(json_object_get(json, "view"));
	json_decref(json);
}

static void test_scopes(void **state)
{
	static const char *const names[] = { "command", "pids", "system" };
	struct graph *graph;
	json_t *json;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		graph = fixture_new();
		graph->capture.scope = (enum graph_scope)i;
		json = written_plain(graph);
		is_text(field(json, "capture"), "scope", names[i]);
		json_decref(json);
	}
}

static void test_without_command(void **state)
{
	struct graph *graph = fixture_new();
	json_t *json;

	(void)state;
	free(graph->capture.command[0]);
	free(graph->capture.command[1]);
	free(graph->capture.command);
	graph->capture.command = NULL;
	graph->capture.start_realtime_ns = -999999995;
	json = written_plain(graph);
	is_null(field(json, "capture"), "command");
	is_text(field(json, "capture"), "start", "1969-12-31T23:59:59.000000005Z");
	assert_int_equal(json_array_size(field(json, "processes")), 0);
	assert_int_equal(json_array_size(field(json, "channels")), 0);
	assert_int_equal(json_array_size(field(json, "edges")), 0);
	json_decref(json);
}

static void test_processes(void **state)
{
	json_t *json = written_plain(example_new()), *process;

	(void)state;
	assert_int_equal(json_array_size(field(json, "processes")), 3);
	process = element(json, "processes", NGINX);
	is_text(process, "id", "p1");
	is_integer(process, "pid", 812);
	is_null(process, "parent");
	is_integer(process, "start_ns", -5);
	is_null(process, "exit_ns");
	process = element(json, "processes", PHP);
	is_text(process, "id", "p2");
	is_text(process, "parent", "p1");
	is_text(process, "comm", "php-fpm");
	is_text(process, "exe", "/usr/bin/php");
	assert_int_equal(json_array_size(field(process, "args")), 2);
	assert_string_equal(json_string_value(element(process, "args", 1)), "-g");
	is_integer(process, "uid", 33);
	is_text(process, "cgroup", "/system.slice");
	is_integer(process, "pid_namespace", 4026531836);
	is_integer(process, "start_ns", 0);
	is_integer(process, "exit_ns", 9000000000);
	is_bool(process, "traced", true);
	process = element(json, "processes", PEER);
	is_null(process, "pid");
	is_text(process, "comm", "10.0.0.7:5432");
	is_text(process, "exe", "");
	assert_int_equal(json_array_size(field(process, "args")), 0);
	is_bool(process, "traced", false);
	json_decref(json);
}

static void check_endpoints(json_t *channel)
{
	json_t *endpoint = element(channel, "endpoints", 0);

	assert_int_equal(json_array_size(field(channel, "endpoints")), 2);
	is_text(endpoint, "process", "p1");
	is_text(endpoint, "role", "send");
	is_integer(endpoint, "operations", 13);
	is_integer(endpoint, "messages", 12);
	is_integer(endpoint, "bytes", 3456);
	is_integer(endpoint, "wait_ns", 1000);
	assert_int_equal(json_object_size(field(endpoint, "errors")), 2);
	is_integer(field(endpoint, "errors"), "EAGAIN", 3);
	is_integer(field(endpoint, "errors"), "999", 1);
	endpoint = element(channel, "endpoints", 1);
	is_text(endpoint, "role", "receive");
	assert_int_equal(json_object_size(field(endpoint, "errors")), 0);
}

static void test_channels(void **state)
{
	json_t *json = written_plain(example_new()), *channel;

	(void)state;
	assert_int_equal(json_array_size(field(json, "channels")), 2);
	channel = element(json, "channels", 0);
	is_text(channel, "id", "c1");
	is_text(channel, "mechanism", "unix-stream");
	is_text(channel, "name", "/run/php.sock");
	is_text(channel, "object", "socket:[4711]");
	check_endpoints(channel);
	is_count(channel, "before_capture", 1, 10);
	is_count(channel, "unread", 2, 20);
	is_bool(field(channel, "unread"), "inferred", true);
	is_count(channel, "truncated", 3, 30);
	is_count(channel, "lost", 4, 40);
	channel = element(json, "channels", 1);
	is_text(channel, "id", "c2");
	is_text(channel, "name", "");
	is_bool(field(channel, "unread"), "inferred", false);
	assert_int_equal(json_array_size(field(channel, "endpoints")), 0);
	json_decref(json);
}

static void test_edges(void **state)
{
	json_t *json = written_plain(example_new()), *edge, *residency;

	(void)state;
	assert_int_equal(json_array_size(field(json, "edges")), 2);
	edge = element(json, "edges", 0);
	is_text(edge, "from", "p1");
	is_text(edge, "to", "p2");
	is_text(edge, "channel", "c1");
	is_text(edge, "mechanism", "unix-stream");
	is_integer(edge, "messages", 11);
	is_integer(edge, "bytes", 3400);
	is_bool(edge, "exact", false);
	is_count(edge, "at_least", 10, 3000);
	residency = field(edge, "residency_ns");
	is_integer(residency, "count", 2);
	is_integer(residency, "min", 5);
	is_integer(residency, "p50", 5);
	is_integer(residency, "p90", 9);
	is_integer(residency, "p99", 9);
	is_integer(residency, "max", 9);
	is_integer(edge, "first_ns", 100);
	is_integer(edge, "last_ns", 9900000000);
	edge = element(json, "edges", 1);
	is_text(edge, "from", "p3");
	is_text(edge, "channel", "c2");
	is_bool(edge, "exact", true);
	is_null(edge, "residency_ns");
	is_integer(edge, "bytes", LLONG_MAX); /* JSON has no more here: never negative */
	json_decref(json);
}

static void test_hostile(void **state)
{
	json_t *json = written_plain(fixture_hostile()), *process;

	(void)state;
	assert_string_equal(json_string_value(element(field(json, "capture"), "command", 0)),
			    HOSTILE_TEXT);
	process = element(json, "processes", 0);
	is_text(process, "comm", HOSTILE_TEXT);
	is_text(process, "exe", HOSTILE_TEXT);
	assert_string_equal(json_string_value(element(process, "args", 0)), HOSTILE_TEXT);
	is_text(element(json, "processes", 1), "comm", "");
	is_text(element(json, "channels", 0), "name", HOSTILE_TEXT);
	is_text(element(json, "channels", 0), "object", HOSTILE_TEXT);
	json_decref(json);
}

static void test_regrouped(void **state)
{
	const struct output_options options = { .group_by = "comm", .edges_left_out = 3 };
	struct graph *graph = example_new();
	json_t *json;

	(void)state;
	graph->processes[NGINX].members = 4;
	graph->processes[NGINX].uid = UINT32_MAX;
	json = written(graph, &options);
	is_text(field(json, "view"), "group_by", "comm");
	is_integer(field(json, "view"), "edges_left_out", 3);
	is_null(element(json, "processes", NGINX), "pid");
	is_null(element(json, "processes", NGINX), "uid");
	is_integer(element(json, "processes", NGINX), "members", 4);
	assert_null(json_object_get(element(json, "processes", PHP), "members"));
	json_decref(json);
}

static void test_full_disk(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	setvbuf(full, NULL, _IONBF, 0);
	assert_int_equal(output_json.write(graph, &options, full), -EIO);
	fclose(full);
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_without_command),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_regrouped),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
