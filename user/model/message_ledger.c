/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/message_ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "model/party.h"

#define NOBODY UINT32_MAX

#define SIZES_TRIED 64 /* messages among which one of the right size is looked for */

struct message_node {
	struct message_operation operation;
	struct message_node *prev, *next;     /* of all */
	struct message_node *s_prev, *s_next; /* of the same source */
};

/* A sending socket, who used it, and what is open on it: heads of lists, oldest first. */
struct source {
	uint64_t id;
	uint32_t process;	      /* the first to use it */
	struct message_node *pending; /* sent, not received */
	struct message_node *debts;   /* received, its send not seen yet */
	UT_hash_handle hh;
};

/* A process that uses a socket which another one uses too. */
struct sharer {
	uint32_t process;
	UT_hash_handle hh;
};

struct message_ledger {
	uint32_t before;
	uint64_t before_messages;	      /* waited at the start, not received yet */
	struct message_node *pending, *debts; /* of all sources */
	struct source *sources;
	struct sharer *sharers;
	struct party senders, receivers;
	struct edge_set edges;
	struct stream_balance before_received;
	struct stream_balance truncated;
	bool may_drop;	       /* messages between two that arrived may be missing (UDP) */
	bool is_level_unknown; /* something waited at the start, and nobody knows how much */
	bool has_totals;
	bool has_guesses; /* totals whose source is not known were given to somebody */
	bool has_end_level;
	struct stream_balance end_level;
};

struct message_ledger *message_ledger_new(uint32_t before)
{
	struct message_ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger)
		ledger->before = before;
	return ledger;
}

static void nodes_free(struct message_node *head)
{
	struct message_node *node, *next;

	DL_FOREACH_SAFE(head, node, next)
	free(node);
}

void message_ledger_free(struct message_ledger *ledger)
{
	struct source *source, *next_source;
	struct sharer *sharer, *next_sharer;

	if (!ledger)
		return;
	HASH_ITER (hh, ledger->sources, source, next_source) {
		HASH_DEL(ledger->sources, source);
		free(source);
	}
	HASH_ITER (hh, ledger->sharers, sharer, next_sharer) {
		HASH_DEL(ledger->sharers, sharer);
		free(sharer);
	}
	nodes_free(ledger->pending);
	nodes_free(ledger->debts);
	party_fini(&ledger->senders);
	party_fini(&ledger->receivers);
	edge_set_fini(&ledger->edges);
	free(ledger);
}

void message_ledger_may_drop(struct message_ledger *ledger)
{
	ledger->may_drop = true;
}

struct edge_set *message_ledger_edges(struct message_ledger *ledger)
{
	return &ledger->edges;
}

static struct source *source_find(const struct message_ledger *ledger, uint64_t id)
{
	struct source *source;

	HASH_FIND(hh, ledger->sources, &id, sizeof(id), source);
	return source;
}

/* NULL without memory. */
static struct source *source_get(struct message_ledger *ledger, uint64_t id)
{
	struct source *source = source_find(ledger, id);

	if (source)
		return source;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->id = id;
	source->process = NOBODY;
	HASH_ADD(hh, ledger->sources, id, sizeof(source->id), source);
	return source;
}

static bool is_sharer(const struct message_ledger *ledger, uint32_t process)
{
	struct sharer *sharer;

	HASH_FIND(hh, ledger->sharers, &process, sizeof(process), sharer);
	return sharer;
}

static int sharer_add(struct message_ledger *ledger, uint32_t process)
{
	struct sharer *sharer;

	if (is_sharer(ledger, process))
		return 0;
	sharer = calloc(1, sizeof(*sharer));
	if (!sharer)
		return -ENOMEM;
	sharer->process = process;
	HASH_ADD(hh, ledger->sharers, process, sizeof(sharer->process), sharer);
	return 0;
}

/* `process` sends through the source. */
static int source_used(struct message_ledger *ledger, struct source *source, uint32_t process)
{
	int err;

	if (source->process == NOBODY)
		source->process = process;
	if (source->process == process)
		return 0;
	err = sharer_add(ledger, source->process);
	return err ? err : sharer_add(ledger, process);
}

