/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/edge_set.h"

#include <errno.h>
#include <stdlib.h>

struct edge *edge_set_get(struct edge_set *set, uint32_t from, uint32_t to)
{
	struct edge_key key = { .from = from, .to = to };
	struct edge *edge;

	HASH_FIND(hh, set->edges, &key, sizeof(key), edge);
	if (edge)
		return edge;
	edge = calloc(1, sizeof(*edge));
	if (!edge)
		return NULL;
	edge->key = key;
	edge->first_ns = UINT64_MAX;
	HASH_ADD(hh, set->edges, key, sizeof(edge->key), edge);
	return edge;
}

static int edge_add_residency(struct edge *edge, const struct match *match)
{
	if (match->sent_ns == TIME_UNKNOWN || !match->messages)
		return 0;
	if (!edge->residency)
		edge->residency = histogram_new();
	if (!edge->residency)
		return -ENOMEM;
	/* a receive may be reported before the send that fed it: it waited for nothing then */
	return histogram_add(edge->residency, match->received_ns > match->sent_ns ?
						      match->received_ns - match->sent_ns :
						      0);
}

int edge_set_add(struct edge_set *set, const struct match *match)
{
	struct edge *edge = edge_set_get(set, match->from, match->to);

	if (!edge)
		return -ENOMEM;
	if (set->observer)
		set->observer->matched(set->observer->context, set, match);
	edge->messages += match->messages;
	edge->bytes += match->bytes;
	edge->is_doubtful |= match->is_doubtful;
	edge->is_suspect |= match->is_suspect;
	if (!match->is_doubtful && !match->is_suspect) {
		edge->certain_messages += match->messages;
		edge->certain_bytes += match->bytes;
	}
	if (match->received_ns < edge->first_ns)
		edge->first_ns = match->received_ns;
	if (match->received_ns > edge->last_ns)
		edge->last_ns = match->received_ns;
	return edge_add_residency(edge, match);
}

void edge_set_doubt(struct edge *edge)
{
	edge->is_doubtful = true;
	edge->certain_messages = edge->certain_bytes = 0;
}

void edge_set_exact(struct edge *edge)
{
	edge->is_exact = true;
	edge->at_least_messages = edge->messages;
	edge->at_least_bytes = edge->bytes;
}

void edge_set_at_least(struct edge *edge, uint64_t messages, uint64_t bytes)
{
	edge->is_exact = false;
	edge->at_least_messages = messages < edge->messages ? messages : edge->messages;
	edge->at_least_bytes = bytes < edge->bytes ? bytes : edge->bytes;
}

void edge_set_fini(struct edge_set *set)
{
	struct edge *edge, *next;

	HASH_ITER (hh, set->edges, edge, next) {
		HASH_DEL(set->edges, edge);
		histogram_free(edge->residency);
		free(edge);
	}
}
