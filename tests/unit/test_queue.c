/* SPDX-License-Identifier: GPL-2.0-only */
/* Message queues: who sent what was received, as far as type and size prove it. */
#include <stdio.h>

#include "world_fixture.h"

#define QUEUE 7
#define ANY_TYPE 0

static void move(struct world *world, uint32_t pid, uint8_t role, uint64_t type, int64_t bytes)
{
	struct ipct_transfer t = transfer(pid, IPCT_SYSV_MSG, role, QUEUE, bytes);

	t.position = type;
	t.flags = type ? IPCT_TRANSFER_POSITION : 0;
	apply(world, &t);
}

static void move_cut(struct world *world, uint32_t pid, uint64_t type, int64_t bytes)
{
	struct ipct_transfer t = transfer(pid, IPCT_SYSV_MSG, RECEIVE, QUEUE, bytes);

	t.position = type;
	t.flags = IPCT_TRANSFER_POSITION | IPCT_TRANSFER_CUT;
	apply(world, &t);
}

static void move_total(struct world *world, uint32_t pid, uint8_t role, uint64_t messages,
		       uint64_t bytes)
{
	struct ipct_aggregate record = {
		.event = head(pid, IPCT_EVENT_AGGREGATE, sizeof(record)),
		.key = { QUEUE, QUEUE },
		.operations = messages,
		.messages = messages,
		.bytes = bytes,
		.copied = bytes,
		.mechanism = IPCT_SYSV_MSG,
		.role = role,
	};

	apply(world, &record);
}

/* All that waits if `type` is 0, else that of one type, at the same time. */
static void level(struct world *world, uint8_t origin, uint64_t type, uint32_t messages,
		  uint64_t bytes)
{
	static uint64_t level_ns;
	struct ipct_object record = {
		.event = head(0, IPCT_EVENT_OBJECT, sizeof(record)),
		.key = { QUEUE, QUEUE },
		.size = type,
		.queued_messages = messages,
		.queued_bytes = bytes,
		.ipc_key = 0x1234,
		.mechanism = IPCT_SYSV_MSG,
		.origin = origin,
	};

	if (type)
		record.event.time_ns = level_ns;
	level_ns = record.event.time_ns;
	apply(world, &record);
}

static struct world *queue_begin(void)
{
	struct world *world = world_begin();

	level(world, IPCT_ORIGIN_OPEN, 0, 0, 0);
	return world;
}

static struct graph *queue_end(struct world *world)
{
	struct graph *graph = world_end(world);

	assert_string_equal(graph->channels[0].name, "0x00001234");
	return graph;
}

static void assert_edge(const struct graph *graph, uint32_t from, uint32_t to, uint64_t messages,
			bool is_exact)
{
	const struct graph_edge *edge = edge_of(graph, from, to);

	assert_non_null(edge);
	assert_int_equal(edge->count.messages, messages);
	assert_int_equal(edge->is_exact, is_exact);
}

/* Each asks for its own type, and the other type was sent first. */
static void a_type_that_one_process_sends_is_exact(void **state)
{
	struct world *world = queue_begin();
	struct graph *graph;

	(void)state;
	move(world, P, SEND, 1, 10);
	move(world, Q, SEND, 2, 10);
	move(world, R, RECEIVE, 2, 10);
	move(world, S, RECEIVE, 1, 10);
	graph = queue_end(world);
	assert_edge(graph, Q, R, 1, true);
	assert_edge(graph, P, S, 1, true);
	assert_null(edge_of(graph, P, R));
	graph_free(graph);
}

static void a_size_that_one_process_sends_is_exact(void **state)
{
	struct world *world = queue_begin();
	struct graph *graph;

	(void)state;
	move(world, P, SEND, 1, 10);
	move(world, Q, SEND, 1, 11);
	move(world, R, RECEIVE, 1, 11);
	move(world, S, RECEIVE, 1, 10);
	graph = queue_end(world);
	assert_edge(graph, Q, R, 1, true);
	assert_edge(graph, P, S, 1, true);
	graph_free(graph);
}

static void two_senders_of_the_same_to_two_receivers_prove_nothing(void **state)
{
	struct world *world = queue_begin();
	struct graph *graph;

	(void)state;
	move(world, P, SEND, 1, 10);
	move(world, Q, SEND, 1, 10);
	move(world, R, RECEIVE, 1, 10);
	move(world, S, RECEIVE, 1, 10);
	graph = queue_end(world);
	assert_edge(graph, P, R, 1, false);
	assert_edge(graph, Q, S, 1, false);
	graph_free(graph);
}

/* R got all of type 1, so that its senders are certain; of type 2 one is left. */
static void a_shared_type_is_exact_if_one_process_received_all_of_it(void **state)
{
	struct world *world = queue_begin();
	struct graph *graph;

	(void)state;
	for (int i = 0; i < 2; i++) {
		move(world, P, SEND, 1, 10);
		move(world, Q, SEND, 1, 10);
		move(world, Q, SEND, 2, 10);
		move(world, P, SEND, 2, 10);
	}
	for (int i = 0; i < 4; i++)
		move(world, R, RECEIVE, 1, 10);
	for (int i = 0; i < 3; i++)
		move(world, S, RECEIVE, 2, 10);
	graph = queue_end(world);
	assert_edge(graph, P, R, 2, true);
	assert_edge(graph, Q, R, 2, true);
	assert_false(edge_of(graph, P, S)->is_exact);
	assert_false(edge_of(graph, Q, S)->is_exact);
	graph_free(graph);
}

