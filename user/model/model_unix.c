/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AF_UNIX. Connected sockets point at each other: the pair is the channel. Datagrams to a
 * socket that is not connected back go to the inbox of the receiving socket; the kernel names
 * the sending socket at each receive.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "model/model_socket.h"

/* Bytes of an abstract name may hold NULs; shown as '@' and the rest. */
static int socket_set_name(struct socket *socket, const struct ipct_socket *record)
{
	const char *bytes = record->name + record->name_offset;
	char *name;

	if (!record->name_len || socket->name)
		return 0;
	name = malloc(record->name_len + 1);
	if (!name)
		return -ENOMEM;
	memcpy(name, bytes, record->name_len);
	name[record->name_len] = '\0';
	if (!name[0])
		name[0] = '@';
	socket->name = name;
	return 0;
}

/*
 * Is what is known at the address of the peer of connection `id` a socket that is gone? A
 * connection has two ends for life, a listener is none of them, and what had an inode is not the
 * end that has none before accept (`is_embryo`).
 */
static bool is_gone(const struct socket *known, uint32_t id, bool is_embryo)
{
	if (known->pair)
		return known->pair->sockets[0] != id && known->pair->sockets[1] != id;
	return known->state == IPCT_STATE_LISTEN || (is_embryo && known->key.inode);
}

/* The socket that `socket` is connected to, made if it was not described yet. */
static uint32_t peer_get(struct world *world, uint32_t id)
{
	struct socket *socket = socket_table_at(world->sockets, id);
	bool is_embryo = socket->is_described && !socket->peer.inode;
	struct ipct_key key = socket->peer;
	uint8_t mechanism = socket->mechanism;
	uint32_t peer = socket_table_get(world->sockets, &key, mechanism);

	if (peer == SOCKET_NONE || mechanism == IPCT_UNIX_DGRAM ||
	    !is_gone(socket_table_at(world->sockets, peer), id, is_embryo))
		return peer;
	if (socket_table_at(world->sockets, peer)->key.inode == key.inode)
		key.inode = 0; /* that of what is gone */
	return socket_table_replace(world->sockets, &key, mechanism);
}

static struct pair *pair_make(struct world *world, uint32_t id, uint32_t peer)
{
	struct channel *channel =
		model_socket_channel(world, socket_table_at(world->sockets, id), 2);
	struct pair *pair = channel ? socket_table_add_pair(world->sockets, channel) : NULL;

	if (!pair)
		return NULL;
	model_pair_join(world, pair, id, 0);
	model_pair_join(world, pair, peer, 1);
	return pair;
}

/* Datagram sockets are a pair only if each is connected to the other. */
static bool are_mutual(const struct socket *a, const struct socket *b)
{
	return a->peer.object == b->key.object && b->peer.object == a->key.object;
}

/* Joins a connected socket to its pair. 0 or -ENOMEM; without a peer nothing happens. */
static int socket_connect(struct world *world, uint32_t id)
{
	struct socket *socket = socket_table_at(world->sockets, id);
	uint32_t peer;

	if (!socket->peer.object || socket->pair)
		return 0;
	peer = peer_get(world, id);
	if (peer == SOCKET_NONE)
		return -ENOMEM;
	socket = socket_table_at(world->sockets, id);
	if (socket->mechanism == IPCT_UNIX_DGRAM && peer != id &&
	    !are_mutual(socket, socket_table_at(world->sockets, peer)))
		return 0;
	return pair_make(world, id, peer) ? 0 : -ENOMEM;
}

static void stream_note(const struct socket *socket, const struct ipct_socket *record)
{
	struct direction *in = &socket->pair->channel->directions[!socket->side];

	if (record->origin == IPCT_ORIGIN_CREATE) {
		stream_ledger_created(socket->pair->channel->directions[0].stream);
		stream_ledger_created(socket->pair->channel->directions[1].stream);
	}
	if (record->queued_bytes == IPCT_LEVEL_UNKNOWN)
		return;
	if (record->origin == IPCT_ORIGIN_START)
		stream_ledger_level_at_start(in->stream, record->queued_bytes);
	else if (record->origin == IPCT_ORIGIN_END)
		stream_ledger_level_at_end(in->stream, record->queued_bytes, record->event.time_ns);
}

