/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/udp_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"

enum {
	SCORE_ANY = 1,
	SCORE_ADDRESS = 2,
	SCORE_CONNECTED = 4,
	SCORE_ALIVE = 8,
};

struct port {
	__u64 key;	     /* network << 16 | port */
	struct bound *bound; /* list */
	UT_hash_handle hh;
};

/* Where a socket is. */
struct member {
	uint32_t socket;
	struct bound *bound;
	bool is_named;
	UT_hash_handle hh;
};

/* An address of a network; port 0: one of this host, else what may send. */
struct place_key {
	__u8 ip[16];
	__u32 network;
	__u32 port;
};

struct place_entry {
	struct place_key key;
	uint64_t id;
	UT_hash_handle hh;
};

struct udp_table {
	struct bound *bound;
	struct port *ports;
	struct member *members;
	struct place_entry *places;
	struct mailbox *mailboxes;
};

struct udp_table *udp_table_new(void)
{
	return calloc(1, sizeof(struct udp_table));
}

#define TABLE_FREE(type, head)                                                                     \
	do {                                                                                       \
		struct type *entry, *next;                                                         \
		HASH_ITER (hh, head, entry, next) {                                                \
			HASH_DEL(head, entry);                                                     \
			free(entry);                                                               \
		}                                                                                  \
	} while (0)

void udp_table_free(struct udp_table *table)
{
	if (!table)
		return;
	TABLE_FREE(bound, table->bound);
	TABLE_FREE(port, table->ports);
	TABLE_FREE(member, table->members);
	TABLE_FREE(place_entry, table->places);
	while (table->mailboxes) {
		struct mailbox *mailbox = table->mailboxes;

		table->mailboxes = mailbox->next;
		free(mailbox);
	}
	free(table);
}

/* Addresses of this host, senders ---------------------------------------------------------- */

static void place_fill(uint32_t network, const struct ipct_address *address, uint32_t port,
		       struct place_key *ret_key)
{
	*ret_key = (struct place_key){ .network = network, .port = port };
	memcpy(ret_key->ip, address->ip, sizeof(ret_key->ip));
}

static struct place_entry *place_find(const struct udp_table *table, const struct place_key *key)
{
	struct place_entry *place;

	HASH_FIND(hh, table->places, key, sizeof(*key), place);
	return place;
}

static struct place_entry *place_get(struct udp_table *table, const struct place_key *key)
{
	struct place_entry *place = place_find(table, key);

	if (place)
		return place;
	place = calloc(1, sizeof(*place));
	if (!place)
		return NULL;
	place->key = *key;
	place->id = HASH_COUNT(table->places) + 1;
	HASH_ADD(hh, table->places, key, sizeof(place->key), place);
	return place;
}

int udp_table_add_local(struct udp_table *table, uint32_t network,
			const struct ipct_address *address)
{
	struct place_key key;

	if (address_is_wildcard(address) || address_is_loopback(address) ||
	    address_is_group(address))
		return 0;
	place_fill(network, address, 0, &key);
	return place_get(table, &key) ? 0 : -ENOMEM;
}

bool udp_table_is_local(const struct udp_table *table, uint32_t network,
			const struct ipct_address *address)
{
	struct place_key key;

	place_fill(network, address, 0, &key);
	return address_is_wildcard(address) || address_is_loopback(address) ||
	       place_find(table, &key);
}

uint64_t udp_table_source(struct udp_table *table, uint32_t network,
			  const struct ipct_address *address)
{
	struct ipct_address source = *address;
	struct place_entry *place;
	struct place_key key;

	if (!address_is_loopback(address) && udp_table_is_local(table, network, address))
		address_set_wildcard(&source);
	place_fill(network, &source, source.port, &key);
	place = place_get(table, &key);
	return place ? place->id : SOURCE_UNKNOWN;
}

/* Sockets by address ----------------------------------------------------------------------- */

