/* SPDX-License-Identifier: GPL-2.0-only */
/* Channels that are memory: no edges, the processes that map it are the relation. */
#ifndef IPCTRACE_GRAPH_MEMORY_H
#define IPCTRACE_GRAPH_MEMORY_H

#include "graph/graph.h"

/* How many processes map it; 0: it is no shared memory. A group that maps it is several. */
size_t graph_mappers_nr(const struct graph *graph, const struct graph_channel *channel);

/*
 * Indices of the channels that at least `least` processes map, those with most of them first;
 * owned by the caller (free). NULL without memory.
 */
uint32_t *graph_memory_channels(const struct graph *graph, size_t least, size_t *ret_nr);

#endif