static void message_note(struct message_ledger *ledger, const struct ipct_socket *record)
{
	if (record->queued_bytes == IPCT_LEVEL_UNKNOWN) {
		if (record->origin == IPCT_ORIGIN_START)
			message_ledger_level_unknown(ledger);
		return;
	}
	if (record->origin == IPCT_ORIGIN_START)
		message_ledger_level_at_start(ledger, record->queued_messages);
	else if (record->origin == IPCT_ORIGIN_END)
		message_ledger_level_at_end(ledger, record->queued_messages, record->queued_bytes);
}

static void socket_note(const struct socket *socket, const struct ipct_socket *record)
{
	if (socket->pair && socket->mechanism == IPCT_UNIX_STREAM)
		stream_note(socket, record);
	else if (socket->pair)
		message_note(socket->pair->channel->directions[!socket->side].message, record);
	else if (socket->inbox)
		message_note(socket->inbox->directions[0].message, record);
}

/*
 * The name of a connection is that of its listening side, which accepted sockets share: the
 * side that did not connect, or did so later.
 */
static int pair_set_name(struct world *world, const struct pair *pair)
{
	const struct socket *a = socket_table_at(world->sockets, pair->sockets[0]);
	const struct socket *b = socket_table_at(world->sockets, pair->sockets[1]);
	bool a_is_client = a->connected_ns &&
			   (!b->connected_ns || a->connected_ns < b->connected_ns);
	const char *name = a_is_client ? b->name : a->name;

	if (!name)
		name = a_is_client ? a->name : b->name;
	return name ? channel_set_name(pair->channel, name, strlen(name)) : 0;
}

/* The channel of datagrams to a socket that is not connected to their sender. */
static struct channel *inbox_get(struct world *world, uint32_t id)
{
	struct socket *socket = socket_table_at(world->sockets, id);
	struct channel *inbox;

	if (socket->inbox)
		return socket->inbox;
	inbox = model_socket_channel(world, socket, 1);
	if (inbox && socket->name && channel_set_name(inbox, socket->name, strlen(socket->name)))
		return NULL;
	socket_table_at(world->sockets, id)->inbox = inbox;
	return inbox;
}

/*
 * Is the record of another socket than the one that is known at its address? One that was
 * never accepted has no inode that would tell, but a connection has the same two ends for life.
 */
static bool is_another(const struct world *world, uint32_t id, const struct ipct_socket *record)
{
	const struct socket *socket = socket_table_at(world->sockets, id);
	uint32_t other;

	if (!socket->pair || record->mechanism == IPCT_UNIX_DGRAM)
		return false;
	if (!record->peer
		     .object) /* a new one is not connected; an old one may have lost its peer */
		return record->origin == IPCT_ORIGIN_CREATE;
	other = socket->pair->sockets[!socket->side];
	return other != SOCKET_NONE &&
	       socket_table_at(world->sockets, other)->key.object != record->peer.object;
}

int model_unix_describe(struct world *world, const struct ipct_socket *record)
{
	uint32_t id = model_socket_get(world, &record->key, record->mechanism);
	struct socket *socket;
	int err;

	if (id != SOCKET_NONE && is_another(world, id, record))
		id = socket_table_replace(world->sockets, &record->key, record->mechanism);
	if (id == SOCKET_NONE)
		return -ENOMEM;
	socket = socket_table_at(world->sockets, id);
	socket->is_described = true;
	socket->state = record->state;
	if (record->peer.object)
		socket->peer = record->peer;
	if (record->peer.object && record->origin == IPCT_ORIGIN_CREATE && !socket->connected_ns)
		socket->connected_ns = record->event.time_ns;
	err = socket_set_name(socket, record);
	if (!err)
		err = socket_connect(world, id);
	socket = socket_table_at(world->sockets, id);
	if (!err && !socket->pair && socket->mechanism == IPCT_UNIX_DGRAM &&
	    record->queued_messages && !inbox_get(world, id))
		err = -ENOMEM;
	if (err)
		return err;
	socket = socket_table_at(world->sockets, id);
	socket_note(socket, record);
	if (socket->inbox && socket->name)
		err = channel_set_name(socket->inbox, socket->name, strlen(socket->name));
	return err || !socket->pair ? err : pair_set_name(world, socket->pair);
}

