/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UDP. A channel is what receives at one address: the sockets bound to it (several with
 * SO_REUSEPORT), or a pair of sockets connected to each other. A sender is found by the port
 * that the receive names, or the receiving socket is connected to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"
#include "model/inet_tables.h"
#include "model/model_socket.h"

/* A local address, and the remote one if it is connected (port 0: not). */
struct bound_key {
	struct ipct_address local;
	struct ipct_address remote;
	__u32 network;
	__u32 _pad;
};

struct bound {
	struct bound_key key;
	struct channel *channel; /* owned by the world; NULL until something goes through it */
	uint32_t direction;
	uint32_t socket;         /* the one described last */
	struct bound *next_of_port;
	UT_hash_handle hh;
};

struct port {
	__u64 key; /* network << 16 | port */
	struct bound *bound; /* list */
	UT_hash_handle hh;
};

struct udp_table {
	struct bound *bound;
	struct port *ports;
};

struct udp_table *udp_table_new(void)
{
	return calloc(1, sizeof(struct udp_table));
}

void udp_table_free(struct udp_table *table)
{
	struct bound *bound, *next_bound;
	struct port *port, *next_port;

	if (!table)
		return;
	HASH_ITER(hh, table->bound, bound, next_bound) {
		HASH_DEL(table->bound, bound);
		free(bound);
	}
	HASH_ITER(hh, table->ports, port, next_port) {
		HASH_DEL(table->ports, port);
		free(port);
	}
	free(table);
}

static struct port *port_find(const struct udp_table *table, __u32 network, __u16 number)
{
	__u64 key = (__u64)network << 16 | number;
	struct port *port;

	HASH_FIND(hh, table->ports, &key, sizeof(key), port);
	return port;
}

static struct port *port_get(struct udp_table *table, __u32 network, __u16 number)
{
	struct port *port = port_find(table, network, number);

	if (port)
		return port;
	port = calloc(1, sizeof(*port));
	if (!port)
		return NULL;
	port->key = (__u64)network << 16 | number;
	HASH_ADD(hh, table->ports, key, sizeof(port->key), port);
	return port;
}

static void address_strip(struct ipct_address *address)
{
	address->family = 0;
	address->scope = 0;
	if (address_is_wildcard(address))
		memset(address->ip, 0, sizeof(address->ip)); /* 0.0.0.0 and :: */
}

static void key_fill(const struct socket *socket, struct bound_key *ret_key)
{
	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->local = socket->local;
	ret_key->remote = socket->remote;
	ret_key->network = socket->network;
	address_strip(&ret_key->local);
	address_strip(&ret_key->remote);
}

static struct bound *bound_get(struct udp_table *table, const struct bound_key *key)
{
	struct bound *bound;
	struct port *port;

	HASH_FIND(hh, table->bound, key, sizeof(*key), bound);
	if (bound)
		return bound;
	port = port_get(table, key->network, key->local.port);
	bound = port ? calloc(1, sizeof(*bound)) : NULL;
	if (!bound)
		return NULL;
	bound->key = *key;
	bound->socket = SOCKET_NONE;
	bound->next_of_port = port->bound;
	port->bound = bound;
	HASH_ADD(hh, table->bound, key, sizeof(bound->key), bound);
	return bound;
}

/* Both ends connected to each other: the other end, or NULL. */
static struct bound *bound_partner(const struct udp_table *table, const struct bound *bound)
{
	struct bound_key key = { .local = bound->key.remote, .remote = bound->key.local,
				 .network = bound->key.network };
	struct bound *partner;

	if (!bound->key.remote.port)
		return NULL;
	HASH_FIND(hh, table->bound, &key, sizeof(key), partner);
	return partner;
}

/*
 * The name of the side that does not change from run to run. Of two that are connected to each
 * other, who connected first is the client; a partner on another host is a server.
 */
static int channel_name(struct world *world, const struct bound *bound,
			const struct bound *partner)
{
	const struct ipct_address *address = &bound->key.local;
	char text[ADDRESS_TEXT_MAX];

	if (partner && socket_table_at(world->sockets, bound->socket)->connected_ns <
			       socket_table_at(world->sockets, partner->socket)->connected_ns)
		address = &partner->key.local;
	else if (!partner && bound->key.remote.port)
		address = &bound->key.remote;
	address_format(address, text, sizeof(text));
	return channel_set_name(bound->channel, text, strlen(text));
}

