/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Message queues, POSIX and SysV: one direction, whose sources are the types or priorities. A
 * queue is described before its first transfer, with what waits in it; what is not described
 * then, or not wholly, leaves nothing proven.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mechanism_model.h"
#include "model/model_socket.h"

struct queue_key {
	struct ipct_key object;
	uint64_t mechanism;
};

struct queue_entry {
	struct queue_key key;
	struct channel *channel;
	bool has_level;	      /* the first description says what waited */
	uint64_t level_ns;    /* its time, which the counts of its types share */
	uint64_t level_left;  /* messages whose types are still to come */
	uint64_t level_bytes; /* of them */
	UT_hash_handle hh;
};

static struct channel *queue_channel_new(struct world *world, const struct ipct_key *key,
					 enum ipct_mechanism mechanism)
{
	struct channel *channel = channel_new(mechanism);

	if (!channel)
		return NULL;
	snprintf(channel->object, sizeof(channel->object), "%s:[%llu]",
		 mechanism == IPCT_POSIX_MQ ? "posix-mq" : "sysv-msg", key->inode);
	if (channel_open_directions(channel, 1, world->before)) {
		channel_free(channel);
		return NULL;
	}
	message_ledger_is_queue(channel->directions[0].message);
	return world_add_channel(world, channel) ? NULL : channel;
}

static struct channel *posix_mq_find(const struct world *world, const struct ipct_key *object)
{
	struct queue_key key = { .object = *object, .mechanism = IPCT_POSIX_MQ };
	struct queue_entry *entry;

	HASH_FIND(hh, world->queues, &key, sizeof(key), entry);
	return entry ? entry->channel : NULL;
}

static struct queue_entry *queue_get(struct world *world, const struct ipct_key *object,
				     enum ipct_mechanism mechanism)
{
	struct queue_key key = { .object = *object, .mechanism = mechanism };
	struct queue_entry *entry;

	HASH_FIND(hh, world->queues, &key, sizeof(key), entry);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = key;
	entry->channel = queue_channel_new(world, object, mechanism);
	if (!entry->channel) {
		free(entry);
		return NULL;
	}
	HASH_ADD(hh, world->queues, key, sizeof(entry->key), entry);
	return entry;
}

static struct message_ledger *queue_ledger(const struct queue_entry *entry)
{
	return entry->channel->directions[0].message;
}

static int queue_set_name(struct queue_entry *entry, const struct ipct_object *object)
{
	char key[CHANNEL_KEY_NAME_MAX];

	if (object->name_len)
		return channel_set_name(entry->channel, object->name + object->name_offset,
					object->name_len);
	channel_key_name(object->ipc_key, key);
	return channel_set_name(entry->channel, key, strlen(key));
}

/* What waits in it, of all types. */
static void queue_note_level(struct queue_entry *entry, const struct ipct_object *object)
{
	if (object->queued_bytes == IPCT_LEVEL_UNKNOWN)
		return;
	if (object->origin == IPCT_ORIGIN_END) {
		message_ledger_level_at_end(queue_ledger(entry), object->queued_messages,
					    object->queued_bytes);
		return;
	}
	/* of what was used before it was described, some may be counted already */
	if (entry->has_level || message_ledger_is_used(queue_ledger(entry)))
		return;
	entry->has_level = true;
	entry->level_ns = object->event.time_ns;
	entry->level_left = object->queued_messages;
	entry->level_bytes = object->queued_bytes;
}

/* How much of it is of one type and size. */
static int queue_note_type(struct queue_entry *entry, const struct ipct_object *object)
{
	uint64_t messages = object->queued_messages, bytes = object->queued_bytes;

	if (!entry->has_level || entry->level_ns != object->event.time_ns || !messages)
		return 0;
	if (messages > entry->level_left || bytes > entry->level_bytes || bytes % messages) {
		message_ledger_level_unknown(queue_ledger(entry)); /* it changed meanwhile */
		return 0;
	}
	entry->level_left -= messages;
	entry->level_bytes -= bytes;
	return message_ledger_level_of(queue_ledger(entry), object->size, bytes / messages,
				       messages);
}

static int queue_describe(struct world *world, const struct ipct_object *object)
{
	struct queue_entry *entry = queue_get(world, &object->key, object->mechanism);

	if (!entry)
		return -ENOMEM;
	if (object->size)
		return queue_note_type(entry, object);
	queue_note_level(entry, object);
	return queue_set_name(entry, object);
}

/* From here on the level at the start must be known. */
static void queue_use(struct queue_entry *entry)
{
	if (!entry->has_level || entry->level_left || entry->level_bytes)
		message_ledger_level_unknown(queue_ledger(entry));
}

static uint64_t queue_source(const struct ipct_transfer *transfer)
{
	if (!(transfer->flags & IPCT_TRANSFER_POSITION))
		return SOURCE_UNKNOWN;
	return transfer->mechanism == IPCT_POSIX_MQ ? transfer->position + 1 : transfer->position;
}

static int queue_transfer(struct world *world, const struct ipct_transfer *transfer,
			  uint32_t process, bool is_doubtful, struct place *ret_place)
{
	struct queue_entry *entry = queue_get(world, &transfer->key, transfer->mechanism);

	if (!entry)
		return -ENOMEM;
	if (transfer->result >= 0)
		queue_use(entry);
	ret_place->channel = entry->channel;
	return model_socket_message(ret_place, transfer, process, queue_source(transfer),
				    world->before, is_doubtful);
}

static int queue_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			   uint32_t process)
{
	struct queue_entry *entry = queue_get(world, &aggregate->key, aggregate->mechanism);
	struct place place = {};

	if (!entry)
		return -ENOMEM;
	if (!aggregate->error)
		queue_use(entry);
	place.channel = entry->channel;
	return model_socket_message_total(&place, aggregate, process, SOURCE_UNKNOWN,
					  world->before);
}

static int queue_keep(struct world *world, const struct channel_keep *keep,
		      struct channel **ret_channel)
{
	struct queue_entry *entry = queue_get(world, &keep->key, keep->mechanism);

	if (!entry)
		return -ENOMEM;
	*ret_channel = entry->channel;
	return 0;
}

void model_queue_fini(struct world *world)
{
	struct queue_entry *entry, *next;

	HASH_ITER (hh, world->queues, entry, next) {
		HASH_DEL(world->queues, entry);
		free(entry);
	}
}

const struct mechanism_model model_posix_mq = {
	.mechanism = IPCT_POSIX_MQ,
	.transfer = queue_transfer,
	.aggregate = queue_aggregate,
	.describe = queue_describe,
	.find = posix_mq_find,
	.keep = queue_keep,
};

const struct mechanism_model model_sysv_msg = {
	.mechanism = IPCT_SYSV_MSG,
	.transfer = queue_transfer,
	.aggregate = queue_aggregate,
	.describe = queue_describe,
	.keep = queue_keep,
};