/* The key of whatever is known to be at this address now. */
static struct ipct_key key_at(const struct world *world, uint64_t object)
{
	uint32_t id = socket_table_find(world->sockets, object);

	return id == SOCKET_NONE ? (struct ipct_key){ .object = object } :
				   socket_table_at(world->sockets, id)->key;
}

static int unix_stream_transfer(struct world *world, const struct ipct_transfer *transfer,
				uint32_t process, bool is_doubtful, struct place *ret_place)
{
	uint32_t id = model_socket_get(world, &transfer->key, transfer->mechanism);

	if (id == SOCKET_NONE)
		return -ENOMEM;
	if (!socket_table_at(world->sockets, id)->pair && transfer->peer) {
		socket_table_at(world->sockets, id)->peer = key_at(world, transfer->peer);
		if (socket_connect(world, id))
			return -ENOMEM;
	}
	return model_pair_transfer(world, transfer, process, is_doubtful, ret_place);
}

/* What identifies the sending socket in a ledger. */
static uint64_t source_of(uint32_t id)
{
	return id == SOCKET_NONE ? SOURCE_UNKNOWN : (uint64_t)id + 1;
}

/* Which sockets a message goes between; SOCKET_NONE: not known. */
struct route {
	uint32_t from, to;
};

static int route_find(struct world *world, const struct ipct_key *key, uint8_t mechanism,
		      enum ipct_role role, uint64_t peer, struct route *ret_route)
{
	uint32_t id = model_socket_get(world, key, mechanism);
	struct ipct_key peer_key = { .object = peer };
	uint32_t other = SOCKET_NONE;

	if (id == SOCKET_NONE)
		return -ENOMEM;
	if (!peer && role == IPCT_ROLE_SEND)
		peer_key = socket_table_at(world->sockets, id)->peer;
	if (peer_key.object) {
		other = socket_table_get(world->sockets, &peer_key, mechanism);
		if (other == SOCKET_NONE)
			return -ENOMEM;
	}
	ret_route->from = role == IPCT_ROLE_SEND ? id : other;
	ret_route->to = role == IPCT_ROLE_SEND ? other : id;
	return 0;
}

/* The channel of a message: the pair if both ends belong to it, else the receiver's inbox. */
static int route_place(struct world *world, const struct route *route, struct place *ret_place)
{
	struct socket *to;

	if (route->to == SOCKET_NONE)
		return 0;
	to = socket_table_at(world->sockets, route->to);
	/* what was sent before both were connected is received after: one inbox for life */
	if (to->pair && !to->inbox &&
	    (route->from == SOCKET_NONE || route->from == to->pair->sockets[0] ||
	     route->from == to->pair->sockets[1])) {
		ret_place->channel = to->pair->channel;
		ret_place->direction = !to->side;
		return 0;
	}
	ret_place->channel = inbox_get(world, route->to);
	ret_place->direction = 0;
	return ret_place->channel ? 0 : -ENOMEM;
}

/*
 * Sends for which no hook named the receiver (before 6.3, without a connection). The receive
 * names the sending socket, and then the oldest of its sends of that length is the one. It may
 * be reported before the send; then the place where it was received waits for that.
 */
struct undirected {
	struct undirected_send {
		struct ipct_transfer transfer;
		uint32_t process;
		bool is_doubtful;
		struct undirected_send *prev, *next;
	} * sends;
	struct undirected_receive {
		struct place place;
		int64_t bytes;
		uint64_t time_ns;
		struct undirected_receive *prev, *next;
	} * receives;
	struct place place; /* where a receive found its sends last */
};

static struct undirected *undirected_get(struct world *world, uint32_t id)
{
	struct socket *socket = socket_table_at(world->sockets, id);

	if (!socket->undirected)
		socket->undirected = calloc(1, sizeof(*socket->undirected));
	return socket->undirected;
}

static int undirected_add(struct world *world, uint32_t id, const struct ipct_transfer *transfer,
			  uint32_t process, bool is_doubtful)
{
	struct undirected *undirected = undirected_get(world, id);
	struct undirected_send *send = undirected ? calloc(1, sizeof(*send)) : NULL;

	if (!send)
		return -ENOMEM;
	memcpy(&send->transfer, transfer, offsetof(struct ipct_transfer, address));
	send->process = process;
	send->is_doubtful = is_doubtful;
	DL_APPEND(undirected->sends, send);
	return 0;
}

