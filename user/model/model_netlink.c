/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink between processes. A channel is a receiving socket. Each receive names the port of the
 * sender, whose socket tells the process: so receives make the edges, and a send to a group of
 * receivers is as many messages. What the kernel sends and receives is not recorded.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <utlist.h>

#include "model/mechanism_model.h"

struct netlink_port {
	uint32_t network;
	uint32_t protocol;
	uint32_t port;
};

struct netlink_socket {
	struct ipct_key key;
	struct netlink_port port;
	bool is_described;
	bool is_suspect;	 /* some send may have gone through another socket */
	struct channel *channel; /* of what it receives; NULL: nothing yet */
	struct party senders;	 /* the processes that sent through it; messages: sends */
	uint64_t older;		 /* messages that waited at the start, and still do */
	bool is_level_doubtful;	 /* some of them were counted as sends, perhaps */
	struct netlink_socket *older_owner; /* of the same port, before this one */
	UT_hash_handle by_object, by_port;
	struct netlink_socket *prev, *next; /* of all */
};

/* What a socket received from another. */
struct netlink_feed {
	struct {
		struct netlink_socket *from, *to;
	} key;
	uint64_t messages;
	UT_hash_handle hh;
};

/* Received from a port through which nobody has sent yet. */
struct netlink_debt {
	struct netlink_socket *to;
	uint32_t port;
	struct match match;
	struct netlink_debt *prev, *next;
};

struct netlink_table {
	struct netlink_socket *by_object; /* uthash: the present one at each address */
	struct netlink_socket *by_port;	  /* uthash: the newest of each port */
	struct netlink_socket *all;
	struct netlink_feed *feeds;
	struct netlink_debt *debts;
	uint64_t sends;
};

static struct netlink_table *table_get(struct world *world)
{
	if (!world->netlinks)
		world->netlinks = calloc(1, sizeof(*world->netlinks));
	return world->netlinks;
}

/* The socket of the key, made if it is new or took the place of another. NULL without memory. */
static struct netlink_socket *socket_get(struct netlink_table *table, const struct ipct_key *key)
{
	struct netlink_socket *socket;

	HASH_FIND(by_object, table->by_object, &key->object, sizeof(key->object), socket);
	if (socket && socket->key.inode == key->inode)
		return socket;
	if (socket)
		HASH_DELETE(by_object, table->by_object, socket);
	socket = calloc(1, sizeof(*socket));
	if (!socket)
		return NULL;
	socket->key = *key;
	HASH_ADD(by_object, table->by_object, key.object, sizeof(socket->key.object), socket);
	DL_APPEND(table->all, socket);
	return socket;
}

static struct netlink_socket *socket_of_port(const struct netlink_table *table,
					     const struct netlink_port *port)
{
	struct netlink_socket *socket;

	HASH_FIND(by_port, table->by_port, port, sizeof(*port), socket);
	return socket;
}

static void socket_set_port(struct netlink_table *table, struct netlink_socket *socket,
			    const struct ipct_socket *record)
{
	const struct netlink_port port = {
		.network = record->network,
		.protocol = record->sequence_remote,
		.port = record->sequence_local,
	};
	struct netlink_socket *old;

	socket->port.network = port.network;
	socket->port.protocol = port.protocol;
	socket->is_described = true;
	if (!port.port || socket->port.port) /* not bound yet, or known: it is bound once */
		return;
	old = socket_of_port(table, &port);
	if (old)
		HASH_DELETE(by_port, table->by_port, old);
	socket->port = port;
	socket->older_owner = old;
	HASH_ADD(by_port, table->by_port, port, sizeof(socket->port), socket);
}

static void channel_set_object(struct netlink_socket *socket)
{
	if (socket->channel)
		snprintf(socket->channel->object, sizeof(socket->channel->object),
			 "netlink:[%u:%u]", socket->port.protocol, socket->port.port);
}

static struct channel *socket_channel(struct world *world, struct netlink_socket *socket)
{
	if (socket->channel)
		return socket->channel;
	socket->channel = channel_new(IPCT_NETLINK);
	if (!socket->channel)
		return NULL;
	channel_set_object(socket);
	if (world_add_channel(world, socket->channel))
		socket->channel = NULL;
	return socket->channel;
}

int model_netlink_describe(struct world *world, const struct ipct_socket *record)
{
	struct netlink_table *table = table_get(world);
	struct netlink_socket *socket = table ? socket_get(table, &record->key) : NULL;

	if (!socket)
		return -ENOMEM;
	socket_set_port(table, socket, record);
	channel_set_object(socket);
	if (record->origin == IPCT_ORIGIN_START) {
		socket->older = record->queued_messages;
		socket->is_level_doubtful = record->queued_bytes == IPCT_LEVEL_UNKNOWN ||
					    (record->queued_messages && table->sends);
	} else if (record->origin == IPCT_ORIGIN_END && socket->channel &&
		   record->queued_bytes != IPCT_LEVEL_UNKNOWN) {
		socket->channel->unread.messages = record->queued_messages;
		socket->channel->unread.bytes = record->queued_bytes;
	}
	return 0;
}

