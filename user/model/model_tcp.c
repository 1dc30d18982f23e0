/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP. Both ends of a connection on this host carry the same two addresses, or, across network
 * namespaces and address translation, the same two sequence numbers when they are established.
 * An end that never shows is another host.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"
#include "model/inet_tables.h"
#include "model/model_socket.h"

#define PORT_EPHEMERAL_FIRST 32768 /* default of net.ipv4.ip_local_port_range */

struct connection_key {
	struct ipct_address ends[2]; /* ordered */
	__u32 network;
	__u32 _pad;
};

struct sequence_key {
	__u32 low, high;
};

/* Connections by address and by sequence numbers; the newest of a key. */
struct connection {
	struct connection_key key;
	struct sequence_key sequences;
	struct pair *pair;
	UT_hash_handle by_address;
	UT_hash_handle by_sequence;
};

struct listener {
	__u64 key; /* network << 16 | port */
	UT_hash_handle hh;
};

struct tcp_table {
	struct connection *by_address;
	struct connection *by_sequence;
	struct connection **all;
	size_t nr, cap;
	struct listener *listeners;
};

struct tcp_table *tcp_table_new(void)
{
	return calloc(1, sizeof(struct tcp_table));
}

void tcp_table_free(struct tcp_table *table)
{
	struct listener *listener, *next;

	if (!table)
		return;
	HASH_CLEAR(by_address, table->by_address);
	HASH_CLEAR(by_sequence, table->by_sequence);
	for (size_t i = 0; i < table->nr; i++)
		free(table->all[i]);
	free(table->all);
	HASH_ITER (hh, table->listeners, listener, next) {
		HASH_DEL(table->listeners, listener);
		free(listener);
	}
	free(table);
}

static __u64 listener_key(__u32 network, __u16 port)
{
	return (__u64)network << 16 | port;
}

static int listener_note(struct tcp_table *table, const struct ipct_socket *record)
{
	__u64 key = listener_key(record->network, record->local.port);
	struct listener *listener;

	HASH_FIND(hh, table->listeners, &key, sizeof(key), listener);
	if (listener)
		return 0;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -ENOMEM;
	listener->key = key;
	HASH_ADD(hh, table->listeners, key, sizeof(listener->key), listener);
	return 0;
}

static bool port_listens(const struct tcp_table *table, __u32 network, __u16 port)
{
	__u64 key = listener_key(network, port);
	struct listener *listener;

	HASH_FIND(hh, table->listeners, &key, sizeof(key), listener);
	return listener;
}

/* Which side this end takes: sides are ordered by address. */
static uint32_t key_fill(const struct ipct_socket *record, struct connection_key *ret_key)
{
	uint32_t side = address_compare(&record->local, &record->remote) > 0;

	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->network = record->network;
	ret_key->ends[side] = record->local;
	ret_key->ends[!side] = record->remote;
	for (int i = 0; i < 2; i++) { /* how an end was bound is no part of what it is */
		ret_key->ends[i].family = 0;
		ret_key->ends[i].scope = 0;
	}
	return side;
}

static struct sequence_key sequence_key_of(const struct ipct_socket *record)
{
	__u32 a = record->sequence_local, b = record->sequence_remote;

	return a < b ? (struct sequence_key){ a, b } : (struct sequence_key){ b, a };
}

static struct connection *connection_add(struct world *world, const struct ipct_socket *record,
					 uint32_t id, const struct connection_key *key)
{
	struct tcp_table *table = world->tcp;
	struct connection *connection = calloc(1, sizeof(*connection)), *old;
	struct channel *channel;

	if (table->nr == table->cap) {
		size_t cap = table->cap ? table->cap * 2 : 64;
		struct connection **all = reallocarray(table->all, cap, sizeof(*all));

		if (!all) {
			free(connection);
			return NULL;
		}
		table->all = all;
		table->cap = cap;
	}
	channel = model_socket_channel(world, socket_table_at(world->sockets, id), 2);
	if (!connection || !channel) {
		free(connection);
		return NULL;
	}
	connection->pair = socket_table_add_pair(world->sockets, channel);
	if (!connection->pair) {
		free(connection);
		return NULL;
	}
	table->all[table->nr++] = connection;
	connection->key = *key;
	HASH_FIND(by_address, table->by_address, key, sizeof(*key), old);
	if (old)
		HASH_DELETE(by_address, table->by_address, old);
	HASH_ADD(by_address, table->by_address, key, sizeof(connection->key), connection);
	if (record->origin != IPCT_ORIGIN_ESTABLISH)
		return connection;
	connection->sequences = sequence_key_of(record);
	HASH_FIND(by_sequence, table->by_sequence, &connection->sequences,
		  sizeof(connection->sequences), old);
	if (old)
		HASH_DELETE(by_sequence, table->by_sequence, old);
	HASH_ADD(by_sequence, table->by_sequence, sequences, sizeof(connection->sequences),
		 connection);
	return connection;
}

