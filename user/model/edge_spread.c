/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/edge_spread.h"

#include <errno.h>
#include <stdlib.h>

/* What a sender has left to give. */
struct share {
	uint32_t process;
	uint64_t bytes;
	uint64_t messages;
};

struct spread {
	struct edge_set *edges;
	struct share *shares;
	size_t nr;
	uint64_t left; /* bytes of all shares */
	uint32_t before;
};

static void edges_reset(struct edge_set *edges, uint32_t before)
{
	for (struct edge *edge = edges->edges; edge; edge = edge->hh.next) {
		if (edge->key.from == before)
			continue;
		edge->messages = edge->bytes = 0;
		edge->certain_messages = edge->certain_bytes = 0;
		edge->is_doubtful = true;
	}
}

static uint64_t proportion(uint64_t whole, uint64_t part, uint64_t of)
{
	return of ? (uint64_t)((unsigned __int128)whole * part / of) : 0;
}

static int share_give(struct spread *spread, struct share *share, const struct party_member *to,
		      uint64_t bytes)
{
	uint64_t messages = bytes == share->bytes ?
				    share->messages :
				    proportion(share->messages, bytes, share->bytes);
	struct edge *edge;

	if (!bytes && !messages)
		return 0;
	edge = edge_set_get(spread->edges, share->process, to->process);
	if (!edge)
		return -ENOMEM;
	edge->bytes += bytes;
	edge->messages += messages;
	edge->is_doubtful = true;
	if (to->first_ns < edge->first_ns)
		edge->first_ns = to->first_ns;
	if (to->last_ns > edge->last_ns)
		edge->last_ns = to->last_ns;
	share->bytes -= bytes;
	share->messages -= messages;
	spread->left -= bytes;
	return 0;
}

/* What the receiver is known to have taken of what is older than the capture. */
static uint64_t taken_before(const struct spread *spread, const struct party_member *to)
{
	struct edge_key key = { .from = spread->before, .to = to->process };
	struct edge *edge;

	HASH_FIND(hh, spread->edges->edges, &key, sizeof(key), edge);
	if (!edge)
		return 0;
	return edge->bytes < to->bytes ? edge->bytes : to->bytes;
}

/* Splits what one receiver took; *ret_rest: what nobody had left. */
static int receiver_spread(struct spread *spread, const struct party_member *to, uint64_t *ret_rest)
{
	uint64_t all = to->bytes - taken_before(spread, to);
	uint64_t wanted = all, of = spread->left;
	int err = 0;

	if (wanted > of)
		wanted = of;
	*ret_rest = all - wanted;
	for (size_t i = 0; i < spread->nr && !err; i++) {
		struct share *share = &spread->shares[i];

		err = share_give(spread, share, to, proportion(share->bytes, wanted, of));
	}
	/* what rounding left over */
	for (size_t i = 0; i < spread->nr && !err && of - spread->left < wanted; i++) {
		uint64_t rest = wanted - (of - spread->left);
		struct share *share = &spread->shares[i];

		err = share_give(spread, share, to, share->bytes < rest ? share->bytes : rest);
	}
	return err;
}

static int shares_fill(struct spread *spread, const struct party *senders)
{
	struct share *share = calloc(senders->nr + 1, sizeof(*share));

	if (!share)
		return -ENOMEM;
	spread->shares = share;
	for (struct party_member *member = senders->members; member; member = member->hh.next)
		*share++ = (struct share){ member->process, member->bytes, member->messages };
	spread->nr = senders->nr;
	spread->left = senders->bytes;
	return 0;
}

int edge_spread(struct edge_set *edges, const struct party *senders, const struct party *receivers,
		uint32_t before, uint64_t *before_bytes)
{
	struct spread spread = { .edges = edges, .before = before };
	int err = shares_fill(&spread, senders);

	if (err)
		return err;
	edges_reset(edges, before);
	for (struct party_member *to = receivers->members; to && !err; to = to->hh.next) {
		struct share unknown = { .process = before };

		err = receiver_spread(&spread, to, &unknown.bytes);
		*before_bytes += unknown.bytes;
		spread.left += unknown.bytes; /* given at once */
		if (!err)
			err = share_give(&spread, &unknown, to, unknown.bytes);
	}
	free(spread.shares);
	return err;
}
