/* SPDX-License-Identifier: GPL-2.0-only */
/* Passed descriptors, accesses, and where each end of a channel comes from. */
#include "world_fixture.h"

static uint64_t after_ns(void)
{
	return START_NS + now_ns + 1;
}

static void fork_of(struct world *world, uint32_t parent, uint32_t child, uint64_t start_ns)
{
	struct ipct_fork record = {
		.event = head(parent, IPCT_EVENT_FORK, sizeof(record)),
		.child_pid = child,
		.child_start_ns = start_ns,
	};

	apply(world, &record);
}

/* The records of the fixture take the pid as the start time: here it is a time. */
static void pipe_use(struct world *world, uint32_t pid, uint64_t start_ns, uint8_t role,
		     uint64_t object, uint64_t position)
{
	struct ipct_transfer t = transfer(pid, IPCT_PIPE, role, object, 10);

	t.event.start_ns = start_ns;
	t.position = position;
	t.flags = IPCT_TRANSFER_POSITION;
	apply(world, &t);
}

static void unix_pair(struct world *world, uint32_t pid, uint64_t a, uint64_t b, uint8_t passes)
{
	struct ipct_socket record = description(IPCT_UNIX_STREAM, a, IPCT_ORIGIN_CREATE);

	record.event.pid = pid;
	record.event.start_ns = pid;
	record.peer = (struct ipct_key){ b, b };
	if (passes) {
		record.origin = IPCT_ORIGIN_START;
		record.queued_passes = passes;
	}
	apply(world, &record);
	record.event = head(pid, IPCT_EVENT_SOCKET, sizeof(record));
	record.key = (struct ipct_key){ b, b };
	record.peer = (struct ipct_key){ a, a };
	record.queued_passes = 0;
	apply(world, &record);
}

static void pass(struct world *world, uint32_t pid, uint8_t kind, uint64_t socket, uint64_t peer,
		 uint64_t pipe)
{
	struct ipct_pass record = {
		.event = head(pid, IPCT_EVENT_PASS, sizeof(record)),
		.key = { socket, socket },
		.peer = peer,
		.count = 1,
		.kind = kind,
		.mechanism = IPCT_UNIX_STREAM,
	};

	if (kind == IPCT_PASS_RECEIVE && pipe) {
		record.passed = (struct ipct_key){ pipe, 1 };
		record.passed_mechanism = IPCT_PIPE;
	}
	apply(world, &record);
}

static const struct graph_endpoint *endpoint_of(const struct graph *graph, uint32_t channel,
						uint32_t pid)
{
	const struct graph_channel *at = &graph->channels[channel];

	for (size_t i = 0; i < at->endpoints_nr; i++)
		if (graph->processes[at->endpoints[i].process].pid == pid)
			return &at->endpoints[i];
	fail_msg("process %u is no endpoint", pid);
	return NULL;
}

static uint32_t origin_pid(const struct graph *graph, const struct graph_endpoint *endpoint)
{
	return endpoint->origin_from == GRAPH_NONE ? 0 :
						     graph->processes[endpoint->origin_from].pid;
}

/* P makes a pipe and forks Q, which forks R: both use it, P and nobody else made it. */
static void inherited_from_the_nearest_who_had_it(void **state)
{
	struct world *world = world_begin();
	uint64_t q_start, r_start;
	struct graph *graph;

	(void)state;
	pipe_create(world, 50);
	q_start = after_ns();
	fork_of(world, P, Q, q_start);
	r_start = after_ns();
	pipe_use(world, Q, q_start, SEND, 50, AT(1, 10));
	{
		struct ipct_fork record = {
			.event = head(Q, IPCT_EVENT_FORK, sizeof(record)),
			.child_pid = R,
			.child_start_ns = r_start,
		};

		record.event.start_ns = q_start;
		apply(world, &record);
	}
	pipe_use(world, R, r_start, RECEIVE, 50, AT(1, 0));
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 1);
	assert_int_equal(graph->processes[graph->channels[0].created_by].pid, P);
	assert_int_equal(endpoint_of(graph, 0, Q)->origin, GRAPH_ORIGIN_INHERITED);
	assert_int_equal(origin_pid(graph, endpoint_of(graph, 0, Q)), P);
	assert_int_equal(endpoint_of(graph, 0, R)->origin, GRAPH_ORIGIN_INHERITED);
	assert_int_equal(origin_pid(graph, endpoint_of(graph, 0, R)), P);
	graph_free(graph);
}

/* P made the pipe after it had forked Q: Q has it from elsewhere. */
static void not_inherited_of_what_came_later(void **state)
{
	struct world *world = world_begin();
	uint64_t start;
	struct graph *graph;

	(void)state;
	start = after_ns();
	fork_of(world, P, Q, start);
	pipe_create(world, 50);
	pipe_use(world, Q, start, SEND, 50, AT(1, 10));
	graph = world_end(world);
	assert_int_equal(endpoint_of(graph, 0, Q)->origin, GRAPH_ORIGIN_UNKNOWN);
	assert_int_equal(endpoint_of(graph, 0, Q)->origin_from, GRAPH_NONE);
	graph_free(graph);
}

