/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/pass_ledger.h"

#include <errno.h>
#include <stdlib.h>

#include <uthash.h>
#include <utlist.h>

#define NOBODY UINT32_MAX

struct pass_node {
	struct pass_sent sent;
	struct pass_node *prev, *next;
};

/* A descriptor whose sender is not known yet. */
struct pass_item {
	void *place;
	struct match match;
	struct pass_item *prev, *next;
};

/* A message that was received. */
struct pass_message {
	struct pass_source *source;
	uint32_t sender; /* NOBODY: its send was not seen yet */
	uint64_t sent_ns;
	bool is_open; /* its receiver may report more of it */
	struct pass_item *items;
	struct pass_message *prev, *next; /* of those without a sender */
};

/* Which message a thread reports. */
struct pass_thread {
	uint32_t thread;
	struct pass_message *message;
	UT_hash_handle hh;
};

struct pass_edge {
	struct edge *edge;
	UT_hash_handle hh;
};

/* A sending socket. */
struct pass_source {
	uint64_t id;
	struct pass_node *pending;  /* sent, not received */
	struct pass_message *debts; /* received, its send not seen yet */
	struct pass_edge *edges;    /* of what was sent through it */
	uint32_t sender, receiver;  /* the first ones */
	uint32_t count;		    /* descriptors of its first message */
	void *place;		    /* of its first descriptor */
	bool has_many_senders;
	bool is_uniform; /* one receiver, one place, the same count in each message */
	bool is_unknown; /* some of what was received may be older than the capture */
	UT_hash_handle hh;
};

/* A receiving socket. */
struct pass_inbox {
	uint64_t id;
	uint64_t older; /* messages that waited at the start, and are the first to come */
	bool was_used;
	bool is_unknown;
	UT_hash_handle hh;
};

struct pass_ledger {
	uint32_t before;
	pass_given_fn given;
	void *context;
	struct pass_source *sources;
	struct pass_inbox *inboxes;
	struct pass_thread *threads;
};

struct pass_ledger *pass_ledger_new(uint32_t before, pass_given_fn given, void *context)
{
	struct pass_ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->before = before;
	ledger->given = given;
	ledger->context = context;
	return ledger;
}

static void message_free(struct pass_message *message)
{
	struct pass_item *item, *next;

	DL_FOREACH_SAFE(message->items, item, next)
	free(item);
	free(message);
}

static void source_free(struct pass_source *source)
{
	struct pass_message *debt, *next_debt;
	struct pass_node *node, *next_node;
	struct pass_edge *edge, *next_edge;

	DL_FOREACH_SAFE(source->pending, node, next_node)
	free(node);
	DL_FOREACH_SAFE(source->debts, debt, next_debt)
	message_free(debt);
	HASH_ITER (hh, source->edges, edge, next_edge) {
		HASH_DEL(source->edges, edge);
		free(edge);
	}
	free(source);
}

void pass_ledger_free(struct pass_ledger *ledger)
{
	struct pass_source *source, *next_source;
	struct pass_thread *thread, *next_thread;
	struct pass_inbox *inbox, *next_inbox;

	if (!ledger)
		return;
	HASH_ITER (hh, ledger->threads, thread, next_thread) {
		HASH_DEL(ledger->threads, thread);
		if (thread->message && thread->message->sender != NOBODY)
			message_free(thread->message); /* else it is among the debts */
		free(thread);
	}
	HASH_ITER (hh, ledger->sources, source, next_source) {
		HASH_DEL(ledger->sources, source);
		source_free(source);
	}
	HASH_ITER (hh, ledger->inboxes, inbox, next_inbox) {
		HASH_DEL(ledger->inboxes, inbox);
		free(inbox);
	}
	free(ledger);
}

/* NULL without memory, as for the following. */
static struct pass_source *source_get(struct pass_ledger *ledger, uint64_t id)
{
	struct pass_source *source;

