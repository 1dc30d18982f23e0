/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/holdings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "model/holdings_internal.h"

struct holdings *holdings_new(struct world *world)
{
	struct holdings *holdings = calloc(1, sizeof(*holdings));

	if (holdings)
		holdings->world = world;
	return holdings;
}

void holdings_free(struct holdings *holdings)
{
	struct held *held, *next;
	struct holder *holder, *following;

	if (!holdings)
		return;
	HASH_ITER (hh, holdings->holders, holder, following) {
		HASH_DEL(holdings->holders, holder);
		free(holder);
	}
	HASH_ITER (hh, holdings->all, held, next) {
		HASH_DEL(holdings->all, held);
		free(held->name);
		free(held);
	}
	free(holdings);
}

struct held *holdings_find(const struct holdings *holdings, const struct ipct_key *key,
			   uint32_t mechanism)
{
	struct held_key wanted = { .key = *key, .mechanism = mechanism };
	struct held *held;

	HASH_FIND(hh, holdings->all, &wanted, sizeof(wanted), held);
	return held;
}

static struct held *held_get(struct holdings *holdings, const struct ipct_key *key,
			     uint32_t mechanism)
{
	struct held *held = holdings_find(holdings, key, mechanism);

	if (held)
		return held;
	held = calloc(1, sizeof(*held));
	if (!held)
		return NULL;
	held->key.key = *key;
	held->key.mechanism = mechanism;
	HASH_ADD(hh, holdings->all, key, sizeof(held->key), held);
	return held;
}

static int held_set_name(struct held *held, const char *bytes, size_t len)
{
	if (held->name || !len)
		return 0;
	held->name = malloc(len + 1);
	if (!held->name)
		return -ENOMEM;
	memcpy(held->name, bytes, len);
	held->name[len] = '\0';
	if (!held->name[0]) /* an abstract unix name */
		held->name[0] = '@';
	held->name_len = len;
	return 0;
}

struct holder *holdings_find_holder(const struct holdings *holdings, const struct held *held,
				    uint32_t process, enum ipct_role role)
{
	struct holder_key key = { .held = held, .process = process, .role = role };
	struct holder *holder;

	HASH_FIND(hh, holdings->holders, &key, sizeof(key), holder);
	return holder;
}

static struct holder *holder_get(struct holdings *holdings, struct held *held, uint32_t process,
				 enum ipct_role role)
{
	struct holder *holder = holdings_find_holder(holdings, held, process, role);

	if (holder)
		return holder;
	holder = calloc(1, sizeof(*holder));
	if (!holder)
		return NULL;
	holder->key.held = held;
	holder->key.process = process;
	holder->key.role = role;
	HASH_ADD(hh, holdings->holders, key, sizeof(holder->key), holder);
	DL_APPEND(held->holders, holder);
	return holder;
}

/* Records ---------------------------------------------------------------------------------- */

static void level_set(struct held *held, uint64_t messages, uint64_t bytes)
{
	held->is_described = true;
	if (bytes == IPCT_LEVEL_UNKNOWN)
		return;
	held->queued_messages = messages;
	held->queued_bytes = bytes;
}

static int apply_pipe(struct holdings *holdings, const struct ipct_pipe *pipe)
{
	struct held *held = held_get(holdings, &pipe->key, pipe->mechanism);

	if (!held)
		return -ENOMEM;
	level_set(held, 0, pipe->queued_bytes);
	return held_set_name(held, pipe->name + pipe->name_offset, pipe->name_len);
}

static int apply_socket(struct holdings *holdings, const struct ipct_socket *socket)
{
	struct held *held = held_get(holdings, &socket->key, socket->mechanism);

	if (!held)
		return -ENOMEM;
	level_set(held, socket->queued_messages, socket->queued_bytes);
	held->peer = socket->peer;
	held->local = socket->local;
	held->remote = socket->remote;
	held->network = socket->network;
	held->state = socket->state;
	return held_set_name(held, socket->name + socket->name_offset, socket->name_len);
}

