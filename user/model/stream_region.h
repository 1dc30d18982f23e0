/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A region: all that was matched in a stream since it was last known empty. A proven overlap
 * makes the edges of its region doubtful, and no others.
 */
#ifndef IPCTRACE_STREAM_REGION_H
#define IPCTRACE_STREAM_REGION_H

#include "model/edge_set.h"

struct region {
	struct edge **edges; /* borrowed from the edge set */
	size_t nr, cap;
	uint64_t number; /* tells the counters in struct edge of one region from another's */
	uint64_t ended_ns;
	bool is_doubtful;
	bool has_long_write;
};

/* Notes that `match` was added to `edge`. 0 or -ENOMEM. */
int region_add(struct region *region, struct edge *edge, const struct match *match);
/* What was matched in the region may be someone else's. */
void region_doubt(struct region *region);
/* Forgets the edges; the region is `number` from now on. */
void region_begin(struct region *region, uint64_t number, bool is_doubtful);
void region_fini(struct region *region);

#endif
