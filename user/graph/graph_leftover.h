/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects that outlive their users: what processes of the capture made and nobody took away. A
 * capture that recorded what there was at its end says so (graph_capture.knows_leftovers), and of
 * each channel that can outlive its users whether it was there (graph_channel.left_at_exit).
 */
#ifndef IPCTRACE_GRAPH_LEFTOVER_H
#define IPCTRACE_GRAPH_LEFTOVER_H

#include "graph/graph.h"

struct graph_leftovers {
	uint32_t *channels; /* indices; owned by the caller (free) */
	size_t nr;
	size_t unknown_nr; /* made in the capture, and it is not known what became of them */
};

/*
 * Channels of these mechanisms (a bit each) that a process of the capture made and that were there
 * at its end. 0 or -ENOMEM.
 */
int graph_leftovers_find(const struct graph *graph, uint64_t mechanisms,
			 struct graph_leftovers *ret_leftovers);

#endif
