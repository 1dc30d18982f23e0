/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "graph/graph_total.h"
#include "graph/graph_view.h"
#include "graph_fixture.h"

/* Indices as example_new() gives them. */
enum { NGINX1, NGINX2, PHP1, PHP2, PEER, KERNEL1, KERNEL2 };

static void residency(struct graph_edge *edge, uint64_t ns)
{
	edge->residency = histogram_new();
	histogram_add(edge->residency, ns);
}

static void add_channels(struct graph *graph)
{
	uint32_t channel;
	struct graph_edge *edge;

	channel = fixture_channel(graph, IPCT_UNIX_STREAM, "/run/php.sock", "socket:[1]");
	fixture_endpoint(graph, channel, NGINX1, IPCT_ROLE_SEND, 10, 1000)->wait_ns = 5;
	fixture_endpoint(graph, channel, PHP1, IPCT_ROLE_RECEIVE, 9, 900);
	graph->channels[channel].unread.bytes = 100;
	edge = fixture_edge(graph, NGINX1, PHP1, channel, 9, 900);
	edge->first_ns = 20;
	edge->last_ns = 30;
	residency(edge, 7);
	channel = fixture_channel(graph, IPCT_UNIX_STREAM, "/run/php.sock", "socket:[2]");
	fixture_endpoint(graph, channel, NGINX2, IPCT_ROLE_SEND, 4, 40)->wait_ns = 6;
	fixture_endpoint(graph, channel, PHP2, IPCT_ROLE_RECEIVE, 4, 40);
	edge = fixture_edge(graph, NGINX2, PHP2, channel, 4, 40);
	edge->is_exact = false;
	edge->at_least = (struct graph_count){ 3, 30 };
	edge->first_ns = 10;
	edge->last_ns = 25;
	residency(edge, 3);
	channel = fixture_channel(graph, IPCT_PIPE, "", "pipe:[1]");
	fixture_edge(graph, NGINX1, NGINX2, channel, 1, 8);
	channel = fixture_channel(graph, IPCT_PIPE, "", "pipe:[2]");
	fixture_edge(graph, NGINX1, NGINX2, channel, 2, 16);
	channel = fixture_channel(graph, IPCT_PIPE, "", "pipe:[3]");
	fixture_edge(graph, PHP1, PHP2, channel, 5, 5);
	channel = fixture_channel(graph, IPCT_TCP, "0.0.0.0:80", "tcp:[1]");
	fixture_edge(graph, PEER, NGINX1, channel, 7, 70);
	channel = fixture_channel(graph, IPCT_SIGNAL, "SIGHUP", "");
	fixture_edge(graph, KERNEL1, NGINX1, channel, 1, 0);
	fixture_edge(graph, KERNEL2, NGINX2, channel, 1, 0);
}

static struct graph *example_new(void)
{
	struct graph *graph = fixture_new();
	uint32_t nginx, php;

	nginx = fixture_process(graph, 811, "nginx", "/usr/sbin/nginx");
	fixture_process(graph, 812, "nginx", "/usr/sbin/nginx");
	php = fixture_process(graph, 840, "php-fpm", "/usr/bin/php");
	fixture_process(graph, 841, "worker", "/usr/bin/php");
	fixture_process(graph, 0, "nginx", "");
	fixture_process(graph, 0, "kernel", "");
	fixture_process(graph, 0, "kernel", "");
	graph->processes[NGINX2].parent = nginx;
	graph->processes[PHP1].parent = nginx;
	graph->processes[PHP2].parent = php;
	graph->processes[PHP2].uid = 33;
	graph->processes[NGINX1].exit_ns = 50;
	add_channels(graph);
	return graph;
}

static const struct graph_edge *find_edge(const struct graph *graph, const char *from,
					  const char *to, enum ipct_mechanism mechanism)
{
	size_t i;

	for (i = 0; i < graph->edges_nr; i++) {
		const struct graph_edge *edge = &graph->edges[i];

		if (edge->mechanism == mechanism &&
		    !strcmp(graph->processes[edge->from].comm, from) &&
		    !strcmp(graph->processes[edge->to].comm, to))
			return edge;
	}
	fail_msg("no edge %s -> %s", from, to);
	return NULL;
}

