/* SPDX-License-Identifier: GPL-2.0-only */
/* What belongs together: objects and their holders become channels. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "model/address.h"
#include "model/holdings_internal.h"

/* A socket, by where it is and what it is connected to. */
struct place {
	struct ipct_address local, remote; /* remote all 0: not connected, or it listens */
	uint32_t network;		   /* 0: any, of connections that may leave theirs */
	uint32_t mechanism;
	struct held *held;
	bool is_shared; /* by several sockets, of which `held` is the first */
	UT_hash_handle hh;
};

#define PLACE_KEY_LEN offsetof(struct place, held)

struct finish {
	struct holdings *holdings;
	struct place *places; /* uthash */
};

static bool is_unix(const struct held *held)
{
	return held->key.mechanism >= IPCT_UNIX_STREAM &&
	       held->key.mechanism <= IPCT_UNIX_SEQPACKET;
}

static bool has_addresses(const struct held *held)
{
	return held->key.mechanism == IPCT_TCP || held->key.mechanism == IPCT_UDP ||
	       held->key.mechanism == IPCT_VSOCK;
}

static bool is_socket(const struct held *held)
{
	return ipct_is_socket(held->key.mechanism);
}

static bool is_datagram(const struct held *held)
{
	return held->key.mechanism == IPCT_UNIX_DGRAM || held->key.mechanism == IPCT_UDP;
}

static bool is_sysv(const struct held *held)
{
	return held->key.mechanism == IPCT_SYSV_MSG || held->key.mechanism == IPCT_SYSV_SEM ||
	       held->key.mechanism == IPCT_SYSV_SHM;
}

/* Places ----------------------------------------------------------------------------------- */

/* How an end was bound is no part of what it is; of vsock the scope is the port. */
static void place_set(struct ipct_address *to, const struct ipct_address *from, uint32_t mechanism)
{
	*to = *from;
	to->family = 0;
	if (mechanism != IPCT_VSOCK)
		to->scope = 0;
}

static bool is_connected(const struct held *held)
{
	return held->state != IPCT_STATE_LISTEN && (held->remote.port || held->remote.scope);
}

static void place_fill(struct place *place, const struct held *held)
{
	uint32_t mechanism = held->key.mechanism;

	memset(place, 0, sizeof(*place));
	place_set(&place->local, &held->local, mechanism);
	if (is_connected(held))
		place_set(&place->remote, &held->remote, mechanism);
	place->network = held->network;
	place->mechanism = mechanism;
}

static int place_add(struct finish *finish, struct held *held, uint32_t network)
{
	struct place *place = malloc(sizeof(*place)), *same;

	if (!place)
		return -ENOMEM;
	place_fill(place, held);
	place->network = network;
	place->held = held;
	place->is_shared = false;
	HASH_FIND(hh, finish->places, place, PLACE_KEY_LEN, same);
	if (same) {
		same->is_shared = true;
		free(place);
		return 0;
	}
	HASH_ADD_KEYPTR(hh, finish->places, place, PLACE_KEY_LEN, place);
	return 0;
}

/* A connection may lead into another network namespace of this host, but not by the loopback. */
static bool may_leave(const struct held *held)
{
	return held->key.mechanism != IPCT_VSOCK && is_connected(held) &&
	       !address_is_loopback(&held->remote);
}

static int places_add(struct finish *finish)
{
	struct held *held;
	int err = 0;

	for (held = finish->holdings->all; held && !err; held = held->hh.next) {
		if (!has_addresses(held))
			continue;
		err = place_add(finish, held, held->network);
		if (!err && may_leave(held))
			err = place_add(finish, held, 0);
	}
	return err;
}

static void places_free(struct finish *finish)
{
	struct place *place, *next;

	HASH_ITER (hh, finish->places, place, next) {
		HASH_DEL(finish->places, place);
		free(place);
	}
}

/* *ret_is_shared may be NULL. */
static struct held *place_find(const struct finish *finish, const struct place *wanted,
			       bool *ret_is_shared)
{
	struct place *place;

	HASH_FIND(hh, finish->places, wanted, PLACE_KEY_LEN, place);
	if (place && ret_is_shared)
		*ret_is_shared = place->is_shared;
	return place ? place->held : NULL;
}

/* The socket that is not connected (it listens, or takes datagrams of all) at exactly `at`. */
static struct held *open_socket_at(const struct finish *finish, const struct held *held,
				   const struct ipct_address *at, bool *ret_is_shared)
{
	struct place wanted;

	memset(&wanted, 0, sizeof(wanted));
	place_set(&wanted.local, at, held->key.mechanism);
	wanted.network = held->network;
	wanted.mechanism = held->key.mechanism;
	return place_find(finish, &wanted, ret_is_shared);
}

