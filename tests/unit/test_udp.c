/* SPDX-License-Identifier: GPL-2.0-only */
#include "world_fixture.h"

/* mDNS, NTP: everybody uses the same port. R hears a host outside; P's message is dropped. */
static void udp_senders_with_the_same_port_are_told_apart_by_address(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	inet(world, IPCT_UDP, 11, IPCT_ORIGIN_OPEN, v4(0, 0, 0, 0, 7000), NOBODY);
	inet(world, IPCT_UDP, 12, IPCT_ORIGIN_OPEN, v4(127, 0, 0, 1, 6000), NOBODY);
	udp(world, P, SEND, 12, 10, v4(127, 0, 0, 1, 7000));
	udp(world, R, RECEIVE, 11, 10, v4(10, 0, 0, 7, 6000));
	graph = world_end(world);
	assert_null(edge_of(graph, P, R));
	assert_int_equal(from_node(graph, "10.0.0.7:6000", R), 1);
	graph_free(graph);
}

/* A local resolver on port 53 asks 8.8.8.8:53. */
static void udp_from_another_host_is_not_before_capture_because_its_port_is_used_here(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	inet(world, IPCT_UDP, 11, IPCT_ORIGIN_OPEN, v4(127, 0, 0, 53, 53), NOBODY);
	inet(world, IPCT_UDP, 12, IPCT_ORIGIN_CREATE, v4(10, 0, 0, 2, 40000), v4(8, 8, 8, 8, 53));
	udp(world, R, SEND, 12, 10, NOBODY);
	udp(world, R, RECEIVE, 12, 100, NOBODY);
	graph = world_end(world);
	assert_int_equal(from_node(graph, BEFORE, R), 0);
	assert_int_equal(from_node(graph, "8.8.8.8:53", R), 1);
	graph_free(graph);
}

/* The server connects back after the first message, when the second one waits already. */
static void udp_sent_before_the_receiver_connected_is_received_after(void **state)
{
	struct world *world = world_begin();
	struct ipct_address server = v4(127, 0, 0, 1, 7000), client = v4(127, 0, 0, 1, 40000);
	struct graph *graph;

	(void)state;
	inet(world, IPCT_UDP, 11, IPCT_ORIGIN_OPEN, server, NOBODY);
	inet(world, IPCT_UDP, 12, IPCT_ORIGIN_OPEN, client, NOBODY);
	udp(world, P, SEND, 12, 10, server);
	udp(world, P, SEND, 12, 20, server);
	udp(world, R, RECEIVE, 11, 10, client);
	inet(world, IPCT_UDP, 11, IPCT_ORIGIN_CREATE, server, client);
	udp(world, R, RECEIVE, 11, 20, NOBODY);
	graph = world_end(world);
	assert_int_equal(from_node(graph, BEFORE, R), 0);
	assert_int_equal(messages_of(graph, P, R), 2);
	graph_free(graph);
}

/* The old server bound 127.0.0.1, the new one the wildcard. */
static void udp_goes_to_the_socket_that_is_there_not_to_one_that_was(void **state)
{
	struct world *world = world_begin();
	struct ipct_address client = v4(127, 0, 0, 1, 40000), to = v4(127, 0, 0, 1, 7000);
	struct graph *graph;

	(void)state;
	inet(world, IPCT_UDP, 12, IPCT_ORIGIN_OPEN, client, NOBODY);
	inet(world, IPCT_UDP, 11, IPCT_ORIGIN_OPEN, to, NOBODY);
	udp(world, P, SEND, 12, 10, to);
	udp(world, Q, RECEIVE, 11, 10, client);
	inet(world, IPCT_UDP, 21, IPCT_ORIGIN_OPEN, v4(0, 0, 0, 0, 7000), NOBODY);
	udp(world, P, SEND, 12, 10, to);
	udp(world, R, RECEIVE, 21, 10, client);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, R), 1);
	assert_int_equal(from_node(graph, BEFORE, R), 0);
	graph_free(graph);
}

static void udp_totals_to_another_host_are_counted(void **state)
{
	struct world *world = world_begin();
	struct ipct_aggregate total = { .key = { 12, 12 },
					.operations = 3,
					.messages = 3,
					.bytes = 30,
					.copied = 30,
					.mechanism = IPCT_UDP,
					.role = SEND,
					.address = v4(10, 0, 0, 7, 53) };
	struct graph *graph;

	(void)state;
	inet(world, IPCT_UDP, 12, IPCT_ORIGIN_OPEN, v4(0, 0, 0, 0, 40000), NOBODY);
	total.event = head(P, IPCT_EVENT_AGGREGATE, sizeof(total));
	apply(world, &total);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 1);
	assert_int_equal(graph->channels[0].endpoints[0].count.messages, 3);
	graph_free(graph);
}

/* 32768 … 60999 given by the kernel: another number in every run. */
static void udp_channel_of_an_autobound_socket_has_no_name(void **state)
{
	struct world *world = world_begin();
	struct ipct_address client = v4(127, 0, 0, 1, 43211), server = v4(127, 0, 0, 1, 7000);
	struct graph *graph;

	(void)state;
	inet(world, IPCT_UDP, 11, IPCT_ORIGIN_OPEN, server, NOBODY);
	inet(world, IPCT_UDP, 12, IPCT_ORIGIN_CREATE, v4(0, 0, 0, 0, 0), NOBODY);
	inet(world, IPCT_UDP, 12, IPCT_ORIGIN_TRANSFER, v4(0, 0, 0, 0, 43211), NOBODY);
	udp(world, P, SEND, 12, 10, server);
	udp(world, R, RECEIVE, 11, 10, client);
	udp(world, R, SEND, 11, 10, client);
	udp(world, P, RECEIVE, 12, 10, server);
	graph = world_end(world);
	assert_non_null(channel_named(graph, "127.0.0.1:7000"));
	for (size_t i = 0; i < graph->channels_nr; i++)
		assert_null(strstr(graph->channels[i].name, "43211"));
	graph_free(graph);
}

static void udp_wildcard_of_ipv4_is_named_as_such(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	inet(world, IPCT_UDP, 11, IPCT_ORIGIN_OPEN, v4(0, 0, 0, 0, 7000), NOBODY);
	udp(world, R, RECEIVE, 11, 10, v4(127, 0, 0, 1, 40000));
	graph = world_end(world);
	assert_non_null(channel_named(graph, "0.0.0.0:7000"));
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_senders_with_the_same_port_are_told_apart_by_address),
		cmocka_unit_test(
			udp_from_another_host_is_not_before_capture_because_its_port_is_used_here),
		cmocka_unit_test(udp_sent_before_the_receiver_connected_is_received_after),
		cmocka_unit_test(udp_goes_to_the_socket_that_is_there_not_to_one_that_was),
		cmocka_unit_test(udp_totals_to_another_host_are_counted),
		cmocka_unit_test(udp_channel_of_an_autobound_socket_has_no_name),
		cmocka_unit_test(udp_wildcard_of_ipv4_is_named_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
