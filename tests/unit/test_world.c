/* SPDX-License-Identifier: GPL-2.0-only */
/* Records go in, the graph comes out. Each test's comment says what happened in the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph_build.h"
#include "model/world.h"
#include "store/event_check.h"

enum { P = 101, Q = 102, R = 103, S = 104 };
#define BEFORE "before capture"
#define START_NS 1000000000ULL

static uint64_t now_ns;

static struct ipct_event head(uint32_t pid, uint16_t type, uint16_t size)
{
	now_ns += 20000000; /* further apart than any race */
	return (struct ipct_event){ .time_ns = START_NS + now_ns, .start_ns = pid, .pid = pid,
				    .tid = pid, .type = type, .size = size };
}

/* What the reader of a capture would do with the record. */
static void apply(struct world *world, const void *record)
{
	const struct ipct_event *event = record;

	if (event_check(event, event->size) == EVENT_GOOD)
		assert_int_equal(world_apply(world, event), 0);
}

static struct ipct_address v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	return (struct ipct_address){ .family = 2, .port = port,
				      .ip = { [10] = 0xff, [11] = 0xff, a, b, c, d } };
}

static struct ipct_transfer transfer(uint32_t pid, uint8_t mechanism, uint8_t role, uint64_t object,
				     int64_t bytes)
{
	return (struct ipct_transfer){
		.event = head(pid, IPCT_EVENT_TRANSFER, sizeof(struct ipct_transfer)),
		.key = { object, mechanism < IPCT_UNIX_STREAM ? 1 : object },
		.result = bytes, .copied = bytes > 0 ? bytes : 0, .fd = 5,
		.mechanism = mechanism, .role = role,
	};
}

static struct ipct_socket description(uint8_t mechanism, uint64_t object, uint8_t origin)
{
	return (struct ipct_socket){
		.event = head(0, IPCT_EVENT_SOCKET, sizeof(struct ipct_socket)),
		.key = { object, object }, .queued_bytes = IPCT_LEVEL_UNKNOWN, .network = 1,
		.mechanism = mechanism, .origin = origin, .state = 1,
	};
}

static void inet(struct world *world, uint8_t mechanism, uint64_t object, uint8_t origin,
		 struct ipct_address local, struct ipct_address remote)
{
	struct ipct_socket record = description(mechanism, object, origin);

	record.local = local;
	record.remote = remote;
	record.sequence_local = remote.port ? local.port : 0;
	record.sequence_remote = remote.port;
	apply(world, &record);
}

static void udp(struct world *world, uint32_t pid, uint8_t role, uint64_t object, int64_t bytes,
		struct ipct_address other)
{
	struct ipct_transfer t = transfer(pid, IPCT_UDP, role, object, bytes);

	t.address = other;
	if (other.port)
		t.flags |= IPCT_TRANSFER_ADDRESS;
	apply(world, &t);
}

static void fifo_open(struct world *world, uint64_t object, const char *name, uint64_t position)
{
	struct ipct_pipe record = {
		.event = head(P, IPCT_EVENT_PIPE, sizeof(record)), .key = { object, 1 },
		.mechanism = IPCT_FIFO, .origin = IPCT_ORIGIN_OPEN, .name_len = strlen(name),
		.send_position = position, .receive_position = position & ~0xffffffffULL,
	};

	memcpy(record.name, name, record.name_len);
	apply(world, &record);
}

static void pipe_create(struct world *world, uint64_t object)
{
	struct ipct_pipe record = {
		.event = head(P, IPCT_EVENT_PIPE, sizeof(record)), .key = { object, 1 },
		.mechanism = IPCT_PIPE, .origin = IPCT_ORIGIN_CREATE,
	};

	apply(world, &record);
}

static void pipe_move(struct world *world, uint32_t pid, uint8_t role, uint64_t object,
		      int64_t bytes, uint64_t position)
{
	struct ipct_transfer t = transfer(pid, IPCT_PIPE, role, object, bytes);

	t.position = position;
	t.flags = IPCT_TRANSFER_POSITION;
	apply(world, &t);
}

static struct world *world_begin(void)
{
	now_ns = 0;
	return world_new(true);
}

