/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_leftover.h"

#include <errno.h>
#include <stdlib.h>

/* Who made it is known where the capture saw it; a server that was there before made its own. */
static bool is_made_here(const struct graph *graph, const struct graph_channel *channel)
{
	return channel->created_by != GRAPH_NONE && graph->processes[channel->created_by].is_traced;
}

int graph_leftovers_find(const struct graph *graph, uint64_t mechanisms,
			 struct graph_leftovers *ret_leftovers)
{
	*ret_leftovers = (struct graph_leftovers){
		.channels = calloc(graph->channels_nr + 1, sizeof(uint32_t)),
	};
	if (!ret_leftovers->channels)
		return -ENOMEM;
	for (size_t i = 0; i < graph->channels_nr; i++) {
		const struct graph_channel *channel = &graph->channels[i];

		if (!(mechanisms & (1ULL << channel->mechanism)))
			continue;
		if (channel->left_at_exit == GRAPH_LEFT_YES)
			ret_leftovers->channels[ret_leftovers->nr++] = (uint32_t)i;
		else if (channel->left_at_exit == GRAPH_LEFT_UNKNOWN &&
			 is_made_here(graph, channel))
			ret_leftovers->unknown_nr++;
	}
	return 0;
}
