/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process runs, in a word that is the same in every run: no pid, no folder, no title that
 * the process gave itself, no port that a client was given.
 */
#ifndef IPCTRACE_GRAPH_PROGRAM_H
#define IPCTRACE_GRAPH_PROGRAM_H

#include "graph/graph.h"
#include "graph/graph_view.h"

/*
 * What tells the groups of a grouping apart, one for each process of the graph, in its order. By
 * program it is the name that it was called by (`sh`, although that is dash), the script that an
 * interpreter runs (`worker.py`), the file of the program if it has another name by now, its comm
 * if there is no file; who is no process of this machine keeps its name (`kernel`,
 * `10.0.0.7:5432`), without the port if that is a client's. By exe it is the path, or the comm
 * where there is none; else the comm. Owned by the caller (graph_program_free), as many as the
 * graph has processes; NULL without memory.
 */
char **graph_program_names(const struct graph *graph, enum graph_grouping by);

/* NULL is accepted. */
void graph_program_free(char **names, const struct graph *graph);

#endif
