/* SPDX-License-Identifier: GPL-2.0-only */
/* Turns the slots into the JSON graph, and checks that nothing was lost on the way. */
#include <stdio.h>
#include <stdlib.h>

#include "truth_slots.h"
#include "try.h"

struct sum {
	uint64_t messages;
	uint64_t bytes;
};

struct balance {
	struct sum sent;
	struct sum received;
};

/* What one call of truth_append_to() works on. */
struct graph {
	const struct truth *truth;
	struct truth_head head;
	const char *scenario;
	json_t *processes; /* borrowed from the graph, as are the next two */
	json_t *channels;
	json_t *edges;
	json_t *endpoints[TRUTH_MAX_CHANNELS];
	struct balance balances[TRUTH_MAX_CHANNELS];
	struct truth_count *counts; /* what was received, of all processes */
	size_t nr_counts;
};

json_t *truth_new_graph(void)
{
	json_t *graph = json_pack("{s:s, s:[], s:[], s:[]}", "schema", "ipctrace.graph/1",
				  "processes", "channels", "edges");

	ENSURE(graph);
	return graph;
}

static void graph_push(json_t *array, json_t *value)
{
	ENSURE(value && json_array_append_new(array, value) == 0);
}

/* Ids are unique in the file because a scenario's name is. */
static void graph_name_id(const struct graph *graph, const char *what, uint32_t number,
			  char ret_id[64])
{
	if (number == TRUTH_KERNEL)
		snprintf(ret_id, 64, "kernel");
	else
		snprintf(ret_id, 64, "%s/%s%u", graph->scenario, what, number);
}

static void graph_add_kernel(struct graph *graph)
{
	size_t i;
	json_t *process;

	json_array_foreach (graph->processes, i, process) {
		if (json_is_null(json_object_get(process, "pid")))
			return;
	}
	graph_push(graph->processes, json_pack("{s:s, s:n, s:s, s:b}", "id", "kernel", "pid",
					       "comm", "kernel", "traced", 0));
}

static void graph_add_endpoint(struct graph *graph, uint32_t channel, uint32_t actor,
			       const char *role, const struct sum *sum)
{
	char id[64];

	graph_name_id(graph, "p", actor, id);
	graph_push(graph->endpoints[channel],
		   json_pack("{s:s, s:s, s:I, s:I}", "process", id, "role", role, "messages",
			     (json_int_t)sum->messages, "bytes", (json_int_t)sum->bytes));
}

static void sum_add(struct sum *sum, const struct truth_count *count)
{
	sum->messages += count->messages;
	sum->bytes += count->bytes;
}

static void graph_add_edge(struct graph *graph, const struct truth_count *count)
{
	struct truth_channel channel;
	char from[64], to[64], id[64];

	if (!count->messages && !count->bytes)
		return;
	if (count->from == TRUTH_KERNEL)
		graph_add_kernel(graph);
	else
		ENSURE(count->from < graph->head.nr_actors);
	truth_read_slot(graph->truth, truth_channel_offset(count->channel), sizeof(channel),
			&channel);
	graph_name_id(graph, "p", count->from, from);
	graph_name_id(graph, "p", count->to, to);
	graph_name_id(graph, "c", count->channel, id);
	graph_push(graph->edges,
		   json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "from", from, "to", to, "channel",
			     id, "mechanism", channel.mechanism, "messages",
			     (json_int_t)count->messages, "bytes", (json_int_t)count->bytes));
}

