/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_fold.h"
#include "graph/graph_memory.h"
#include "graph/graph_program.h"
#include "model/channel.h"

const char *const graph_grouping_names[GRAPH_GROUP_NR] = {
	[GRAPH_GROUP_PROCESS] = "process",
	[GRAPH_GROUP_COMM] = "comm",
	[GRAPH_GROUP_EXE] = "exe",
	[GRAPH_GROUP_PROGRAM] = "program",
};

const char *const graph_sort_names[GRAPH_SORT_NR] = {
	[GRAPH_SORT_BYTES] = "bytes",
	[GRAPH_SORT_MESSAGES] = "messages",
	[GRAPH_SORT_RATE] = "rate",
	[GRAPH_SORT_NAME] = "name",
};

typedef int (*compare_fn)(const void *a, const void *b, void *context);

/* What grouping works with; the maps are old index -> new index. */
struct grouping {
	const struct graph *graph;
	enum graph_grouping by;
	char **names; /* graph_program_names() */
	uint32_t *processes, *channels, *edges;
	size_t processes_nr, channels_nr, edges_nr;
};

const char *graph_mechanism_name(enum ipct_mechanism mechanism)
{
	return channel_mechanism_name(mechanism);
}

const char *graph_role_name(enum ipct_role role)
{
	static const char *const names[IPCT_ROLE_NR] = {
		[IPCT_ROLE_NONE] = "hold",	 [IPCT_ROLE_SEND] = "send",
		[IPCT_ROLE_RECEIVE] = "receive", [IPCT_ROLE_MAP_RO] = "map-ro",
		[IPCT_ROLE_MAP_RW] = "map-rw",	 [IPCT_ROLE_POST] = "post",
		[IPCT_ROLE_WAIT] = "wait",	 [IPCT_ROLE_HOLD] = "hold",
	};

	return (unsigned int)role < IPCT_ROLE_NR ? names[role] : names[IPCT_ROLE_HOLD];
}

