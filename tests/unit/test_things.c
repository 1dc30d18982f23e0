/* SPDX-License-Identifier: GPL-2.0-only */
/* Pseudo-terminals, netlink, vsock, and signals that are taken. */
#include <errno.h>

#include "world_fixture.h"

#define MASTER 7000 /* addresses of tty_structs */
#define SLAVE 7001
#define RAW IPCT_TRANSFER_RAW

static void pty(struct world *world, uint32_t pid, uint8_t role, uint64_t end, int64_t bytes,
		uint16_t flags)
{
	struct ipct_transfer t = transfer(pid, IPCT_PTY, role, 1, bytes);

	t.key = (struct ipct_key){ 4, MASTER };
	t.peer = end == SLAVE ? MASTER : SLAVE;
	t.flags = flags;
	apply(world, &t);
}

static void pty_record(struct world *world, uint8_t origin, uint64_t down, uint64_t up)
{
	struct ipct_object record = {
		.event = head(P, IPCT_EVENT_OBJECT, sizeof(record)),
		.key = { 4, MASTER },
		.mechanism = IPCT_PTY,
		.origin = origin,
		.queued_bytes = down,
		.size = up,
	};

	apply(world, &record);
}

static void pty_make(struct world *world)
{
	pty_record(world, IPCT_ORIGIN_CREATE, IPCT_LEVEL_UNKNOWN, IPCT_LEVEL_UNKNOWN);
}

static void a_raw_terminal_is_a_stream_each_way(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	pty_make(world);
	pty(world, P, SEND, MASTER, 10, RAW);
	pty(world, Q, RECEIVE, SLAVE, 10, RAW);
	pty(world, Q, SEND, SLAVE, 7, RAW);
	pty(world, P, RECEIVE, MASTER, 7, RAW);
	graph = world_end(world);
	assert_int_equal(bytes_of(graph, P, Q), 10);
	assert_int_equal(bytes_of(graph, Q, P), 7);
	assert_true(edge_of(graph, P, Q)->is_exact);
	assert_true(edge_of(graph, Q, P)->is_exact);
	assert_non_null(channel_named(graph, "/dev/pts/3"));
	graph_free(graph);
}

/* Echoed: 5 bytes come back that the slave's process never sent. Then it sends 3. */
static void an_echo_is_sent_by_nobody(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	pty_make(world);
	pty(world, P, SEND, MASTER, 4, 0);
	pty(world, P, RECEIVE, MASTER, 5, 0);
	pty(world, Q, RECEIVE, SLAVE, 4, 0);
	pty(world, Q, SEND, SLAVE, 3, 0);
	pty(world, P, RECEIVE, MASTER, 4, 0);
	graph = world_end(world);
	assert_int_equal(bytes_of(graph, P, Q), 4);
	assert_int_equal(bytes_of(graph, Q, P), 3);
	assert_int_equal(messages_of(graph, Q, P), 1);
	assert_int_equal(bytes_of(graph, P, P), 0);
	assert_int_equal(from_node(graph, BEFORE, P), 0);
	assert_false(edge_of(graph, Q, P)->is_exact);
	graph_free(graph);
}

/* The reader was out of the kernel first. */
static void a_cooked_receive_may_be_reported_before_its_send(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	pty_make(world);
	pty(world, P, RECEIVE, MASTER, 4, 0);
	now_ns -= 20000000 - 1000;
	pty(world, Q, SEND, SLAVE, 3, 0);
	graph = world_end(world);
	assert_int_equal(bytes_of(graph, Q, P), 3);
	graph_free(graph);
}

/* What is received behind it looks like what was thrown away. */
static void a_flush_leaves_nothing_exact_that_was_in_flight(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	pty_make(world);
	pty(world, P, SEND, MASTER, 10, RAW);
	pty(world, P, SEND, MASTER, 20, RAW);
	pty_record(world, IPCT_ORIGIN_FLUSH, IPCT_LEVEL_UNKNOWN, IPCT_LEVEL_UNKNOWN);
	pty(world, P, SEND, MASTER, 30, RAW);
	pty(world, Q, RECEIVE, SLAVE, 15, RAW);
	graph = world_end(world);
	assert_false(edge_of(graph, P, Q)->is_exact);
	assert_int_equal(edge_of(graph, P, Q)->at_least.messages, 0);
	graph_free(graph);
}

