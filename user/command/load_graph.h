/* SPDX-License-Identifier: GPL-2.0-only */
/* From a capture file to its graph, for the commands that show one. */
#ifndef IPCTRACE_LOAD_GRAPH_H
#define IPCTRACE_LOAD_GRAPH_H

#include "graph/graph.h"
#include "verify/examples.h"

#define LOAD_GRAPH_FILE "ipctrace.data" /* where record writes to and others read from */

/*
 * Reads the capture at `path` and builds its graph, owned by the caller (graph_free). Prints
 * its own error and returns the exit code, EXIT_CODE_OK if there is a graph.
 */
int load_graph(const char *path, struct graph **ret_graph);

/* The same; the first transfers of each edge are kept in `examples`. NULL: they are not wanted. */
int load_graph_examples(const char *path, struct examples *examples, struct graph **ret_graph);

#endif
