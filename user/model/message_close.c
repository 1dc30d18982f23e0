/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a message ledger: what is left is settled, and what is proven is said. */
#include <errno.h>

#include <utlist.h>

#include "model/message_internal.h"

/* Who sent what nobody was seen sending: the user of its source, if totals came from there. */
static uint32_t debt_sender(const struct message_ledger *ledger,
			    const struct message_operation *debt)
{
	struct source *source = message_source_find(ledger, debt->source);

	if (!ledger->has_totals)
		return debt->fallback;
	return source->senders.nr ? source->senders.members->process : debt->fallback;
}

/* A part of a total. */
static int debt_give(struct message_ledger *ledger, uint32_t from,
		     const struct message_operation *debt, uint64_t count)
{
	struct message_operation part = *debt;

	if (!count)
		return 0;
	part.count = count;
	part.copied = (uint64_t)((unsigned __int128)debt->copied * count / debt->count);
	return message_match(ledger, from, NULL, &part);
}

/* A total that names no source: to each sender what it has left, and the rest to nobody. */
static int debt_spread(struct message_ledger *ledger, const struct message_operation *debt)
{
	struct message_operation rest = *debt;
	int err = 0;

	for (struct party_member *member = ledger->senders.members; member && !err;
	     member = member->hh.next) {
		struct edge *edge = edge_set_get(&ledger->edges, member->process, debt->process);
		uint64_t left, given;

		if (!edge)
			return -ENOMEM;
		left = member->messages > edge->messages ? member->messages - edge->messages : 0;
		given = left < rest.count ? left : rest.count;
		err = debt_give(ledger, member->process, &rest, given);
		rest.copied -=
			rest.count ?
				(uint64_t)((unsigned __int128)rest.copied * given / rest.count) :
				0;
		rest.count -= given;
	}
	return err ? err : debt_give(ledger, debt->fallback, &rest, rest.count);
}

static int ledger_settle_debts(struct message_ledger *ledger)
{
	struct message_node *debt;
	int err = 0;

	DL_FOREACH(ledger->debts, debt)
	{
		const struct message_operation *operation = &debt->operation;

		if (operation->is_total && operation->source == SOURCE_UNKNOWN)
			err = debt_spread(ledger, operation);
		else
			err = message_match(ledger, debt_sender(ledger, operation), NULL, operation);
		if (err)
			return err;
	}
	return 0;
}

/* Queues --------------------------------------------------------------------------------- */

/* What is not matched to anything: of what a process sent, or received. */
static struct stream_balance party_rest(const struct message_ledger *ledger,
					const struct party_member *member, bool is_sender)
{
	struct stream_balance rest = { member->messages, member->bytes };

	for (struct edge *edge = ledger->edges.edges; edge; edge = edge->hh.next) {
		if ((is_sender ? edge->key.from : edge->key.to) != member->process)
			continue;
		rest.messages -= edge->messages < rest.messages ? edge->messages : rest.messages;
		rest.bytes -= edge->bytes < rest.bytes ? edge->bytes : rest.bytes;
	}
	return rest;
}

static struct stream_balance before_rest(const struct message_ledger *ledger)
{
	struct stream_balance rest = {};

	for (struct source *source = ledger->sources; source; source = source->hh.next) {
		rest.messages += source->before.messages;
		rest.bytes += source->before.bytes;
	}
	return rest;
}

static uint64_t share_of(uint64_t whole, uint64_t part, uint64_t of)
{
	return of ? (uint64_t)((unsigned __int128)whole * part / of) : 0;
}

/* `messages` of the rest of a receiver came from this sender. */
static int rest_give(struct message_ledger *ledger, uint32_t from, const struct party_member *to,
		     struct stream_balance *rest, uint64_t messages)
{
	struct message_operation part = {
		.process = to->process,
		.source = SOURCE_UNKNOWN,
		.count = messages,
		.copied = share_of(rest->bytes, messages, rest->messages),
		.time_ns = to->last_ns,
	};

	if (!messages)
		return 0;
	rest->messages -= messages;
	rest->bytes -= part.copied;
	return message_match(ledger, from, NULL, &part);
}

/* Splits what a receiver took over what the senders have left, in proportion to that. */
static int rest_spread(struct message_ledger *ledger, const struct party_member *to)
{
	struct stream_balance rest = party_rest(ledger, to, false);
	uint64_t wanted = rest.messages, left = before_rest(ledger).messages;
	struct party_member *member;
	int err = 0;

	for (member = ledger->senders.members; member; member = member->hh.next)
		left += party_rest(ledger, member, true).messages;
	if (wanted > left)
		wanted = left;
	for (member = ledger->senders.members; member && !err; member = member->hh.next)
		err = rest_give(ledger, member->process, to, &rest,
				share_of(party_rest(ledger, member, true).messages, wanted, left));
	/* what rounding left over */
	for (member = ledger->senders.members; member && !err; member = member->hh.next) {
		uint64_t more = party_rest(ledger, member, true).messages;

		err = rest_give(ledger, member->process, to, &rest,
				more < rest.messages ? more : rest.messages);
	}
	return err ? err : rest_give(ledger, ledger->before, to, &rest, rest.messages);
}

/* Receives without a send, and those that were only added up. */
static int queue_settle(struct message_ledger *ledger)
{
	int err = 0;

	for (struct party_member *to = ledger->receivers.members; to && ledger->debts && !err;
	     to = to->hh.next)
		err = rest_spread(ledger, to);
	return err;
}

/* All went to one process, and nothing else did: each sent what that got from it. */
static void queue_take_sent(struct message_ledger *ledger)
{
	for (struct edge *edge = ledger->edges.edges; edge; edge = edge->hh.next) {
		struct party_member *member = party_find(&ledger->senders, edge->key.from);

		if (!member)
			continue;
		edge->messages = member->messages;
		edge->bytes = member->bytes;
	}
}

