/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a stream ledger: what is left over, and which edges are proven. */
#include <errno.h>
#include <stdlib.h>

#include "model/edge_spread.h"
#include "model/stream_internal.h"

#define LEVEL_RACE_NS 10000000ULL /* a level measured this close to a transfer proves nothing */

/* Bytes that were counted as older than the capture, and were not: they are the senders'. */
static int ledger_take_back(struct stream_ledger *ledger)
{
	uint64_t surplus = ledger->before_surplus;
	struct party_member *sender = ledger->sender.party.members;

	if (surplus > ledger->before_bytes)
		surplus = ledger->before_bytes;
	ledger->before_bytes -= surplus;
	for (struct edge *edge = ledger->edges.edges; edge && surplus && sender;
	     edge = edge->hh.next) {
		uint64_t part = edge->bytes < surplus ? edge->bytes : surplus;
		struct edge *other;

		if (edge->key.from != ledger->before)
			continue;
		other = edge_set_get(&ledger->edges, sender->process, edge->key.to);
		if (!other)
			return -ENOMEM;
		edge->bytes -= part;
		other->bytes += part;
		surplus -= part;
	}
	return 0;
}

/* What was received and nobody was seen sending. */
static int ledger_settle_debts(struct stream_ledger *ledger)
{
	uint64_t owed = 0;

	for (size_t i = 0; i < ledger->debts.nr; i++)
		owed += queue_at(&ledger->debts, i)->bytes;
	if (!owed)
		return 0;
	stream_ledger_doubt(ledger);
	if (stream_ledger_add_before(ledger, owed))
		return -ENOMEM;
	return stream_ledger_settle(ledger);
}

static void result_fill_unread(struct stream_ledger *ledger, struct stream_balance *unread)
{
	uint64_t sent = ledger->sender.party.bytes + ledger->before_bytes;
	uint64_t received = ledger->receiver.party.bytes + ledger->truncated.bytes;

	if (ledger->sender.totals.nr || ledger->receiver.totals.nr) {
		unread->bytes = sent > received ? sent - received : 0;
		return;
	}
	for (size_t i = 0; i < ledger->segments.nr; i++) {
		struct stream_operation *segment = queue_at(&ledger->segments, i);

		unread->bytes += segment->bytes;
		unread->messages += segment->bytes == segment->copied;
	}
}

static void result_fill(struct stream_ledger *ledger, struct stream_result *result)
{
	uint64_t newest = ledger->sender.newest_ns > ledger->receiver.newest_ns ?
				  ledger->sender.newest_ns :
				  ledger->receiver.newest_ns;
	bool is_measured = ledger->has_end_level && newest + LEVEL_RACE_NS < ledger->end_level_ns;

	result->before.bytes = ledger->before_bytes;
	result->truncated = ledger->truncated;
	result_fill_unread(ledger, &result->unread);
	result->is_conserved = !is_measured || result->unread.bytes == ledger->end_level;
	result->is_unread_inferred = !is_measured;
	if (!is_measured)
		return;
	result->unread.bytes = ledger->end_level;
	if (!ledger->end_level)
		result->unread.messages = 0;
}

/*
 * The least that `from` must have sent to `to`, whatever the order was: the rows and columns
 * of the table of edges are known.
 */
static uint64_t least_bytes(uint64_t sent, uint64_t received, uint64_t all_sent)
{
	uint64_t both = sent + received;

	return both > all_sent ? both - all_sent : 0;
}

struct verdict {
	bool is_claimable;   /* nothing is known to be missing */
	bool whole_is_known; /* all that went through was seen, from the first byte on */
	bool one_to_one;     /* one sender, one receiver */
	bool all_to_one;     /* one receiver, and nothing was left */
	uint64_t all_sent;
};

static struct verdict ledger_judge(const struct stream_ledger *ledger, bool is_lossy,
				   const struct stream_result *result, bool had_debts)
{
	const struct side *sender = &ledger->sender, *receiver = &ledger->receiver;
	bool has_totals = sender->totals.nr || receiver->totals.nr;
	size_t senders = sender->party.nr + (ledger->before_bytes > 0);
	struct verdict verdict = { .all_sent = sender->party.bytes + ledger->before_bytes };

	verdict.is_claimable = !is_lossy && result->is_conserved && !ledger->is_contradicted;
	verdict.whole_is_known = verdict.is_claimable && ledger->is_whole && !had_debts;
	/* which sender's bytes were cut off is open if there are several */
	verdict.all_to_one = receiver->party.nr == 1 && !result->unread.bytes &&
			     (!result->truncated.bytes || (senders == 1 && !has_totals));
	verdict.one_to_one = receiver->party.nr == 1 && senders == 1 && !has_totals &&
			     !sender->is_threaded;
	return verdict;
}

static void edge_judge(const struct stream_ledger *ledger, const struct verdict *verdict,
		       struct edge *edge)
{
	struct party_member *from = party_find(&ledger->sender.party, edge->key.from);
	struct party_member *to = party_find(&ledger->receiver.party, edge->key.to);
	uint64_t least = 0;

	if (verdict->is_claimable && !edge->is_suspect && edge->key.from != ledger->before &&
	    (!edge->is_doubtful ||
	     (verdict->whole_is_known && (verdict->one_to_one || verdict->all_to_one)))) {
		edge_set_exact(edge);
		return;
	}
	if (!verdict->is_claimable || edge->is_suspect) {
		edge_set_at_least(edge, 0, 0);
		return;
	}
	if (verdict->whole_is_known && from && to)
		least = least_bytes(from->bytes, to->bytes, verdict->all_sent);
	edge_set_at_least(edge, edge->certain_messages,
			  least > edge->certain_bytes ? least : edge->certain_bytes);
}

int stream_ledger_close(struct stream_ledger *ledger, bool is_lossy,
			struct stream_result *ret_result)
{
	bool had_debts, had_totals = ledger->sender.totals.nr || ledger->receiver.totals.nr;
	struct verdict verdict;
	struct edge *edge;
	int err = stream_ledger_flush(ledger);

	*ret_result = (struct stream_result){};
	if (err)
		return err;
	had_debts = ledger->debts.nr > 0;
	err = ledger_take_back(ledger);
	if (err)
		return err;
	if (had_totals)
		err = edge_spread(&ledger->edges, &ledger->sender.party, &ledger->receiver.party,
				  ledger->before, &ledger->before_bytes);
	else
		err = ledger_settle_debts(ledger);
	if (err)
		return err;
	result_fill(ledger, ret_result);
	verdict = ledger_judge(ledger, is_lossy, ret_result, had_debts && !had_totals);
	for (edge = ledger->edges.edges; edge; edge = edge->hh.next)
		edge_judge(ledger, &verdict, edge);
	return 0;
}