/* The one that is bound to `at`, or (with_any) to its port with any address. */
static struct held *open_socket_for(const struct finish *finish, const struct held *held,
				    const struct ipct_address *at, bool with_any,
				    bool *ret_is_shared)
{
	struct held *found = open_socket_at(finish, held, at, ret_is_shared);
	struct ipct_address any = *at;

	if (found || !with_any || held->key.mechanism == IPCT_VSOCK)
		return found;
	address_set_wildcard(&any);
	found = open_socket_at(finish, held, &any, ret_is_shared);
	if (found)
		return found;
	memset(any.ip, 0, sizeof(any.ip)); /* of both versions */
	return open_socket_at(finish, held, &any, ret_is_shared);
}

static bool is_accepted(const struct finish *finish, const struct held *held)
{
	const struct held *found = open_socket_for(finish, held, &held->local, true, NULL);

	return found && found != held && found->state == IPCT_STATE_LISTEN;
}

/* The other end of a connection. */
static struct held *connected_end(const struct finish *finish, const struct held *held)
{
	struct place wanted;
	struct held *found;
	bool is_shared;

	if (!is_connected(held))
		return NULL;
	memset(&wanted, 0, sizeof(wanted));
	place_set(&wanted.local, &held->remote, held->key.mechanism);
	place_set(&wanted.remote, &held->local, held->key.mechanism);
	wanted.network = held->network;
	wanted.mechanism = held->key.mechanism;
	found = place_find(finish, &wanted, NULL);
	if (found || !may_leave(held))
		return found;
	wanted.network = 0;
	found = place_find(finish, &wanted, &is_shared);
	return found && !is_shared ? found : NULL;
}

/*
 * The UDP socket that takes what this one sends. One that is bound to any address is meant only
 * if the address is ours: then the sender has it, too, or one of the loopback. Which of several
 * takes it is the kernel's secret.
 */
static struct held *datagram_end(const struct finish *finish, const struct held *held)
{
	bool is_ours = address_is_loopback(&held->remote) ||
		       !memcmp(held->remote.ip, held->local.ip, sizeof(held->local.ip));
	struct held *found;
	bool is_shared;

	if (held->key.mechanism != IPCT_UDP || !is_connected(held))
		return NULL;
	found = open_socket_for(finish, held, &held->remote, is_ours, &is_shared);
	return found && !is_shared ? found : NULL;
}

static struct held *other_end(const struct finish *finish, const struct held *held)
{
	struct held *other;

	if (is_unix(held))
		return held->peer.object ?
			       holdings_find(finish->holdings, &held->peer, held->key.mechanism) :
			       NULL;
	if (!has_addresses(held))
		return NULL;
	other = connected_end(finish, held);
	return other ? other : datagram_end(finish, held);
}

/* Many datagram sockets may be connected to one, which is connected to none of them. */
static void others_find(struct finish *finish)
{
	struct held *held;

	for (held = finish->holdings->all; held; held = held->hh.next)
		if (is_socket(held))
			held->other = other_end(finish, held);
	for (held = finish->holdings->all; held; held = held->hh.next) {
		if (!is_datagram(held) || !held->other || held->other->other == held)
			continue;
		held->is_sender = true;
		held->next_sender = held->other->senders;
		held->other->senders = held;
	}
}

/* Channels --------------------------------------------------------------------------------- */

/* Which ends of the channel the holder's descriptors name; side: of the two sockets. */
static uint32_t ends_of(const struct held *held, const struct holder *holder, uint32_t side)
{
	if (!is_socket(held))
		return holder->ends;
	return held->state == IPCT_STATE_LISTEN ? CHANNEL_END_LISTEN : 1u << side;
}

/* Who maps it twice may write if one of the mappings can. */
static bool is_covered(const struct holdings *holdings, const struct holder *holder)
{
	return holder->key.role == IPCT_ROLE_MAP_RO &&
	       holdings_find_holder(holdings, holder->key.held, holder->key.process,
				    IPCT_ROLE_MAP_RW);
}

