/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/holdings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>
#include <utlist.h>

#include "model/address.h"
#include "model/mechanism_model.h"

#define STATE_LISTEN 10 /* skc_state: TCP_LISTEN, also of unix sockets */

/* A process at an object. */
struct holder {
	uint32_t process;
	enum ipct_role role;
	uint32_t flags; /* of all its descriptors */
	uint32_t descriptors;
	struct holder *next;
};

struct held_key {
	struct ipct_key key;
	uint32_t mechanism;
	uint32_t _pad;
};

struct held {
	struct held_key key;
	struct holder *holders;
	char *name; /* NULL: none */
	size_t name_len;
	bool is_described;
	/* sockets */
	struct ipct_key peer;
	struct ipct_address local, remote;
	uint32_t network;
	uint8_t state;
	/* what is in it, counted by the kernel */
	uint64_t queued_messages, queued_bytes;
	uint64_t size;
	uint32_t id;
	bool is_placed; /* it belongs to a channel */
	UT_hash_handle hh;
};

struct holdings {
	struct world *world;
	struct held *all; /* uthash */
};

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
	HASH_ITER (hh, holdings->all, held, next) {
		LL_FOREACH_SAFE(held->holders, holder, following)
		free(holder);
		HASH_DEL(holdings->all, held);
		free(held->name);
		free(held);
	}
	free(holdings);
}

