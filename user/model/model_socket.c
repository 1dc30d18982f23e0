/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/model_socket.h"

#include <errno.h>
#include <stdio.h>

#include "model/inet_tables.h"
#include "model/udp_table.h"

int model_socket_describe(struct world *world, const struct ipct_socket *record)
{
	if (record->mechanism == IPCT_NETLINK)
		return model_netlink_describe(world, record);
	if (record->mechanism == IPCT_VSOCK)
		return model_vsock_describe(world, record);
	if (record->mechanism != IPCT_TCP && record->mechanism != IPCT_UDP)
		return model_unix_describe(world, record);
	if (udp_table_add_local(world->udp, record->network, &record->local))
		return -ENOMEM;
	return record->mechanism == IPCT_TCP ? model_tcp_describe(world, record) :
					       model_udp_describe(world, record);
}

uint32_t model_socket_get(struct world *world, const struct ipct_key *key, uint8_t mechanism)
{
	return socket_table_get(world->sockets, key, mechanism);
}

struct channel *model_socket_channel_of(const struct world *world, uint32_t id)
{
	const struct socket *socket = socket_table_at(world->sockets, id);
	const struct bound *bound;

	if (socket->pair)
		return socket->pair->channel;
	if (socket->mechanism != IPCT_UDP)
		return socket->inbox;
	bound = udp_table_of(world->udp, id);
	return bound && bound->mailbox ? bound->mailbox->channel : NULL;
}

struct channel *model_socket_find(const struct world *world, const struct ipct_key *key)
{
	uint32_t id = socket_table_find(world->sockets, key->object);
	const struct socket *socket;

	if (id == SOCKET_NONE)
		return NULL;
	socket = socket_table_at(world->sockets, id);
	if (socket->key.inode && key->inode && socket->key.inode != key->inode)
		return NULL;
	return model_socket_channel_of(world, id);
}

struct channel *model_socket_channel(struct world *world, const struct socket *socket,
				     size_t directions)
{
	struct channel *channel = channel_new(socket->mechanism);

	if (!channel)
		return NULL;
	snprintf(channel->object, sizeof(channel->object), "socket:[%llu]", socket->key.inode);
	if (channel_open_directions(channel, directions, world->before)) {
		channel_free(channel);
		return NULL;
	}
	return world_add_channel(world, channel) ? NULL : channel;
}

/* Both inodes, the first end's first; an end without one was never accepted or is not here. */
static void pair_set_object(const struct world *world, const struct pair *pair)
{
	char *object = pair->channel->object;
	unsigned long long inodes[2] = {};

	for (int i = 0; i < 2; i++)
		if (pair->sockets[i] != SOCKET_NONE)
			inodes[i] = socket_table_at(world->sockets, pair->sockets[i])->key.inode;
	if (inodes[0] && inodes[1])
		snprintf(object, CHANNEL_OBJECT_MAX, "socket:[%llu] socket:[%llu]", inodes[0],
			 inodes[1]);
	else
		snprintf(object, CHANNEL_OBJECT_MAX, "socket:[%llu]",
			 inodes[0] ? inodes[0] : inodes[1]);
}

void model_pair_join(struct world *world, struct pair *pair, uint32_t id, uint32_t side)
{
	struct socket *socket = socket_table_at(world->sockets, id);

	pair->sockets[side] = id;
	socket->pair = pair;
	socket->side = side;
	pair_set_object(world, pair);
}

void model_pair_place(const struct socket *socket, enum ipct_role role, struct place *ret_place)
{
	bool is_to_itself = socket->pair->sockets[0] == socket->pair->sockets[1];

	ret_place->channel = socket->pair->channel;
	ret_place->direction = role == IPCT_ROLE_SEND ? socket->side : !socket->side;
	if (is_to_itself)
		ret_place->direction = 0;
}

int model_pair_transfer(struct world *world, const struct ipct_transfer *transfer, uint32_t process,
			bool is_doubtful, struct place *ret_place)
{
	uint32_t id = model_socket_get(world, &transfer->key, transfer->mechanism);
	int err;

	if (id == SOCKET_NONE)
		return -ENOMEM;
	if (!socket_table_at(world->sockets, id)->pair)
		return 0; /* an error on a socket that is not connected */
	model_pair_place(socket_table_at(world->sockets, id), transfer->role, ret_place);
	err = model_count(ret_place->channel, transfer, process,
			  transfer->role == IPCT_ROLE_SEND && transfer->result > 0);
	if (err)
		return err;
	return model_stream_transfer(&ret_place->channel->directions[ret_place->direction],
				     transfer, process, is_doubtful);
}

int model_pair_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			 uint32_t process)
{
	uint32_t id = model_socket_get(world, &aggregate->key, aggregate->mechanism);
	struct place place;
	int err;

	if (id == SOCKET_NONE)
		return -ENOMEM;
	if (!socket_table_at(world->sockets, id)->pair)
		return 0;
	model_pair_place(socket_table_at(world->sockets, id), aggregate->role, &place);
	err = model_count_total(place.channel, aggregate, process,
				aggregate->role == IPCT_ROLE_SEND ? aggregate->messages : 0);
	if (err)
		return err;
	return model_stream_total(&place.channel->directions[place.direction], aggregate, process);
}

int model_socket_message(const struct place *place, const struct ipct_transfer *transfer,
			 uint32_t process, uint64_t source, uint32_t fallback, bool is_doubtful)
{
	struct message_ledger *ledger = place->channel->directions[place->direction].message;
	bool is_message = transfer->result >= 0 && !(transfer->flags & IPCT_TRANSFER_END);
	struct message_operation operation = {
		.process = process,
		.source = source,
		.fallback = fallback,
		.bytes = is_message ? transfer->result : 0,
		.copied = transfer->copied,
		.count = 1,
		.time_ns = transfer->event.time_ns,
		.is_doubtful = is_doubtful,
		.is_cut = transfer->flags & IPCT_TRANSFER_CUT,
	};
	int err = model_count(place->channel, transfer, process, is_message);

	if (err || !is_message)
		return err;
	if (transfer->role == IPCT_ROLE_SEND)
		return message_ledger_send(ledger, &operation);
	return message_ledger_receive(ledger, &operation);
}

int model_socket_message_total(const struct place *place, const struct ipct_aggregate *aggregate,
			       uint32_t process, uint64_t source, uint32_t fallback)
{
	struct message_ledger *ledger = place->channel->directions[place->direction].message;
	struct message_operation operation = {
		.process = process,
		.source = source,
		.fallback = fallback,
		.bytes = aggregate->bytes,
		.copied = aggregate->copied,
		.count = aggregate->messages,
		.time_ns = aggregate->event.time_ns,
		.is_total = true,
	};
	int err = model_count_total(place->channel, aggregate, process, aggregate->messages);

	if (err || aggregate->error || !aggregate->messages)
		return err;
	if (aggregate->role == IPCT_ROLE_SEND)
		return message_ledger_send(ledger, &operation);
	return message_ledger_receive(ledger, &operation);
}