static void an_older_terminal_has_its_level_from_the_snapshot(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	pty_record(world, IPCT_ORIGIN_START, 0, 2);
	pty(world, Q, SEND, SLAVE, 3, RAW);
	pty(world, P, RECEIVE, MASTER, 5, RAW);
	graph = world_end(world);
	assert_int_equal(bytes_of(graph, Q, P), 3);
	assert_true(edge_of(graph, Q, P)->is_exact);
	graph_free(graph);
}

/* Netlink ---------------------------------------------------------------------------------- */

#define PROTOCOL 2 /* NETLINK_USERSOCK */

static void netlink_socket(struct world *world, uint64_t object, uint32_t port, uint8_t origin,
			   uint32_t queued)
{
	struct ipct_socket record = description(IPCT_NETLINK, object, origin);

	record.sequence_local = port;
	record.sequence_remote = PROTOCOL;
	record.queued_messages = queued;
	record.queued_bytes = 0;
	apply(world, &record);
}

static void netlink(struct world *world, uint32_t pid, uint8_t role, uint64_t object, uint32_t port,
		    int64_t bytes)
{
	struct ipct_transfer t = transfer(pid, IPCT_NETLINK, role, object, bytes);

	t.peer = port;
	apply(world, &t);
}

/* One send, received by two. The send failed, there being no kernel that listens. */
static void a_send_to_a_group_is_a_message_to_each_member(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	netlink_socket(world, 50, 500, IPCT_ORIGIN_TRANSFER, 0);
	netlink_socket(world, 51, 501, IPCT_ORIGIN_TRANSFER, 0);
	netlink_socket(world, 52, 502, IPCT_ORIGIN_TRANSFER, 0);
	netlink(world, P, SEND, 50, 0, -ECONNREFUSED);
	netlink(world, Q, RECEIVE, 51, 500, 8);
	netlink(world, R, RECEIVE, 52, 500, 8);
	graph = world_end(world);
	assert_int_equal(bytes_of(graph, P, Q), 8);
	assert_int_equal(bytes_of(graph, P, R), 8);
	assert_true(edge_of(graph, P, Q)->is_exact);
	assert_true(edge_of(graph, P, R)->is_exact);
	graph_free(graph);
}

static void a_netlink_receive_may_be_reported_before_its_send(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	netlink_socket(world, 51, 501, IPCT_ORIGIN_TRANSFER, 0);
	netlink(world, Q, RECEIVE, 51, 500, 8);
	netlink_socket(world, 50, 500, IPCT_ORIGIN_TRANSFER, 0);
	netlink(world, P, SEND, 50, 0, 8);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, Q), 1);
	assert_true(edge_of(graph, P, Q)->is_exact);
	graph_free(graph);
}

static void a_netlink_socket_of_two_processes_proves_nothing(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	netlink_socket(world, 50, 500, IPCT_ORIGIN_TRANSFER, 0);
	netlink_socket(world, 51, 501, IPCT_ORIGIN_TRANSFER, 0);
	netlink(world, P, SEND, 50, 0, 8);
	netlink(world, R, SEND, 50, 0, 8);
	netlink(world, Q, RECEIVE, 51, 500, 8);
	netlink(world, Q, RECEIVE, 51, 500, 8);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, Q) + messages_of(graph, R, Q), 2);
	for (size_t i = 0; i < graph->edges_nr; i++)
		assert_false(graph->edges[i].is_exact);
	graph_free(graph);
}

static void a_port_that_nobody_was_seen_using_is_a_node(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	netlink_socket(world, 51, 501, IPCT_ORIGIN_TRANSFER, 0);
	netlink(world, Q, RECEIVE, 51, 77, 8);
	graph = world_end(world);
	assert_int_equal(from_node(graph, "netlink:[2:77]", Q), 1);
	graph_free(graph);
}

