/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AF_VSOCK streams. Both ends of a connection on this host carry the same two addresses; an end
 * that never shows is in a virtual machine, or on its host.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "model/model_socket.h"

#define CID_ANY UINT32_MAX /* of an end that the kernel bound: whatever reaches the other one */
#define VSOCK_TEXT_MAX 32

struct vsock_address {
	uint32_t cid;
	uint32_t port;
};

/* A connection, as the end that showed first gives it: that end is side 0. */
struct vsock_connection {
	struct vsock_address local, remote;
	struct pair *pair;
	struct vsock_connection *prev, *next;
};

struct vsock_listener {
	uint32_t port;
	UT_hash_handle hh;
};

struct vsock_table {
	struct vsock_connection *connections; /* newest first */
	struct vsock_listener *listeners;
};

static struct vsock_address address_of(const struct ipct_address *address)
{
	struct vsock_address result = { .port = address->scope };

	memcpy(&result.cid, address->ip, sizeof(result.cid));
	return result;
}

static bool cids_agree(uint32_t a, uint32_t b)
{
	return a == b || a == CID_ANY || b == CID_ANY;
}

static bool addresses_agree(const struct vsock_address *a, const struct vsock_address *b)
{
	return a->port == b->port && cids_agree(a->cid, b->cid);
}

static void address_write(const struct vsock_address *address, char *text, size_t size)
{
	if (address->cid == CID_ANY)
		snprintf(text, size, "*:%u", address->port);
	else
		snprintf(text, size, "%u:%u", address->cid, address->port);
}

static struct vsock_table *table_get(struct world *world)
{
	if (!world->vsocks)
		world->vsocks = calloc(1, sizeof(*world->vsocks));
	return world->vsocks;
}

static int listener_note(struct vsock_table *table, uint32_t port)
{
	struct vsock_listener *listener;

	HASH_FIND(hh, table->listeners, &port, sizeof(port), listener);
	if (listener)
		return 0;
	listener = calloc(1, sizeof(*listener));
	if (!listener)
		return -ENOMEM;
	listener->port = port;
	HASH_ADD(hh, table->listeners, port, sizeof(listener->port), listener);
	return 0;
}

static bool port_listens(const struct vsock_table *table, uint32_t port)
{
	struct vsock_listener *listener;

	HASH_FIND(hh, table->listeners, &port, sizeof(port), listener);
	return listener;
}

/* The connection whose other end this is; NULL: it did not show yet. */
static struct vsock_connection *connection_find(const struct vsock_table *table,
						const struct vsock_address *local,
						const struct vsock_address *remote)
{
	struct vsock_connection *connection;

	DL_FOREACH(table->connections, connection)
	if (connection->pair->sockets[1] == SOCKET_NONE &&
	    addresses_agree(&connection->local, remote) &&
	    addresses_agree(&connection->remote, local))
		return connection;
	return NULL;
}

static struct vsock_connection *connection_add(struct world *world, uint32_t id,
					       const struct vsock_address *local,
					       const struct vsock_address *remote)
{
	struct vsock_connection *connection = calloc(1, sizeof(*connection));
	struct channel *channel;

	if (!connection)
		return NULL;
	channel = model_socket_channel(world, socket_table_at(world->sockets, id), 2);
	connection->pair = channel ? socket_table_add_pair(world->sockets, channel) : NULL;
	if (!connection->pair) {
		free(connection);
		return NULL;
	}
	connection->local = *local;
	connection->remote = *remote;
	DL_PREPEND(world->vsocks->connections, connection);
	return connection;
}

/* Until the other end shows on this host, it is its address. */
static int far_end_set(struct world *world, const struct vsock_connection *connection)
{
	struct direction *directions = connection->pair->channel->directions;
	char text[VSOCK_TEXT_MAX + 8] = "vsock:";
	uint32_t node = PROCESS_NONE;

	if (connection->pair->sockets[1] == SOCKET_NONE) {
		address_write(&connection->remote, text + strlen(text), VSOCK_TEXT_MAX);
		node = process_table_node(world->processes, text);
		if (node == PROCESS_NONE)
			return -ENOMEM;
	}
	directions[0].far_receiver = node;
	directions[1].far_sender = node;
	return 0;
}

