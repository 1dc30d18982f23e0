/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/stream_region.h"

#include <errno.h>
#include <stdlib.h>

int region_add(struct region *region, struct edge *edge, const struct match *match)
{
	if (edge->region != region->number) {
		if (region->nr == region->cap) {
			size_t cap = region->cap ? region->cap * 2 : 4;
			struct edge **edges = reallocarray(region->edges, cap, sizeof(*edges));

			if (!edges)
				return -ENOMEM;
			region->edges = edges;
			region->cap = cap;
		}
		region->edges[region->nr++] = edge;
		edge->region = region->number;
		edge->region_messages = edge->region_bytes = 0;
	}
	edge->region_messages += match->messages;
	edge->region_bytes += match->bytes;
	return 0;
}

void region_doubt(struct region *region)
{
	if (region->is_doubtful)
		return;
	region->is_doubtful = true;
	for (size_t i = 0; i < region->nr; i++) {
		struct edge *edge = region->edges[i];

		edge->is_doubtful = true;
		if (edge->region != region->number) { /* only a later region is certain */
			edge->certain_messages = edge->region_messages;
			edge->certain_bytes = edge->region_bytes;
			continue;
		}
		edge->certain_messages -= edge->region_messages;
		edge->certain_bytes -= edge->region_bytes;
		edge->region_messages = edge->region_bytes = 0;
	}
}

void region_begin(struct region *region, uint64_t number, bool is_doubtful)
{
	region->nr = 0;
	region->number = number;
	region->is_doubtful = is_doubtful;
	region->has_long_write = false;
}

void region_fini(struct region *region)
{
	free(region->edges);
}
