/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a graph has from program to program, and within which limits. The sum of a channel's
 * edges is proven also where their split is not: so an edge has at most what is certain of it,
 * and all that is not certain of any edge of the channel.
 */
#include "graph/graph_diff_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_memory.h"

/* The edges of one channel from one program to another. */
struct bundle {
	uint32_t channel, from, to;
	size_t inexact_nr;
	bool is_to_far; /* to another host */
	struct graph_count count, at_least;
	int64_t first_ns;
};

/* What is doubtful in one channel, of one of the two measures. */
struct doubt {
	uint64_t certain, slack; /* of the edges that are not exact, all together */
};

uint64_t diff_sum(uint64_t a, uint64_t b)
{
	return b > GRAPH_DIFF_NO_LIMIT - a ? GRAPH_DIFF_NO_LIMIT : a + b;
}

void diff_items_fini(struct diff_items *items)
{
	for (size_t i = 0; i < items->nr; i++)
		free(items->items[i].blank);
	free(items->items);
}

static int item_add(struct diff_items *items, const struct diff_item *item)
{
	size_t cap = items->cap ? items->cap * 2 : 64;
	struct diff_item *grown;

	if (items->nr == items->cap) {
		grown = reallocarray(items->items, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		items->items = grown;
		items->cap = cap;
	}
	items->items[items->nr++] = *item;
	return 0;
}

/* Bundles. */

static int compare_bundles(const void *a, const void *b)
{
	const struct bundle *x = a, *y = b;

	if (x->channel != y->channel)
		return x->channel < y->channel ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->to < y->to ? -1 : x->to > y->to;
}

static void count_add(struct graph_count *count, const struct graph_count *more)
{
	count->messages += more->messages;
	count->bytes += more->bytes;
}

static void bundle_merge(struct bundle *to, const struct bundle *from)
{
	to->inexact_nr += from->inexact_nr;
	count_add(&to->count, &from->count);
	count_add(&to->at_least, &from->at_least);
	if (from->first_ns < to->first_ns)
		to->first_ns = from->first_ns;
}

/* By channel, each pair of programs once. Owned by the caller; NULL without memory. */
static struct bundle *bundles_new(const struct graph *graph, const uint32_t *program_of,
				  size_t *ret_nr)
{
	struct bundle *bundles = calloc(graph->edges_nr + 1, sizeof(*bundles));
	size_t nr = 0, kept = 0;

	for (size_t i = 0; bundles && i < graph->edges_nr; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		const struct graph_process *to = &graph->processes[edge->to];

		if (program_of[edge->from] == GRAPH_NONE || program_of[edge->to] == GRAPH_NONE ||
		    edge->channel == GRAPH_NONE)
			continue;
		bundles[nr++] = (struct bundle){
			edge->channel,
			program_of[edge->from],
			program_of[edge->to],
			!edge->is_exact,
			!to->pid,
			edge->count,
			edge->at_least,
			edge->first_ns,
		};
	}
	if (!bundles)
		return NULL;
	qsort(bundles, nr, sizeof(*bundles), compare_bundles);
	for (size_t i = 0; i < nr; i++) {
		if (kept && !compare_bundles(&bundles[kept - 1], &bundles[i]))
			bundle_merge(&bundles[kept - 1], &bundles[i]);
		else
			bundles[kept++] = bundles[i];
	}
	*ret_nr = kept;
	return bundles;
}

/* Limits. */

static void doubt_add(struct doubt *doubt, uint64_t count, uint64_t at_least)
{
	doubt->certain += at_least;
	doubt->slack += count - at_least;
}

static struct graph_range range_of(uint64_t count, uint64_t at_least, size_t inexact_nr,
				   const struct doubt *doubt)
{
	uint64_t own = count - at_least;

	if (!own)
		return (struct graph_range){ count, count, count };
	/* Nothing of it is certain: it may be that some of it went through another channel. */
	if (!doubt->certain)
		return (struct graph_range){ 0, count, GRAPH_DIFF_NO_LIMIT };
	/* Only among processes of these two programs the split is not certain. */
	if (own == doubt->slack && inexact_nr > 1)
		return (struct graph_range){ count, count, count };
	return (struct graph_range){ at_least, count, diff_sum(at_least, doubt->slack) };
}

/* Where the split is not what decides. */
static void item_limit(struct diff_item *item, const struct graph *graph,
		       const struct bundle *bundle)
{
	const struct graph_count *count = &bundle->count;

	if (!graph_diff_is_whole(&graph->capture)) {
		item->messages.high = item->bytes.high = GRAPH_DIFF_NO_LIMIT;
	} else if (bundle->is_to_far) {
		item->messages =
			(struct graph_range){ count->messages, count->messages, count->messages };
		item->bytes = (struct graph_range){ count->bytes, count->bytes, count->bytes };
	}
}

/* Channels. */

static struct diff_item item_of(const struct graph *graph, const struct bundle *bundle,
				enum graph_diff_age age)
{
	const struct graph_channel *channel = &graph->channels[bundle->channel];

	return (struct diff_item){
		.age = age,
		.from = bundle->from,
		.to = bundle->to,
		.mechanism = channel->mechanism,
		.name = channel->name ? channel->name : "",
		.is_there = true,
		.first_ns = bundle->first_ns,
	};
}

static bool is_listed(const struct bundle *bundles, size_t nr, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < nr; i++)
		if (bundles[i].from == from && bundles[i].to == to)
			return true;
	return false;
}