/* CID:PORT of the side that listens, as far as can be told by now. */
static int connection_set_name(struct world *world, const struct vsock_connection *connection)
{
	bool is_local = port_listens(world->vsocks, connection->local.port) &&
			!port_listens(world->vsocks, connection->remote.port);
	char text[VSOCK_TEXT_MAX];

	address_write(is_local ? &connection->local : &connection->remote, text, sizeof(text));
	return channel_rename(connection->pair->channel, text, strlen(text));
}

/* What the end that was bound by the kernel did not know, the other one does. */
static void address_complete(struct vsock_address *address, const struct vsock_address *other)
{
	if (address->cid == CID_ANY)
		address->cid = other->cid;
}

static int socket_connect(struct world *world, uint32_t id, const struct ipct_socket *record)
{
	struct vsock_address local = address_of(&record->local);
	struct vsock_address remote = address_of(&record->remote);
	struct vsock_connection *connection = connection_find(world->vsocks, &local, &remote);
	uint32_t side = connection ? 1 : 0;
	int err;

	if (connection) {
		address_complete(&connection->local, &remote);
		address_complete(&connection->remote, &local);
	} else {
		connection = connection_add(world, id, &local, &remote);
	}
	if (!connection)
		return -ENOMEM;
	model_pair_join(world, connection->pair, id, side);
	err = far_end_set(world, connection);
	return err ? err : connection_set_name(world, connection);
}

static bool is_connected(const struct ipct_socket *record)
{
	const struct vsock_address remote = address_of(&record->remote);

	return record->state != IPCT_STATE_LISTEN &&
	       record->local.family == record->remote.family && record->remote.family &&
	       record->local.scope != UINT32_MAX && remote.port != UINT32_MAX &&
	       remote.cid != CID_ANY;
}

int model_vsock_describe(struct world *world, const struct ipct_socket *record)
{
	struct vsock_table *table = table_get(world);
	uint32_t id = table ? model_socket_get(world, &record->key, record->mechanism) :
			      SOCKET_NONE;
	struct pair *pair;

	if (id == SOCKET_NONE)
		return -ENOMEM;
	if (record->state == IPCT_STATE_LISTEN)
		return listener_note(table, record->local.scope);
	if (!is_connected(record))
		return 0;
	pair = socket_table_at(world->sockets, id)->pair;
	if (!pair && socket_connect(world, id, record))
		return -ENOMEM;
	pair = socket_table_at(world->sockets, id)->pair;
	if (record->origin == IPCT_ORIGIN_CREATE) {
		stream_ledger_created(pair->channel->directions[0].stream);
		stream_ledger_created(pair->channel->directions[1].stream);
	}
	return 0;
}

/* Once all listeners are known. */
int model_vsock_finish(struct world *world)
{
	struct vsock_connection *connection;
	int err = 0;

	if (!world->vsocks)
		return 0;
	DL_FOREACH(world->vsocks->connections, connection)
	if (!err)
		err = connection_set_name(world, connection);
	return err;
}

void model_vsock_fini(struct world *world)
{
	struct vsock_connection *connection, *next;
	struct vsock_listener *listener, *next_listener;

	if (!world->vsocks)
		return;
	DL_FOREACH_SAFE(world->vsocks->connections, connection, next)
	free(connection);
	HASH_ITER (hh, world->vsocks->listeners, listener, next_listener) {
		HASH_DEL(world->vsocks->listeners, listener);
		free(listener);
	}
	free(world->vsocks);
	world->vsocks = NULL;
}

const struct mechanism_model model_vsock = {
	.mechanism = IPCT_VSOCK,
	.transfer = model_pair_transfer,
	.aggregate = model_pair_aggregate,
	.find = model_socket_find,
};
