/* SPDX-License-Identifier: GPL-2.0-only */
/* Other looks at a graph: regrouped, cut to its largest edges, sorted, summed up. */
#ifndef IPCTRACE_GRAPH_VIEW_H
#define IPCTRACE_GRAPH_VIEW_H

#include "graph/graph.h"

/* What becomes one node. */
enum graph_grouping {
	GRAPH_GROUP_PROCESS, /* as it is; parallel edges are merged all the same */
	GRAPH_GROUP_COMM,
	GRAPH_GROUP_EXE,     /* by comm where the exe is not known */
	GRAPH_GROUP_PROGRAM, /* graph_program.h */
	GRAPH_GROUP_NR,
};

enum graph_sort {
	GRAPH_SORT_BYTES,
	GRAPH_SORT_MESSAGES,
	GRAPH_SORT_RATE,
	GRAPH_SORT_NAME,
	GRAPH_SORT_NR,
};

/* Their names on the command line, indexed by the enums. */
extern const char *const graph_grouping_names[GRAPH_GROUP_NR];
extern const char *const graph_sort_names[GRAPH_SORT_NR];

/* "pipe", or "?" for a number that is none. Static. */
const char *graph_mechanism_name(enum ipct_mechanism mechanism);

/* "send", "hold" for what is none. Static. */
const char *graph_role_name(enum ipct_role role);

/*
 * A new graph, owned by the caller: processes of a group are one (those with pid 0 only
 * with each other, by comm if not by program), and its edges are merged per (from, to, mechanism,
 * channel name). So that each edge still has one channel, channels of the same mechanism and name
 * become one, and nameless ones whose edges were merged: sums, and with them the
 * conservation law, hold. 0 or -ENOMEM.
 */
int graph_view_group(const struct graph *graph, enum graph_grouping by, struct graph **ret_graph);

/*
 * A new graph, owned by the caller: the `edges_max` edges with the most bytes, then messages,
 * in that order, with their processes and channels. 0 or -ENOMEM.
 */
int graph_view_top(const struct graph *graph, size_t edges_max, struct graph **ret_graph,
		   size_t *ret_left_out);

/*
 * All edges' indices in the order asked for, owned by the caller (free); NULL without memory.
 * The largest come first; names ascend by from, to, mechanism, channel.
 */
uint32_t *graph_view_sort_edges(const struct graph *graph, enum graph_sort sort);

#endif
