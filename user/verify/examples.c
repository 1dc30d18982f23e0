/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/examples.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "model/channel.h"

struct edge_id {
	uint32_t channel, from, to; /* of the model */
};

struct entry {
	struct edge_id id;
	size_t nr;
	struct example examples[EXAMPLES_OF_EDGE];
	UT_hash_handle hh;
};

struct examples {
	struct match_observer observer;
	const struct ipct_event *event;
	struct entry *entries;
	struct entry *last; /* whose newest example may still grow */
	uint64_t last_ns;
};

/* Without memory there is no example: nothing else hangs on it. */
static struct entry *entry_get(struct examples *examples, const struct edge_id *id)
{
	struct entry *entry;

	HASH_FIND(hh, examples->entries, id, sizeof(*id), entry);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->id = *id;
	HASH_ADD(hh, examples->entries, id, sizeof(entry->id), entry);
	return entry;
}

/* The descriptor, if the record that told of the match is the receive itself. */
static int32_t fd_of(const struct examples *examples, const struct match *match)
{
	const struct ipct_transfer *transfer = (const void *)examples->event;

	if (!examples->event || examples->event->type != IPCT_EVENT_TRANSFER ||
	    transfer->role != IPCT_ROLE_RECEIVE || examples->event->time_ns != match->received_ns)
		return -1;
	return transfer->fd;
}

/* One receive may take several sends of one process: one example. */
static void matched(void *context, const struct edge_set *set, const struct match *match)
{
	struct examples *examples = context;
	const struct channel *channel = set->owner;
	struct edge_id id = { channel->index, match->from, match->to };
	struct entry *entry = entry_get(examples, &id);

	if (!entry)
		return;
	if (entry == examples->last && match->received_ns == examples->last_ns && entry->nr) {
		entry->examples[entry->nr - 1].messages += match->messages;
		entry->examples[entry->nr - 1].bytes += match->bytes;
		return;
	}
	examples->last = NULL;
	if (entry->nr == EXAMPLES_OF_EDGE)
		return;
	entry->examples[entry->nr++] = (struct example){
		.time_ns = (int64_t)match->received_ns,
		.messages = match->messages,
		.bytes = match->bytes,
		.fd = fd_of(examples, match),
	};
	examples->last = entry;
	examples->last_ns = match->received_ns;
}

struct examples *examples_new(void)
{
	struct examples *examples = calloc(1, sizeof(*examples));

	if (examples)
		examples->observer = (struct match_observer){ matched, examples };
	return examples;
}

void examples_free(struct examples *examples)
{
	struct entry *entry, *next;

	if (!examples)
		return;
	HASH_ITER (hh, examples->entries, entry, next) {
		HASH_DEL(examples->entries, entry);
		free(entry);
	}
	free(examples);
}

const struct match_observer *examples_observer(const struct examples *examples)
{
	return &examples->observer;
}

void examples_event(struct examples *examples, const struct ipct_event *event)
{
	examples->event = event;
}

size_t examples_find(const struct examples *examples, const struct graph *graph,
		     const struct graph_edge *edge, const struct example **ret_examples)
{
	struct edge_id id = {
		.channel = graph->channels[edge->channel].model_id,
		.from = graph->processes[edge->from].model_id,
		.to = graph->processes[edge->to].model_id,
	};
	struct entry *entry;

	HASH_FIND(hh, examples->entries, &id, sizeof(id), entry);
	if (!entry)
		return 0;
	*ret_examples = entry->examples;
	return entry->nr;
}
