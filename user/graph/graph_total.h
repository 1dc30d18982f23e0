/* SPDX-License-Identifier: GPL-2.0-only */
/* Sums of a graph's edges and endpoints, per process, channel and mechanism. */
#ifndef IPCTRACE_GRAPH_TOTAL_H
#define IPCTRACE_GRAPH_TOTAL_H

#include "graph/graph.h"
#include "graph/graph_view.h"

struct graph_total {
	uint32_t index;			   /* of the process or channel; the mechanism's number */
	struct graph_count moved;	   /* sum of the edges, a process's edge to itself once */
	struct graph_count sent, received; /* process: edges out of it, into it */
	uint64_t wait_ns;
	size_t edges, exact_edges;
	size_t channels;	   /* mechanism */
	uint32_t sender, receiver; /* channel: the first ones, or GRAPH_NONE */
	size_t senders, receivers; /* channel: how many endpoints of the role */
};

/*
 * An array in the order asked for, owned by the caller (free), with `*ret_nr` entries: all
 * processes that have an edge or an endpoint, all channels but those that are memory
 * (graph_memory.h), all mechanisms that have a
 * channel or an edge. NULL without memory.
 */
struct graph_total *graph_total_processes(const struct graph *graph, enum graph_sort sort,
					  size_t *ret_nr);
struct graph_total *graph_total_channels(const struct graph *graph, enum graph_sort sort,
					 size_t *ret_nr);
struct graph_total *graph_total_mechanisms(const struct graph *graph, enum graph_sort sort,
					   size_t *ret_nr);

#endif
