/* SPDX-License-Identifier: GPL-2.0-only */
#include "world_fixture.h"

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

static void unix_datagram_describe_three(struct world *world)
{
	unix_describe(world, IPCT_UNIX_DGRAM, 31, 31, 0, IPCT_ORIGIN_OPEN);
	unix_describe(world, IPCT_UNIX_DGRAM, 32, 32, 0, IPCT_ORIGIN_OPEN);
	unix_describe(world, IPCT_UNIX_DGRAM, 33, 33, 0, IPCT_ORIGIN_OPEN);
}

static void unix_datagrams_check(const struct graph *graph)
{
	assert_int_equal(messages_of(graph, P, Q), 2);
	assert_int_equal(bytes_of(graph, P, Q), 20);
	assert_int_equal(messages_of(graph, P, R), 1);
	assert_int_equal(bytes_of(graph, P, R), 30);
	for (size_t i = 0; i < graph->edges_nr; i++)
		assert_true(graph->edges[i].is_exact);
	for (size_t i = 0; i < graph->channels_nr; i++) {
		assert_int_equal(graph->channels[i].unread.messages, 0);
		assert_int_equal(graph->channels[i].truncated.bytes, 0);
	}
}

/* What a receive took before the send was reported is no other receive's. */
static void unix_datagram_received_first_is_the_send_reported_next(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	unix_datagram_describe_three(world);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 0);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 0);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 30, 0);
	unix_move(world, IPCT_UNIX_DGRAM, R, RECEIVE, 32, 30, 33);
	graph = world_end(world);
	unix_datagrams_check(graph);
	graph_free(graph);
}

/* Nothing is owed to who received what was known to be sent to it. */
static void unix_datagram_with_a_target_awaits_no_other(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	unix_datagram_describe_three(world);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 31);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 31);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 30, 0);
	unix_move(world, IPCT_UNIX_DGRAM, R, RECEIVE, 32, 30, 33);
	graph = world_end(world);
	unix_datagrams_check(graph);
	graph_free(graph);
}

/* Nobody receives more than was sent. */
static void unix_datagram_is_no_part_of_a_longer_receive(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	unix_datagram_describe_three(world);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 0);
	unix_move(world, IPCT_UNIX_DGRAM, R, RECEIVE, 32, 30, 33);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 30, 0);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 0);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	graph = world_end(world);
	unix_datagrams_check(graph);
	graph_free(graph);
}

/* The send of what Q received is never reported: it does not get the next one instead. */
static void unix_datagram_is_not_awaited_for_ever(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	unix_datagram_describe_three(world);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	now_ns += 1000000000;
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 0);
	unix_move(world, IPCT_UNIX_DGRAM, R, RECEIVE, 32, 10, 33);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, R), 1);
	assert_int_equal(messages_of(graph, P, Q), 0);
	graph_free(graph);
}

/* Who received a datagram before its send was reported is the one that the next ones wait for. */
static void unix_datagram_is_unread_where_one_was_received_first(void **state)
{
	struct world *world = world_begin();
	uint64_t unread = 0;
	struct graph *graph;

	(void)state;
	unix_datagram_describe_three(world);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 0);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 30, 0);
	graph = world_end(world);
	assert_int_equal(messages_of(graph, P, Q), 1);
	for (size_t i = 0; i < graph->channels_nr; i++)
		unread += graph->channels[i].unread.bytes;
	assert_int_equal(unread, 30);
	graph_free(graph);
}

/* Receivers need not run in the order in which they were sent to. */
static void unix_datagrams_to_several_are_told_by_their_size(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	unix_datagram_describe_three(world);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 0);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 30, 0);
	unix_move(world, IPCT_UNIX_DGRAM, R, RECEIVE, 32, 30, 33);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	unix_move(world, IPCT_UNIX_DGRAM, Q, RECEIVE, 31, 10, 33);
	unix_move(world, IPCT_UNIX_DGRAM, P, SEND, 33, 10, 0);
	graph = world_end(world);
	unix_datagrams_check(graph);
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
	struct ipct_pipe record = { .key = { 61, 1 },
				    .mechanism = IPCT_UDP,
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
		cmocka_unit_test(tcp_listener_met_later_in_the_snapshot_gives_the_name),
		cmocka_unit_test(tcp_connected_to_itself_is_an_edge_of_the_process_to_itself),
		cmocka_unit_test(unix_socket_in_the_place_of_an_embryo_is_another),
		cmocka_unit_test(unix_datagram_sent_before_both_were_connected_is_received_after),
		cmocka_unit_test(unix_datagram_whose_target_was_not_named_comes_from_its_sender),
		cmocka_unit_test(unix_datagram_received_first_is_the_send_reported_next),
		cmocka_unit_test(unix_datagram_with_a_target_awaits_no_other),
		cmocka_unit_test(unix_datagram_is_no_part_of_a_longer_receive),
		cmocka_unit_test(unix_datagram_is_not_awaited_for_ever),
		cmocka_unit_test(unix_datagram_is_unread_where_one_was_received_first),
		cmocka_unit_test(unix_datagrams_to_several_are_told_by_their_size),
		cmocka_unit_test(unix_datagrams_in_a_queue_of_unknown_length_leave_nothing_exact),
		cmocka_unit_test(fifo_with_the_inode_of_a_removed_one_is_another_channel),
		cmocka_unit_test(fifo_opened_while_a_receive_is_not_yet_reported_stays_the_same),
		cmocka_unit_test(
			an_unresolved_receive_leaves_no_edge_of_what_it_may_have_taken_exact),
		cmocka_unit_test(close_range_during_the_first_use_of_a_descriptor_is_doubtful),
		cmocka_unit_test(a_splice_that_found_its_target_full_did_not_find_its_source_empty),
		cmocka_unit_test(a_result_that_is_no_errno_is_harmless),
		cmocka_unit_test(a_signal_of_any_number_is_harmless),
		cmocka_unit_test(a_pipe_record_of_another_mechanism_is_harmless),
		cmocka_unit_test(a_socket_record_of_another_mechanism_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
