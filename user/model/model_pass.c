/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Passed descriptors. A channel for each socket that they were received through, or process
 * that they were taken from, and what they name: a channel, or another kind of file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/model_socket.h"
#include "model/pass_ledger.h"
#include "model/provenance.h"

#define LEVEL_UNKNOWN 255 /* of ipct_socket.queued_passes */

struct pass_key {
	uint64_t by; /* id of the receiving socket, or of the process, with a bit above it */
	struct ipct_key passed; /* where the channel is not known: all zero for other files */
	uint64_t channel;	/* index of the channel that was passed, counted from 1; 0: none */
	uint64_t mechanism;	/* of a channel that is not known yet, 0: none */
};

#define BY_PROCESS (1ULL << 32)

struct pass_entry {
	struct pass_key key;
	struct channel *channel;
	UT_hash_handle hh;
};

struct pass_table {
	struct pass_entry *entries;
	struct pass_ledger *ledger;
};

static struct channel *pass_channel_new(struct world *world, const struct pass_key *key,
					uint32_t index)
{
	struct channel *channel = channel_new(IPCT_FD_PASS);

	if (!channel)
		return NULL;
	if (key->by & BY_PROCESS)
		snprintf(channel->object, sizeof(channel->object), "fd-pass:[pid:%u]",
			 process_table_at(world->processes, index)->pid);
	else
		snprintf(channel->object, sizeof(channel->object), "fd-pass:[%llu]",
			 socket_table_at(world->sockets, index)->key.inode);
	return world_add_channel(world, channel) ? NULL : channel;
}

/* What `pass` names, received by `by`. NULL without memory. */
static struct pass_entry *entry_get(struct world *world, uint64_t by, uint8_t mechanism,
				    const struct ipct_key *passed)
{
	struct channel *channel = mechanism_model_channel(world, mechanism, passed);
	struct pass_key key = { .by = by };
	struct pass_entry *entry;

	if (channel) {
		key.channel = channel->index + 1ULL;
	} else {
		key.passed = *passed;
		key.mechanism = mechanism;
	}
	HASH_FIND(hh, world->passes->entries, &key, sizeof(key), entry);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = key;
	entry->channel = pass_channel_new(world, &key, (uint32_t)by);
	if (!entry->channel) {
		free(entry);
		return NULL;
	}
	entry->channel->passed = channel;
	HASH_ADD(hh, world->passes->entries, key, sizeof(entry->key), entry);
	return entry;
}

static int pass_count(struct channel *channel, uint32_t process, enum ipct_role role)
{
	struct endpoint_count count = {
		.process = process, .role = role, .operations = 1, .messages = 1
	};

	return channel_count(channel, &count);
}

/* A descriptor went from process to process. */
static struct edge *pass_given(void *context, void *place, const struct match *match)
{
	struct pass_entry *entry = place;
	struct world *world = context;
	struct channel *channel = entry->channel;
	struct edge_set *edges = &channel->directions[0].direct;

	if (match->from != world->before && pass_count(channel, match->from, IPCT_ROLE_SEND))
		return NULL;
	if (pass_count(channel, match->to, IPCT_ROLE_RECEIVE) || edge_set_add(edges, match))
		return NULL;
	if (channel->passed &&
	    provenance_pass(world, match->to, channel->passed, match->from, match->received_ns))
		return NULL;
	return edge_set_get(edges, match->from, match->to);
}

static struct pass_table *table_get(struct world *world)
{
	struct pass_table *table = world->passes;

	if (table)
		return table;
	table = calloc(1, sizeof(*table));
	if (!table)
		return NULL;
	table->ledger = pass_ledger_new(world->before, pass_given, world);
	if (!table->ledger) {
		free(table);
		return NULL;
	}
	return world->passes = table;
}

/* The socket that sent what `id` received; SOCKET_NONE: not known. */
static uint32_t sender_of(struct world *world, const struct ipct_pass *pass, uint32_t id)
{
	const struct socket *socket = socket_table_at(world->sockets, id);
	struct ipct_key peer = { .object = pass->peer };

	if (pass->peer)
		return socket_table_get(world->sockets, &peer, pass->mechanism);
	return socket->pair ? socket->pair->sockets[!socket->side] : SOCKET_NONE;
}