static int feed_add(struct netlink_table *table, struct netlink_socket *from,
		    struct netlink_socket *to, uint64_t messages)
{
	struct netlink_feed *feed, key = { .key = { from, to } };

	HASH_FIND(hh, table->feeds, &key.key, sizeof(key.key), feed);
	if (!feed) {
		feed = calloc(1, sizeof(*feed));
		if (!feed)
			return -ENOMEM;
		feed->key = key.key;
		HASH_ADD(hh, table->feeds, key, sizeof(feed->key), feed);
	}
	feed->messages += messages;
	return 0;
}

/* The receive is of the process that sent through `from` last. */
static int feed_match(struct netlink_table *table, struct netlink_socket *from,
		      struct netlink_socket *to, struct match *match)
{
	int err = feed_add(table, from, to, match->messages);

	match->from = from->senders.newest->process;
	return err ? err : edge_set_add(&to->channel->directions[0].direct, match);
}

/* Who owned the port of the sender and has sent; NULL: nobody that is known. */
static struct netlink_socket *sender_find(const struct netlink_table *table,
					  const struct netlink_socket *to, uint32_t port)
{
	const struct netlink_port key = { to->port.network, to->port.protocol, port };
	struct netlink_socket *from = to->is_described ? socket_of_port(table, &key) : NULL;

	return from && from->senders.nr ? from : NULL;
}

static int debt_add(struct netlink_table *table, struct netlink_socket *to, uint32_t port,
		    const struct match *match)
{
	struct netlink_debt *debt = calloc(1, sizeof(*debt));

	if (!debt)
		return -ENOMEM;
	debt->to = to;
	debt->port = port;
	debt->match = *match;
	DL_APPEND(table->debts, debt);
	return 0;
}

/* The sends of these receives are reported now. */
static int debts_settle(struct netlink_table *table)
{
	struct netlink_debt *debt, *next;
	int err = 0;

	DL_FOREACH_SAFE(table->debts, debt, next)
	{
		struct netlink_socket *from = sender_find(table, debt->to, debt->port);

		if (!from)
			continue;
		err = feed_match(table, from, debt->to, &debt->match);
		DL_DELETE(table->debts, debt);
		free(debt);
		if (err)
			break;
	}
	return err;
}

static int socket_receive(struct world *world, struct netlink_socket *to, uint32_t port,
			  struct match *match)
{
	struct netlink_table *table = world->netlinks;
	struct netlink_socket *from = sender_find(table, to, port);

	if (to->older) {
		uint64_t older = match->messages < to->older ? match->messages : to->older;

		to->older -= older;
		match->from = world->before;
		to->channel->before.messages += match->messages;
		to->channel->before.bytes += match->bytes;
		return edge_set_add(&to->channel->directions[0].direct, match);
	}
	if (from)
		return feed_match(table, from, to, match);
	return debt_add(table, to, port, match);
}

static int socket_send(struct netlink_table *table, struct netlink_socket *from, uint32_t process,
		       uint64_t messages, uint64_t time_ns)
{
	bool is_first = !from->senders.nr;
	int err = party_add(&from->senders, process, messages, 0, time_ns);

	table->sends += messages;
	return err || !is_first ? err : debts_settle(table);
}

/*
 * A send to a group fails if the kernel does not listen, and reached the group all the same: so
 * it tells who uses the socket.
 */
static bool send_counts(const struct ipct_transfer *transfer)
{
	return transfer->result >= 0 || transfer->result == -ECONNREFUSED;
}

static int netlink_transfer(struct world *world, const struct ipct_transfer *transfer,
			    uint32_t process, bool is_doubtful, struct place *ret_place)
{
	struct netlink_table *table = table_get(world);
	struct netlink_socket *socket = table ? socket_get(table, &transfer->key) : NULL;
	struct match match = {
		.to = process,
		.messages = 1,
		.bytes = transfer->copied,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = transfer->event.time_ns,
		.is_suspect = is_doubtful,
	};
	int err;

	if (!socket)
		return -ENOMEM;
	if (transfer->role == IPCT_ROLE_SEND) {
		socket->is_suspect |= is_doubtful;
		return send_counts(transfer) ?
			       socket_send(table, socket, process, 1, transfer->event.time_ns) :
			       0;
	}
	ret_place->channel = socket_channel(world, socket);
	if (!ret_place->channel)
		return -ENOMEM;
	err = model_count(socket->channel, transfer, process, transfer->result >= 0);
	if (err || transfer->result < 0 || (transfer->flags & IPCT_TRANSFER_END))
		return err;
	return socket_receive(world, socket, transfer->peer, &match);
}