static void test_group_by_process(void **state)
{
	struct graph *graph = example_new(), *view;

	(void)state;
	assert_int_equal(graph_view_group(graph, GRAPH_GROUP_PROCESS, &view), 0);
	assert_int_equal(view->processes_nr, 6); /* the two "kernel" are one */
	assert_int_equal(view->processes[NGINX2].pid, 812);
	assert_int_equal(view->processes[NGINX2].members, 1);
	assert_int_equal(view->processes[PHP1].parent, NGINX1);
	assert_string_equal(view->processes[PHP1].args[1], "-g");
	assert_int_equal(view->edges_nr, 7); /* the two pipes between the same two are one */
	graph_free(view);
	graph_free(graph);
}

static void test_nameless_channels_of_merged_edges(void **state)
{
	struct graph *graph = example_new(), *view;
	const struct graph_edge *edge;

	(void)state;
	assert_int_equal(graph_view_group(graph, GRAPH_GROUP_PROCESS, &view), 0);
	edge = find_edge(view, "nginx", "nginx", IPCT_PIPE);
	assert_int_equal(edge->members, 2);
	assert_int_equal(edge->count.messages, 3);
	assert_int_equal(edge->count.bytes, 24);
	assert_string_equal(view->channels[edge->channel].object, "");
	edge = find_edge(view, "php-fpm", "worker", IPCT_PIPE);
	assert_string_equal(view->channels[edge->channel].object, "pipe:[3]");
	assert_int_equal(view->channels_nr, 5);
	graph_free(view);
	graph_free(graph);
}

static void check_merged_edge(const struct graph_edge *edge)
{
	assert_int_equal(edge->count.messages, 13);
	assert_int_equal(edge->count.bytes, 940);
	assert_int_equal(edge->at_least.messages, 12);
	assert_int_equal(edge->at_least.bytes, 930);
	assert_false(edge->is_exact);
	assert_int_equal(edge->first_ns, 10);
	assert_int_equal(edge->last_ns, 30);
	assert_int_equal(edge->members, 2);
	assert_int_equal(histogram_count(edge->residency), 2);
	assert_int_equal(histogram_min(edge->residency), 3);
	assert_int_equal(histogram_max(edge->residency), 7);
}

static void check_merged_channel(const struct graph_channel *channel)
{
	assert_string_equal(channel->name, "/run/php.sock");
	assert_string_equal(channel->object, "");
	assert_int_equal(channel->endpoints_nr, 2);
	assert_int_equal(channel->endpoints[0].count.bytes, 1040);
	assert_int_equal(channel->endpoints[0].operations, 14);
	assert_int_equal(channel->endpoints[0].wait_ns, 11);
	assert_int_equal(channel->endpoints[1].count.bytes, 940);
	assert_int_equal(channel->unread.bytes, 100); /* 1040 = 940 + 100 */
}

static void test_group_by_exe(void **state)
{
	struct graph *graph = example_new(), *view;
	const struct graph_edge *edge;

	(void)state;
	graph->processes[NGINX1].parent = NGINX2; /* no group is its own parent */
	assert_int_equal(graph_view_group(graph, GRAPH_GROUP_EXE, &view), 0);
	assert_int_equal(view->processes_nr, 4);
	assert_string_equal(view->processes[1].comm, "php");
	assert_int_equal(view->processes[1].members, 2);
	assert_int_equal(view->processes[1].uid, UINT32_MAX);
	assert_int_equal(view->processes[1].parent, 0);
	assert_int_equal(view->processes[0].parent, GRAPH_NONE);
	assert_int_equal(view->processes[0].exit_ns, -1); /* one of the two lives on */
	assert_null(view->processes[0].args[0]);
	edge = find_edge(view, "nginx", "php", IPCT_UNIX_STREAM);
	check_merged_edge(edge);
	check_merged_channel(&view->channels[edge->channel]);
	graph_free(view);
	graph_free(graph);
}