	HASH_FIND(hh, ledger->sources, &id, sizeof(id), source);
	if (source)
		return source;
	source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->id = id;
	source->sender = source->receiver = NOBODY;
	source->is_uniform = true;
	HASH_ADD(hh, ledger->sources, id, sizeof(source->id), source);
	return source;
}

static struct pass_inbox *inbox_get(struct pass_ledger *ledger, uint64_t id)
{
	struct pass_inbox *inbox;

	HASH_FIND(hh, ledger->inboxes, &id, sizeof(id), inbox);
	if (inbox)
		return inbox;
	inbox = calloc(1, sizeof(*inbox));
	if (!inbox)
		return NULL;
	inbox->id = id;
	HASH_ADD(hh, ledger->inboxes, id, sizeof(inbox->id), inbox);
	return inbox;
}

static struct pass_thread *thread_get(struct pass_ledger *ledger, uint32_t id)
{
	struct pass_thread *thread;

	HASH_FIND(hh, ledger->threads, &id, sizeof(id), thread);
	if (thread)
		return thread;
	thread = calloc(1, sizeof(*thread));
	if (!thread)
		return NULL;
	thread->thread = id;
	HASH_ADD(hh, ledger->threads, thread, sizeof(thread->thread), thread);
	return thread;
}

static int source_add_edge(struct pass_source *source, struct edge *edge)
{
	struct pass_edge *known;

	HASH_FIND_PTR(source->edges, &edge, known);
	if (known)
		return 0;
	known = calloc(1, sizeof(*known));
	if (!known)
		return -ENOMEM;
	known->edge = edge;
	HASH_ADD_PTR(source->edges, edge, known);
	return 0;
}

/* The sender of a received descriptor is known. */
static int item_give(struct pass_ledger *ledger, const struct pass_message *message, void *place,
		     struct match *match)
{
	struct edge *edge;

	match->from = message->sender;
	match->sent_ns = message->sent_ns;
	match->is_doubtful = message->sender == ledger->before;
	edge = ledger->given(ledger->context, place, match);
	return edge ? source_add_edge(message->source, edge) : -ENOMEM;
}

static int message_settle(struct pass_ledger *ledger, struct pass_message *message, uint32_t sender,
			  uint64_t sent_ns)
{
	struct pass_item *item, *next;
	int err = 0;

	message->sender = sender;
	message->sent_ns = sent_ns;
	DL_FOREACH_SAFE(message->items, item, next)
	{
		if (!err)
			err = item_give(ledger, message, item->place, &item->match);
		DL_DELETE(message->items, item);
		free(item);
	}
	if (!message->is_open)
		message_free(message);
	return err;
}