static struct graph *world_end(struct world *world)
{
	struct capture_info info = { .host = "", .kernel = "", .arch = "", .scope = "system",
				     .hooks = "all", .mechanisms = "all",
				     .start_boottime_ns = START_NS };
	struct ledger_info ledger = {};
	struct graph *graph;

	assert_int_equal(graph_build(world, &info, &ledger, true, &graph), 0);
	world_free(world);
	return graph;
}

static const struct graph_edge *edge_of(const struct graph *graph, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < graph->edges_nr; i++)
		if (graph->processes[graph->edges[i].from].pid == from &&
		    graph->processes[graph->edges[i].to].pid == to)
			return &graph->edges[i];
	return NULL;
}

/* Messages from a node to a process, over all channels. */
static uint64_t from_node(const struct graph *graph, const char *node, uint32_t to)
{
	uint64_t messages = 0;

	for (size_t i = 0; i < graph->edges_nr; i++)
		if (!strcmp(graph->processes[graph->edges[i].from].comm, node) &&
		    graph->processes[graph->edges[i].to].pid == to)
			messages += graph->edges[i].count.messages;
	return messages;
}

static uint64_t messages_of(const struct graph *graph, uint32_t from, uint32_t to)
{
	uint64_t messages = 0;

	for (size_t i = 0; i < graph->edges_nr; i++)
		if (graph->processes[graph->edges[i].from].pid == from &&
		    graph->processes[graph->edges[i].to].pid == to)
			messages += graph->edges[i].count.messages;
	return messages;
}

static uint64_t bytes_of(const struct graph *graph, uint32_t from, uint32_t to)
{
	const struct graph_edge *edge = edge_of(graph, from, to);

	return edge ? edge->count.bytes : 0;
}

static const struct graph_channel *channel_named(const struct graph *graph, const char *name)
{
	for (size_t i = 0; i < graph->channels_nr; i++)
		if (!strcmp(graph->channels[i].name, name))
			return &graph->channels[i];
	return NULL;
}

#define NOBODY ((struct ipct_address){})
#define SEND IPCT_ROLE_SEND
#define RECEIVE IPCT_ROLE_RECEIVE
#define AT(buffer, offset) ((uint64_t)(buffer) << 32 | (offset))

/* UDP -------------------------------------------------------------------------------------- */

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
	struct ipct_aggregate total = { .key = { 12, 12 }, .operations = 3, .messages = 3,
					.bytes = 30, .copied = 30, .mechanism = IPCT_UDP,
					.role = SEND, .address = v4(10, 0, 0, 7, 53) };
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

/* TCP -------------------------------------------------------------------------------------- */

static void tcp_listener_met_later_in_the_snapshot_gives_the_name(void **state)
{
	struct world *world = world_begin();
	struct ipct_address client = v4(127, 0, 0, 1, 20000), server = v4(127, 0, 0, 1, 50000);
	struct ipct_socket listener;
	struct ipct_transfer t;
	struct graph *graph;

	(void)state;
	inet(world, IPCT_TCP, 12, IPCT_ORIGIN_START, client, server);
	listener = description(IPCT_TCP, 13, IPCT_ORIGIN_START);
	listener.local = server;
	listener.state = 10;
	apply(world, &listener);
	inet(world, IPCT_TCP, 11, IPCT_ORIGIN_START, server, client);
	t = transfer(P, IPCT_TCP, SEND, 12, 10);
	apply(world, &t);
	graph = world_end(world);
	assert_string_equal(graph->channels[0].name, "127.0.0.1:50000");
	graph_free(graph);
}

/* An ephemeral port that met itself: one socket is both ends. */
static void tcp_connected_to_itself_is_an_edge_of_the_process_to_itself(void **state)
{
	struct world *world = world_begin();
	struct ipct_address self = v4(127, 0, 0, 1, 40000);
	struct ipct_transfer t;
	struct graph *graph;

	(void)state;
	inet(world, IPCT_TCP, 12, IPCT_ORIGIN_ESTABLISH, self, self);
	t = transfer(P, IPCT_TCP, SEND, 12, 10);
	t.flags = IPCT_TRANSFER_POSITION;
	t.position = 10;
	apply(world, &t);
	t = transfer(P, IPCT_TCP, RECEIVE, 12, 10);
	t.flags = IPCT_TRANSFER_POSITION;
	t.position = 10;
	apply(world, &t);
	graph = world_end(world);
	assert_int_equal(graph->processes_nr, 1);
	assert_int_equal(bytes_of(graph, P, P), 10);
	graph_free(graph);
}