static int node_push(struct message_node **all, struct message_node **of_source,
		     const struct message_operation *operation)
{
	struct message_node *node = calloc(1, sizeof(*node));

	if (!node)
		return -ENOMEM;
	node->operation = *operation;
	DL_APPEND(*all, node);
	DL_APPEND2(*of_source, node, s_prev, s_next);
	return 0;
}

static void node_drop(struct message_node **all, struct message_node **of_source,
		      struct message_node *node)
{
	DL_DELETE(*all, node);
	DL_DELETE2(*of_source, node, s_prev, s_next);
	free(node);
}

/* The one of a source that is the other side of `operation`; NULL: none is. */
static struct message_node *node_of_source(const struct message_ledger *ledger,
					   struct message_node *head,
					   const struct message_operation *operation)
{
	struct message_node *node = head;

	for (int i = 0; ledger->may_drop && node && i < SIZES_TRIED; i++, node = node->s_next)
		if (node->operation.bytes == operation->bytes)
			return node;
	return head;
}

/* The same among all, for a receive whose source is not named. */
static struct message_node *node_of_any(const struct message_ledger *ledger,
					struct message_node *head,
					const struct message_operation *operation)
{
	struct message_node *node = head;

	for (int i = 0; ledger->may_drop && node && i < SIZES_TRIED; i++, node = node->next)
		if (node->operation.bytes == operation->bytes)
			return node;
	return head;
}

static int ledger_match(struct message_ledger *ledger, uint32_t from,
			const struct message_operation *send,
			const struct message_operation *receive)
{
	struct match match = {
		.from = from,
		.to = receive->process,
		.messages = receive->count,
		.bytes = receive->copied,
		.sent_ns = send ? send->time_ns : TIME_UNKNOWN,
		.received_ns = receive->time_ns,
		.is_doubtful = receive->source == SOURCE_UNKNOWN,
		.is_suspect = receive->is_doubtful || (send && send->is_doubtful),
	};

	if (send && send->bytes > receive->copied)
		ledger->truncated.bytes += send->bytes - receive->copied;
	if (from == ledger->before) {
		ledger->before_received.messages += receive->count;
		ledger->before_received.bytes += receive->copied;
	}
	return edge_set_add(&ledger->edges, &match);
}

/* The receive that waits for this send: of its source, else one that names none. */
static struct message_node *debt_find(struct message_ledger *ledger, struct source *source,
				      struct source *unnamed,
				      const struct message_operation *operation)
{
	struct message_node *node = node_of_source(ledger, source->debts, operation);

	if (!node && unnamed)
		node = node_of_source(ledger, unnamed->debts, operation);
	return node;
}

int message_ledger_send(struct message_ledger *ledger, const struct message_operation *operation)
{
	struct source *source = source_get(ledger, operation->source), *owner;
	struct message_node *debt;
	int err = source ? source_used(ledger, source, operation->process) : -ENOMEM;

	if (!err)
		err = party_add(&ledger->senders, operation->process, operation->count,
				operation->bytes, operation->time_ns);
	if (err)
		return err;
	if (operation->is_total) {
		ledger->has_totals = true;
		return 0;
	}
	debt = debt_find(ledger, source, source_find(ledger, SOURCE_UNKNOWN), operation);
	if (!debt)
		return node_push(&ledger->pending, &source->pending, operation);
	err = ledger_match(ledger, operation->process, operation, &debt->operation);
	owner = source_find(ledger, debt->operation.source);
	node_drop(&ledger->debts, &owner->debts, debt);
	return err;
}

static int debt_add(struct message_ledger *ledger, struct source *source,
		    const struct message_operation *operation)
{
	return node_push(&ledger->debts, &source->debts, operation);
}

