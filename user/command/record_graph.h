/* SPDX-License-Identifier: GPL-2.0-only */
/* Recording into a file that nobody wants to keep, for its graph. */
#ifndef IPCTRACE_RECORD_GRAPH_H
#define IPCTRACE_RECORD_GRAPH_H

#include "command/load_graph.h"
#include "command/record.h"

/*
 * Records, and builds the graph, owned by the caller (graph_free); NULL if there is none. Without
 * `record->path` the file is a temporary one and gone when this returns. `examples` as of
 * load_graph_examples(). Prints its own errors; the exit status of record_to_file(), or why the
 * graph could not be built.
 */
int record_graph(const struct record_options *record, struct examples *examples,
		 struct graph **ret_graph);

/* From here on a reader of stdout that has enough ends us, as where nothing was recorded. */
void record_graph_end(void);

#endif