/* truth: the first of type 1 is older than the capture, whatever is received before it */
static void what_waited_is_taken_by_its_type(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	level(world, IPCT_ORIGIN_START, 0, 3, 32);
	level(world, IPCT_ORIGIN_START, 1, 2, 20);
	level(world, IPCT_ORIGIN_START, 3, 1, 12);
	move(world, P, SEND, 2, 10);
	move(world, R, RECEIVE, 2, 10);
	move(world, R, RECEIVE, 1, 10);
	level(world, IPCT_ORIGIN_END, 0, 2, 22);
	graph = queue_end(world);
	assert_edge(graph, P, R, 1, true);
	assert_int_equal(from_node(graph, BEFORE, R), 1);
	assert_int_equal(graph->channels[0].before_capture.messages, 1);
	assert_int_equal(graph->channels[0].unread.messages, 2);
	assert_int_equal(graph->channels[0].unread.bytes, 22);
	assert_false(graph->channels[0].is_unread_inferred);
	graph_free(graph);
}

/* The walk found less than what the queue said it holds. */
static void a_level_of_unknown_types_leaves_nothing_exact(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	level(world, IPCT_ORIGIN_START, 0, 3, 30);
	level(world, IPCT_ORIGIN_START, 1, 2, 20);
	move(world, P, SEND, 2, 10);
	move(world, R, RECEIVE, 2, 10);
	graph = queue_end(world);
	assert_edge(graph, P, R, 1, false);
	graph_free(graph);
}

static void a_queue_that_nobody_described_leaves_nothing_exact(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	move(world, P, SEND, 2, 10);
	move(world, R, RECEIVE, 2, 10);
	graph = world_end(world);
	assert_edge(graph, P, R, 1, false);
	graph_free(graph);
}

static void a_receive_that_is_reported_first_waits_for_its_send(void **state)
{
	struct world *world = queue_begin();
	struct graph *graph;

	(void)state;
	move(world, R, RECEIVE, 1, 10);
	move(world, P, SEND, 2, 10);
	move(world, Q, SEND, 1, 10);
	graph = queue_end(world);
	assert_edge(graph, Q, R, 1, true);
	assert_null(edge_of(graph, P, R));
	assert_int_equal(graph->channels[0].unread.messages, 1);
	graph_free(graph);
}

/* mq_receive(…, NULL): the highest priority, which is no proof where two processes send. */
static void a_receive_that_names_no_type_takes_the_highest(void **state)
{
	struct world *world = queue_begin();
	struct graph *graph;

	(void)state;
	move(world, P, SEND, 1, 10);
	move(world, Q, SEND, 5, 10);
	move(world, R, RECEIVE, ANY_TYPE, 10);
	graph = queue_end(world);
	assert_edge(graph, Q, R, 1, false);
	graph_free(graph);
}

/* The size that is left is no size of a message. */
static void a_message_that_is_cut_belongs_to_its_sender(void **state)
{
	struct world *world = queue_begin();
	struct graph *graph;

	(void)state;
	move(world, P, SEND, 1, 10);
	move(world, P, SEND, 2, 4);
	move_cut(world, R, 1, 4);
	graph = queue_end(world);
	assert_edge(graph, P, R, 1, true);
	assert_int_equal(graph->channels[0].truncated.bytes, 6);
	assert_int_equal(graph->channels[0].unread.bytes, 4);
	graph_free(graph);
}

/* The sums of every process are kept, and no sender gives more than it sent. */
static void totals_are_split_by_what_each_has_left(void **state)
{
	struct world *world = queue_begin();
	struct graph *graph;

	(void)state;
	move(world, P, SEND, 1, 10);
	move(world, R, RECEIVE, 1, 10);
	move_total(world, P, SEND, 49, 490);
	move_total(world, Q, SEND, 50, 500);
	move_total(world, R, RECEIVE, 59, 590);
	move_total(world, S, RECEIVE, 40, 400);
	graph = queue_end(world);
	assert_int_equal(messages_of(graph, P, R) + messages_of(graph, Q, R), 60);
	assert_int_equal(messages_of(graph, P, S) + messages_of(graph, Q, S), 40);
	assert_int_equal(messages_of(graph, P, R) + messages_of(graph, P, S), 50);
	assert_int_equal(bytes_of(graph, P, S) + bytes_of(graph, Q, S), 400);
	for (size_t i = 0; i < graph->edges_nr; i++)
		assert_false(graph->edges[i].is_exact);
	graph_free(graph);
}

static void totals_of_one_receiver_are_what_each_sent(void **state)
{
	struct world *world = queue_begin();
	struct graph *graph;

	(void)state;
	move_total(world, P, SEND, 10, 1000);
	move_total(world, Q, SEND, 50, 500);
	move_total(world, R, RECEIVE, 60, 1500);
	graph = queue_end(world);
	assert_edge(graph, P, R, 10, true);
	assert_edge(graph, Q, R, 50, true);
	assert_int_equal(bytes_of(graph, P, R), 1000);
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_type_that_one_process_sends_is_exact),
		cmocka_unit_test(a_size_that_one_process_sends_is_exact),
		cmocka_unit_test(two_senders_of_the_same_to_two_receivers_prove_nothing),
		cmocka_unit_test(a_shared_type_is_exact_if_one_process_received_all_of_it),
		cmocka_unit_test(what_waited_is_taken_by_its_type),
		cmocka_unit_test(a_level_of_unknown_types_leaves_nothing_exact),
		cmocka_unit_test(a_queue_that_nobody_described_leaves_nothing_exact),
		cmocka_unit_test(a_receive_that_is_reported_first_waits_for_its_send),
		cmocka_unit_test(a_receive_that_names_no_type_takes_the_highest),
		cmocka_unit_test(a_message_that_is_cut_belongs_to_its_sender),
		cmocka_unit_test(totals_are_split_by_what_each_has_left),
		cmocka_unit_test(totals_of_one_receiver_are_what_each_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