static bool queue_is_all_to_one(const struct message_ledger *ledger)
{
	return ledger->receivers.nr == 1 && !ledger->has_before &&
	       ledger->receivers.messages == ledger->senders.messages &&
	       ledger->receivers.bytes == ledger->senders.bytes;
}

static bool queue_has_one_sender(const struct message_ledger *ledger)
{
	return ledger->senders.nr == 1 && !ledger->has_before &&
	       ledger->receivers.messages <= ledger->senders.messages;
}

/* Results -------------------------------------------------------------------------------- */

/* Sent minus received; what was cut off is not known. */
static void balance_left(const struct party *senders, const struct party *receivers,
			 struct stream_balance *ret)
{
	ret->messages = senders->messages > receivers->messages ?
				senders->messages - receivers->messages :
				0;
	ret->bytes = !ret->messages		       ? 0 :
		     senders->bytes > receivers->bytes ? senders->bytes - receivers->bytes :
							 0;
}

static void result_fill(const struct message_ledger *ledger, struct message_result *result)
{
	struct stream_balance left = {};

	struct message_node *node;

	DL_FOREACH(ledger->pending, node)
	{
		left.messages++;
		left.bytes += node->operation.bytes;
	}
	if (ledger->is_queue) {
		struct stream_balance older = before_rest(ledger);

		left.messages += older.messages;
		left.bytes += older.bytes;
	}
	result->before = ledger->before_received;
	result->truncated = ledger->truncated;
	result->unread = left;
	result->is_unread_inferred = true;
	if (ledger->has_totals) { /* what was only added up is not in the list */
		balance_left(&ledger->senders, &ledger->receivers, &result->unread);
		if (!ledger->is_queue)
			return;
	}
	if (!ledger->has_end_level)
		return;
	result->is_unread_inferred = false;
	result->unread = ledger->end_level;
	if (ledger->is_queue) /* it drops nothing */
		return;
	if (left.messages > ledger->end_level.messages)
		result->lost.messages = left.messages - ledger->end_level.messages;
	if (left.bytes > ledger->end_level.bytes)
		result->lost.bytes = left.bytes - ledger->end_level.bytes;
}

/* More waits at the end than was sent and not received: some of that is older. */
static bool holds_older(const struct message_ledger *ledger)
{
	uint64_t left = before_rest(ledger).messages;
	struct message_node *node;

	DL_FOREACH(ledger->pending, node)
	left++;
	return ledger->has_end_level && !ledger->has_totals && ledger->end_level.messages > left;
}

/* No more is claimed for a process than it is known to have sent. */
static bool is_within_sent(const struct message_ledger *ledger, const struct edge *edge)
{
	struct party_member *member = party_find(&ledger->senders, edge->key.from);

	return member && edge->messages <= member->messages;
}

/*
 * Is it certain who sent what was received of this source? If one process sent, or if one
 * received all, as it was sent.
 */
static bool source_is_proven(const struct message_ledger *ledger, const struct source *source)
{
	if (source->senders.nr <= 1)
		return !ledger->is_queue || !source->debts;
	return source->receivers.nr <= 1 && !source->pending && !source->debts &&
	       !source->before.messages && !source->is_truncated && !ledger->has_unnamed &&
	       !ledger->has_totals && (ledger->is_queue || !ledger->before_received.messages);
}

static void source_doubt(const struct message_ledger *ledger, const struct source *source)
{
	for (struct edge *edge = ledger->edges.edges; edge; edge = edge->hh.next)
		if (party_find(&source->senders, edge->key.from) &&
		    party_find(&source->receivers, edge->key.to))
			edge->is_doubtful = true;
}

static void sources_judge(const struct message_ledger *ledger)
{
	for (struct source *source = ledger->sources; source; source = source->hh.next)
		if (source->id != SOURCE_UNKNOWN && !source_is_proven(ledger, source))
			source_doubt(ledger, source);
}

/* Everything is proven at once. */
static bool whole_is_proven(struct message_ledger *ledger, bool had_debts)
{
	if (ledger->is_queue) {
		if (!queue_is_all_to_one(ledger))
			return queue_has_one_sender(ledger);
		queue_take_sent(ledger);
		return true;
	}
	if (had_debts || ledger->before_received.messages)
		return false;
	if (ledger->senders.nr == 1 && !ledger->has_guesses)
		return true;
	return ledger->receivers.nr == 1 && !ledger->pending && !ledger->has_totals &&
	       !ledger->truncated.bytes;
}

int message_ledger_close(struct message_ledger *ledger, bool is_lossy,
			 struct message_result *ret_result)
{
	bool is_claimable = !is_lossy && !ledger->is_level_unknown && !holds_older(ledger);
	bool had_debts = ledger->debts;
	int err = ledger->is_queue ? queue_settle(ledger) : ledger_settle_debts(ledger);
	bool is_proven;

	*ret_result = (struct message_result){};
	if (err)
		return err;
	result_fill(ledger, ret_result);
	is_proven = is_claimable && whole_is_proven(ledger, had_debts);
	sources_judge(ledger);
	for (struct edge *edge = ledger->edges.edges; edge; edge = edge->hh.next) {
		bool is_named = !edge->is_doubtful && !ledger->has_guesses;

		if (is_claimable && !edge->is_suspect && edge->key.from != ledger->before &&
		    is_within_sent(ledger, edge) && (is_named || is_proven))
			edge_set_exact(edge);
		else
			edge_set_at_least(edge, 0, 0);
	}
	return 0;
}