static void test_group_by_comm(void **state)
{
	struct graph *graph = example_new(), *view;

	(void)state;
	assert_int_equal(graph_view_group(graph, GRAPH_GROUP_COMM, &view), 0);
	assert_int_equal(view->processes_nr, 5);
	assert_int_equal(find_edge(view, "nginx", "php-fpm", IPCT_UNIX_STREAM)->members, 1);
	assert_int_equal(find_edge(view, "kernel", "nginx", IPCT_SIGNAL)->count.messages, 2);
	graph_free(view);
	graph_free(graph);
}

/* A remote peer called as a local program is not that program. */
static void test_off_host_kept_apart(void **state)
{
	struct graph *graph = example_new(), *view;
	const struct graph_edge *edge;

	(void)state;
	assert_int_equal(graph_view_group(graph, GRAPH_GROUP_COMM, &view), 0);
	edge = find_edge(view, "nginx", "nginx", IPCT_TCP);
	assert_int_not_equal(edge->from, edge->to);
	assert_int_equal(view->processes[edge->from].pid, 0);
	assert_false(view->processes[edge->from].is_traced);
	graph_free(view);
	graph_free(graph);
}

static void test_sums_stay(void **state)
{
	struct graph *graph = example_new(), *view;
	uint64_t messages[2] = { 0 }, bytes[2] = { 0 };
	unsigned int by;
	size_t i;

	(void)state;
	for (by = 0; by < GRAPH_GROUP_NR; by++) {
		messages[0] = messages[1] = bytes[0] = bytes[1] = 0;
		assert_int_equal(graph_view_group(graph, (enum graph_grouping)by, &view), 0);
		for (i = 0; i < graph->edges_nr; i++) {
			messages[0] += graph->edges[i].count.messages;
			bytes[0] += graph->edges[i].count.bytes;
		}
		for (i = 0; i < view->edges_nr; i++) {
			assert_in_range(view->edges[i].channel, 0, view->channels_nr - 1);
			messages[1] += view->edges[i].count.messages;
			bytes[1] += view->edges[i].count.bytes;
		}
		assert_int_equal(messages[0], messages[1]);
		assert_int_equal(bytes[0], bytes[1]);
		graph_free(view);
	}
	graph_free(graph);
}

static void test_top(void **state)
{
	struct graph *graph = example_new(), *view;
	size_t left_out;

	(void)state;
	assert_int_equal(graph_view_top(graph, 2, &view, &left_out), 0);
	assert_int_equal(left_out, 6);
	assert_int_equal(view->edges_nr, 2);
	assert_int_equal(view->edges[0].count.bytes, 900);
	assert_int_equal(view->edges[1].count.bytes, 70);
	assert_int_equal(view->processes_nr, 3);
	assert_string_equal(view->processes[1].comm, "php-fpm");
	assert_int_equal(view->processes[1].parent, 0);
	assert_int_equal(view->channels_nr, 2);
	assert_int_equal(view->channels[0].endpoints_nr, 2);
	assert_int_equal(histogram_count(view->edges[0].residency), 1);
	graph_free(view);
	assert_int_equal(graph_view_top(graph, 100, &view, &left_out), 0);
	assert_int_equal(left_out, 0);
	assert_int_equal(view->edges_nr, 8);
	graph_free(view);
	graph_free(graph);
}

static void check_order(const struct graph *graph, enum graph_sort sort, uint32_t first,
			uint32_t last)
{
	uint32_t *order = graph_view_sort_edges(graph, sort);

	assert_non_null(order);
	assert_int_equal(order[0], first);
	assert_int_equal(order[graph->edges_nr - 1], last);
	free(order);
}

static void test_sort(void **state)
{
	struct graph *graph = example_new();

	(void)state;
	check_order(graph, GRAPH_SORT_BYTES, 0, 7);
	check_order(graph, GRAPH_SORT_RATE, 0, 7);
	graph->edges[4].count.messages = 100;
	check_order(graph, GRAPH_SORT_MESSAGES, 4, 7);
	check_order(graph, GRAPH_SORT_NAME, 6, 4);
	graph_free(graph);
}