/* The oldest send of so many bytes, else of more: a receive may cut them off. NULL: none. */
static struct undirected_send *undirected_send_of(const struct undirected *undirected,
						  int64_t bytes)
{
	struct undirected_send *send, *longer = NULL;

	DL_FOREACH(undirected->sends, send)
	{
		if (send->transfer.result == bytes)
			return send;
		if (send->transfer.result > bytes && !longer)
			longer = send;
	}
	return longer;
}

/* Sent to `place`. */
static int undirected_direct(struct world *world, uint32_t id, struct undirected_send *send,
			     const struct place *place)
{
	int err;

	DL_DELETE(socket_table_at(world->sockets, id)->undirected->sends, send);
	err = model_socket_message(place, &send->transfer, send->process, source_of(id),
				   world->before, send->is_doubtful);
	free(send);
	return err;
}

/* A message that the socket sent was received at `place`; its send will be reported. */
static int undirected_await(struct world *world, uint32_t id, const struct place *place,
			    int64_t bytes, uint64_t time_ns)
{
	struct undirected *undirected = undirected_get(world, id);
	struct undirected_receive *receive = undirected ? calloc(1, sizeof(*receive)) : NULL;

	if (!receive)
		return -ENOMEM;
	receive->place = *place;
	receive->bytes = bytes;
	receive->time_ns = time_ns;
	DL_APPEND(undirected->receives, receive);
	return 0;
}

/* The oldest receive that waits for a send of `bytes`, at `place` if that is known; NULL: none. */
static struct undirected_receive *undirected_awaited(const struct undirected *undirected,
						     const struct place *place, int64_t bytes)
{
	struct undirected_receive *receive, *cut = NULL;

	DL_FOREACH(undirected->receives, receive)
	{
		if (place->channel && receive->place.channel != place->channel)
			continue;
		if (receive->bytes == bytes)
			return receive;
		if (receive->bytes < bytes && !cut)
			cut = receive;
	}
	return cut;
}

/* Receives that are too old for a send of this time: theirs is not reported one by one. */
static void undirected_forget(struct undirected *undirected, uint64_t time_ns)
{
	struct undirected_receive *receive, *after;

	DL_FOREACH_SAFE(undirected->receives, receive, after)
	{
		if (receive->time_ns + REPORT_DELAY_NS >= time_ns)
			return;
		DL_DELETE(undirected->receives, receive);
		free(receive);
	}
}

/*
 * A send is reported: if a receive waited for it, it does no longer, and `place`, where no hook
 * named that, is where it was received.
 */
static void undirected_found(struct world *world, uint32_t id, struct place *place, int64_t bytes,
			     uint64_t time_ns)
{
	struct undirected *undirected = socket_table_at(world->sockets, id)->undirected;
	struct undirected_receive *receive;

	if (!undirected)
		return;
	undirected_forget(undirected, time_ns);
	receive = undirected_awaited(undirected, place, bytes);
	if (!receive)
		return;
	*place = receive->place;
	DL_DELETE(undirected->receives, receive);
	free(receive);
}

static void undirected_release(struct undirected *undirected)
{
	struct undirected_receive *receive, *after;
	struct undirected_send *send, *next;

	DL_FOREACH_SAFE(undirected->sends, send, next)
	free(send);
	DL_FOREACH_SAFE(undirected->receives, receive, after)
	free(receive);
	free(undirected);
}

/* Sends that were reported after their receive. */
int model_unix_finish(struct world *world)
{
	int err = 0;

	for (uint32_t id = 0; id < socket_table_nr(world->sockets) && !err; id++) {
		struct undirected *undirected = socket_table_at(world->sockets, id)->undirected;

		while (undirected && undirected->sends && undirected->place.channel && !err)
			err = undirected_direct(world, id, undirected->sends, &undirected->place);
	}
	return err;
}

void model_unix_fini(struct world *world)
{
	if (world->sockets)
		socket_table_release(world->sockets, undirected_release);
}