int message_ledger_receive(struct message_ledger *ledger, const struct message_operation *operation)
{
	struct source *source = source_get(ledger, operation->source), *owner;
	struct message_node *sent;
	int err = source ? party_add(&ledger->receivers, operation->process, operation->count,
				     operation->copied, operation->time_ns) :
			   -ENOMEM;

	if (err)
		return err;
	if (operation->is_total) {
		ledger->has_totals = true;
		ledger->has_guesses |= operation->source == SOURCE_UNKNOWN;
		return debt_add(ledger, source, operation);
	}
	if (ledger->before_messages) {
		ledger->before_messages--;
		return ledger_match(ledger, ledger->before, NULL, operation);
	}
	sent = operation->source == SOURCE_UNKNOWN ?
		       node_of_any(ledger, ledger->pending, operation) :
		       node_of_source(ledger, source->pending, operation);
	if (!sent)
		return debt_add(ledger, source, operation);
	err = ledger_match(ledger, sent->operation.process, &sent->operation, operation);
	owner = source_find(ledger, sent->operation.source);
	node_drop(&ledger->pending, &owner->pending, sent);
	return err;
}

void message_ledger_level_at_start(struct message_ledger *ledger, uint64_t messages)
{
	if (messages && (ledger->senders.nr || ledger->receivers.nr))
		ledger->is_level_unknown = true; /* some of them may be counted already */
	ledger->before_messages += messages;
}

void message_ledger_level_unknown(struct message_ledger *ledger)
{
	ledger->is_level_unknown = true;
}

void message_ledger_level_at_end(struct message_ledger *ledger, uint64_t messages, uint64_t bytes)
{
	ledger->has_end_level = true;
	ledger->end_level.messages += messages;
	ledger->end_level.bytes += bytes;
}

/* Who sent what nobody was seen sending: the user of its source, if totals came from there. */
static uint32_t debt_sender(const struct message_ledger *ledger,
			    const struct message_operation *debt)
{
	struct source *source = source_find(ledger, debt->source);

	if (!ledger->has_totals)
		return debt->fallback;
	return source->process == NOBODY ? debt->fallback : source->process;
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
	return ledger_match(ledger, from, NULL, &part);
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
			err = ledger_match(ledger, debt_sender(ledger, operation), NULL, operation);
		if (err)
			return err;
	}
	return 0;
}

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
	result->before = ledger->before_received;
	result->truncated = ledger->truncated;
	result->unread = left;
	result->is_unread_inferred = true;
	if (ledger->has_totals) { /* what was only added up is not in the list */
		balance_left(&ledger->senders, &ledger->receivers, &result->unread);
		return;
	}
	if (!ledger->has_end_level)
		return;
	result->is_unread_inferred = false;
	result->unread = ledger->end_level;
	if (left.messages > ledger->end_level.messages)
		result->lost.messages = left.messages - ledger->end_level.messages;
	if (left.bytes > ledger->end_level.bytes)
		result->lost.bytes = left.bytes - ledger->end_level.bytes;
}

/* More waits at the end than was sent and not received: some of that is older. */
static bool holds_older(const struct message_ledger *ledger)
{
	struct message_node *node;
	uint64_t left = 0;

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

int message_ledger_close(struct message_ledger *ledger, bool is_lossy,
			 struct message_result *ret_result)
{
	bool is_claimable = !is_lossy && !ledger->is_level_unknown && !holds_older(ledger);
	bool had_debts = ledger->debts;
	bool all_to_one, one_sender;
	int err = ledger_settle_debts(ledger);

	*ret_result = (struct message_result){};
	if (err)
		return err;
	result_fill(ledger, ret_result);
	one_sender = ledger->senders.nr == 1 && !ledger->before_received.messages &&
		     !ledger->has_guesses && !had_debts;
	all_to_one = ledger->receivers.nr == 1 && !ledger->pending && !had_debts &&
		     !ledger->before_received.messages && !ledger->has_totals;
	for (struct edge *edge = ledger->edges.edges; edge; edge = edge->hh.next) {
		bool is_named = !edge->is_doubtful && !ledger->has_guesses &&
				!is_sharer(ledger, edge->key.from);

		if (is_claimable && !edge->is_suspect && edge->key.from != ledger->before &&
		    is_within_sent(ledger, edge) && (is_named || one_sender || all_to_one))
			edge_set_exact(edge);
		else
			edge_set_at_least(edge, 0, 0);
	}
	return 0;
}