static void netlink_messages_that_waited_are_of_before(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	netlink_socket(world, 50, 500, IPCT_ORIGIN_START, 0);
	netlink_socket(world, 51, 501, IPCT_ORIGIN_START, 1);
	netlink(world, P, SEND, 50, 0, 8);
	netlink(world, Q, RECEIVE, 51, 500, 8);
	netlink(world, Q, RECEIVE, 51, 500, 8);
	graph = world_end(world);
	assert_int_equal(from_node(graph, BEFORE, Q), 1);
	assert_int_equal(messages_of(graph, P, Q), 1);
	assert_true(edge_of(graph, P, Q)->is_exact);
	graph_free(graph);
}

/* The port was of another process's socket before: which of them sent this? */
static void a_port_that_changed_hands_proves_nothing(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	netlink_socket(world, 51, 501, IPCT_ORIGIN_TRANSFER, 0);
	netlink_socket(world, 50, 500, IPCT_ORIGIN_TRANSFER, 0);
	netlink(world, P, SEND, 50, 0, 8);
	netlink_socket(world, 52, 500, IPCT_ORIGIN_TRANSFER, 0);
	netlink(world, R, SEND, 52, 0, 8);
	netlink(world, Q, RECEIVE, 51, 500, 8);
	graph = world_end(world);
	for (size_t i = 0; i < graph->edges_nr; i++)
		assert_false(graph->edges[i].is_exact);
	graph_free(graph);
}

/* Vsock ------------------------------------------------------------------------------------ */

#define CID_ANY UINT32_MAX

static struct ipct_address vm(uint32_t cid, uint32_t port)
{
	struct ipct_address address = { .family = 40, .scope = port };

	memcpy(address.ip, &cid, sizeof(cid));
	return address;
}

static void vsock(struct world *world, uint64_t object, uint8_t origin, struct ipct_address local,
		  struct ipct_address remote)
{
	struct ipct_socket record = description(IPCT_VSOCK, object, origin);

	record.local = local;
	record.remote = remote;
	apply(world, &record);
}

static void vsock_move(struct world *world, uint32_t pid, uint8_t role, uint64_t object,
		       int64_t bytes)
{
	struct ipct_transfer t = transfer(pid, IPCT_VSOCK, role, object, bytes);

	apply(world, &t);
}

/* The kernel bound the client to any cid and a port above 16 bits. */
static void vsock_ends_are_paired_by_reversed_addresses(void **state)
{
	struct world *world = world_begin();
	struct ipct_socket listener = description(IPCT_VSOCK, 59, IPCT_ORIGIN_OPEN);
	const struct graph_channel *channel;
	struct graph *graph;

	(void)state;
	listener.state = 10;
	listener.local = vm(CID_ANY, 100000);
	apply(world, &listener);
	vsock(world, 60, IPCT_ORIGIN_CREATE, vm(CID_ANY, 700001), vm(1, 100000));
	vsock(world, 61, IPCT_ORIGIN_OPEN, vm(1, 100000), vm(1, 700001));
	vsock_move(world, P, SEND, 60, 10);
	vsock_move(world, Q, RECEIVE, 61, 10);
	vsock_move(world, Q, SEND, 61, 5);
	vsock_move(world, P, RECEIVE, 60, 5);
	graph = world_end(world);
	assert_int_equal(bytes_of(graph, P, Q), 10);
	assert_int_equal(bytes_of(graph, Q, P), 5);
	assert_true(edge_of(graph, P, Q)->is_exact);
	assert_int_equal(graph->channels_nr, 1);
	channel = channel_named(graph, "1:100000");
	assert_non_null(channel);
	graph_free(graph);
}

static void two_vsock_clients_of_a_port_are_two_channels(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	vsock(world, 60, IPCT_ORIGIN_CREATE, vm(CID_ANY, 1001), vm(1, 99));
	vsock(world, 62, IPCT_ORIGIN_CREATE, vm(CID_ANY, 1002), vm(1, 99));
	vsock(world, 61, IPCT_ORIGIN_OPEN, vm(1, 99), vm(1, 1002));
	vsock(world, 63, IPCT_ORIGIN_OPEN, vm(1, 99), vm(1, 1001));
	vsock_move(world, P, SEND, 60, 10);
	vsock_move(world, R, SEND, 62, 20);
	vsock_move(world, Q, RECEIVE, 61, 20);
	vsock_move(world, Q, RECEIVE, 63, 10);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 2);
	assert_int_equal(bytes_of(graph, P, Q), 10);
	assert_int_equal(bytes_of(graph, R, Q), 20);
	graph_free(graph);
}

