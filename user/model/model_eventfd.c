/* SPDX-License-Identifier: GPL-2.0-only */
/* eventfd: a counter that a read takes whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/mechanism_model.h"

struct eventfd_entry {
	struct ipct_key key;
	struct channel *channel; /* of the present generation */
	UT_hash_handle hh;
};

static struct channel *eventfd_channel_new(struct world *world, const struct ipct_key *key)
{
	struct channel *channel = channel_new(IPCT_EVENTFD);

	if (!channel)
		return NULL;
	snprintf(channel->object, sizeof(channel->object), "eventfd:[%llu]", key->inode);
	channel->directions[0].counter = counter_ledger_new(world->before, world->kernel);
	if (!channel->directions[0].counter) {
		channel_free(channel);
		return NULL;
	}
	return world_add_channel(world, channel) ? NULL : channel;
}

static struct channel *eventfd_find(const struct world *world, const struct ipct_key *key)
{
	struct eventfd_entry *entry;

	HASH_FIND(hh, world->eventfds, key, sizeof(*key), entry);
	return entry ? entry->channel : NULL;
}

static struct eventfd_entry *eventfd_get(struct world *world, const struct ipct_key *key)
{
	struct eventfd_entry *entry;

	HASH_FIND(hh, world->eventfds, key, sizeof(*key), entry);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = *key;
	entry->channel = eventfd_channel_new(world, key);
	if (!entry->channel) {
		free(entry);
		return NULL;
	}
	HASH_ADD(hh, world->eventfds, key, sizeof(entry->key), entry);
	return entry;
}

/* The kernel uses address and id again as soon as a counter is gone. */
static int eventfd_describe(struct world *world, const struct ipct_object *object)
{
	struct eventfd_entry *entry = eventfd_get(world, &object->key);
	struct counter_ledger *ledger;

	if (!entry)
		return -ENOMEM;
	if (object->origin == IPCT_ORIGIN_CREATE && entry->channel->endpoints) {
		entry->channel = eventfd_channel_new(world, &object->key);
		if (!entry->channel)
			return -ENOMEM;
	}
	ledger = entry->channel->directions[0].counter;
	if (object->queued_bytes == IPCT_LEVEL_UNKNOWN)
		return 0;
	if (object->origin == IPCT_ORIGIN_CREATE)
		counter_ledger_created(ledger, object->queued_bytes);
	else if (object->origin == IPCT_ORIGIN_START)
		counter_ledger_level_at_start(ledger, object->queued_bytes);
	else if (object->origin == IPCT_ORIGIN_END)
		counter_ledger_level_at_end(ledger, object->queued_bytes, object->event.time_ns);
	return 0;
}

static int eventfd_transfer(struct world *world, const struct ipct_transfer *transfer,
			    uint32_t process, bool is_doubtful, struct place *ret_place)
{
	struct eventfd_entry *entry = eventfd_get(world, &transfer->key);
	bool is_write = transfer->role == IPCT_ROLE_SEND;
	const struct counter_operation operation = {
		.process = process,
		.value = transfer->position,
		.time_ns = transfer->event.time_ns,
		.has_value = transfer->flags & IPCT_TRANSFER_POSITION,
		.is_semaphore = !is_write && (transfer->flags & IPCT_TRANSFER_SEMAPHORE),
		.is_threaded = transfer->flags & IPCT_TRANSFER_THREADED,
		.is_doubtful = is_doubtful,
	};
	int err;

	if (!entry)
		return -ENOMEM;
	ret_place->channel = entry->channel;
	err = model_count(entry->channel, transfer, process,
			  is_write && transfer->result > 0 &&
				  (operation.value || !operation.has_value));
	if (err || transfer->result <= 0)
		return err;
	if (is_write)
		return counter_ledger_write(entry->channel->directions[0].counter, &operation);
	return counter_ledger_read(entry->channel->directions[0].counter, &operation);
}

static int eventfd_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			     uint32_t process)
{
	struct eventfd_entry *entry = eventfd_get(world, &aggregate->key);
	bool is_write = aggregate->role == IPCT_ROLE_SEND;
	struct counter_total total = {
		.process = process,
		.count = aggregate->messages,
		.time_ns = aggregate->event.time_ns,
	};
	int err;

	if (!entry)
		return -ENOMEM;
	if (aggregate->event.size >= sizeof(*aggregate))
		total.value = aggregate->values;
	err = model_count_total(entry->channel, aggregate, process,
				is_write ? aggregate->messages : 0);
	if (err || aggregate->error)
		return err;
	return counter_ledger_add_total(entry->channel->directions[0].counter, is_write, &total);
}

void model_eventfd_fini(struct world *world)
{
	struct eventfd_entry *entry, *next;

	HASH_ITER (hh, world->eventfds, entry, next) {
		HASH_DEL(world->eventfds, entry);
		free(entry);
	}
}

const struct mechanism_model model_eventfd = {
	.mechanism = IPCT_EVENTFD,
	.transfer = eventfd_transfer,
	.aggregate = eventfd_aggregate,
	.describe = eventfd_describe,
	.find = eventfd_find,
};