static int holders_add(struct finish *finish, struct channel *channel, struct held *held,
		       uint32_t side)
{
	uint64_t size = held->size ? held->size : held->mapped;
	const struct holder *holder;

	held->is_placed = true;
	DL_FOREACH(held->holders, holder)
	if (!is_covered(finish->holdings, holder) &&
	    channel_hold(channel, holder->key.process, holder->key.role,
			 ends_of(held, holder, side), holder->descriptors))
		return -ENOMEM;
	if (!held->is_sender || !held->senders || !side) { /* else it counts where it receives */
		channel->unread.messages += held->queued_messages;
		channel->unread.bytes += held->queued_bytes;
	}
	if (size > channel->size)
		channel->size = size;
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

static void objects_text(const struct held *one, const struct held *other, char *text, size_t size)
{
	size_t len;

	object_text(one, text, size);
	if (!other || other == one)
		return;
	len = strlen(text);
	text[len++] = ' ';
	object_text(other, text + len, size - len);
}

static int channel_set_address(struct channel *channel, const struct ipct_address *address)
{
	char text[ADDRESS_TEXT_MAX];

	if (!address->port || channel->mechanism == IPCT_VSOCK)
		return 0;
	address_format(address, text, sizeof(text));
	return channel_set_name(channel, text, strlen(text));
}

/* The listening side gives the name; if it cannot be told, the lower port is taken for it. */
static int channel_set_listener(struct finish *finish, struct channel *channel,
				const struct held *one, const struct held *other)
{
	bool is_client = is_connected(one) && !is_accepted(finish, one);

	if (!other)
		return channel_set_address(channel, is_client ? &one->remote : &one->local);
	if (is_client && (is_accepted(finish, other) || other->local.port < one->local.port))
		one = other;
	return channel_set_address(channel, &one->local);
}

static int channel_name(struct finish *finish, struct channel *channel, const struct held *one,
			const struct held *other)
{
	if (has_addresses(one))
		return channel_set_listener(finish, channel, one, other);
	if (!one->name && other)
		one = other;
	return one->name ? channel_set_name(channel, one->name, one->name_len) : 0;
}

/* Of `-p`: a channel that no chosen process holds is none of ours. */
static bool channel_is_wanted(const struct finish *finish, const struct channel *channel)
{
	struct world *world = finish->holdings->world;
	const struct endpoint *endpoint;

	if (world->is_system_wide)
		return channel->endpoints || channel->is_standing;
	for (endpoint = channel->endpoints; endpoint; endpoint = endpoint->hh.next)
		if (process_table_at(world->processes, endpoint->key.process)->is_traced)
			return true;
	return false;
}

static int channel_fill(struct finish *finish, struct channel *channel, struct held *one,
			struct held *other)
{
	struct held *sender = one->senders;
	bool has_one_sender = sender && !sender->next_sender;
	int err;

	objects_text(one, has_one_sender ? sender : other, channel->object,
		     sizeof(channel->object));
	channel->is_standing = is_sysv(one);
	err = channel_name(finish, channel, one, other);
	if (!err)
		err = holders_add(finish, channel, one, 0);
	if (!err && other && other != one)
		err = holders_add(finish, channel, other, 1);
	for (; sender && !err; sender = sender->next_sender)
		err = holders_add(finish, channel, sender, 1);
	return err;
}

/* One channel of one object, of the two sockets of a connection, or of one and its senders. */
static int channel_make(struct finish *finish, struct held *one, struct held *other)
{
	struct channel *channel = channel_new(one->key.mechanism);
	int err;

	if (!channel)
		return -ENOMEM;
	err = channel_fill(finish, channel, one, other);
	if (err || !channel_is_wanted(finish, channel)) {
		channel_free(channel);
		return err;
	}
	return world_add_channel(finish->holdings->world, channel);
}

/* A file that is only read, such as a library's data, tells nobody anything. */
static bool is_communication(const struct held *held)
{
	return held->key.mechanism != IPCT_SHARED_MAPPING || held->is_written || !held->name;
}

/* A socket to which others send is a channel also if it sends to another itself. */
static int held_place(struct finish *finish, struct held *held)
{
	struct held *other = held->other;

	if (!is_communication(held) || (held->is_sender ? !held->senders : held->is_placed))
		return 0;
	/* its other end may belong to another by now */
	if (held->is_sender || (other && other->is_placed))
		other = NULL;
	if (other && other->senders)
		return channel_make(finish, other, held);
	return channel_make(finish, held, other);
}

int holdings_finish(struct holdings *holdings)
{
	struct finish finish = { .holdings = holdings };
	struct held *held;
	int err = places_add(&finish);

	if (!err)
		others_find(&finish);
	for (held = holdings->all; held && !err; held = held->hh.next)
		err = held_place(&finish, held);
	places_free(&finish);
	return err;
}