/*
 * What an eventfd counts are no bytes: one read takes it all, as eight of them. The size of a pty
 * is what waits at its master, as queued_bytes is what waits at the slave.
 */
static void object_set_level(struct held *held, const struct ipct_object *object)
{
	uint64_t bytes = object->queued_bytes;

	if (object->mechanism == IPCT_EVENTFD && bytes && bytes != IPCT_LEVEL_UNKNOWN)
		bytes = sizeof(uint64_t);
	level_set(held, object->queued_messages, bytes);
	if (object->size == IPCT_LEVEL_UNKNOWN)
		return;
	if (object->mechanism == IPCT_PTY)
		held->queued_bytes += object->size;
	else if (object->size)
		held->size = object->size;
}

static int apply_object(struct holdings *holdings, const struct ipct_object *object)
{
	struct held *held = held_get(holdings, &object->key, object->mechanism);
	char name[CHANNEL_KEY_NAME_MAX];

	if (!held)
		return -ENOMEM;
	object_set_level(held, object);
	if (object->name_len)
		return held_set_name(held, object->name + object->name_offset, object->name_len);
	channel_key_name(object->ipc_key, name);
	return held_set_name(held, name, strlen(name));
}

/* 0 for sockets, whose ends depend on what they are connected to. */
static uint32_t hold_ends(const struct ipct_hold *hold)
{
	if (ipct_is_socket(hold->mechanism))
		return 0;
	if (hold->mechanism == IPCT_PTY)
		return hold->flags & IPCT_HOLD_MASTER ? CHANNEL_END_FIRST : CHANNEL_END_SECOND;
	return (hold->flags & IPCT_HOLD_READ ? CHANNEL_END_FIRST : 0) |
	       (hold->flags & IPCT_HOLD_WRITE ? CHANNEL_END_SECOND : 0);
}

static int apply_hold(struct holdings *holdings, const struct ipct_hold *hold)
{
	struct held *held = held_get(holdings, &hold->key, hold->mechanism);
	uint32_t process = world_actor(holdings->world, &hold->event);
	struct holder *holder;

	if (!held || process == PROCESS_NONE)
		return -ENOMEM;
	holder = holder_get(holdings, held, process, IPCT_ROLE_HOLD);
	if (!holder)
		return -ENOMEM;
	holder->ends |= hold_ends(hold);
	holder->descriptors++;
	return 0;
}

static int apply_mapping(struct holdings *holdings, const struct ipct_mapping *mapping)
{
	struct held *held = held_get(holdings, &mapping->key, mapping->mechanism);
	uint32_t process = world_actor(holdings->world, &mapping->event);
	bool can_write = mapping->rights & IPCT_MAPPING_WRITE;
	uint64_t end = mapping->offset + (mapping->end - mapping->start);

	if (mapping->kind != IPCT_MAPPING_MAP)
		return 0;
	if (!held || process == PROCESS_NONE)
		return -ENOMEM;
	held->is_written |= can_write;
	if (!holder_get(holdings, held, process, can_write ? IPCT_ROLE_MAP_RW : IPCT_ROLE_MAP_RO))
		return -ENOMEM;
	if (end > held->mapped)
		held->mapped = end;
	return 0;
}

int holdings_apply(struct holdings *holdings, const struct ipct_event *event)
{
	switch (event->type) {
	case IPCT_EVENT_PIPE:
		return apply_pipe(holdings, (const void *)event);
	case IPCT_EVENT_SOCKET:
		return apply_socket(holdings, (const void *)event);
	case IPCT_EVENT_OBJECT:
		return apply_object(holdings, (const void *)event);
	case IPCT_EVENT_HOLD:
		return apply_hold(holdings, (const void *)event);
	case IPCT_EVENT_MAPPING:
		return apply_mapping(holdings, (const void *)event);
	default:
		return world_apply(holdings->world, event);
	}
}
