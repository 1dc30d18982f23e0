/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/message_ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/party.h"

/* A list of operations in the order of their reports. */
struct message_list {
	struct message_operation *items;
	size_t nr, cap;
};

/* A sending socket and who used it. */
struct source {
	uint64_t id;
	uint32_t process;  /* the first to use it */
	bool is_shared;    /* another process used it too */
	UT_hash_handle hh;
};

struct message_ledger {
	uint32_t before;
	uint64_t before_messages; /* waited at the start, not received yet */
	struct message_list pending; /* sent, not received */
	struct message_list debts;   /* received, its send not seen yet */
	struct source *sources;
	struct party senders, receivers;
	struct edge_set edges;
	struct stream_balance before_received;
	struct stream_balance truncated;
	bool has_totals;
	bool has_guesses;     /* totals whose source is not known were given to somebody */
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

void message_ledger_free(struct message_ledger *ledger)
{
	struct source *source, *next;

	if (!ledger)
		return;
	HASH_ITER(hh, ledger->sources, source, next) {
		HASH_DEL(ledger->sources, source);
		free(source);
	}
	free(ledger->pending.items);
	free(ledger->debts.items);
	party_fini(&ledger->senders);
	party_fini(&ledger->receivers);
	edge_set_fini(&ledger->edges);
	free(ledger);
}

struct edge_set *message_ledger_edges(struct message_ledger *ledger)
{
	return &ledger->edges;
}

static int list_push(struct message_list *list, const struct message_operation *operation)
{
	if (list->nr == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 8;
		struct message_operation *items = reallocarray(list->items, cap, sizeof(*items));

		if (!items)
			return -ENOMEM;
		list->items = items;
		list->cap = cap;
	}
	list->items[list->nr++] = *operation;
	return 0;
}

static void list_drop(struct message_list *list, size_t at)
{
	list->nr--;
	memmove(list->items + at, list->items + at + 1, (list->nr - at) * sizeof(*list->items));
}

static struct source *source_find(const struct message_ledger *ledger, uint64_t id)
{
	struct source *source;

