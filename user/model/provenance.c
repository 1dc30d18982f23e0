/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/provenance.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <uthash.h>

#include "model/model_socket.h"
#include "model/world.h"

#define GENERATIONS_MAX 64 /* ancestors that are asked */

/* A channel, or a socket that may have no channel yet. */
struct place_key {
	uint32_t process;
	uint32_t is_socket;
	uint64_t id; /* index of the channel or id of the socket, both for life */
};

struct provenance_entry {
	struct place_key key;
	struct provenance is;
	uint64_t time_ns; /* since when it has the channel; 0: since before the capture */
	UT_hash_handle hh;
};

struct creator_entry {
	uint32_t channel;
	uint32_t process;
	uint64_t time_ns;
	UT_hash_handle hh;
};

struct provenance_table {
	struct provenance_entry *entries;
	struct creator_entry *creators;
};

struct provenance_table *provenance_table_new(void)
{
	return calloc(1, sizeof(struct provenance_table));
}

void provenance_table_free(struct provenance_table *table)
{
	struct provenance_entry *entry, *next;
	struct creator_entry *creator, *next_creator;

	if (!table)
		return;
	HASH_ITER (hh, table->entries, entry, next) {
		HASH_DEL(table->entries, entry);
		free(entry);
	}
	HASH_ITER (hh, table->creators, creator, next_creator) {
		HASH_DEL(table->creators, creator);
		free(creator);
	}
	free(table);
}

static struct provenance_entry *entry_find(const struct provenance_table *table,
					   const struct place_key *key)
{
	struct provenance_entry *entry;

	HASH_FIND(hh, table->entries, key, sizeof(*key), entry);
	return entry;
}

/* The first way counts. 0 or -ENOMEM. */
static int entry_add(struct provenance_table *table, const struct place_key *key,
		     const struct provenance *provenance, uint64_t time_ns)
{
	struct provenance_entry *entry = entry_find(table, key);

	if (entry && entry->time_ns <= time_ns)
		return 0;
	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		entry->key = *key;
		HASH_ADD(hh, table->entries, key, sizeof(entry->key), entry);
	}
	entry->is = *provenance;
	entry->time_ns = time_ns;
	return 0;
}

static bool origin_tells(enum ipct_origin origin, struct provenance *ret)
{
	ret->from = PROCESS_NONE;
	switch (origin) {
	case IPCT_ORIGIN_CREATE:
		ret->how = PROVENANCE_CREATED;
		return true;
	case IPCT_ORIGIN_OPEN:
		ret->how = PROVENANCE_OPENED;
		return true;
	case IPCT_ORIGIN_START:
		ret->how = PROVENANCE_BEFORE;
		return true;
	default:
		return false;
	}
}

int provenance_describe(struct world *world, const struct ipct_event *event,
			enum ipct_mechanism mechanism, const struct ipct_key *key,
			enum ipct_origin origin)
{
	uint64_t time_ns = origin == IPCT_ORIGIN_START ? 0 : event->time_ns;
	struct provenance provenance;
	struct place_key place = {};

	if (!event->pid || !origin_tells(origin, &provenance))
		return 0;
	if (ipct_is_socket(mechanism)) {
		place.is_socket = true;
		place.id = socket_table_find(world->sockets, key->object);
		if (place.id == SOCKET_NONE)
			return 0;
	} else {
		const struct channel *channel = mechanism_model_channel(world, mechanism, key);

		if (!channel)
			return 0;
		place.id = channel->index;
	}
	place.process = world_actor(world, event);
	if (place.process == PROCESS_NONE)
		return -ENOMEM;
	return entry_add(world->provenances, &place, &provenance, time_ns);
}

int provenance_create(struct world *world, uint32_t process, const struct channel *channel,
		      uint64_t time_ns)
{
	struct provenance provenance = { PROVENANCE_CREATED, PROCESS_NONE };
	struct place_key place = { .process = process, .id = channel->index };

	return entry_add(world->provenances, &place, &provenance, time_ns);
}

int provenance_pass(struct world *world, uint32_t process, const struct channel *channel,
		    uint32_t from, uint64_t time_ns)
{
	struct provenance provenance = { PROVENANCE_PASSED, from };
	struct place_key place = { .process = process, .id = channel->index };

	return entry_add(world->provenances, &place, &provenance, time_ns);
}

static int creator_add(struct provenance_table *table, const struct provenance_entry *entry)
{
	struct creator_entry *creator;
	uint32_t channel = entry->key.id;

	if (entry->is.how != PROVENANCE_CREATED)
		return 0;
	HASH_FIND(hh, table->creators, &channel, sizeof(channel), creator);
	if (creator && creator->time_ns <= entry->time_ns)
		return 0;
	if (!creator) {
		creator = calloc(1, sizeof(*creator));
		if (!creator)
			return -ENOMEM;
		creator->channel = channel;
		HASH_ADD(hh, table->creators, channel, sizeof(creator->channel), creator);
	}
	creator->process = entry->key.process;
	creator->time_ns = entry->time_ns;
	return 0;
}

int provenance_finish(struct world *world)
{
	struct provenance_table *table = world->provenances;
	struct provenance_entry *entry, *next;
	int err = 0;

	/* what is added goes to the end and is no socket */
	HASH_ITER (hh, table->entries, entry, next) {
		struct place_key place = { .process = entry->key.process };
		const struct channel *channel;

		if (err || !entry->key.is_socket)
			continue;
		channel = model_socket_channel_of(world, entry->key.id);
		if (!channel)
			continue;
		place.id = channel->index;
		err = entry_add(table, &place, &entry->is, entry->time_ns);
	}
	for (entry = table->entries; entry && !err; entry = entry->hh.next)
		if (!entry->key.is_socket)
			err = creator_add(table, entry);
	return err;
}

struct provenance provenance_find(const struct world *world, uint32_t process,
				  const struct channel *channel)
{
	struct place_key place = { .process = process, .id = channel->index };
	struct provenance_entry *entry = entry_find(world->provenances, &place);
	uint32_t id = process;

	if (entry)
		return entry->is;
	for (int i = 0; i < GENERATIONS_MAX; i++) {
		const struct process *child = process_table_at(world->processes, id);

		id = child->parent;
		if (id == PROCESS_NONE)
			break;
		place.process = id;
		entry = entry_find(world->provenances, &place);
		/* what the ancestor got later the child does not have from there */
		if (entry && entry->time_ns <= child->start_ns)
			return (struct provenance){ PROVENANCE_INHERITED, id };
	}
	return (struct provenance){ PROVENANCE_UNKNOWN, PROCESS_NONE };
}

uint32_t provenance_creator(const struct world *world, const struct channel *channel)
{
	struct creator_entry *creator;
	uint32_t index = channel->index;

	HASH_FIND(hh, world->provenances->creators, &index, sizeof(index), creator);
	return creator ? creator->process : PROCESS_NONE;
}