/* The channel of what is received at `bound`, made at first use. */
static int bound_open(struct world *world, struct bound *bound)
{
	struct bound *partner = bound_partner(world->udp, bound);
	struct socket *socket = socket_table_at(world->sockets, bound->socket);

	if (bound->channel)
		return 0;
	bound->channel = model_socket_channel(world, socket, partner && partner != bound ? 2 : 1);
	if (!bound->channel)
		return -ENOMEM;
	bound->direction = 0;
	if (partner && partner != bound && !partner->channel) {
		partner->channel = bound->channel;
		partner->direction = 1;
	}
	return channel_name(world, bound, partner);
}

/* How well `bound` takes a datagram from `from` to `to`; 0: not at all. As the kernel scores. */
static int bound_score(const struct bound *bound, const struct ipct_address *from,
		       const struct ipct_address *to)
{
	int score = 1;

	if (!address_is_wildcard(&bound->key.local)) {
		if (memcmp(bound->key.local.ip, to->ip, sizeof(to->ip)) &&
		    !address_is_wildcard(to))
			return 0;
		score += 2;
	}
	if (!bound->key.remote.port)
		return score;
	if (bound->key.remote.port != from->port)
		return 0;
	if (!address_is_wildcard(from) &&
	    memcmp(bound->key.remote.ip, from->ip, sizeof(from->ip)))
		return 0;
	return score + 4;
}

static struct bound *bound_find(const struct udp_table *table, __u32 network,
				const struct ipct_address *from, const struct ipct_address *to)
{
	struct port *port = port_find(table, network, to->port);
	struct bound *best = NULL;
	int best_score = 0;

	for (struct bound *bound = port ? port->bound : NULL; bound; bound = bound->next_of_port) {
		int score = bound_score(bound, from, to);

		if (score > best_score) {
			best = bound;
			best_score = score;
		}
	}
	return best;
}

int model_udp_describe(struct world *world, const struct ipct_socket *record)
{
	uint32_t id = model_socket_get(world, &record->key, record->mechanism);
	struct bound_key key;
	struct socket *socket;
	struct bound *bound;

	if (id == SOCKET_NONE)
		return -ENOMEM;
	socket = socket_table_at(world->sockets, id);
	socket->is_described = true;
	socket->local = record->local;
	socket->remote = record->remote;
	socket->network = record->network;
	if (record->remote.port && record->origin == IPCT_ORIGIN_CREATE && !socket->connected_ns)
		socket->connected_ns = record->event.time_ns;
	if (!record->local.port)
		return 0;
	key_fill(socket, &key);
	bound = bound_get(world->udp, &key);
	if (!bound)
		return -ENOMEM;
	bound->socket = id;
	if (record->queued_bytes == IPCT_LEVEL_UNKNOWN ||
	    (!bound->channel && !record->queued_messages))
		return 0;
	if (bound_open(world, bound))
		return -ENOMEM;
	if (record->origin == IPCT_ORIGIN_START)
		message_ledger_level_at_start(
			bound->channel->directions[bound->direction].message,
			record->queued_messages);
	else if (record->origin == IPCT_ORIGIN_END)
		message_ledger_level_at_end(
			bound->channel->directions[bound->direction].message,
			record->queued_messages, record->queued_bytes);
	return 0;
}

/* The node for an address at which nobody on this host is bound. */
static uint32_t far_node(struct world *world, const struct ipct_address *address)
{
	char text[ADDRESS_TEXT_MAX];

	address_format(address, text, sizeof(text));
	return process_table_node(world->processes, text);
}

/* Sent to an address where no socket is known: another host, or nobody. */
static int send_far(struct world *world, struct bound *bound, const struct ipct_address *to,
		    const struct ipct_transfer *transfer, uint32_t process)
{
	struct match match = {
		.from = process,
		.to = far_node(world, to),
		.messages = 1,
		.bytes = transfer->result,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = transfer->event.time_ns,
		.is_doubtful = true,
	};
	int err = match.to == PROCESS_NONE ? -ENOMEM : bound_open(world, bound);

	if (!err)
		err = model_count(bound->channel, transfer, process, 1);
	if (err || address_is_loopback(to))
		return err;
	return edge_set_add(&bound->channel->directions[bound->direction].direct, &match);
}