/* By channel, receiver, sender: so that equal edges, and edges of one receiver, are neighbours. */
static int graph_compare_counts(const void *a, const void *b)
{
	const struct truth_count *x = a, *y = b;

	if (x->channel != y->channel)
		return x->channel < y->channel ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* Several processes may know a part of one edge. */
static void graph_merge_counts(struct graph *graph)
{
	struct truth_count *counts = graph->counts;
	size_t nr = 0;
	size_t i;

	qsort(counts, graph->nr_counts, sizeof(*counts), graph_compare_counts);
	for (i = 0; i < graph->nr_counts; i++) {
		if (nr && !graph_compare_counts(&counts[nr - 1], &counts[i])) {
			counts[nr - 1].messages += counts[i].messages;
			counts[nr - 1].bytes += counts[i].bytes;
		} else {
			counts[nr++] = counts[i];
		}
	}
	graph->nr_counts = nr;
}

/* Edges, and one endpoint for each receiver of a channel: the sum over its senders. */
static void graph_add_received(struct graph *graph)
{
	const struct truth_count *count = graph->counts;
	const struct truth_count *end = count + graph->nr_counts;
	const struct truth_count *first = count;
	struct sum sum = { 0 };

	for (; count < end; count++) {
		graph_add_edge(graph, count);
		sum_add(&graph->balances[count->channel].received, count);
		sum_add(&sum, count);
		if (count + 1 < end && count[1].channel == first->channel &&
		    count[1].to == first->to)
			continue;
		graph_add_endpoint(graph, first->channel, first->to, "receive", &sum);
		sum = (struct sum){ 0 };
		first = count + 1;
	}
}

static void graph_collect_received(struct graph *graph, const struct truth_count *count)
{
	graph->counts = realloc(graph->counts, (graph->nr_counts + 1) * sizeof(*graph->counts));
	ENSURE(graph->counts);
	graph->counts[graph->nr_counts++] = *count;
}

static void graph_add_sent(struct graph *graph, uint32_t actor, const struct truth_count *count)
{
	struct sum sum = { 0 };

	sum_add(&sum, count);
	sum_add(&graph->balances[count->channel].sent, count);
	graph_add_endpoint(graph, count->channel, actor, "send", &sum);
}

static void graph_add_mapping(struct graph *graph, uint32_t actor, const struct truth_count *count)
{
	const struct sum nothing = { 0 };

	graph_add_endpoint(graph, count->channel, actor, count->messages ? "map-rw" : "map-ro",
			   &nothing);
}

static void graph_add_count(struct graph *graph, uint32_t actor, const struct truth_count *count)
{
	ENSURE(count->channel < graph->head.nr_channels);
	switch (count->kind) {
	case TRUTH_SENT:
		graph_add_sent(graph, actor, count);
		break;
	case TRUTH_RECEIVED:
		graph_collect_received(graph, count);
		break;
	case TRUTH_MAPPED:
		graph_add_mapping(graph, actor, count);
		break;
	}
}

static void graph_add_actor(struct graph *graph, uint32_t actor)
{
	struct truth_actor *slot = malloc(sizeof(*slot));
	char id[64];
	uint32_t i;

	ENSURE(slot);
	truth_read_slot(graph->truth, truth_actor_offset(actor), sizeof(*slot), slot);
	ENSURE(slot->pid > 0 && slot->nr_counts <= TRUTH_MAX_COUNTS);
	graph_name_id(graph, "p", actor, id);
	graph_push(graph->processes, json_pack("{s:s, s:i, s:s}", "id", id, "pid", (int)slot->pid,
					       "comm", slot->comm));
	for (i = 0; i < slot->nr_counts; i++)
		graph_add_count(graph, actor, &slot->counts[i]);
	free(slot);
}

/* What was sent and not received is what the channel's flags say, or a failed workload. */
static void graph_add_rest(json_t *object, const struct truth_channel *channel,
			   const struct balance *balance)
{
	uint64_t messages = balance->sent.messages - balance->received.messages;
	uint64_t bytes = balance->sent.bytes - balance->received.bytes;
	json_t *rest;

	if (channel->flags & TRUTH_UNBALANCED || (!messages && !bytes))
		return;
	ENSURE(channel->flags & (TRUTH_UNREAD | TRUTH_TRUNCATES));
	ENSURE((int64_t)messages >= 0 && (int64_t)bytes >= 0);
	rest = json_pack("{s:I, s:I}", "messages", (json_int_t)messages, "bytes",
			 (json_int_t)bytes);
	ENSURE(rest);
	if (channel->flags & TRUTH_UNREAD) {
		ENSURE(json_object_set_new(rest, "inferred", json_false()) == 0);
		ENSURE(json_object_set_new(object, "unread", rest) == 0);
	} else {
		ENSURE(json_object_set_new(object, "truncated", rest) == 0);
	}
}

static void graph_add_channel(struct graph *graph, uint32_t number)
{
	struct truth_channel channel;
	char id[64];
	json_t *object;

	truth_read_slot(graph->truth, truth_channel_offset(number), sizeof(channel), &channel);
	graph_name_id(graph, "c", number, id);
	object = json_pack("{s:s, s:s, s:s, s:s, s:o}", "id", id, "mechanism", channel.mechanism,
			   "name", channel.name, "scenario", graph->scenario, "endpoints",
			   graph->endpoints[number]);
	ENSURE(object);
	graph_add_rest(object, &channel, &graph->balances[number]);
	graph_push(graph->channels, object);
}

void truth_append_to(const struct truth *truth, const char *scenario, json_t *graph)
{
	struct graph *work = calloc(1, sizeof(*work));
	uint32_t i;

	ENSURE(work);
	work->truth = truth;
	work->scenario = scenario;
	work->processes = json_object_get(graph, "processes");
	work->channels = json_object_get(graph, "channels");
	work->edges = json_object_get(graph, "edges");
	truth_read_slot(truth, 0, sizeof(work->head), &work->head);
	ENSURE(work->head.nr_channels <= TRUTH_MAX_CHANNELS);
	for (i = 0; i < work->head.nr_channels; i++)
		ENSURE((work->endpoints[i] = json_array()));
	for (i = 0; i < work->head.nr_actors; i++)
		graph_add_actor(work, i);
	graph_merge_counts(work);
	graph_add_received(work);
	for (i = 0; i < work->head.nr_channels; i++)
		graph_add_channel(work, i);
	free(work->counts);
	free(work);
}
