/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/release_tally.h"

#include <errno.h>
#include <stdlib.h>

static struct release_count *release_get(struct release_count **tally, struct edge_set *edges,
					 const struct match *match)
{
	struct release_key key = { .edges = edges, .from = match->from, .to = match->to };
	struct release_count *count;

	HASH_FIND(hh, *tally, &key, sizeof(key), count);
	if (count)
		return count;
	count = calloc(1, sizeof(*count));
	if (!count)
		return NULL;
	count->key = key;
	HASH_ADD(hh, *tally, key, sizeof(count->key), count);
	return count;
}

int release_add(struct release_count **tally, struct edge_set *edges, const struct match *match,
		uint64_t named, uint64_t proven)
{
	struct release_count *count = release_get(tally, edges, match);

	if (!count)
		return -ENOMEM;
	count->all += match->messages;
	count->named += named;
	count->proven += proven;
	return edge_set_add(edges, match);
}

int release_close(const struct release_count *count, uint64_t certain)
{
	struct edge *edge = edge_set_get(count->key.edges, count->key.from, count->key.to);
	uint64_t doubtful = certain < count->all ? count->all - certain : 0;

	if (!edge)
		return -ENOMEM;
	edge->is_doubtful |= doubtful;
	edge->certain_messages -= doubtful < edge->certain_messages ? doubtful :
								      edge->certain_messages;
	return 0;
}

void release_fini(struct release_count **tally)
{
	struct release_count *count, *next;

	HASH_ITER (hh, *tally, count, next) {
		HASH_DEL(*tally, count);
		free(count);
	}
}