int pass_ledger_send(struct pass_ledger *ledger, const struct pass_sent *sent)
{
	struct pass_source *source = source_get(ledger, sent->source);
	struct pass_message *debt;
	struct pass_node *node;

	if (!source)
		return -ENOMEM;
	if (source->sender == NOBODY) {
		source->sender = sent->process;
		source->count = sent->count;
	}
	source->has_many_senders |= source->sender != sent->process;
	source->is_uniform &= source->count == sent->count;
	debt = source->debts;
	if (debt) {
		DL_DELETE(source->debts, debt);
		return message_settle(ledger, debt, sent->process, sent->time_ns);
	}
	node = calloc(1, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->sent = *sent;
	DL_APPEND(source->pending, node);
	return 0;
}

/* Who sent the message that was received from the source now: the oldest that is open. */
static void message_find_sender(struct pass_ledger *ledger, struct pass_message *message,
				struct pass_inbox *inbox)
{
	struct pass_source *source = message->source;
	struct pass_node *sent = source->pending;

	inbox->was_used = true;
	source->is_unknown |= inbox->is_unknown;
	if (inbox->older) {
		inbox->older--;
		message->sender = ledger->before;
	} else if (sent) {
		message->sender = sent->sent.process;
		message->sent_ns = sent->sent.time_ns;
		DL_DELETE(source->pending, sent);
		free(sent);
	} else {
		DL_APPEND(source->debts, message);
	}
}

/* The message that the thread reports from now on. NULL without memory. */
static struct pass_message *message_begin(struct pass_ledger *ledger,
					  const struct pass_receipt *receipt)
{
	struct pass_source *source = source_get(ledger, receipt->source);
	struct pass_inbox *inbox = inbox_get(ledger, receipt->inbox);
	struct pass_message *message;

	if (!source || !inbox)
		return NULL;
	message = calloc(1, sizeof(*message));
	if (!message)
		return NULL;
	message->source = source;
	message->sender = NOBODY;
	message->sent_ns = TIME_UNKNOWN;
	message->is_open = true;
	if (source->receiver == NOBODY) {
		source->receiver = receipt->process;
		source->place = receipt->place;
	}
	message_find_sender(ledger, message, inbox);
	return message;
}

/* The message of the receipt; NULL without memory. */
static struct pass_message *message_of(struct pass_ledger *ledger,
				       const struct pass_receipt *receipt)
{
	struct pass_thread *thread = thread_get(ledger, receipt->thread);
	struct pass_message *message;

	if (!thread)
		return NULL;
	if (receipt->index && thread->message)
		return thread->message;
	message = message_begin(ledger, receipt);
	if (!message)
		return NULL;
	if (thread->message) {
		thread->message->is_open = false;
		if (thread->message->sender != NOBODY)
			message_free(thread->message);
	}
	thread->message = message;
	return message;
}

int pass_ledger_receive(struct pass_ledger *ledger, const struct pass_receipt *receipt)
{
	struct pass_message *message = message_of(ledger, receipt);
	struct pass_source *source = message ? message->source : NULL;
	struct pass_item *item;
	struct match match = {
		.to = receipt->process,
		.messages = 1,
		.received_ns = receipt->time_ns,
	};

	if (!message)
		return -ENOMEM;
	source->is_uniform &= source->receiver == receipt->process &&
			      source->place == receipt->place;
	if (!receipt->place)
		return 0;
	if (message->sender != NOBODY)
		return item_give(ledger, message, receipt->place, &match);
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	item->place = receipt->place;
	item->match = match;
	DL_APPEND(message->items, item);
	return 0;
}

int pass_ledger_level_at_start(struct pass_ledger *ledger, uint64_t inbox_id, uint64_t messages,
			       bool is_unknown)
{
	struct pass_inbox *inbox;
	struct pass_source *source;

	if (!messages)
		return 0;
	inbox = inbox_get(ledger, inbox_id);
	if (!inbox || inbox->older)
		return inbox ? 0 : -ENOMEM; /* a row for each process that holds the socket */
	inbox->older = messages;
	inbox->is_unknown = is_unknown || inbox->was_used;
	/* some of what waited may have been seen when it was sent */
	for (source = ledger->sources; source; source = source->hh.next)
		source->is_unknown |= !!source->pending;
	return 0;
}

/* However the messages are given to the senders, each has sent so many of them. */
static bool source_is_conserved(const struct pass_source *source)
{
	return source->is_uniform && !source->pending;
}

int pass_ledger_close(struct pass_ledger *ledger)
{
	struct pass_source *source;
	int err = 0;

	for (source = ledger->sources; source && !err; source = source->hh.next) {
		bool is_doubtful = source->debts || source->is_unknown ||
				   (source->has_many_senders && !source_is_conserved(source));

		while (source->debts && !err) {
			struct pass_message *debt = source->debts;

			DL_DELETE(source->debts, debt);
			err = message_settle(ledger, debt, ledger->before, TIME_UNKNOWN);
		}
		for (struct pass_edge *edge = source->edges; edge; edge = edge->hh.next)
			if (is_doubtful)
				edge_set_doubt(edge->edge);
	}
	return err;
}
