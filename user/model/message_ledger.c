/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/message_ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "model/message_internal.h"

#define SIZES_TRIED 64 /* messages among which one of the right size is looked for */

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

	if (!ledger)
		return;
	HASH_ITER (hh, ledger->sources, source, next_source) {
		HASH_DEL(ledger->sources, source);
		party_fini(&source->senders);
		party_fini(&source->receivers);
		free(source);
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

void message_ledger_is_queue(struct message_ledger *ledger)
{
	ledger->is_queue = true;
}

bool message_ledger_is_used(const struct message_ledger *ledger)
{
	return ledger->senders.nr || ledger->receivers.nr;
}

struct edge_set *message_ledger_edges(struct message_ledger *ledger)
{
	return &ledger->edges;
}

static struct source_key key_of(const struct message_ledger *ledger,
				const struct message_operation *operation)
{
	struct source_key key = { .id = operation->source };

	if (!ledger->is_queue)
		return key;
	if (operation->is_cut || operation->is_total)
		key.id = SOURCE_UNKNOWN;
	if (key.id != SOURCE_UNKNOWN)
		key.bytes = operation->bytes;
	return key;
}

static struct source *source_at(const struct message_ledger *ledger, const struct source_key *key)
{
	struct source *source;

	HASH_FIND(hh, ledger->sources, key, sizeof(*key), source);
	return source;
}

struct source *message_source_find(const struct message_ledger *ledger,
				   const struct message_operation *operation)
{
	struct source_key key = key_of(ledger, operation);

	return source_at(ledger, &key);
}

bool message_ledger_has_sent(const struct message_ledger *ledger, uint64_t id)
{
	struct source_key key = { .id = id };
	const struct source *source = source_at(ledger, &key);

	return ledger->before_messages || (source && source->pending);
}

/* NULL without memory. */
static struct source *source_get(struct message_ledger *ledger,
				 const struct message_operation *operation)
{
	struct source_key key = key_of(ledger, operation);
	struct source *source = source_at(ledger, &key);

	if (source)
		return source;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->key = key;
	HASH_ADD(hh, ledger->sources, key, sizeof(source->key), source);
	return source;
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

int message_match(struct message_ledger *ledger, uint32_t from,
		  const struct message_operation *send, const struct message_operation *receive)
{
	struct match match = {
		.from = from,
		.to = receive->process,
		.messages = receive->count,
		.bytes = receive->copied,
		.sent_ns = send ? send->time_ns : TIME_UNKNOWN,
		.received_ns = receive->time_ns,
		.is_doubtful = receive->source == SOURCE_UNKNOWN || receive->is_cut,
		.is_suspect = receive->is_doubtful || (send && send->is_doubtful),
	};

	if (send && send->bytes > receive->copied) {
		ledger->truncated.bytes += send->bytes - receive->copied;
		message_source_find(ledger, send)->is_truncated = true;
	}
	if (from == ledger->before) {
		ledger->before_received.messages += receive->count;
		ledger->before_received.bytes += receive->copied;
	}
	return edge_set_add(&ledger->edges, &match);
}

/* What a queue held at the end is known for an earlier moment than that of the last records. */
static void end_level_follow(struct message_ledger *ledger, bool is_send,
			     const struct message_operation *operation)
{
	struct stream_balance *level = &ledger->end_level;
	uint64_t count = operation->count, bytes = operation->bytes;

	if (!ledger->is_queue || !ledger->has_end_level)
		return;
	if (is_send) {
		level->messages += count;
		level->bytes += bytes;
		return;
	}
	level->messages -= count < level->messages ? count : level->messages;
	level->bytes -= bytes < level->bytes && level->messages ? bytes : level->bytes;
}

/* Can a receive from a queue that does not tell type and size have taken this message? */
static bool fits(const struct source_key *key, const struct message_operation *receive)
{
	if (receive->source != SOURCE_UNKNOWN && receive->source != key->id)
		return false;
	return receive->is_cut ? receive->bytes <= key->bytes : receive->bytes == key->bytes;
}

/* The receive that waits for this send: of its source, else one that names none. */
static struct message_node *debt_find(const struct message_ledger *ledger,
				      const struct source *source,
				      const struct message_operation *operation)
{
	struct message_node *node = node_of_source(ledger, source->debts, operation);
	struct source_key unknown = { .id = SOURCE_UNKNOWN };
	struct source *unnamed;

	if (node)
		return node;
	unnamed = source_at(ledger, &unknown);
	node = unnamed ? node_of_source(ledger, unnamed->debts, operation) : NULL;
	while (ledger->is_queue && node &&
	       (node->operation.is_total || !fits(&source->key, &node->operation)))
		node = node->s_next;
	return node;
}

int message_ledger_send(struct message_ledger *ledger, const struct message_operation *operation)
{
	struct source *source = source_get(ledger, operation), *owner;
	struct message_node *debt;
	int err = source ? party_add(&source->senders, operation->process, operation->count,
				     operation->bytes, operation->time_ns) :
			   -ENOMEM;

	if (!err)
		err = party_add(&ledger->senders, operation->process, operation->count,
				operation->bytes, operation->time_ns);
	if (err)
		return err;
	ledger->has_unnamed_sends |= source->key.id == SOURCE_UNKNOWN;
	end_level_follow(ledger, true, operation);
	if (operation->is_total) {
		ledger->has_totals = true;
		return 0;
	}
	debt = debt_find(ledger, source, operation);
	if (!debt)
		return node_push(&ledger->pending, &source->pending, operation);
	err = message_match(ledger, operation->process, operation, &debt->operation);
	owner = message_source_find(ledger, &debt->operation);
	node_drop(&ledger->debts, &owner->debts, debt);
	return err;
}

static int debt_add(struct message_ledger *ledger, struct source *source,
		    const struct message_operation *operation)
{
	return node_push(&ledger->debts, &source->debts, operation);
}

static uint64_t source_oldest_ns(const struct source *source)
{
	return source->before ? 0 : source->pending->operation.time_ns;
}

/* Where a receive that does not tell type and size takes from a queue: a guess; NULL: nowhere. */
static struct source *source_guess(const struct message_ledger *ledger,
				   const struct message_operation *receive)
{
	struct source *best = NULL;

	for (struct source *source = ledger->sources; source; source = source->hh.next) {
		if ((!source->pending && !source->before) || !fits(&source->key, receive))
			continue;
		if (!best || source->key.id > best->key.id ||
		    (source->key.id == best->key.id &&
		     source_oldest_ns(source) < source_oldest_ns(best)))
			best = source;
	}
	return best;
}

static struct message_node *sent_find(const struct message_ledger *ledger,
				      const struct source *source,
				      const struct message_operation *operation)
{
	if (operation->source == SOURCE_UNKNOWN && !ledger->is_queue)
		return node_of_any(ledger, ledger->pending, operation);
	return node_of_source(ledger, source->pending, operation);
}

static int receive_count(struct message_ledger *ledger, struct source *source,
			 const struct message_operation *operation)
{
	int err = party_add(&ledger->receivers, operation->process, operation->count,
			    operation->copied, operation->time_ns);

	if (!err)
		err = party_add(&source->receivers, operation->process, operation->count,
				operation->copied, operation->time_ns);
	if (err)
		return err;
	ledger->has_unnamed |= source->key.id == SOURCE_UNKNOWN;
	end_level_follow(ledger, false, operation);
	return 0;
}

int message_ledger_receive(struct message_ledger *ledger, const struct message_operation *operation)
{
	struct source *source = source_get(ledger, operation), *owner = source;
	struct message_node *sent;
	int err = source ? receive_count(ledger, source, operation) : -ENOMEM;

	if (err)
		return err;
	if (operation->is_total) {
		ledger->has_totals = true;
		ledger->has_guesses |= operation->source == SOURCE_UNKNOWN;
		return debt_add(ledger, source, operation);
	}
	if (ledger->before_messages) {
		ledger->before_messages--;
		return message_match(ledger, ledger->before, NULL, operation);
	}
	if (ledger->is_queue && source->key.id == SOURCE_UNKNOWN)
		owner = source_guess(ledger, operation);
	if (owner && owner->before) { /* it waited longer than what was seen being sent */
		owner->before--;
		return message_match(ledger, ledger->before, NULL, operation);
	}
	sent = owner ? sent_find(ledger, owner, operation) : NULL;
	if (!sent)
		return debt_add(ledger, source, operation);
	err = message_match(ledger, sent->operation.process, &sent->operation, operation);
	owner = message_source_find(ledger, &sent->operation);
	node_drop(&ledger->pending, &owner->pending, sent);
	return err;
}

void message_ledger_level_at_start(struct message_ledger *ledger, uint64_t messages)
{
	if (messages && (ledger->senders.nr || ledger->receivers.nr))
		ledger->is_level_unknown = true; /* some of them may be counted already */
	ledger->before_messages += messages;
}

int message_ledger_level_of(struct message_ledger *ledger, uint64_t id, uint64_t bytes,
			    uint64_t messages)
{
	struct message_operation operation = { .source = id, .bytes = bytes };
	struct source *source = source_get(ledger, &operation);

	if (!source)
		return -ENOMEM;
	source->before += messages;
	ledger->has_before |= messages;
	return party_add(&source->senders, ledger->before, messages, messages * bytes, 0);
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