/* Unix ------------------------------------------------------------------------------------- */

static void unix_describe(struct world *world, uint8_t mechanism, uint64_t inode, uint64_t object,
			  uint64_t peer, uint8_t origin)
{
	struct ipct_socket record = description(mechanism, object, origin);

	record.key.inode = inode;
	record.peer.object = peer;
	apply(world, &record);
}

static void unix_move(struct world *world, uint8_t mechanism, uint32_t pid, uint8_t role,
		      uint64_t object, int64_t bytes, uint64_t peer)
{
	struct ipct_transfer t = transfer(pid, mechanism, role, object, bytes);

	t.peer = peer;
	apply(world, &t);
}

/* 22 was connected to and never accepted; its struct sock becomes a client of another server. */
static void unix_socket_in_the_place_of_an_embryo_is_another(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	unix_describe(world, IPCT_UNIX_STREAM, 21, 21, 22, IPCT_ORIGIN_CREATE);
	unix_move(world, IPCT_UNIX_STREAM, Q, SEND, 21, 7, 0);
	unix_describe(world, IPCT_UNIX_STREAM, 122, 22, 23, IPCT_ORIGIN_CREATE);
	{
		struct ipct_transfer t = transfer(P, IPCT_UNIX_STREAM, SEND, 22, 10);

		t.key.inode = 122;
		apply(world, &t);
	}
	unix_describe(world, IPCT_UNIX_STREAM, 123, 23, 22, IPCT_ORIGIN_OPEN);
	{
		struct ipct_transfer t = transfer(R, IPCT_UNIX_STREAM, RECEIVE, 23, 10);

		t.key.inode = 123;
		apply(world, &t);
	}
	graph = world_end(world);
	assert_int_equal(bytes_of(graph, P, R), 10);
	assert_int_equal(from_node(graph, BEFORE, R), 0);
	graph_free(graph);
}

/* syslog style: B connects back to A when A's second datagram waits already. */
static void unix_datagram_sent_before_both_were_connected_is_received_after(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	unix_describe(world, IPCT_UNIX_DGRAM, 31, 31, 0, IPCT_ORIGIN_OPEN);
	unix_describe(world, IPCT_UNIX_DGRAM, 32, 32, 31, IPCT_ORIGIN_CREATE);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 32, 10, 31);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 32, 20, 31);
	unix_move(world, IPCT_UNIX_DGRAM, R, RECEIVE, 31, 10, 32);
	unix_describe(world, IPCT_UNIX_DGRAM, 31, 31, 32, IPCT_ORIGIN_CREATE);
	unix_move(world, IPCT_UNIX_DGRAM, R, RECEIVE, 31, 20, 32);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, R), 2);
	assert_int_equal(from_node(graph, BEFORE, R), 0);
	graph_free(graph);
}

/* Before 6.3 no hook names the receiver of a sendto(): the receive names the sending socket. */
static void unix_datagram_whose_target_was_not_named_comes_from_its_sender(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	unix_describe(world, IPCT_UNIX_DGRAM, 31, 31, 0, IPCT_ORIGIN_OPEN);
	unix_describe(world, IPCT_UNIX_DGRAM, 32, 32, 0, IPCT_ORIGIN_CREATE);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 32, 10, 0);
	unix_move(world, IPCT_UNIX_DGRAM, R, RECEIVE, 31, 10, 32);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, R), 1);
	graph_free(graph);
}

/* More waited at the start than the snapshot walks: their number is not known. */
static void unix_datagrams_in_a_queue_of_unknown_length_leave_nothing_exact(void **state)
{
	struct world *world = world_begin();
	struct ipct_socket start = description(IPCT_UNIX_DGRAM, 31, IPCT_ORIGIN_START);
	struct graph *graph;

	(void)state;
	start.queued_messages = 128; /* queued_bytes stays unknown */
	apply(world, &start);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 32, 10, 31);
	unix_move(world, IPCT_UNIX_DGRAM, R, RECEIVE, 31, 10, 32); /* an old one */
	graph = world_end(world);
	assert_false(edge_of(graph, P, R) && edge_of(graph, P, R)->is_exact);
	graph_free(graph);
}