/* The other end's address: given by the call, or what the socket is connected to. */
static const struct ipct_address *other_address(const struct ipct_transfer *transfer,
						const struct socket *socket)
{
	if (transfer->flags & IPCT_TRANSFER_ADDRESS)
		return &transfer->address;
	return socket->remote.port ? &socket->remote : NULL;
}

static struct bound *bound_of(struct world *world, uint32_t id)
{
	struct bound_key key;
	struct bound *bound;

	key_fill(socket_table_at(world->sockets, id), &key);
	if (!key.local.port)
		return NULL;
	HASH_FIND(hh, world->udp->bound, &key, sizeof(key), bound);
	return bound;
}

static uint64_t source_of(const struct ipct_address *address)
{
	return address && address->port ? address->port : SOURCE_UNKNOWN;
}

static int udp_send(struct world *world, const struct ipct_transfer *transfer, uint32_t id,
		    uint32_t process, bool is_doubtful, struct place *ret_place)
{
	struct socket *socket = socket_table_at(world->sockets, id);
	const struct ipct_address *to = other_address(transfer, socket);
	struct bound *mine = bound_of(world, id), *target;

	if (!mine || !to)
		return 0; /* never bound: nothing was sent */
	target = bound_find(world->udp, socket->network, &socket->local, to);
	if (!target || transfer->result < 0)
		return transfer->result < 0 ? 0 : send_far(world, mine, to, transfer, process);
	if (bound_open(world, target))
		return -ENOMEM;
	ret_place->channel = target->channel;
	ret_place->direction = target->direction;
	return model_socket_message(ret_place, transfer, process, source_of(&socket->local),
				    world->before, is_doubtful);
}

static int udp_receive(struct world *world, const struct ipct_transfer *transfer, uint32_t id,
		       uint32_t process, bool is_doubtful, struct place *ret_place)
{
	struct socket *socket = socket_table_at(world->sockets, id);
	const struct ipct_address *from = other_address(transfer, socket);
	struct bound *mine = bound_of(world, id);
	uint32_t fallback = world->before;

	if (!mine || bound_open(world, mine))
		return mine ? -ENOMEM : 0;
	if (from && !address_is_loopback(from) && transfer->result >= 0 &&
	    !port_find(world->udp, socket->network, from->port))
		fallback = far_node(world, from);
	if (fallback == PROCESS_NONE)
		return -ENOMEM;
	ret_place->channel = mine->channel;
	ret_place->direction = mine->direction;
	return model_socket_message(ret_place, transfer, process, source_of(from), fallback,
				    is_doubtful);
}

static int udp_transfer(struct world *world, const struct ipct_transfer *transfer,
			uint32_t process, bool is_doubtful, struct place *ret_place)
{
	uint32_t id = model_socket_get(world, &transfer->key, transfer->mechanism);

	if (id == SOCKET_NONE)
		return -ENOMEM;
	if (transfer->role == IPCT_ROLE_SEND)
		return udp_send(world, transfer, id, process, is_doubtful, ret_place);
	return udp_receive(world, transfer, id, process, is_doubtful, ret_place);
}

static int udp_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			 uint32_t process)
{
	uint32_t id = model_socket_get(world, &aggregate->key, aggregate->mechanism);
	struct place place;
	struct bound *bound;
	struct socket *socket;
	const struct ipct_address *other;

	if (id == SOCKET_NONE)
		return -ENOMEM;
	socket = socket_table_at(world->sockets, id);
	other = aggregate->address.port ? &aggregate->address :
		socket->remote.port	? &socket->remote : NULL;
	bound = bound_of(world, id);
	if (bound && other && aggregate->role == IPCT_ROLE_SEND)
		bound = bound_find(world->udp, socket->network, &socket->local, other);
	if (!bound)
		return 0;
	if (bound_open(world, bound))
		return -ENOMEM;
	place = (struct place){ bound->channel, bound->direction };
	return model_socket_message_total(&place, aggregate, process,
					  source_of(aggregate->role == IPCT_ROLE_SEND ?
							    &socket->local : other),
					  world->before);
}

const struct mechanism_model model_udp = { IPCT_UDP, udp_transfer, udp_aggregate };