/* The connection that this end completes; NULL: none. *ret_side is the end's. */
static struct connection *connection_find(struct world *world, const struct ipct_socket *record,
					  const struct connection_key *key, uint32_t *ret_side)
{
	struct tcp_table *table = world->tcp;
	struct connection *connection;
	struct sequence_key sequences = sequence_key_of(record);

	HASH_FIND(by_address, table->by_address, key, sizeof(*key), connection);
	if (connection && connection->pair->sockets[*ret_side] == SOCKET_NONE)
		return connection;
	if (record->origin != IPCT_ORIGIN_ESTABLISH)
		return NULL;
	HASH_FIND(by_sequence, table->by_sequence, &sequences, sizeof(sequences), connection);
	if (!connection)
		return NULL;
	for (uint32_t side = 0; side < 2; side++) {
		if (connection->pair->sockets[side] != SOCKET_NONE)
			continue;
		*ret_side = side;
		return connection;
	}
	return NULL;
}

/* `address:port` of the side that listens, as far as can be told by now. */
static int connection_set_name(struct world *world, struct connection *connection)
{
	const struct ipct_address *ends = connection->key.ends;
	__u32 network = connection->key.network;
	bool first = port_listens(world->tcp, network, ends[0].port);
	bool second = port_listens(world->tcp, network, ends[1].port);
	char text[ADDRESS_TEXT_MAX];

	if (first == second) /* servers seldom have a port that clients are given */
		first = ends[0].port < PORT_EPHEMERAL_FIRST &&
			(ends[1].port >= PORT_EPHEMERAL_FIRST || ends[0].port < ends[1].port);
	address_format(&ends[!first], text, sizeof(text));
	return channel_rename(connection->pair->channel, text, strlen(text));
}

/* Once all listeners are known. */
int model_tcp_finish(struct world *world)
{
	int err = 0;

	for (size_t i = 0; i < world->tcp->nr && !err; i++)
		err = connection_set_name(world, world->tcp->all[i]);
	return err;
}

/* Until an end shows on this host, it is its address. */
static int far_ends_set(struct world *world, struct pair *pair, uint32_t side,
			const struct ipct_socket *record)
{
	struct direction *out = &pair->channel->directions[side];
	struct direction *in = &pair->channel->directions[!side];
	char text[ADDRESS_TEXT_MAX];
	uint32_t node = PROCESS_NONE;

	if (pair->sockets[!side] == SOCKET_NONE) {
		address_format(&record->remote, text, sizeof(text));
		node = process_table_node(world->processes, text);
		if (node == PROCESS_NONE)
			return -ENOMEM;
	}
	out->far_receiver = node;
	in->far_sender = node;
	in->far_receiver = PROCESS_NONE;
	out->far_sender = PROCESS_NONE;
	return 0;
}

static int socket_connect(struct world *world, uint32_t id, const struct ipct_socket *record)
{
	struct connection_key key;
	uint32_t side = key_fill(record, &key);
	struct connection *connection = connection_find(world, record, &key, &side);
	int err;

	if (!connection)
		connection = connection_add(world, record, id, &key);
	if (!connection)
		return -ENOMEM;
	model_pair_join(world, connection->pair, id, side);
	if (!address_compare(&record->local, &record->remote)) /* a port that met itself */
		model_pair_join(world, connection->pair, id, !side);
	err = far_ends_set(world, connection->pair, side, record);
	if (!err)
		err = connection_set_name(world, connection);
	if (err || record->origin != IPCT_ORIGIN_ESTABLISH)
		return err;
	stream_ledger_created(connection->pair->channel->directions[0].stream);
	stream_ledger_created(connection->pair->channel->directions[1].stream);
	return 0;
}

/*
 * Is the record of another connection than the one the socket is known for? The address of
 * struct sock alone does not tell: before accept there is no inode, while whatever had this
 * address before (a listener, say) had one.
 */
static bool is_another(const struct world *world, uint32_t id, const struct ipct_socket *record)
{
	const struct socket *socket = socket_table_at(world->sockets, id);
	bool is_embryo = !record->key.inode;

	return record->origin == IPCT_ORIGIN_ESTABLISH &&
	       (socket->pair || (is_embryo && socket->key.inode));
}

int model_tcp_describe(struct world *world, const struct ipct_socket *record)
{
	uint32_t id = model_socket_get(world, &record->key, record->mechanism);
	struct socket *socket;
	struct stream_ledger *in;

	if (id != SOCKET_NONE && is_another(world, id, record))
		id = socket_table_replace(world->sockets, &record->key, record->mechanism);
	if (id == SOCKET_NONE)
		return -ENOMEM;
	if (record->state == IPCT_STATE_LISTEN)
		return listener_note(world->tcp, record);
	if (!socket_table_at(world->sockets, id)->pair) {
		if (!record->remote.port || !record->local.port ||
		    record->origin == IPCT_ORIGIN_CLOSE)
			return 0;
		if (socket_connect(world, id, record))
			return -ENOMEM;
	}
	socket = socket_table_at(world->sockets, id);
	in = socket->pair->channel->directions[!socket->side].stream;
	if (record->queued_bytes != IPCT_LEVEL_UNKNOWN &&
	    (record->origin == IPCT_ORIGIN_END || record->origin == IPCT_ORIGIN_CLOSE))
		stream_ledger_level_at_end(in, record->queued_bytes, record->event.time_ns);
	return 0;
}

const struct mechanism_model model_tcp = {
	.mechanism = IPCT_TCP,
	.transfer = model_pair_transfer,
	.aggregate = model_pair_aggregate,
	.find = model_socket_find,
};