/* FIFOs and pipes -------------------------------------------------------------------------- */

/* rm a; mkfifo b: the file system gives b the inode of a. A new pipe starts at position 0. */
static void fifo_with_the_inode_of_a_removed_one_is_another_channel(void **state)
{
	struct world *world = world_begin();
	struct ipct_transfer t;
	struct graph *graph;

	(void)state;
	for (int i = 0; i < 2; i++) {
		fifo_open(world, 41, i ? "/tmp/b" : "/tmp/a", 0);
		t = transfer(i ? Q : P, IPCT_FIFO, SEND, 41, 10);
		t.position = AT(1, 10);
		t.flags = IPCT_TRANSFER_POSITION;
		apply(world, &t);
		t = transfer(R, IPCT_FIFO, RECEIVE, 41, 10);
		t.position = AT(1, 0);
		t.flags = IPCT_TRANSFER_POSITION | IPCT_TRANSFER_EMPTY;
		apply(world, &t);
	}
	graph = world_end(world);
	assert_non_null(channel_named(graph, "/tmp/a"));
	assert_non_null(channel_named(graph, "/tmp/b"));
	graph_free(graph);
}

/* The reader has taken all and is slow to say so when a second writer opens. */
static void fifo_opened_while_a_receive_is_not_yet_reported_stays_the_same(void **state)
{
	struct world *world = world_begin();
	struct ipct_transfer t;
	struct graph *graph;

	(void)state;
	fifo_open(world, 41, "/tmp/a", 0);
	t = transfer(P, IPCT_FIFO, SEND, 41, 10);
	t.position = AT(1, 10);
	t.flags = IPCT_TRANSFER_POSITION;
	apply(world, &t);
	fifo_open(world, 41, "/tmp/a", AT(1, 10)); /* empty, and not new: it has a position */
	t = transfer(R, IPCT_FIFO, RECEIVE, 41, 10);
	t.position = AT(1, 0);
	t.flags = IPCT_TRANSFER_POSITION | IPCT_TRANSFER_EMPTY;
	apply(world, &t);
	graph = world_end(world);
	assert_int_equal(bytes_of(graph, P, R), 10);
	assert_int_equal(graph->channels_nr, 1);
	graph_free(graph);
}

/* A thread's read of P's bytes could not be resolved: R read them, S has those of Q. */
static void an_unresolved_receive_leaves_no_edge_of_what_it_may_have_taken_exact(void **state)
{
	struct world *world = world_begin();
	struct ipct_transfer t;
	struct graph *graph;

	(void)state;
	pipe_create(world, 51);
	pipe_move(world, P, SEND, 51, 10, AT(1, 10));
	pipe_move(world, Q, SEND, 51, 10, AT(1, 20));
	t = transfer(R, 0, RECEIVE, 0, 10);
	t.flags = IPCT_TRANSFER_UNRESOLVED | IPCT_TRANSFER_THREADED;
	apply(world, &t);
	pipe_move(world, S, RECEIVE, 51, 10, AT(1, 0));
	graph = world_end(world);
	assert_false(edge_of(graph, P, S) && edge_of(graph, P, S)->is_exact);
	graph_free(graph);
}

/* One thread closes all, another's read of descriptor 5 spans that: which pipe was it? */
static void close_range_during_the_first_use_of_a_descriptor_is_doubtful(void **state)
{
	struct world *world = world_begin();
	struct ipct_descriptor closed = { .first = 3, .last = 1000 };
	struct ipct_transfer t;
	struct graph *graph;

	(void)state;
	pipe_create(world, 51);
	pipe_move(world, P, SEND, 51, 10, AT(1, 10));
	closed.event = head(R, IPCT_EVENT_DESCRIPTOR, sizeof(closed));
	closed.event.tid = R + 1000;
	apply(world, &closed);
	t = transfer(R, IPCT_PIPE, RECEIVE, 51, 10);
	t.event.time_ns = closed.event.time_ns + 1000;
	t.flags = IPCT_TRANSFER_POSITION | IPCT_TRANSFER_THREADED;
	t.position = AT(1, 0);
	apply(world, &t);
	graph = world_end(world);
	assert_false(edge_of(graph, P, R)->is_exact);
	graph_free(graph);
}