static void passed_by_whoever_sent_it(void **state)
{
	struct world *world = world_begin();
	const struct graph_edge *edge;
	struct graph *graph;

	(void)state;
	unix_pair(world, P, 21, 22, 0);
	pipe_create(world, 50);
	pass(world, P, IPCT_PASS_SEND, 21, 0, 0);
	pass(world, Q, IPCT_PASS_RECEIVE, 22, 21, 50);
	pipe_use(world, Q, Q, SEND, 50, AT(1, 10));
	graph = world_end(world);
	edge = edge_of(graph, P, Q);
	assert_non_null(edge);
	assert_int_equal(edge->mechanism, IPCT_FD_PASS);
	assert_int_equal(edge->count.messages, 1);
	assert_true(edge->is_exact);
	assert_int_equal(graph->channels[edge->passed].mechanism, IPCT_PIPE);
	assert_int_equal(endpoint_of(graph, edge->passed, Q)->origin, GRAPH_ORIGIN_PASSED);
	assert_int_equal(origin_pid(graph, endpoint_of(graph, edge->passed, Q)), P);
	graph_free(graph);
}

/* Its edge refers to it. */
static void a_passed_channel_that_nobody_uses_is_in_the_graph(void **state)
{
	struct world *world = world_begin();
	const struct graph_edge *edge;
	struct graph *graph;

	(void)state;
	unix_pair(world, P, 21, 22, 0);
	pipe_create(world, 50);
	pass(world, P, IPCT_PASS_SEND, 21, 0, 0);
	pass(world, Q, IPCT_PASS_RECEIVE, 22, 21, 50);
	pass(world, P, IPCT_PASS_SEND, 21, 0, 0);
	pass(world, Q, IPCT_PASS_RECEIVE, 22, 21, 0);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 3); /* the pipe, and a channel for each kind */
	assert_int_equal(graph->edges_nr, 2);
	edge = &graph->edges[0];
	assert_int_equal(graph->channels[edge->passed].mechanism, IPCT_PIPE);
	assert_int_equal(graph->channels[edge->passed].endpoints_nr, 0);
	assert_int_equal(graph->edges[1].passed, GRAPH_NONE);
	graph_free(graph);
}

static void a_message_that_waited_at_the_start_is_from_before(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	unix_pair(world, P, 22, 21, 1);
	pass(world, P, IPCT_PASS_SEND, 21, 0, 0);
	pass(world, Q, IPCT_PASS_RECEIVE, 22, 21, 0);
	pass(world, Q, IPCT_PASS_RECEIVE, 22, 21, 0);
	graph = world_end(world);
	assert_int_equal(from_node(graph, BEFORE, Q), 1);
	assert_int_equal(messages_of(graph, P, Q), 1);
	graph_free(graph);
}

static void taken_from_the_process_that_the_call_names(void **state)
{
	struct world *world = world_begin();
	struct ipct_pass record = {};
	const struct graph_edge *edge;
	struct graph *graph;

	(void)state;
	pipe_create(world, 50);
	record = (struct ipct_pass){
		.event = head(Q, IPCT_EVENT_PASS, sizeof(record)),
		.passed = { 50, 1 },
		.passed_mechanism = IPCT_PIPE,
		.source_pid = P,
		.source_start_ns = P,
		.count = 1,
		.kind = IPCT_PASS_TAKE,
	};
	apply(world, &record);
	graph = world_end(world);
	edge = edge_of(graph, P, Q);
	assert_non_null(edge);
	assert_true(edge->is_exact);
	assert_string_equal(graph->channels[edge->channel].object, "fd-pass:[pid:101]");
	graph_free(graph);
}

static void access_of(struct world *world, uint8_t kind, uint64_t bytes)
{
	struct ipct_access record = {
		.event = head(P, IPCT_EVENT_ACCESS, sizeof(record)),
		.target_pid = Q,
		.target_start_ns = Q,
		.bytes = bytes,
		.kind = kind,
	};

	apply(world, &record);
}

static void data_goes_where_the_call_moves_it(void **state)
{
	struct world *world = world_begin();
	struct ipct_aggregate total = {};
	struct graph *graph;

	(void)state;
	access_of(world, IPCT_ACCESS_READ, 100);
	access_of(world, IPCT_ACCESS_WRITE, 30);
	access_of(world, IPCT_ACCESS_CONTROL, 0);
	total = (struct ipct_aggregate){
		.event = head(P, IPCT_EVENT_AGGREGATE, sizeof(total)),
		.key = { Q, Q },
		.operations = 5,
		.messages = 5,
		.bytes = 50,
		.copied = 50,
		.mechanism = IPCT_PROCESS_VM,
		.role = RECEIVE,
	};
	apply(world, &total);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 1);
	assert_int_equal(messages_of(graph, Q, P), 6);
	assert_int_equal(bytes_of(graph, Q, P), 150);
	assert_int_equal(messages_of(graph, P, Q), 2);
	assert_int_equal(bytes_of(graph, P, Q), 30);
	assert_true(edge_of(graph, P, Q)->is_exact);
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inherited_from_the_nearest_who_had_it),
		cmocka_unit_test(not_inherited_of_what_came_later),
		cmocka_unit_test(passed_by_whoever_sent_it),
		cmocka_unit_test(a_passed_channel_that_nobody_uses_is_in_the_graph),
		cmocka_unit_test(a_message_that_waited_at_the_start_is_from_before),
		cmocka_unit_test(taken_from_the_process_that_the_call_names),
		cmocka_unit_test(data_goes_where_the_call_moves_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