static struct held *held_find(const struct holdings *holdings, const struct ipct_key *key,
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
	struct held *held = held_find(holdings, key, mechanism);

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

static struct holder *holder_get(struct held *held, uint32_t process, enum ipct_role role)
{
	struct holder *holder;

	LL_FOREACH(held->holders, holder)
	if (holder->process == process && holder->role == role)
		return holder;
	holder = calloc(1, sizeof(*holder));
	if (!holder)
		return NULL;
	holder->process = process;
	holder->role = role;
	LL_APPEND(held->holders, holder);
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

static int apply_object(struct holdings *holdings, const struct ipct_object *object)
{
	struct held *held = held_get(holdings, &object->key, object->mechanism);
	char name[sizeof("0x01234567")];

	if (!held)
		return -ENOMEM;
	level_set(held, object->queued_messages, object->queued_bytes);
	held->id = object->id;
	held->size = object->size;
	if (object->name_len)
		return held_set_name(held, object->name + object->name_offset, object->name_len);
	if (!object->ipc_key)
		return 0;
	snprintf(name, sizeof(name), "0x%08x", object->ipc_key);
	return held_set_name(held, name, strlen(name));
}

static int apply_hold(struct holdings *holdings, const struct ipct_hold *hold)
{
	struct held *held = held_get(holdings, &hold->key, hold->mechanism);
	uint32_t process = world_actor(holdings->world, &hold->event);
	struct holder *holder;

	if (!held || process == PROCESS_NONE)
		return -ENOMEM;
	holder = holder_get(held, process, IPCT_ROLE_HOLD);
	if (!holder)
		return -ENOMEM;
	holder->flags |= hold->flags;
	holder->descriptors++;
	return 0;
}

static int apply_mapping(struct holdings *holdings, const struct ipct_mapping *mapping)
{
	struct held *held = held_get(holdings, &mapping->key, mapping->mechanism);
	uint32_t process = world_actor(holdings->world, &mapping->event);
	bool can_write = mapping->rights & IPCT_MAPPING_WRITE;

	if (mapping->kind != IPCT_MAPPING_MAP)
		return 0;
	if (!held || process == PROCESS_NONE)
		return -ENOMEM;
	return holder_get(held, process, can_write ? IPCT_ROLE_MAP_RW : IPCT_ROLE_MAP_RO) ? 0 :
											    -ENOMEM;
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

/* Channels --------------------------------------------------------------------------------- */

static bool is_socket(const struct held *held)
{
	uint32_t mechanism = held->key.mechanism;

	return (mechanism >= IPCT_UNIX_STREAM && mechanism <= IPCT_UDP) ||
	       mechanism == IPCT_VSOCK || mechanism == IPCT_NETLINK;
}

static bool is_unix(const struct held *held)
{
	return held->key.mechanism >= IPCT_UNIX_STREAM &&
	       held->key.mechanism <= IPCT_UNIX_SEQPACKET;
}

/* Which ends of the channel the descriptors name: 0 the reading or first end, 1 the other. */
static uint32_t ends_of(const struct held *held, uint32_t flags, uint32_t side)
{
	uint32_t mechanism = held->key.mechanism;

	if (is_socket(held))
		return 1u << side;
	if (mechanism == IPCT_PTY)
		return flags & IPCT_HOLD_MASTER ? CHANNEL_END_FIRST : CHANNEL_END_SECOND;
	return (flags & IPCT_HOLD_READ ? CHANNEL_END_FIRST : 0) |
	       (flags & IPCT_HOLD_WRITE ? CHANNEL_END_SECOND : 0);
}

static int holders_add(struct channel *channel, const struct held *held, uint32_t side)
{
	const struct holder *holder;

	LL_FOREACH(held->holders, holder)
	if (channel_hold(channel, holder->process, holder->role, ends_of(held, holder->flags, side),
			 holder->descriptors))
		return -ENOMEM;
	channel->unread.messages += held->queued_messages;
	channel->unread.bytes += held->queued_bytes;
	if (held->size > channel->size)
		channel->size = held->size;
	return 0;
}

static void object_text(const struct held *held, char *text, size_t size)
{
	uint32_t mechanism = held->key.mechanism;
	unsigned long long inode = held->key.key.inode;

	if (is_socket(held))
		snprintf(text, size, "socket:[%llu]", inode);
	else if (mechanism == IPCT_PTY)
		snprintf(text, size, "pty:[%llu]", inode - 1); /* the key has index + 1 */
	else
		snprintf(text, size, "%s:[%llu]", channel_mechanism_name(mechanism), inode);
}

static int port_name(const struct held *held, char *text, size_t size)
{
	if (!held->local.port && !held->local.scope)
		return 0;
	address_format(&held->local, text, size);
	return 1;
}

static bool is_listener_of(const struct held *held, const struct held *listener)
{
	return listener->state == STATE_LISTEN && listener->network == held->network &&
	       listener->key.mechanism == held->key.mechanism &&
	       listener->local.port == held->local.port;
}

static bool is_accepted(const struct holdings *holdings, const struct held *held)
{
	for (struct held *listener = holdings->all; listener; listener = listener->hh.next)
		if (is_listener_of(held, listener))
			return true;
	return false;
}

/* The listening side gives the name: a unix socket's own, or the address that was bound. */
static int pair_set_name(const struct holdings *holdings, struct channel *channel,
			 const struct held *one, const struct held *other)
{
	const struct held *named = one;
	char text[ADDRESS_TEXT_MAX];

	if (is_unix(one) || one->name) {
		if (!named->name && other)
			named = other;
		return named->name ? channel_set_name(channel, named->name, named->name_len) : 0;
	}
	if (other && !is_accepted(holdings, one))
		named = is_accepted(holdings, other) || other->local.port < one->local.port ?
				other :
				one;
	if (!port_name(named, text, sizeof(text)))
		return 0;
	return channel_set_name(channel, text, strlen(text));
}

/* One channel of one object, or of the two sockets of a connection. */
static int channel_make(struct holdings *holdings, struct held *one, struct held *other)
{
	struct channel *channel;
	int err;

	one->is_placed = true;
	if (other)
		other->is_placed = true;
	channel = channel_new(one->key.mechanism);
	if (!channel)
		return -ENOMEM;
	object_text(one, channel->object, sizeof(channel->object));
	if (other && other != one) {
		size_t len = strlen(channel->object);

		channel->object[len++] = ' ';
		object_text(other, channel->object + len, sizeof(channel->object) - len);
	}
	err = pair_set_name(holdings, channel, one, other);
	if (!err)
		err = holders_add(channel, one, 0);
	if (!err && other && other != one)
		err = holders_add(channel, other, 1);
	if (err) {
		channel_free(channel);
		return err;
	}
	return world_add_channel(holdings->world, channel);
}

/* The other end of a connection, keyed by who would look for it. */
struct awaited {
	struct ipct_address local, remote;
	uint32_t network;
	uint32_t mechanism;
	struct held *held;
	UT_hash_handle hh;
};

#define AWAITED_KEY_LEN offsetof(struct awaited, held)

static void awaited_fill(struct awaited *key, const struct held *held, bool is_reversed)
{
	memset(key, 0, sizeof(*key));
	key->local = is_reversed ? held->remote : held->local;
	key->remote = is_reversed ? held->local : held->remote;
	key->network = held->network;
	key->mechanism = held->key.mechanism;
	/* how an end was bound is no part of what it is */
	key->local.family = key->remote.family = 0;
	if (held->key.mechanism != IPCT_VSOCK)
		key->local.scope = key->remote.scope = 0;
}

static int awaited_add(struct awaited **all, struct held *held)
{
	struct awaited *entry = malloc(sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	awaited_fill(entry, held, false);
	entry->held = held;
	HASH_ADD_KEYPTR(hh, *all, entry, AWAITED_KEY_LEN, entry);
	return 0;
}

static struct held *other_end(const struct holdings *holdings, struct awaited *all,
			      const struct held *held)
{
	struct awaited key, *entry;

	if (is_unix(held))
		return held->peer.object ? held_find(holdings, &held->peer, held->key.mechanism) :
					   NULL;
	if (held->state == STATE_LISTEN || (!held->remote.port && !held->remote.scope))
		return NULL;
	awaited_fill(&key, held, true);
	HASH_FIND(hh, all, &key, AWAITED_KEY_LEN, entry);
	return entry ? entry->held : NULL;
}

static bool is_shown(const struct held *held)
{
	return held->holders || (held->is_described && !is_socket(held));
}

int holdings_finish(struct holdings *holdings)
{
	struct awaited *all = NULL, *entry, *next;
	struct held *held;
	int err = 0;

	for (held = holdings->all; held && !err; held = held->hh.next)
		if (is_socket(held) && !is_unix(held))
			err = awaited_add(&all, held);
	for (held = holdings->all; held && !err; held = held->hh.next) {
		struct held *other = is_socket(held) ? other_end(holdings, all, held) : NULL;

		if (held->is_placed || !is_shown(held))
			continue;
		/* many datagram sockets may be connected to one */
		err = channel_make(holdings, held, other && !other->is_placed ? other : NULL);
	}
	HASH_ITER (hh, all, entry, next) {
		HASH_DEL(all, entry);
		free(entry);
	}
	return err;
}
