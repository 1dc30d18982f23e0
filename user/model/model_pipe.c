/* SPDX-License-Identifier: GPL-2.0-only */
/* Pipes and FIFOs: one direction, identity by device and inode. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mechanism_model.h"

struct pipe_entry {
	struct ipct_key key;
	struct channel *channel; /* of the present generation */
	UT_hash_handle hh;
};

static struct channel *pipe_channel_new(struct world *world, const struct ipct_key *key,
					enum ipct_mechanism mechanism)
{
	struct channel *channel = channel_new(mechanism);

	if (!channel)
		return NULL;
	snprintf(channel->object, sizeof(channel->object), "%s:[%llu]",
		 mechanism == IPCT_PIPE ? "pipe" : "fifo", key->inode);
	if (channel_open_directions(channel, 1, world->before)) {
		channel_free(channel);
		return NULL;
	}
	return world_add_channel(world, channel) ? NULL : channel;
}

static struct pipe_entry *pipe_get(struct world *world, const struct ipct_key *key,
				   enum ipct_mechanism mechanism)
{
	struct pipe_entry *entry;

	HASH_FIND(hh, world->pipes, key, sizeof(*key), entry);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = *key;
	entry->channel = pipe_channel_new(world, key, mechanism);
	if (!entry->channel) {
		free(entry);
		return NULL;
	}
	HASH_ADD(hh, world->pipes, key, sizeof(entry->key), entry);
	return entry;
}

struct channel *model_pipe_find(const struct world *world, const struct ipct_key *key)
{
	struct pipe_entry *entry;

	HASH_FIND(hh, world->pipes, key, sizeof(*key), entry);
	return entry ? entry->channel : NULL;
}

/*
 * A pipe is new with the call that made it. A FIFO has no such call: the first opener after the
 * last one closed it finds a new pipe, in which nothing was ever moved. The inode may be that of
 * a FIFO that was removed.
 */
static bool is_new_generation(const struct ipct_pipe *pipe, struct stream_ledger *ledger)
{
	bool is_used = stream_ledger_party(ledger, true)->nr ||
		       stream_ledger_party(ledger, false)->nr;

	if (pipe->origin == IPCT_ORIGIN_OPEN && (pipe->send_position || pipe->receive_position))
		return false;
	return is_used && (pipe->origin == IPCT_ORIGIN_CREATE || pipe->origin == IPCT_ORIGIN_OPEN);
}

static void pipe_note_level(const struct ipct_pipe *pipe, struct stream_ledger *ledger)
{
	if (pipe->queued_bytes == IPCT_LEVEL_UNKNOWN)
		return;
	if (pipe->origin == IPCT_ORIGIN_START)
		stream_ledger_level_at_start(ledger, pipe->queued_bytes);
	else if (pipe->origin == IPCT_ORIGIN_END)
		stream_ledger_level_at_end(ledger, pipe->queued_bytes, pipe->event.time_ns);
	else if (!pipe->queued_buffers)
		stream_ledger_known_empty(ledger);
}

int model_pipe_describe(struct world *world, const struct ipct_pipe *pipe)
{
	struct pipe_entry *entry = pipe_get(world, &pipe->key, pipe->mechanism);
	struct stream_ledger *ledger;

	if (!entry)
		return -ENOMEM;
	if (is_new_generation(pipe, entry->channel->directions[0].stream)) {
		entry->channel = pipe_channel_new(world, &pipe->key, pipe->mechanism);
		if (!entry->channel)
			return -ENOMEM;
	}
	ledger = entry->channel->directions[0].stream;
	if (pipe->origin == IPCT_ORIGIN_CREATE ||
	    (pipe->origin == IPCT_ORIGIN_OPEN && !pipe->send_position && !pipe->receive_position))
		stream_ledger_created(ledger);
	pipe_note_level(pipe, ledger);
	if (!pipe->name_len)
		return 0;
	return channel_set_name(entry->channel, pipe->name + pipe->name_offset, pipe->name_len);
}

static int pipe_transfer(struct world *world, const struct ipct_transfer *transfer,
			 uint32_t process, bool is_doubtful, struct place *ret_place)
{
	struct pipe_entry *entry = pipe_get(world, &transfer->key, transfer->mechanism);
	int err;

	if (!entry)
		return -ENOMEM;
	ret_place->channel = entry->channel;
	ret_place->direction = 0;
	err = model_count(entry->channel, transfer, process,
			  transfer->role == IPCT_ROLE_SEND && transfer->result > 0);
	if (err)
		return err;
	return model_stream_transfer(&entry->channel->directions[0], transfer, process,
				     is_doubtful);
}

static int pipe_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			  uint32_t process)
{
	struct pipe_entry *entry = pipe_get(world, &aggregate->key, aggregate->mechanism);
	int err;

	if (!entry)
		return -ENOMEM;
	err = model_count_total(entry->channel, aggregate, process,
				aggregate->role == IPCT_ROLE_SEND ? aggregate->messages : 0);
	if (err)
		return err;
	return model_stream_total(&entry->channel->directions[0], aggregate, process);
}

/* A file system may have given it another device number there. */
static struct pipe_entry *fifo_find(const struct world *world, const struct channel_keep *keep)
{
	struct pipe_entry *entry;

	HASH_FIND(hh, world->pipes, &keep->key, sizeof(keep->key), entry);
	if (entry)
		return entry;
	for (entry = world->pipes; entry; entry = entry->hh.next)
		if (entry->channel->mechanism == IPCT_FIFO &&
		    (!keep->key.inode || entry->key.inode == keep->key.inode) &&
		    !strcmp(entry->channel->name, keep->path))
			return entry;
	return NULL;
}

static int fifo_keep(struct world *world, const struct channel_keep *keep,
		     struct channel **ret_channel)
{
	struct pipe_entry *entry = fifo_find(world, keep);

	if (!entry && !keep->key.inode)
		return 0;
	if (!entry)
		entry = pipe_get(world, &keep->key, IPCT_FIFO);
	if (!entry)
		return -ENOMEM;
	*ret_channel = entry->channel;
	return channel_set_name(entry->channel, keep->path, strlen(keep->path));
}

void model_pipe_fini(struct world *world)
{
	struct pipe_entry *entry, *next;

	HASH_ITER (hh, world->pipes, entry, next) {
		HASH_DEL(world->pipes, entry);
		free(entry);
	}
}

const struct mechanism_model model_pipe = {
	.mechanism = IPCT_PIPE,
	.transfer = pipe_transfer,
	.aggregate = pipe_aggregate,
	.find = model_pipe_find,
};

const struct mechanism_model model_fifo = {
	.mechanism = IPCT_FIFO,
	.transfer = pipe_transfer,
	.aggregate = pipe_aggregate,
	.find = model_pipe_find,
	.keep = fifo_keep,
};
