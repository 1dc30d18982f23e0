/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_total.h"

#include <stdlib.h>
#include <string.h>

#include "graph/graph_memory.h"

typedef int (*compare_names_fn)(const struct graph *graph, uint32_t a, uint32_t b);

struct order {
	const struct graph *graph;
	enum graph_sort sort;
	compare_names_fn compare_names;
};

static struct graph_total *totals_new(size_t nr)
{
	struct graph_total *totals = calloc(nr + 1, sizeof(*totals));
	size_t i;

	for (i = 0; totals && i < nr; i++) {
		totals[i].index = (uint32_t)i;
		totals[i].sender = totals[i].receiver = GRAPH_NONE;
	}
	return totals;
}

static void count_add(struct graph_count *count, const struct graph_count *more)
{
	count->messages += more->messages;
	count->bytes += more->bytes;
}

static void edge_add(struct graph_total *total, const struct graph_edge *edge)
{
	count_add(&total->moved, &edge->count);
	total->edges++;
	total->exact_edges += edge->is_exact;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare_totals(const void *a, const void *b, void *context)
{
	const struct order *order = context;
	const struct graph_total *x = a, *y = b;
	int result = 0;

	if (order->sort == GRAPH_SORT_NAME)
		result = order->compare_names(order->graph, x->index, y->index);
	else if (order->sort == GRAPH_SORT_MESSAGES)
		result = compare_u64(y->moved.messages, x->moved.messages);
	if (!result)
		result = compare_u64(y->moved.bytes, x->moved.bytes);
	if (!result)
		result = compare_u64(y->moved.messages, x->moved.messages);
	return result ? result : compare_u64(x->index, y->index);
}

static struct graph_total *sort(struct graph_total *totals, size_t nr, const struct order *order)
{
	qsort_r(totals, nr, sizeof(*totals), compare_totals, (void *)order);
	return totals;
}

static int compare_process_names(const struct graph *graph, uint32_t a, uint32_t b)
{
	const struct graph_process *x = &graph->processes[a], *y = &graph->processes[b];
	int result = compare_text(x->comm, y->comm);

	return result ? result : compare_u64(x->pid, y->pid);
}

static void processes_add_edges(const struct graph *graph, struct graph_total *totals)
{
	size_t i;

	for (i = 0; i < graph->edges_nr; i++) {
		const struct graph_edge *edge = &graph->edges[i];

		count_add(&totals[edge->from].sent, &edge->count);
		count_add(&totals[edge->to].received, &edge->count);
		edge_add(&totals[edge->from], edge);
		if (edge->to != edge->from)
			edge_add(&totals[edge->to], edge);
	}
}

/* Keeps those with an edge or an endpoint (marked in `channels`). */
static size_t drop_idle(struct graph_total *totals, size_t nr)
{
	size_t kept = 0, i;

	for (i = 0; i < nr; i++)
		if (totals[i].edges || totals[i].channels)
			totals[kept++] = totals[i];
	return kept;
}

struct graph_total *graph_total_processes(const struct graph *graph, enum graph_sort by,
					  size_t *ret_nr)
{
	struct order order = { graph, by, compare_process_names };
	struct graph_total *totals = totals_new(graph->processes_nr);
	size_t i, j;

	if (!totals)
		return NULL;
	processes_add_edges(graph, totals);
	for (i = 0; i < graph->channels_nr; i++) {
		for (j = 0; j < graph->channels[i].endpoints_nr; j++) {
			const struct graph_endpoint *endpoint = &graph->channels[i].endpoints[j];

			totals[endpoint->process].wait_ns += endpoint->wait_ns;
			totals[endpoint->process].channels++;
		}
	}
	*ret_nr = drop_idle(totals, graph->processes_nr);
	return sort(totals, *ret_nr, &order);
}

static int compare_channel_names(const struct graph *graph, uint32_t a, uint32_t b)
{
	const struct graph_channel *x = &graph->channels[a], *y = &graph->channels[b];
	int result = compare_text(x->name, y->name);

	return result ? result : compare_text(x->object, y->object);
}

static void endpoint_add(struct graph_total *total, const struct graph_endpoint *endpoint)
{
	total->wait_ns += endpoint->wait_ns;
	if (endpoint->role == IPCT_ROLE_SEND) {
		if (!total->senders++)
			total->sender = endpoint->process;
	} else if (endpoint->role == IPCT_ROLE_RECEIVE) {
		if (!total->receivers++)
			total->receiver = endpoint->process;
	}
}

struct graph_total *graph_total_channels(const struct graph *graph, enum graph_sort by,
					 size_t *ret_nr)
{
	struct order order = { graph, by, compare_channel_names };
	struct graph_total *totals = totals_new(graph->channels_nr);
	size_t i, j;

	if (!totals)
		return NULL;
	for (i = 0; i < graph->edges_nr; i++)
		if (graph->edges[i].channel != GRAPH_NONE)
			edge_add(&totals[graph->edges[i].channel], &graph->edges[i]);
	*ret_nr = 0;
	for (i = 0; i < graph->channels_nr; i++) {
		for (j = 0; j < graph->channels[i].endpoints_nr; j++)
			endpoint_add(&totals[i], &graph->channels[i].endpoints[j]);
		if (!graph_mappers_nr(graph, &graph->channels[i]))
			totals[(*ret_nr)++] = totals[i];
	}
	return sort(totals, *ret_nr, &order);
}

static int compare_mechanism_names(const struct graph *graph, uint32_t a, uint32_t b)
{
	(void)graph; /* names of mechanisms are not the graph's */
	return strcmp(graph_mechanism_name(a), graph_mechanism_name(b));
}

struct graph_total *graph_total_mechanisms(const struct graph *graph, enum graph_sort by,
					   size_t *ret_nr)
{
	struct order order = { graph, by, compare_mechanism_names };
	struct graph_total *totals = totals_new(IPCT_MECHANISM_NR);
	size_t i, j;

	if (!totals)
		return NULL;
	for (i = 0; i < graph->edges_nr; i++)
		if (graph->edges[i].mechanism < IPCT_MECHANISM_NR)
			edge_add(&totals[graph->edges[i].mechanism], &graph->edges[i]);
	for (i = 0; i < graph->channels_nr; i++) {
		const struct graph_channel *channel = &graph->channels[i];

		if (channel->mechanism >= IPCT_MECHANISM_NR)
			continue;
		totals[channel->mechanism].channels++;
		for (j = 0; j < channel->endpoints_nr; j++)
			totals[channel->mechanism].wait_ns += channel->endpoints[j].wait_ns;
	}
	*ret_nr = drop_idle(totals, IPCT_MECHANISM_NR);
	return sort(totals, *ret_nr, &order);
}