/* splice() into a full pipe fails with EAGAIN: that says nothing of its source. */
static void a_splice_that_found_its_target_full_did_not_find_its_source_empty(void **state)
{
	struct world *world = world_begin();
	struct ipct_transfer t;
	struct graph *graph;

	(void)state;
	/* 10 old bytes are in the pipe; R takes those */
	t = transfer(R, IPCT_PIPE, RECEIVE, 51, -11);
	t.syscall = 275;
	apply(world, &t);
	pipe_move(world, P, SEND, 51, 10, AT(2, 10));
	pipe_move(world, R, RECEIVE, 51, 10, AT(1, 0));
	graph = world_end(world);
	assert_false(edge_of(graph, P, R) && edge_of(graph, P, R)->is_exact);
	graph_free(graph);
}

/* Hostile captures ------------------------------------------------------------------------- */

static void a_result_that_is_no_errno_is_harmless(void **state)
{
	struct world *world = world_begin();
	struct ipct_transfer t = transfer(P, IPCT_PIPE, RECEIVE, 51, INT64_MIN);

	(void)state;
	apply(world, &t);
	graph_free(world_end(world));
}

static void a_signal_of_any_number_is_harmless(void **state)
{
	struct world *world = world_begin();
	struct ipct_signal signal = { .target_pid = R, .signal = INT32_MIN };

	(void)state;
	signal.event = head(P, IPCT_EVENT_SIGNAL, sizeof(signal));
	apply(world, &signal);
	graph_free(world_end(world));
}

static void a_pipe_record_of_another_mechanism_is_harmless(void **state)
{
	struct world *world = world_begin();
	struct ipct_pipe record = { .key = { 61, 1 }, .mechanism = IPCT_UDP,
				    .origin = IPCT_ORIGIN_CREATE };

	(void)state;
	record.event = head(P, IPCT_EVENT_PIPE, sizeof(record));
	apply(world, &record);
	graph_free(world_end(world));
}

static void a_socket_record_of_another_mechanism_is_harmless(void **state)
{
	struct world *world = world_begin();
	struct ipct_socket record = description(IPCT_PIPE, 61, IPCT_ORIGIN_END);

	(void)state;
	record.peer.object = 62;
	record.queued_bytes = 0;
	apply(world, &record);
	graph_free(world_end(world));
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
		cmocka_unit_test(tcp_listener_met_later_in_the_snapshot_gives_the_name),
		cmocka_unit_test(tcp_connected_to_itself_is_an_edge_of_the_process_to_itself),
		cmocka_unit_test(unix_socket_in_the_place_of_an_embryo_is_another),
		cmocka_unit_test(unix_datagram_sent_before_both_were_connected_is_received_after),
		cmocka_unit_test(unix_datagram_whose_target_was_not_named_comes_from_its_sender),
		cmocka_unit_test(unix_datagrams_in_a_queue_of_unknown_length_leave_nothing_exact),
		cmocka_unit_test(fifo_with_the_inode_of_a_removed_one_is_another_channel),
		cmocka_unit_test(fifo_opened_while_a_receive_is_not_yet_reported_stays_the_same),
		cmocka_unit_test(an_unresolved_receive_leaves_no_edge_of_what_it_may_have_taken_exact),
		cmocka_unit_test(close_range_during_the_first_use_of_a_descriptor_is_doubtful),
		cmocka_unit_test(
			a_splice_that_found_its_target_full_did_not_find_its_source_empty),
		cmocka_unit_test(a_result_that_is_no_errno_is_harmless),
		cmocka_unit_test(a_signal_of_any_number_is_harmless),
		cmocka_unit_test(a_pipe_record_of_another_mechanism_is_harmless),
		cmocka_unit_test(a_socket_record_of_another_mechanism_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