static struct port *port_find(const struct udp_table *table, uint32_t network, uint16_t number)
{
	__u64 key = (__u64)network << 16 | number;
	struct port *port;

	HASH_FIND(hh, table->ports, &key, sizeof(key), port);
	return port;
}

static struct port *port_get(struct udp_table *table, uint32_t network, uint16_t number)
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

/* 0.0.0.0 and :: are the same: sockets of both kinds share a port. */
static void key_set(struct ipct_address *address, const struct ipct_address *given)
{
	*address = (struct ipct_address){ .port = given->port };
	if (!address_is_wildcard(given))
		memcpy(address->ip, given->ip, sizeof(address->ip));
}

static struct bound *bound_find(const struct udp_table *table, uint32_t network,
				const struct ipct_address *local, const struct ipct_address *remote)
{
	struct bound_key key = { .network = network };
	struct bound *bound;

	key_set(&key.local, local);
	key_set(&key.remote, remote);
	HASH_FIND(hh, table->bound, &key, sizeof(key), bound);
	return bound;
}

static struct bound *bound_get(struct udp_table *table, const struct socket *socket)
{
	struct bound *bound = bound_find(table, socket->network, &socket->local, &socket->remote);
	struct port *port;

	if (bound)
		return bound;
	port = port_get(table, socket->network, socket->local.port);
	bound = port ? calloc(1, sizeof(*bound)) : NULL;
	if (!bound)
		return NULL;
	bound->key.network = socket->network;
	key_set(&bound->key.local, &socket->local);
	key_set(&bound->key.remote, &socket->remote);
	bound->socket = SOCKET_NONE;
	bound->next_of_port = port->bound;
	port->bound = bound;
	HASH_ADD(hh, table->bound, key, sizeof(bound->key), bound);
	return bound;
}

struct bound *udp_table_connected(const struct udp_table *table, uint32_t network,
				  const struct ipct_address *local,
				  const struct ipct_address *remote)
{
	return remote->port ? bound_find(table, network, local, remote) : NULL;
}

static bool bound_is_alive(const struct bound *bound)
{
	return bound->sockets_nr && !bound->is_retired;
}

bool udp_table_may_be_local(const struct udp_table *table, uint32_t network,
			    const struct ipct_address *address)
{
	const struct ipct_address any = { .port = address->port };
	const struct bound *bound = bound_find(table, network, &any, &(struct ipct_address){});

	return (bound && bound_is_alive(bound)) || udp_table_is_local(table, network, address);
}

/* Where sockets are ------------------------------------------------------------------------ */

static struct member *member_find(const struct udp_table *table, uint32_t id)
{
	struct member *member;

	HASH_FIND(hh, table->members, &id, sizeof(id), member);
	return member;
}

static struct member *member_get(struct udp_table *table, uint32_t id)
{
	struct member *member = member_find(table, id);

	if (member)
		return member;
	member = calloc(1, sizeof(*member));
	if (!member)
		return NULL;
	member->socket = id;
	HASH_ADD(hh, table->members, socket, sizeof(member->socket), member);
	return member;
}

struct bound *udp_table_of(const struct udp_table *table, uint32_t id)
{
	const struct member *member = member_find(table, id);

	return member ? member->bound : NULL;
}

void udp_table_remove(struct udp_table *table, uint32_t id)
{
	struct member *member = member_find(table, id);

	if (!member)
		return;
	if (member->bound)
		member->bound->sockets_nr--;
	HASH_DEL(table->members, member);
	free(member);
}

/* A socket got the port for itself: what had it before is gone, or will show that it is not. */
static void port_retire_others(const struct udp_table *table, const struct bound *winner)
{
	const struct ipct_address *local = &winner->key.local;
	struct port *port = port_find(table, winner->key.network, local->port);

	for (struct bound *bound = port->bound; bound; bound = bound->next_of_port)
		if (bound != winner &&
		    (address_is_wildcard(local) || address_is_wildcard(&bound->key.local) ||
		     !address_compare(local, &bound->key.local)))
			bound->is_retired = true;
}