	HASH_FIND(hh, ledger->sources, &id, sizeof(id), source);
	return source;
}

static int source_note(struct message_ledger *ledger, uint64_t id, uint32_t process)
{
	struct source *source = source_find(ledger, id);

	if (source) {
		source->is_shared |= source->process != process;
		return 0;
	}
	source = calloc(1, sizeof(*source));
	if (!source)
		return -ENOMEM;
	source->id = id;
	source->process = process;
	HASH_ADD(hh, ledger->sources, id, sizeof(source->id), source);
	return 0;
}

static bool sources_agree(uint64_t a, uint64_t b)
{
	return a == b || a == SOURCE_UNKNOWN || b == SOURCE_UNKNOWN;
}

/*
 * The other side of `operation` in the list: of its source and, if there is one, of its size,
 * because messages in between may have been dropped. list->nr: none.
 */
static size_t list_find(const struct message_list *list, const struct message_operation *operation)
{
	size_t first = list->nr;

	for (size_t i = 0; i < list->nr; i++) {
		if (!sources_agree(list->items[i].source, operation->source))
			continue;
		if (list->items[i].bytes == operation->bytes)
			return i;
		if (first == list->nr)
			first = i;
	}
	return first;
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

int message_ledger_send(struct message_ledger *ledger, const struct message_operation *operation)
{
	size_t at;
	int err = party_add(&ledger->senders, operation->process, operation->count,
			    operation->bytes, operation->time_ns);

	if (!err)
		err = source_note(ledger, operation->source, operation->process);
	if (err)
		return err;
	if (operation->is_total) {
		ledger->has_totals = true;
		return 0;
	}
	at = list_find(&ledger->debts, operation);
	if (at == ledger->debts.nr)
		return list_push(&ledger->pending, operation);
	err = ledger_match(ledger, operation->process, operation, &ledger->debts.items[at]);
	list_drop(&ledger->debts, at);
	return err;
}

int message_ledger_receive(struct message_ledger *ledger, const struct message_operation *operation)
{
	size_t at;
	int err = party_add(&ledger->receivers, operation->process, operation->count,
			    operation->copied, operation->time_ns);

	if (err)
		return err;
	if (operation->is_total) {
		ledger->has_totals = true;
		ledger->has_guesses |= operation->source == SOURCE_UNKNOWN;
		return list_push(&ledger->debts, operation);
	}
	if (ledger->before_messages) {
		ledger->before_messages--;
		return ledger_match(ledger, ledger->before, NULL, operation);
	}
	at = list_find(&ledger->pending, operation);
	if (at == ledger->pending.nr)
		return list_push(&ledger->debts, operation);
	err = ledger_match(ledger, ledger->pending.items[at].process, &ledger->pending.items[at],
			   operation);
	list_drop(&ledger->pending, at);
	return err;
}

bool message_ledger_owes(const struct message_ledger *ledger, uint64_t source)
{
	for (size_t i = 0; i < ledger->debts.nr; i++)
		if (ledger->debts.items[i].source == source)
			return true;
	return false;
}

void message_ledger_level_at_start(struct message_ledger *ledger, uint64_t messages)
{
	if (!ledger->senders.nr && !ledger->receivers.nr)
		ledger->before_messages = messages;
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

	if (ledger->has_totals && source)
		return source->process;
	if (ledger->has_totals && debt->source == SOURCE_UNKNOWN && ledger->senders.nr)
		return ledger->senders.members[0].process;
	return debt->fallback;
}

static int ledger_settle_debts(struct message_ledger *ledger)
{
	int err = 0;

	for (size_t i = 0; i < ledger->debts.nr && !err; i++)
		err = ledger_match(ledger, debt_sender(ledger, &ledger->debts.items[i]), NULL,
				   &ledger->debts.items[i]);
	return err;
}

/* Sent minus received; what was cut off is not known. */
static void balance_left(const struct party *senders, const struct party *receivers,
			 struct stream_balance *ret)
{
	ret->messages = senders->messages > receivers->messages ?
				senders->messages - receivers->messages : 0;
	ret->bytes = !ret->messages ? 0 : senders->bytes > receivers->bytes ?
				senders->bytes - receivers->bytes : 0;
}

static void result_fill(const struct message_ledger *ledger, struct message_result *result)
{
	struct stream_balance left = {};

	for (size_t i = 0; i < ledger->pending.nr; i++) {
		left.messages++;
		left.bytes += ledger->pending.items[i].bytes;
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

/* Does the process send through a socket that another one uses too? */
static bool source_is_shared(const struct message_ledger *ledger, uint32_t process)
{
	for (struct source *source = ledger->sources; source; source = source->hh.next)
		if (source->is_shared && party_find(&ledger->senders, process))
			return true;
	return false;
}

int message_ledger_close(struct message_ledger *ledger, bool is_lossy,
			 struct message_result *ret_result)
{
	bool had_debts = ledger->debts.nr > 0;
	bool all_to_one, one_sender;
	int err = ledger_settle_debts(ledger);

	*ret_result = (struct message_result){};
	if (err)
		return err;
	result_fill(ledger, ret_result);
	one_sender = ledger->senders.nr == 1 && !ledger->before_received.messages;
	all_to_one = ledger->receivers.nr == 1 && !ledger->pending.nr && !had_debts &&
		     !ledger->before_received.messages && !ledger->has_totals;
	for (struct edge *edge = ledger->edges.edges; edge; edge = edge->hh.next) {
		bool is_certain = !edge->is_doubtful && !ledger->has_guesses &&
				  !source_is_shared(ledger, edge->key.from);

		if (!is_lossy && !edge->is_suspect && edge->key.from != ledger->before &&
		    (is_certain || one_sender || all_to_one))
			edge_set_exact(edge);
		else
			edge_set_at_least(edge, 0, 0);
	}
	return 0;
}