static int pass_send(struct world *world, const struct ipct_pass *pass)
{
	uint32_t id = model_socket_get(world, &pass->key, pass->mechanism);
	struct pass_sent sent = {
		.source = id + 1ULL,
		.process = world_actor(world, &pass->event),
		.count = pass->count,
		.time_ns = pass->event.time_ns,
	};

	if (id == SOCKET_NONE || sent.process == PROCESS_NONE)
		return -ENOMEM;
	return pass_ledger_send(world->passes->ledger, &sent);
}

static int pass_receive(struct world *world, const struct ipct_pass *pass)
{
	uint32_t id = model_socket_get(world, &pass->key, pass->mechanism);
	uint32_t sender = id == SOCKET_NONE ? id : sender_of(world, pass, id);
	struct pass_receipt receipt = {
		.source = sender == SOCKET_NONE ? 0 : sender + 1ULL,
		.inbox = id,
		.process = world_actor(world, &pass->event),
		.thread = pass->event.tid,
		.count = pass->count,
		.index = pass->index,
		.time_ns = pass->event.time_ns,
	};

	if (id == SOCKET_NONE || receipt.process == PROCESS_NONE)
		return -ENOMEM;
	if (pass->kind == IPCT_PASS_RECEIVE) {
		receipt.place = entry_get(world, id, pass->passed_mechanism, &pass->passed);
		if (!receipt.place)
			return -ENOMEM;
	}
	return pass_ledger_receive(world->passes->ledger, &receipt);
}

/* The call names both ends. */
static int pass_take(struct world *world, const struct ipct_pass *pass)
{
	struct match match = {
		.from = process_table_get(world->processes, pass->source_pid,
					  pass->source_start_ns),
		.to = world_actor(world, &pass->event),
		.messages = 1,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = pass->event.time_ns,
	};
	struct pass_entry *entry;

	if (match.from == PROCESS_NONE || match.to == PROCESS_NONE)
		return -ENOMEM;
	entry = entry_get(world, match.from | BY_PROCESS, pass->passed_mechanism, &pass->passed);
	return entry && pass_given(world, entry, &match) ? 0 : -ENOMEM;
}

int model_pass_apply(struct world *world, const struct ipct_pass *pass)
{
	if (!table_get(world))
		return -ENOMEM;
	switch (pass->kind) {
	case IPCT_PASS_SEND:
		return pass_send(world, pass);
	case IPCT_PASS_TAKE:
		return pass->source_pid ? pass_take(world, pass) : 0;
	default:
		return pass_receive(world, pass);
	}
}

int model_pass_level(struct world *world, const struct ipct_socket *socket)
{
	uint32_t id;

	if (socket->origin != IPCT_ORIGIN_START || !socket->queued_passes)
		return 0;
	id = model_socket_get(world, &socket->key, socket->mechanism);
	if (id == SOCKET_NONE || !table_get(world))
		return -ENOMEM;
	return pass_ledger_level_at_start(world->passes->ledger, id, socket->queued_passes,
					  socket->queued_passes == LEVEL_UNKNOWN);
}

/* A socket that was passed before it was connected has its channel by now. */
int model_pass_finish(struct world *world)
{
	struct pass_entry *entry;

	if (!world->passes)
		return 0;
	for (entry = world->passes->entries; entry; entry = entry->hh.next) {
		struct channel *channel = entry->channel;

		if (!channel->passed && entry->key.mechanism)
			channel->passed = mechanism_model_channel(world, entry->key.mechanism,
								  &entry->key.passed);
		if (channel->passed)
			channel->passed->is_passed = true;
	}
	return pass_ledger_close(world->passes->ledger);
}

void model_pass_fini(struct world *world)
{
	struct pass_entry *entry, *next;

	if (!world->passes)
		return;
	HASH_ITER (hh, world->passes->entries, entry, next) {
		HASH_DEL(world->passes->entries, entry);
		free(entry);
	}
	pass_ledger_free(world->passes->ledger);
	free(world->passes);
}