static int netlink_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			     uint32_t process)
{
	struct netlink_table *table = table_get(world);
	struct netlink_socket *socket = table ? socket_get(table, &aggregate->key) : NULL;
	struct match match = {
		.to = process,
		.messages = aggregate->messages,
		.bytes = aggregate->copied,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = aggregate->event.time_ns,
	};
	int err;

	if (!socket)
		return -ENOMEM;
	if (aggregate->role == IPCT_ROLE_SEND)
		return aggregate->error && aggregate->error != -ECONNREFUSED ?
			       0 :
			       socket_send(table, socket, process, aggregate->operations,
					   aggregate->event.time_ns);
	if (!socket_channel(world, socket))
		return -ENOMEM;
	err = model_count_total(socket->channel, aggregate, process, aggregate->messages);
	if (err || aggregate->error)
		return err;
	return socket_receive(world, socket, aggregate->peer, &match);
}

/* The end ---------------------------------------------------------------------------------- */

/* Nobody was seen sending it: the port is all that is known of the sender. */
static int debts_give(struct world *world, struct netlink_table *table)
{
	struct netlink_debt *debt;
	int err = debts_settle(table);

	DL_FOREACH(table->debts, debt)
	{
		char text[48];

		if (err)
			return err;
		snprintf(text, sizeof(text), "netlink:[%u:%u]", debt->to->port.protocol,
			 debt->port);
		debt->match.from = process_table_node(world->processes, text);
		debt->match.is_doubtful = true;
		if (debt->match.from == PROCESS_NONE)
			return -ENOMEM;
		err = edge_set_add(&debt->to->channel->directions[0].direct, &debt->match);
	}
	return err;
}

/* Did the same process send through whoever had the port before? */
static bool port_is_of_one(const struct netlink_socket *socket)
{
	const struct netlink_socket *old = socket;

	while ((old = old->older_owner))
		if (old->senders.nr > 1 ||
		    (old->senders.nr &&
		     old->senders.members->process != socket->senders.members->process))
			return false;
	return true;
}

/* Is it certain which process sent what came from this socket? */
static bool feed_is_proven(const struct netlink_feed *feed)
{
	const struct netlink_socket *from = feed->key.from;

	return from->senders.nr == 1 && !from->is_suspect && port_is_of_one(from) &&
	       feed->messages <= from->senders.messages && !feed->key.to->is_level_doubtful;
}

static void feed_doubt(const struct netlink_feed *feed)
{
	struct edge_set *edges = &feed->key.to->channel->directions[0].direct;

	for (struct edge *edge = edges->edges; edge; edge = edge->hh.next)
		edge->is_doubtful |= party_find(&feed->key.from->senders, edge->key.from) != NULL;
}

/* Sends have no channel of their own: what was received was sent. */
static int senders_count(struct channel *channel, uint32_t before)
{
	int err = 0;

	for (struct edge *edge = channel->directions[0].direct.edges; edge && !err;
	     edge = edge->hh.next) {
		const struct endpoint_count count = {
			.process = edge->key.from,
			.role = IPCT_ROLE_SEND,
			.operations = edge->messages,
			.messages = edge->messages,
			.bytes = edge->bytes,
		};

		if (edge->key.from == before)
			edge->is_doubtful = true;
		else
			err = channel_count(channel, &count);
	}
	return err;
}

int model_netlink_finish(struct world *world)
{
	struct netlink_table *table = world->netlinks;
	struct netlink_socket *socket;
	struct netlink_feed *feed;
	int err = table ? debts_give(world, table) : 0;

	if (err || !table)
		return err;
	for (feed = table->feeds; feed; feed = feed->hh.next)
		if (!feed_is_proven(feed))
			feed_doubt(feed);
	DL_FOREACH(table->all, socket)
	if (socket->channel && !err)
		err = senders_count(socket->channel, world->before);
	return err;
}

void model_netlink_fini(struct world *world)
{
	struct netlink_table *table = world->netlinks;
	struct netlink_socket *socket, *next_socket;
	struct netlink_feed *feed, *next_feed;
	struct netlink_debt *debt, *next_debt;

	if (!table)
		return;
	HASH_ITER (hh, table->feeds, feed, next_feed) {
		HASH_DEL(table->feeds, feed);
		free(feed);
	}
	DL_FOREACH_SAFE(table->debts, debt, next_debt)
	free(debt);
	HASH_CLEAR(by_object, table->by_object);
	HASH_CLEAR(by_port, table->by_port);
	DL_FOREACH_SAFE(table->all, socket, next_socket)
	{
		party_fini(&socket->senders);
		free(socket);
	}
	free(table);
	world->netlinks = NULL;
}

const struct mechanism_model model_netlink = {
	.mechanism = IPCT_NETLINK,
	.transfer = netlink_transfer,
	.aggregate = netlink_aggregate,
};