/* 0..nr-1 in the order of `compare`, owned by the caller; NULL without memory. */
static uint32_t *sorted_indices(size_t nr, compare_fn compare, const void *context)
{
	uint32_t *indices = calloc(nr + 1, sizeof(*indices));
	size_t i;

	if (!indices)
		return NULL;
	for (i = 0; i < nr; i++)
		indices[i] = (uint32_t)i;
	qsort_r(indices, nr, sizeof(*indices), compare, (void *)context);
	return indices;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static const char *edge_channel_name(const struct graph *graph, const struct graph_edge *edge)
{
	const char *name = NULL;

	if (edge->channel != GRAPH_NONE)
		name = graph->channels[edge->channel].name;
	return name ? name : "";
}

/* Processes into groups. */

static int compare_processes(const void *a, const void *b, void *context)
{
	const struct grouping *grouping = context;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	const struct graph_process *x = &grouping->graph->processes[left];
	const struct graph_process *y = &grouping->graph->processes[right];

	if (!x->pid != !y->pid)
		return x->pid ? 1 : -1;
	if (x->pid && grouping->by == GRAPH_GROUP_PROCESS)
		return compare_u64(left, right);
	return strcmp(grouping->names[left], grouping->names[right]);
}

/*
 * Equal indices get one number. Numbers are given by first appearance in the old array, so
 * that the order of things stays.
 */
static int map_equals(size_t nr, compare_fn compare, const void *context, uint32_t **ret_map,
		      size_t *ret_nr)
{
	uint32_t *sorted = sorted_indices(nr, compare, context);
	uint32_t *map = calloc(nr + 1, sizeof(*map));
	uint32_t first, used = 0;
	size_t i, j;

	if (!sorted || !map) {
		free(sorted);
		free(map);
		return -ENOMEM;
	}
	for (i = 0; i < nr; i = j) {
		first = sorted[i];
		for (j = i; j < nr && !compare(&sorted[i], &sorted[j], (void *)context); j++)
			first = sorted[j] < first ? sorted[j] : first;
		for (; i < j; i++)
			map[sorted[i]] = first;
	}
	for (i = 0; i < nr; i++)
		map[i] = map[i] == i ? used++ : map[map[i]];
	free(sorted);
	*ret_map = map;
	*ret_nr = used;
	return 0;
}

/* Edges per (from, to, mechanism, channel name). */

static int compare_edges(const void *a, const void *b, void *context)
{
	const struct grouping *grouping = context;
	const struct graph_edge *x = &grouping->graph->edges[*(const uint32_t *)a];
	const struct graph_edge *y = &grouping->graph->edges[*(const uint32_t *)b];
	int order;

	order = compare_u64(grouping->processes[x->from], grouping->processes[y->from]);
	if (!order)
		order = compare_u64(grouping->processes[x->to], grouping->processes[y->to]);
	if (!order)
		order = compare_u64(x->mechanism, y->mechanism);
	if (order)
		return order;
	return strcmp(edge_channel_name(grouping->graph, x), edge_channel_name(grouping->graph, y));
}

/* Channels: of one mechanism and name, or joined by a merged edge. */

static int compare_channels(const void *a, const void *b, void *context)
{
	const struct graph *graph = context;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	const struct graph_channel *x = &graph->channels[left], *y = &graph->channels[right];
	int order = compare_u64(x->mechanism, y->mechanism);

	if (!order)
		order = compare_text(x->name, y->name);
	if (!order && (!x->name || !*x->name))
		order = compare_u64(left, right);
	return order;
}

static uint32_t find_root(uint32_t *parents, uint32_t index)
{
	while (parents[index] != index) {
		parents[index] = parents[parents[index]];
		index = parents[index];
	}
	return index;
}

/* The smaller index becomes the root. */
static void join(uint32_t *parents, uint32_t a, uint32_t b)
{
	a = find_root(parents, a);
	b = find_root(parents, b);
	if (a < b)
		parents[b] = a;
	else
		parents[a] = b;
}

static void number_roots(uint32_t *parents, size_t nr, size_t *ret_nr)
{
	uint32_t used = 0;
	size_t i;

	/* Twice: numbers may be taken for indices only when every root is known. */
	for (i = 0; i < nr; i++)
		parents[i] = find_root(parents, (uint32_t)i);
	for (i = 0; i < nr; i++)
		parents[i] = parents[i] == i ? used++ : parents[parents[i]];
	*ret_nr = used;
}

static int join_channels_of_edges(struct grouping *grouping)
{
	const struct graph *graph = grouping->graph;
	uint32_t *first = calloc(grouping->edges_nr + 1, sizeof(*first));
	size_t i;

	if (!first)
		return -ENOMEM;
	memset(first, 0xff, (grouping->edges_nr + 1) * sizeof(*first));
	for (i = 0; i < graph->edges_nr; i++) {
		uint32_t channel = graph->edges[i].channel, *slot = &first[grouping->edges[i]];

		if (channel == GRAPH_NONE)
			continue;
		if (*slot == GRAPH_NONE)
			*slot = channel;
		join(grouping->channels, *slot, channel);
	}
	free(first);
	return 0;
}

static int join_channels_by_name(struct grouping *grouping)
{
	const struct graph *graph = grouping->graph;
	size_t nr = graph->channels_nr, i;
	uint32_t *sorted = sorted_indices(nr, compare_channels, graph);

	grouping->channels = calloc(nr + 1, sizeof(*grouping->channels));
	if (!sorted || !grouping->channels) {
		free(sorted);
		return -ENOMEM;
	}
	for (i = 0; i < nr; i++)
		grouping->channels[i] = (uint32_t)i;
	for (i = 1; i < nr; i++)
		if (!compare_channels(&sorted[i - 1], &sorted[i], (void *)graph))
			join(grouping->channels, sorted[i - 1], sorted[i]);
	free(sorted);
	return 0;
}

static int map_all(struct grouping *grouping)
{
	const struct graph *graph = grouping->graph;
	int err;

	err = map_equals(graph->processes_nr, compare_processes, grouping, &grouping->processes,
			 &grouping->processes_nr);
	if (!err)
		err = map_equals(graph->edges_nr, compare_edges, grouping, &grouping->edges,
				 &grouping->edges_nr);
	if (!err)
		err = join_channels_by_name(grouping);
	if (!err)
		err = join_channels_of_edges(grouping);
	if (!err)
		number_roots(grouping->channels, graph->channels_nr, &grouping->channels_nr);
	return err;
}

/* A group of one program is called by the program, not by one of its members' names. */
static int name_by_exe(struct graph *graph)
{
	size_t i;

	for (i = 0; i < graph->processes_nr; i++) {
		struct graph_process *process = &graph->processes[i];
		const char *slash = process->exe ? strrchr(process->exe, '/') : NULL;
		char *comm;

		if (!process->pid || !slash || !slash[1])
			continue;
		comm = strdup(slash + 1);
		if (!comm)
			return -ENOMEM;
		free(process->comm);
		process->comm = comm;
	}
	return 0;
}

static int name_by_program(const struct grouping *grouping, struct graph *grouped)
{
	for (size_t i = 0; i < grouping->graph->processes_nr; i++) {
		struct graph_process *process = &grouped->processes[grouping->processes[i]];
		char *comm = strdup(grouping->names[i]);

		if (!comm)
			return -ENOMEM;
		free(process->comm);
		process->comm = comm;
	}
	return 0;
}

static int name_groups(const struct grouping *grouping, struct graph *grouped)
{
	if (grouping->by == GRAPH_GROUP_EXE)
		return name_by_exe(grouped);
	return grouping->by == GRAPH_GROUP_PROGRAM ? name_by_program(grouping, grouped) : 0;
}

static int grouping_init(struct grouping *grouping)
{
	grouping->names = graph_program_names(grouping->graph, grouping->by);
	return grouping->names ? map_all(grouping) : -ENOMEM;
}

int graph_view_group(const struct graph *graph, enum graph_grouping by, struct graph **ret_graph)
{
	struct grouping grouping = { .graph = graph, .by = by };
	struct graph *grouped = NULL;
	int err;

	err = grouping_init(&grouping);
	if (!err)
		err = graph_fold_new(graph,
				     &(struct graph_fold){ grouping.processes, grouping.channels,
							   grouping.edges, grouping.processes_nr,
							   grouping.channels_nr,
							   grouping.edges_nr },
				     &grouped);
	if (!err)
		err = name_groups(&grouping, grouped);
	graph_program_free(grouping.names, graph);
	free(grouping.processes);
	free(grouping.channels);
	free(grouping.edges);
	if (err)
		graph_free(grouped);
	else
		*ret_graph = grouped;
	return err;
}

/* Sorting. */

static int compare_by_bytes(const void *a, const void *b, void *context)
{
	const struct graph *graph = context;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	const struct graph_count *x = &graph->edges[left].count, *y = &graph->edges[right].count;
	int order = compare_u64(y->bytes, x->bytes);

	if (!order)
		order = compare_u64(y->messages, x->messages);
	return order ? order : compare_u64(left, right);
}

static int compare_by_messages(const void *a, const void *b, void *context)
{
	const struct graph *graph = context;
	const struct graph_count *x = &graph->edges[*(const uint32_t *)a].count;
	const struct graph_count *y = &graph->edges[*(const uint32_t *)b].count;
	int order = compare_u64(y->messages, x->messages);

	return order ? order : compare_by_bytes(a, b, context);
}

static int compare_process_names(const struct graph *graph, uint32_t a, uint32_t b)
{
	const struct graph_process *x = &graph->processes[a], *y = &graph->processes[b];
	int order = compare_text(x->comm, y->comm);

	if (!order)
		order = compare_u64(x->pid, y->pid);
	return order ? order : compare_u64(a, b);
}

static int compare_by_name(const void *a, const void *b, void *context)
{
	const struct graph *graph = context;
	const struct graph_edge *x = &graph->edges[*(const uint32_t *)a];
	const struct graph_edge *y = &graph->edges[*(const uint32_t *)b];
	int order = compare_process_names(graph, x->from, y->from);

	if (!order)
		order = compare_process_names(graph, x->to, y->to);
	if (!order)
		order = compare_u64(x->mechanism, y->mechanism);
	if (!order)
		order = strcmp(edge_channel_name(graph, x), edge_channel_name(graph, y));
	return order ? order : compare_by_bytes(a, b, context);
}

uint32_t *graph_view_sort_edges(const struct graph *graph, enum graph_sort sort)
{
	/* All rates are over the same window: the order of the bytes. */
	static const compare_fn compares[GRAPH_SORT_NR] = {
		[GRAPH_SORT_BYTES] = compare_by_bytes,
		[GRAPH_SORT_MESSAGES] = compare_by_messages,
		[GRAPH_SORT_RATE] = compare_by_bytes,
		[GRAPH_SORT_NAME] = compare_by_name,
	};

	return sorted_indices(graph->edges_nr, compares[sort], graph);
}

/* The largest edges. */

/* Gives used slots (not GRAPH_NONE) numbers in the old order; returns how many. */
static size_t number_used(uint32_t *map, size_t nr)
{
	uint32_t used = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		if (map[i] != GRAPH_NONE)
			map[i] = used++;
	return used;
}

static uint32_t *map_new(size_t nr)
{
	uint32_t *map = calloc(nr + 1, sizeof(*map));

	if (map)
		memset(map, 0xff, (nr + 1) * sizeof(*map));
	return map;
}

/* Memory stays when two of its mappers do. */
static void mark_memory(const struct graph *graph, struct grouping *top)
{
	for (size_t i = 0; i < graph->channels_nr; i++) {
		const struct graph_channel *channel = &graph->channels[i];
		size_t kept = 0;

		for (size_t j = 0; j < channel->endpoints_nr; j++)
			kept += top->processes[channel->endpoints[j].process] != GRAPH_NONE;
		if (kept >= 2 && graph_mappers_nr(graph, channel))
			top->channels[i] = 0;
	}
}

static void mark_top(const struct graph *graph, const uint32_t *sorted, size_t kept,
		     struct grouping *top)
{
	size_t i;

	for (i = 0; i < kept; i++) {
		const struct graph_edge *edge = &graph->edges[sorted[i]];

		top->edges[sorted[i]] = (uint32_t)i;
		top->processes[edge->from] = 0;
		top->processes[edge->to] = 0;
		if (edge->channel != GRAPH_NONE)
			top->channels[edge->channel] = 0;
		if (edge->mechanism == IPCT_FD_PASS && edge->passed != GRAPH_NONE)
			top->channels[edge->passed] = 0;
	}
	mark_memory(graph, top);
	top->edges_nr = kept;
	top->processes_nr = number_used(top->processes, graph->processes_nr);
	top->channels_nr = number_used(top->channels, graph->channels_nr);
}

int graph_view_top(const struct graph *graph, size_t edges_max, struct graph **ret_graph,
		   size_t *ret_left_out)
{
	size_t kept = graph->edges_nr < edges_max ? graph->edges_nr : edges_max;
	uint32_t *sorted = sorted_indices(graph->edges_nr, compare_by_bytes, graph);
	struct grouping top = { .graph = graph };
	int err = -ENOMEM;

	top.processes = map_new(graph->processes_nr);
	top.channels = map_new(graph->channels_nr);
	top.edges = map_new(graph->edges_nr);
	if (sorted && top.processes && top.channels && top.edges) {
		mark_top(graph, sorted, kept, &top);
		err = graph_fold_new(graph,
				     &(struct graph_fold){ top.processes, top.channels, top.edges,
							   top.processes_nr, top.channels_nr,
							   top.edges_nr },
				     ret_graph);
	}
	if (!err)
		*ret_left_out = graph->edges_nr - kept;
	free(top.edges);
	free(top.channels);
	free(top.processes);
	free(sorted);
	return err;
}
