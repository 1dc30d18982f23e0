/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of another process, and ptrace: both ends are named by the call. A channel for each
 * process whose memory or control it is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/mechanism_model.h"

struct access_entry {
	uint32_t target;
	struct channel *channel;
	UT_hash_handle hh;
};

static struct channel *access_channel(struct world *world, uint32_t target)
{
	struct access_entry *entry;
	struct channel *channel;

	HASH_FIND(hh, world->accesses, &target, sizeof(target), entry);
	if (entry)
		return entry->channel;
	entry = calloc(1, sizeof(*entry));
	channel = entry ? channel_new(IPCT_PROCESS_VM) : NULL;
	if (!channel) {
		free(entry);
		return NULL;
	}
	snprintf(channel->object, sizeof(channel->object), "process-vm:[%u]",
		 process_table_at(world->processes, target)->pid);
	if (world_add_channel(world, channel)) {
		free(entry);
		return NULL;
	}
	entry->target = target;
	entry->channel = channel;
	HASH_ADD(hh, world->accesses, target, sizeof(entry->target), entry);
	return channel;
}

static int access_count(struct channel *channel, uint32_t process, enum ipct_role role,
			const struct match *match)
{
	struct endpoint_count count = {
		.process = process,
		.role = role,
		.operations = match->messages,
		.messages = match->messages,
		.bytes = match->bytes,
	};

	return channel_count(channel, &count);
}

/* `match` has how much and when; the data went to the actor or to the target. */
static int access_enter(struct world *world, uint32_t actor, uint32_t target, bool is_read,
			struct match *match)
{
	struct channel *channel;
	int err;

	if (actor == PROCESS_NONE || target == PROCESS_NONE)
		return -ENOMEM;
	match->from = is_read ? target : actor;
	match->to = is_read ? actor : target;
	match->sent_ns = TIME_UNKNOWN;
	channel = access_channel(world, target);
	if (!channel)
		return -ENOMEM;
	err = access_count(channel, match->from, IPCT_ROLE_SEND, match);
	if (!err)
		err = access_count(channel, match->to, IPCT_ROLE_RECEIVE, match);
	return err ? err : edge_set_add(&channel->directions[0].direct, match);
}

int model_access_apply(struct world *world, const struct ipct_access *access)
{
	struct match match = {
		.messages = 1,
		.bytes = access->bytes,
		.received_ns = access->event.time_ns,
	};

	if (access->result || !access->target_pid) /* failed, or nobody knows who it was */
		return 0;
	return access_enter(world, world_actor(world, &access->event),
			    process_table_get(world->processes, access->target_pid,
					      access->target_start_ns),
			    access->kind == IPCT_ACCESS_READ, &match);
}

/* The key of a total is the target; who receives is the actor. */
static int access_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			    uint32_t process)
{
	struct match match = {
		.messages = aggregate->messages,
		.bytes = aggregate->bytes,
		.received_ns = aggregate->event.time_ns,
	};

	if (aggregate->error || !aggregate->key.inode)
		return 0;
	return access_enter(world, process,
			    process_table_get(world->processes, aggregate->key.inode,
					      aggregate->key.object),
			    aggregate->role == IPCT_ROLE_RECEIVE, &match);
}

void model_access_fini(struct world *world)
{
	struct access_entry *entry, *next;

	HASH_ITER (hh, world->accesses, entry, next) {
		HASH_DEL(world->accesses, entry);
		free(entry);
	}
}

const struct mechanism_model model_process_vm = {
	.mechanism = IPCT_PROCESS_VM,
	.transfer = model_no_transfer,
	.aggregate = access_aggregate,
};
