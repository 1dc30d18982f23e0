/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one step behind every view: a new graph in which each process, channel and edge of the
 * old one is added to the new one that a map names, or left out.
 */
#ifndef IPCTRACE_GRAPH_FOLD_H
#define IPCTRACE_GRAPH_FOLD_H

#include "graph/graph.h"

/*
 * Index into the old array -> index into the new one, or GRAPH_NONE to leave it out. Every
 * new index below the `_nr` must be named at least once.
 */
struct graph_fold {
	const uint32_t *processes, *channels, *edges;
	size_t processes_nr, channels_nr, edges_nr;
};

/* A new graph, owned by the caller (graph_free). 0 or -ENOMEM. */
int graph_fold_new(const struct graph *graph, const struct graph_fold *fold,
		   struct graph **ret_graph);

#endif