/* May what waits for a socket that was at `from` be received when it is at `to`? */
static bool mailbox_is_kept(const struct bound *from, const struct bound *to)
{
	return from->key.local.port == to->key.local.port &&
	       (!from->key.remote.port || !to->key.remote.port);
}

static void member_move(struct member *member, struct bound *to)
{
	struct bound *from = member->bound;

	if (!bound_is_alive(to))
		to->is_named = false;
	to->is_named |= member->is_named;
	to->is_retired = false;
	to->sockets_nr++;
	member->bound = to;
	if (!from)
		return;
	from->sockets_nr--;
	if (!to->mailbox && mailbox_is_kept(from, to))
		to->mailbox = from->mailbox;
}

struct bound *udp_table_move(struct udp_table *table, uint32_t id, const struct socket *socket,
			     const struct udp_sight *sight)
{
	struct member *member = member_get(table, id);
	struct bound *to = member ? bound_get(table, socket) : NULL;
	bool has_new_port;

	if (!to)
		return NULL;
	to->socket = id;
	to->address = socket->local;
	if (member->bound == to) {
		to->is_retired = false;
		return to;
	}
	has_new_port = !member->bound || member->bound->key.local.port != socket->local.port;
	if (has_new_port)
		member->is_named = sight->is_named;
	if (has_new_port && sight->is_news && !bound_is_alive(to))
		port_retire_others(table, to);
	member_move(member, to);
	return to;
}

/* Who gets it ------------------------------------------------------------------------------ */

/* May `from`, perhaps any address of this host but loopback, be what is connected to? */
static bool remote_agrees(const struct udp_table *table, const struct bound_key *key,
			  const struct ipct_address *from)
{
	if (key->remote.port != from->port)
		return false;
	if (!address_is_wildcard(from))
		return !address_compare(&key->remote, from);
	return !address_is_loopback(&key->remote) &&
	       udp_table_is_local(table, key->network, &key->remote);
}

/* How well `bound` takes the datagram; 0: not at all. As the kernel scores. */
static int bound_score(const struct udp_table *table, const struct bound *bound,
		       const struct ipct_address *from, const struct ipct_address *to,
		       bool is_to_us)
{
	int score = SCORE_ANY + (bound_is_alive(bound) ? SCORE_ALIVE : 0);

	if (!address_is_wildcard(&bound->key.local)) {
		if (address_compare(&bound->key.local, to))
			return 0;
		score += SCORE_ADDRESS;
	} else if (!is_to_us) {
		return 0;
	}
	if (!bound->key.remote.port)
		return score;
	return remote_agrees(table, &bound->key, from) ? score + SCORE_CONNECTED : 0;
}

struct bound *udp_table_find(const struct udp_table *table, uint32_t network,
			     const struct ipct_address *from, const struct ipct_address *to)
{
	struct port *port = port_find(table, network, to->port);
	struct bound *best = udp_table_connected(table, network, to, from);
	bool is_to_us = address_is_group(to) || udp_table_is_local(table, network, to);
	int best_score = 0;

	if (best && bound_is_alive(best) && !address_is_wildcard(from))
		return best; /* nothing fits better */
	best = NULL;
	for (struct bound *bound = port ? port->bound : NULL; bound; bound = bound->next_of_port) {
		int score = bound_score(table, bound, from, to, is_to_us);

		if (score > best_score) {
			best = bound;
			best_score = score;
		}
	}
	return best;
}

struct mailbox *udp_table_add_mailbox(struct udp_table *table, struct bound *bound,
				      struct channel *channel, uint32_t direction)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (!mailbox)
		return NULL;
	mailbox->channel = channel;
	mailbox->direction = direction;
	mailbox->next = table->mailboxes;
	table->mailboxes = mailbox;
	bound->mailbox = mailbox;
	return mailbox;
}
