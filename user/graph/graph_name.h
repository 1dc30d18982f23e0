/* SPDX-License-Identifier: GPL-2.0-only */
/* Which parts of a name are only this run's: ports that the kernel gave, pids, random numbers. */
#ifndef IPCTRACE_GRAPH_NAME_H
#define IPCTRACE_GRAPH_NAME_H

#include "graph/graph.h"

/* The colon before the port of `address:port`, NULL: there is none. Borrowed from `name`. */
const char *graph_name_port(const char *name);

/* Is that port one of those that the kernel gives to who asks for none? */
bool graph_name_port_is_given(const char *port);

/* The pids of a graph, ascending. */
struct graph_pids {
	uint32_t *pids;
	size_t nr;
};

/* 0 or -ENOMEM. */
int graph_pids_init(struct graph_pids *pids, const struct graph *graph);
void graph_pids_fini(struct graph_pids *pids);

/*
 * The name of a channel with `*` for what another run would call otherwise. Of addresses: a port
 * that the kernel gave. Of terminals: the number. Of abstract names: what the kernel chose. Of
 * keys: all, which often are inode numbers. Of others: the folders in one for temporary files, all
 * as one; a tail of six letters and digits or more in such a folder; parts that mktemp named (`tmp`
 * and more); and numbers that are a pid of the graph or have five digits or more. Owned by the
 * caller, NULL without memory.
 */
char *graph_name_blank(const char *name, enum ipct_mechanism mechanism,
		       const struct graph_pids *pids);

#endif