static void a_vsock_end_off_this_host_is_a_node(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;
	uint64_t bytes = 0;

	(void)state;
	vsock(world, 60, IPCT_ORIGIN_CREATE, vm(CID_ANY, 1001), vm(2, 99));
	vsock_move(world, P, SEND, 60, 10);
	vsock_move(world, P, RECEIVE, 60, 4);
	graph = world_end(world);
	assert_int_equal(from_node(graph, "vsock:2:99", P), 1);
	for (size_t i = 0; i < graph->edges_nr; i++)
		bytes += graph->edges[i].count.bytes;
	assert_int_equal(bytes, 14);
	graph_free(graph);
}

/* Signals ---------------------------------------------------------------------------------- */

static void queue_signal(struct world *world, uint32_t from, uint32_t to, int32_t number)
{
	struct ipct_signal record = {
		.event = head(from, IPCT_EVENT_SIGNAL, sizeof(record)),
		.target_pid = to,
		.target_start_ns = to,
		.signal = number,
	};

	apply(world, &record);
}

static void take_signal(struct world *world, uint32_t pid, uint64_t number)
{
	struct ipct_transfer t = transfer(pid, IPCT_SIGNAL, RECEIVE, 1, 0);

	t.fd = -1;
	t.position = number;
	t.wait_ns = 7;
	apply(world, &t);
}

static void a_signal_that_is_taken_is_counted_once(void **state)
{
	struct world *world = world_begin();
	const struct graph_channel *channel;
	struct graph *graph;

	(void)state;
	queue_signal(world, P, Q, 10);
	take_signal(world, Q, 10);
	take_signal(world, Q, 10); /* queued before the capture */
	graph = world_end(world);
	channel = channel_named(graph, "SIGUSR1");
	assert_non_null(channel);
	assert_int_equal(graph->edges_nr, 1);
	assert_int_equal(messages_of(graph, P, Q), 1);
	assert_true(edge_of(graph, P, Q)->is_exact);
	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		if (channel->endpoints[i].role != RECEIVE)
			continue;
		assert_int_equal(channel->endpoints[i].count.messages, 2);
		assert_int_equal(channel->endpoints[i].wait_ns, 14);
	}
	graph_free(graph);
}

static void a_signal_taken_of_no_number_is_harmless(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	take_signal(world, Q, 0);
	take_signal(world, Q, 1ULL << 40);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 0);
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_raw_terminal_is_a_stream_each_way),
		cmocka_unit_test(an_echo_is_sent_by_nobody),
		cmocka_unit_test(a_cooked_receive_may_be_reported_before_its_send),
		cmocka_unit_test(a_flush_leaves_nothing_exact_that_was_in_flight),
		cmocka_unit_test(an_older_terminal_has_its_level_from_the_snapshot),
		cmocka_unit_test(a_send_to_a_group_is_a_message_to_each_member),
		cmocka_unit_test(a_netlink_receive_may_be_reported_before_its_send),
		cmocka_unit_test(a_netlink_socket_of_two_processes_proves_nothing),
		cmocka_unit_test(a_port_that_nobody_was_seen_using_is_a_node),
		cmocka_unit_test(netlink_messages_that_waited_are_of_before),
		cmocka_unit_test(a_port_that_changed_hands_proves_nothing),
		cmocka_unit_test(vsock_ends_are_paired_by_reversed_addresses),
		cmocka_unit_test(two_vsock_clients_of_a_port_are_two_channels),
		cmocka_unit_test(a_vsock_end_off_this_host_is_a_node),
		cmocka_unit_test(a_signal_that_is_taken_is_counted_once),
		cmocka_unit_test(a_signal_taken_of_no_number_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
