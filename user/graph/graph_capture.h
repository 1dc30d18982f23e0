/* SPDX-License-Identifier: GPL-2.0-only */
/* What a graph says of its capture: where, when, how complete. */
#ifndef IPCTRACE_GRAPH_CAPTURE_H
#define IPCTRACE_GRAPH_CAPTURE_H

#include "graph/graph.h"
#include "model/world.h"
#include "store/capture_info.h"

/* The world has taken all records. 0 or -ENOMEM; graph_free() frees what was filled. */
int graph_capture_fill(const struct world *world, const struct capture_info *info,
		       const struct ledger_info *ledger, bool is_complete,
		       struct graph_capture *out);

void graph_ledger_fill(const struct ledger_info *ledger, struct graph_ledger *out);

#endif
