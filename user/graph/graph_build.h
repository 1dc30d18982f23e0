/* SPDX-License-Identifier: GPL-2.0-only */
/* The graph of a model. */
#ifndef IPCTRACE_GRAPH_BUILD_H
#define IPCTRACE_GRAPH_BUILD_H

#include "graph/graph.h"
#include "model/world.h"
#include "store/capture_info.h"

/*
 * Closes the ledgers of `world` and builds the graph, owned by the caller. Listed are the
 * channels through which something went, and the processes that took part or lead to one that
 * did. 0 or -ENOMEM.
 */
int graph_build(struct world *world, const struct capture_info *info,
		const struct ledger_info *ledger, bool is_complete, struct graph **ret_graph);

#endif
