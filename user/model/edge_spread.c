/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/edge_spread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is left to give of one sender. */
struct share {
	uint64_t bytes;
	uint64_t messages;
};

static void edges_reset(struct edge_set *edges)
{
	for (struct edge *edge = edges->edges; edge; edge = edge->hh.next) {
		edge->messages = edge->bytes = 0;
		edge->certain_messages = edge->certain_bytes = 0;
		edge->is_doubtful = true;
	}
}

static uint64_t proportion(uint64_t whole, uint64_t part, uint64_t of)
{
	return of ? (uint64_t)((unsigned __int128)whole * part / of) : 0;
}

static int share_give(struct edge_set *edges, uint32_t from, uint32_t to, struct share *share,
		      uint64_t bytes)
{
	uint64_t messages = bytes == share->bytes ? share->messages :
						    proportion(share->messages, bytes, share->bytes);
	struct edge *edge;

	if (!bytes && !messages)
		return 0;
	edge = edge_set_get(edges, from, to);
	if (!edge)
		return -ENOMEM;
	edge->bytes += bytes;
	edge->messages += messages;
	edge->is_doubtful = true;
	share->bytes -= bytes;
	share->messages -= messages;
	return 0;
}

/* Splits what one receiver took. */
static int receiver_spread(struct edge_set *edges, const struct party *senders,
			   struct share *shares, uint64_t left, uint32_t to, uint64_t bytes,
			   uint32_t before)
{
	struct share unknown;
	uint64_t given = 0;
	int err = 0;

	for (size_t i = 0; i < senders->nr && !err; i++) {
		uint64_t part = proportion(shares[i].bytes, bytes < left ? bytes : left, left);

		given += part;
		err = share_give(edges, senders->members[i].process, to, &shares[i], part);
	}
	/* what rounding left over */
	for (size_t i = 0; i < senders->nr && !err && given < bytes; i++) {
		uint64_t part = shares[i].bytes < bytes - given ? shares[i].bytes : bytes - given;

		given += part;
		err = share_give(edges, senders->members[i].process, to, &shares[i], part);
	}
	unknown = (struct share){ .bytes = bytes - given };
	return err ? err : share_give(edges, before, to, &unknown, bytes - given);
}

int edge_spread(struct edge_set *edges, const struct party *senders,
		const struct party *receivers, uint32_t before)
{
	struct share *shares = calloc(senders->nr + 1, sizeof(*shares));
	uint64_t left = senders->bytes;
	int err = 0;

	if (!shares)
		return -ENOMEM;
	for (size_t i = 0; i < senders->nr; i++)
		shares[i] = (struct share){ senders->members[i].bytes,
					    senders->members[i].messages };
	edges_reset(edges);
	for (size_t i = 0; i < receivers->nr && !err; i++) {
		uint64_t bytes = receivers->members[i].bytes;

		err = receiver_spread(edges, senders, shares, left, receivers->members[i].process,
				      bytes, before);
		left = left > bytes ? left - bytes : 0;
	}
	free(shares);
	return err;
}
