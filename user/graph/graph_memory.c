/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_memory.h"

#include <stdlib.h>
#include <string.h>

size_t graph_mappers_nr(const struct graph *graph, const struct graph_channel *channel)
{
	size_t nr = 0;

	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		const struct graph_endpoint *endpoint = &channel->endpoints[i];
		uint32_t members = graph->processes[endpoint->process].members;

		if (ipct_role_maps(endpoint->role))
			nr += members > 1 ? 2 : 1;
	}
	return nr;
}

static int compare_channels(const void *a, const void *b, void *context)
{
	const struct graph *graph = context;
	const struct graph_channel *x = &graph->channels[*(const uint32_t *)a];
	const struct graph_channel *y = &graph->channels[*(const uint32_t *)b];

	if (x->endpoints_nr != y->endpoints_nr)
		return x->endpoints_nr > y->endpoints_nr ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return x < y ? -1 : x > y;
}

uint32_t *graph_memory_channels(const struct graph *graph, size_t least, size_t *ret_nr)
{
	uint32_t *channels = calloc(graph->channels_nr + 1, sizeof(*channels));
	size_t nr = 0;

	if (!channels)
		return NULL;
	for (size_t i = 0; i < graph->channels_nr; i++) {
		size_t mappers = graph_mappers_nr(graph, &graph->channels[i]);

		if (mappers &&
		    (mappers >= least || graph->channels[i].left_at_exit == GRAPH_LEFT_YES))
			channels[nr++] = (uint32_t)i;
	}
	qsort_r(channels, nr, sizeof(*channels), compare_channels, (void *)graph);
	*ret_nr = nr;
	return channels;
}