/* The split gave nothing from one sender to one receiver, and could have. */
static int add_possible(struct diff_items *items, const struct graph *graph,
			enum graph_diff_age age, const struct bundle *bundles, size_t nr,
			const struct doubt doubts[2])
{
	int err = 0;

	if (!doubts[0].slack && !doubts[1].slack)
		return 0;
	for (size_t i = 0; i < nr * nr && !err; i++) {
		const struct bundle *from = &bundles[i / nr], *to = &bundles[i % nr];
		struct diff_item item = item_of(graph, from, age);

		if (!from->inexact_nr || !to->inexact_nr ||
		    is_listed(bundles, nr, from->from, to->to))
			continue;
		item.to = to->to;
		item.is_there = false;
		item.messages.high = doubts[0].slack;
		item.bytes.high = doubts[1].slack;
		err = item_add(items, &item);
	}
	return err;
}

static int add_channel(struct diff_items *items, const struct graph *graph, enum graph_diff_age age,
		       const struct bundle *bundles, size_t nr)
{
	struct doubt doubts[2] = {}; /* messages, bytes */
	int err = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct bundle *bundle = &bundles[i];

		if (!bundle->inexact_nr)
			continue;
		doubt_add(&doubts[0], bundle->count.messages, bundle->at_least.messages);
		doubt_add(&doubts[1], bundle->count.bytes, bundle->at_least.bytes);
	}
	for (size_t i = 0; i < nr && !err; i++) {
		const struct bundle *bundle = &bundles[i];
		struct diff_item item = item_of(graph, bundle, age);

		item.messages = range_of(bundle->count.messages, bundle->at_least.messages,
					 bundle->inexact_nr, &doubts[0]);
		item.bytes = range_of(bundle->count.bytes, bundle->at_least.bytes,
				      bundle->inexact_nr, &doubts[1]);
		item_limit(&item, graph, bundle);
		err = item_add(items, &item);
	}
	return err ? err : add_possible(items, graph, age, bundles, nr, doubts);
}

static int add_edges(struct diff_items *items, const struct graph *graph, enum graph_diff_age age,
		     const uint32_t *program_of)
{
	size_t nr, first = 0;
	struct bundle *bundles = bundles_new(graph, program_of, &nr);
	int err = bundles ? 0 : -ENOMEM;

	for (size_t i = 1; i <= nr && !err; i++) {
		if (i < nr && bundles[i].channel == bundles[first].channel)
			continue;
		err = add_channel(items, graph, age, &bundles[first], i - first);
		first = i;
	}
	free(bundles);
	return err;
}

/* Shared memory. */

/* A program that maps it. */
struct mapper {
	uint32_t program, process;
	bool is_several; /* more than one process */
	bool is_writer;
};

/* Each program once. Returns how many. */
static size_t mappers_of(const struct graph_channel *channel, const uint32_t *program_of,
			 struct mapper *mappers)
{
	size_t nr = 0, at;

	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		const struct graph_endpoint *endpoint = &channel->endpoints[i];
		uint32_t program = program_of[endpoint->process];

		if (!ipct_role_maps(endpoint->role) || program == GRAPH_NONE)
			continue;
		for (at = 0; at < nr && mappers[at].program != program; at++)
			;
		if (at == nr)
			mappers[nr++] = (struct mapper){ program, endpoint->process, false, false };
		mappers[at].is_several |= mappers[at].process != endpoint->process;
		mappers[at].is_writer |= endpoint->role == IPCT_ROLE_MAP_RW;
	}
	return nr;
}

static int add_memory(struct diff_items *items, const struct graph_channel *channel,
		      enum graph_diff_age age, const uint32_t *program_of)
{
	struct mapper *mappers = calloc(channel->endpoints_nr + 1, sizeof(*mappers));
	size_t nr = mappers ? mappers_of(channel, program_of, mappers) : 0;
	int err = mappers ? 0 : -ENOMEM;

	for (size_t i = 0; i < nr * nr && !err; i++) {
		const struct mapper *from = &mappers[i / nr], *to = &mappers[i % nr];
		struct diff_item item = {
			.age = age,
			.from = from->program,
			.to = to->program,
			.mechanism = channel->mechanism,
			.name = channel->name ? channel->name : "",
			.is_memory = true,
			.is_there = true,
		};

		if (from->is_writer && (from != to || from->is_several))
			err = item_add(items, &item);
	}
	free(mappers);
	return err;
}

int diff_items_add_graph(struct diff_items *items, const struct graph *graph,
			 enum graph_diff_age age, const uint32_t *program_of)
{
	int err = add_edges(items, graph, age, program_of);

	for (size_t i = 0; i < graph->channels_nr && !err; i++)
		if (graph_mappers_nr(graph, &graph->channels[i]) > 1)
			err = add_memory(items, &graph->channels[i], age, program_of);
	return err;
}