/* A receive that names the socket which sent it. */
static int undirected_receive(struct world *world, uint32_t from, const struct place *place,
			      int64_t bytes, uint64_t time_ns)
{
	struct undirected *undirected = undirected_get(world, from);
	struct message_ledger *ledger = place->channel->directions[place->direction].message;
	struct undirected_send *send;

	if (!undirected)
		return -ENOMEM;
	undirected->place = *place;
	send = undirected_send_of(undirected, bytes);
	if (send)
		return undirected_direct(world, from, send, place);
	if (message_ledger_has_sent(ledger, source_of(from)))
		return 0;
	return undirected_await(world, from, place, bytes, time_ns);
}

static int unix_message_transfer(struct world *world, const struct ipct_transfer *transfer,
				 uint32_t process, bool is_doubtful, struct place *ret_place)
{
	bool is_send = transfer->role == IPCT_ROLE_SEND, succeeded = transfer->result >= 0;
	struct route route;
	int err = route_find(world, &transfer->key, transfer->mechanism, transfer->role,
			     transfer->peer, &route);

	if (!err)
		err = route_place(world, &route, ret_place);
	if (!err && is_send && succeeded)
		undirected_found(world, route.from, ret_place, transfer->result,
				 transfer->event.time_ns);
	if (!err && !ret_place->channel && succeeded && route.from != SOCKET_NONE)
		return undirected_add(world, route.from, transfer, process, is_doubtful);
	if (err || !ret_place->channel)
		return err;
	if (!is_send && succeeded && route.from != SOCKET_NONE)
		err = undirected_receive(world, route.from, ret_place, transfer->result,
					 transfer->event.time_ns);
	if (err)
		return err;
	return model_socket_message(ret_place, transfer, process, source_of(route.from),
				    world->before, is_doubtful);
}

static int unix_message_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
				  uint32_t process)
{
	struct place place = {};
	struct route route;
	int err = route_find(world, &aggregate->key, aggregate->mechanism, aggregate->role,
			     aggregate->peer, &route);

	if (!err)
		err = route_place(world, &route, &place);
	if (err || !place.channel)
		return err;
	return model_socket_message_total(&place, aggregate, process, source_of(route.from),
					  world->before);
}

/* The socket that was bound; its address may be another's by now. */
static const struct socket *bound_find(const struct world *world, const struct ipct_key *key)
{
	for (uint32_t id = 0; id < socket_table_nr(world->sockets); id++) {
		const struct socket *socket = socket_table_at(world->sockets, id);

		if (socket->key.inode == key->inode && socket->key.object == key->object)
			return socket;
	}
	return NULL;
}

/*
 * The inbox of the socket itself. Where connections are the channels, which are not left, its
 * file is one more.
 */
static int unix_keep(struct world *world, const struct channel_keep *keep,
		     struct channel **ret_channel)
{
	const struct socket *socket = bound_find(world, &keep->key);
	const char *name = socket && socket->name ? socket->name : keep->path;
	struct channel *channel = socket ? socket->inbox : NULL;

	if (!channel) {
		channel = channel_new(keep->mechanism);
		if (!channel)
			return -ENOMEM;
		snprintf(channel->object, sizeof(channel->object), "socket:[%llu]",
			 keep->key.inode);
		if (world_add_channel(world, channel))
			return -ENOMEM;
	}
	*ret_channel = channel;
	return channel_set_name(channel, name, strlen(name));
}

const struct mechanism_model model_unix_stream = {
	.mechanism = IPCT_UNIX_STREAM,
	.transfer = unix_stream_transfer,
	.aggregate = model_pair_aggregate,
	.find = model_socket_find,
	.keep = unix_keep,
};

const struct mechanism_model model_unix_dgram = {
	.mechanism = IPCT_UNIX_DGRAM,
	.transfer = unix_message_transfer,
	.aggregate = unix_message_aggregate,
	.find = model_socket_find,
	.keep = unix_keep,
};

const struct mechanism_model model_unix_seqpacket = {
	.mechanism = IPCT_UNIX_SEQPACKET,
	.transfer = unix_message_transfer,
	.aggregate = unix_message_aggregate,
	.find = model_socket_find,
	.keep = unix_keep,
};