static void test_empty(void **state)
{
	struct graph *graph = fixture_new(), *view;
	size_t left_out, nr;

	(void)state;
	assert_int_equal(graph_view_group(graph, GRAPH_GROUP_EXE, &view), 0);
	assert_int_equal(view->edges_nr, 0);
	assert_string_equal(view->capture.host, "web1");
	assert_string_equal(view->capture.command[1], "demo");
	assert_int_equal(view->ledger.seen, 120);
	graph_free(view);
	assert_int_equal(graph_view_top(graph, 3, &view, &left_out), 0);
	graph_free(view);
	free(graph_total_mechanisms(graph, GRAPH_SORT_BYTES, &nr));
	assert_int_equal(nr, 0);
	graph_free(graph);
	graph_free(NULL);
}

static void test_process_totals(void **state)
{
	struct graph *graph = example_new();
	struct graph_total *totals;
	size_t nr;

	(void)state;
	fixture_process(graph, 99, "idle", "/bin/idle");
	fixture_edge(graph, NGINX1, NGINX1, 2, 1, 6); /* counts once as an edge */
	totals = graph_total_processes(graph, GRAPH_SORT_BYTES, &nr);
	assert_int_equal(nr, 7); /* without the idle one */
	assert_int_equal(totals[0].index, NGINX1);
	assert_int_equal(totals[0].sent.bytes, 930);
	assert_int_equal(totals[0].received.bytes, 76);
	assert_int_equal(totals[0].received.messages, 9);
	assert_int_equal(totals[0].moved.bytes, 1000);
	assert_int_equal(totals[0].edges, 6);
	assert_int_equal(totals[0].wait_ns, 5);
	free(totals);
	totals = graph_total_processes(graph, GRAPH_SORT_NAME, &nr);
	assert_string_equal(graph->processes[totals[0].index].comm, "kernel");
	free(totals);
	graph_free(graph);
}

static void test_channel_totals(void **state)
{
	struct graph *graph = example_new();
	struct graph_total *totals;
	size_t nr;

	(void)state;
	totals = graph_total_channels(graph, GRAPH_SORT_BYTES, &nr);
	assert_int_equal(nr, 7);
	assert_int_equal(totals[0].index, 0);
	assert_int_equal(totals[0].moved.bytes, 900);
	assert_int_equal(totals[0].sender, NGINX1);
	assert_int_equal(totals[0].receiver, PHP1);
	assert_int_equal(totals[0].senders, 1);
	free(totals);
	graph_free(graph);
}

static void test_mechanism_totals(void **state)
{
	struct graph *graph = example_new();
	struct graph_total *totals;
	size_t nr;

	(void)state;
	totals = graph_total_mechanisms(graph, GRAPH_SORT_BYTES, &nr);
	assert_int_equal(nr, 4);
	assert_int_equal(totals[0].index, IPCT_UNIX_STREAM);
	assert_int_equal(totals[0].edges, 2);
	assert_int_equal(totals[0].exact_edges, 1);
	assert_int_equal(totals[0].channels, 2);
	assert_int_equal(totals[0].wait_ns, 11);
	assert_int_equal(totals[3].index, IPCT_SIGNAL);
	free(totals);
	totals = graph_total_mechanisms(graph, GRAPH_SORT_NAME, &nr);
	assert_int_equal(totals[0].index, IPCT_PIPE);
	free(totals);
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group_by_process),
		cmocka_unit_test(test_nameless_channels_of_merged_edges),
		cmocka_unit_test(test_group_by_exe),
		cmocka_unit_test(test_group_by_comm),
		cmocka_unit_test(test_off_host_kept_apart),
		cmocka_unit_test(test_sums_stay),
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_process_totals),
		cmocka_unit_test(test_channel_totals),
		cmocka_unit_test(test_mechanism_totals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
