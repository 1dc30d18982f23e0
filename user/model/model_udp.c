/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UDP. A channel is what receives at one address: the sockets bound to it (several with
 * SO_REUSEPORT), or a pair of sockets connected to each other. A sender is found by the address
 * that the receive names, or the receiving socket is connected to.
 */
#include <errno.h>
#include <string.h>

#include "model/address.h"
#include "model/model_socket.h"
#include "model/udp_table.h"

/* Of what the kernel gives to sockets that did not ask: net.ipv4.ip_local_port_range. */
#define EPHEMERAL_FIRST 32768
#define EPHEMERAL_LAST 60999

/* Names ------------------------------------------------------------------------------------ */

static bool port_is_ephemeral(uint16_t port)
{
	return port >= EPHEMERAL_FIRST && port <= EPHEMERAL_LAST;
}

/* Did the first of two that are connected to each other connect first? Then it is the client. */
static bool is_client_of(struct world *world, const struct bound *bound,
			 const struct bound *partner)
{
	return socket_table_at(world->sockets, bound->socket)->connected_ns <
	       socket_table_at(world->sockets, partner->socket)->connected_ns;
}

/*
 * The address of the side that does not change from run to run, NULL: none. A partner on
 * another host is a server, unless its port looks like a client's and ours does not.
 */
static const struct ipct_address *stable_address(struct world *world, const struct bound *bound,
						 const struct bound *partner)
{
	bool is_ours = bound->is_named;

	if (!bound->key.remote.port)
		return is_ours ? &bound->address : NULL;
	if (!partner)
		return is_ours && port_is_ephemeral(bound->key.remote.port) ? &bound->address :
									      &bound->key.remote;
	if (!bound->is_named && !partner->is_named)
		return NULL;
	if (bound->is_named && partner->is_named)
		is_ours = !is_client_of(world, bound, partner);
	return is_ours ? &bound->address : &partner->address;
}

static int channel_name(struct channel *channel, const struct ipct_address *address)
{
	char text[ADDRESS_TEXT_MAX];

	if (!address)
		return 0;
	address_format(address, text, sizeof(text));
	return channel_set_name(channel, text, strlen(text));
}

/* A client's own port is no name, but that of the one server who answers it is. */
static int mailbox_name_after(struct mailbox *mailbox, const struct bound *sender)
{
	if (mailbox->has_many_senders || (mailbox->channel->name[0] && !mailbox->server_port) ||
	    mailbox->server_port == sender->key.local.port)
		return 0;
	if (!mailbox->server_port && sender->is_named) {
		mailbox->server_port = sender->key.local.port;
		return channel_name(mailbox->channel, &sender->address);
	}
	mailbox->has_many_senders = true;
	mailbox->channel->name[0] = '\0';
	return 0;
}

/* Sockets ---------------------------------------------------------------------------------- */

/* The channel of what is received at `bound`, made at first use. */
static int bound_open(struct world *world, struct bound *bound)
{
	struct bound *partner = NULL;
	struct channel *channel;
	bool is_pair;

	if (bound->mailbox)
		return 0;
	if (bound->key.remote.port)
		partner = udp_table_connected(world->udp, bound->key.network, &bound->key.remote,
					      &bound->key.local);
	is_pair = partner && partner != bound && !partner->mailbox;
	channel = model_socket_channel(world, socket_table_at(world->sockets, bound->socket),
				       is_pair ? 2 : 1);
	if (!channel || !udp_table_add_mailbox(world->udp, bound, channel, 0) ||
	    (is_pair && !udp_table_add_mailbox(world->udp, partner, channel, 1)))
		return -ENOMEM;
	return channel_name(channel, stable_address(world, bound, partner));
}

/* The socket of a record. Another one in its place means that it is gone. */
static uint32_t udp_socket(struct world *world, const struct ipct_key *key)
{
	uint32_t old = socket_table_find(world->sockets, key->object);
	uint32_t id = model_socket_get(world, key, IPCT_UDP);

	if (old != SOCKET_NONE && old != id)
		udp_table_remove(world->udp, old);
	return id;
}

static int describe_level(struct world *world, struct bound *bound,
			  const struct ipct_socket *record)
{
	struct message_ledger *ledger;

	if ((record->origin != IPCT_ORIGIN_START && record->origin != IPCT_ORIGIN_END) ||
	    (!bound->mailbox && !record->queued_messages))
		return 0;
	if (bound_open(world, bound))
		return -ENOMEM;
	ledger = bound->mailbox->channel->directions[bound->mailbox->direction].message;
	if (record->queued_bytes == IPCT_LEVEL_UNKNOWN) { /* too many to be counted */
		if (record->origin == IPCT_ORIGIN_START)
			message_ledger_level_unknown(ledger);
	} else if (record->origin == IPCT_ORIGIN_START) {
		bound->mailbox->waiting += record->queued_messages;
		message_ledger_level_at_start(ledger, record->queued_messages);
	} else {
		message_ledger_level_at_end(ledger, record->queued_messages, record->queued_bytes);
	}
	return 0;
}

int model_udp_describe(struct world *world, const struct ipct_socket *record)
{
	bool is_snapshot = record->origin == IPCT_ORIGIN_START || record->origin == IPCT_ORIGIN_END;
	bool is_bind = record->origin == IPCT_ORIGIN_OPEN && !record->remote.port;
	struct udp_sight sight = {
		.is_news = !is_snapshot,
		.is_named = is_bind || !port_is_ephemeral(record->local.port),
	};
	uint32_t id = udp_socket(world, &record->key);
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
	bound = udp_table_move(world->udp, id, socket, &sight);
	return bound ? describe_level(world, bound, record) : -ENOMEM;
}

/* Other hosts ------------------------------------------------------------------------------ */

/* Operations whose other end is an address at which nobody on this host is. */
struct far_operation {
	const struct ipct_address *address;
	uint32_t process;
	enum ipct_role role;
	uint64_t messages, bytes;
	uint64_t time_ns;
	bool is_doubtful;
};

static uint32_t far_node(struct world *world, const struct ipct_address *address)
{
	char text[ADDRESS_TEXT_MAX];

	address_format(address, text, sizeof(text));
	return process_table_node(world->processes, text);
}

/* Settled at once: no other record will tell more. */
static int far_add(struct world *world, struct bound *bound, const struct far_operation *far)
{
	struct mailbox *mailbox = bound->mailbox;
	uint32_t node = far_node(world, far->address);
	bool is_send = far->role == IPCT_ROLE_SEND;
	struct match match = {
		.from = is_send ? far->process : node,
		.to = is_send ? node : far->process,
		.messages = far->messages,
		.bytes = far->bytes,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = far->time_ns,
		/* what is sent may not arrive, and not all addresses of this host are known */
		.is_doubtful = far->is_doubtful || is_send ||
			       udp_table_may_be_local(world->udp, bound->key.network, far->address),
	};

	if (node == PROCESS_NONE)
		return -ENOMEM;
	return edge_set_add(&mailbox->channel->directions[mailbox->direction].direct, &match);
}

static bool is_far(const struct world *world, const struct bound *bound,
		   const struct ipct_address *address)
{
	return address->port && !udp_table_is_local(world->udp, bound->key.network, address);
}

static int far_transfer(struct world *world, struct bound *bound,
			const struct ipct_address *address, const struct ipct_transfer *transfer,
			uint32_t process, bool is_doubtful)
{
	struct far_operation far = {
		.address = address,
		.process = process,
		.role = transfer->role,
		.messages = 1,
		.bytes = transfer->role == IPCT_ROLE_SEND ? (__u64)transfer->result :
							    transfer->copied,
		.time_ns = transfer->event.time_ns,
		.is_doubtful = is_doubtful,
	};
	int err = bound_open(world, bound);

	if (!err)
		err = model_count(bound->mailbox->channel, transfer, process, 1);
	/* an address of this host at which nobody is: it went nowhere */
	return err || !is_far(world, bound, address) ? err : far_add(world, bound, &far);
}

static int far_total(struct world *world, struct bound *bound, const struct ipct_address *address,
		     const struct ipct_aggregate *aggregate, uint32_t process)
{
	struct far_operation far = {
		.address = address,
		.process = process,
		.role = aggregate->role,
		.messages = aggregate->messages,
		.bytes = aggregate->role == IPCT_ROLE_SEND ? aggregate->bytes : aggregate->copied,
		.time_ns = aggregate->event.time_ns,
	};
	int err = bound_open(world, bound);

	if (!err)
		err = model_count_total(bound->mailbox->channel, aggregate, process,
					aggregate->messages);
	if (err || aggregate->error || !aggregate->messages || !is_far(world, bound, address))
		return err;
	return far_add(world, bound, &far);
}

/* Transfers -------------------------------------------------------------------------------- */

/*
 * The other end's address: given by the call if it has a port, or what the socket is connected
 * to; port 0: not known. What is sent to 0.0.0.0 goes to this host.
 */
static struct ipct_address other_address(const struct ipct_address *given,
					 const struct socket *socket)
{
	struct ipct_address other = given && given->port ? *given : socket->remote;

	if (other.port && address_is_wildcard(&other))
		address_set_loopback(&other);
	return other;
}

/* The source address of what the socket sends there; a wildcard: any of this host but loopback. */
static struct ipct_address source_address(const struct socket *socket,
					  const struct ipct_address *to)
{
	struct ipct_address source = socket->local;

	if (!address_is_wildcard(&source))
		return source;
	memcpy(source.ip, to->ip, sizeof(source.ip));
	if (address_is_loopback(to))
		address_set_loopback(&source);
	else
		address_set_wildcard(&source);
	return source;
}

/* Where the socket of a call is; it is there after all if another one seemed to replace it. */
static struct bound *used_by(const struct world *world, uint32_t id)
{
	struct bound *bound = udp_table_of(world->udp, id);

	if (bound)
		bound->is_retired = false;
	return bound;
}

/* Who gets what `mine` sends, with an open mailbox; NULL: nobody. 0 or -ENOMEM. */
static int send_target(struct world *world, const struct bound *mine,
		       const struct ipct_address *source, const struct ipct_address *to,
		       struct bound **ret_target)
{
	struct bound *target = udp_table_find(world->udp, mine->key.network, source, to);
	int err = target ? bound_open(world, target) : 0;

	*ret_target = target;
	return err || !target ? err : mailbox_name_after(target->mailbox, mine);
}

static const struct ipct_address *given_address(const struct ipct_transfer *transfer)
{
	return transfer->flags & IPCT_TRANSFER_ADDRESS ? &transfer->address : NULL;
}

static void place_of(const struct bound *bound, struct place *ret_place)
{
	ret_place->channel = bound->mailbox->channel;
	ret_place->direction = bound->mailbox->direction;
}

static int udp_send(struct world *world, const struct ipct_transfer *transfer, uint32_t id,
		    uint32_t process, bool is_doubtful, struct place *ret_place)
{
	struct socket *socket = socket_table_at(world->sockets, id);
	struct ipct_address to = other_address(given_address(transfer), socket), source;
	struct bound *mine = used_by(world, id), *target;
	int err;

	if (!mine || !to.port || transfer->result < 0)
		return 0; /* never bound: nothing was sent */
	source = source_address(socket, &to);
	err = send_target(world, mine, &source, &to, &target);
	if (err || !target)
		return err ? err : far_transfer(world, mine, &to, transfer, process, is_doubtful);
	place_of(target, ret_place);
	return model_socket_message(ret_place, transfer, process,
				    udp_table_source(world->udp, socket->network, &source),
				    world->before, is_doubtful);
}

/* Where a message from there arrived: maybe before the socket was connected to somebody else. */
static struct bound *receiving(const struct world *world, uint32_t id,
			       const struct ipct_address *from)
{
	struct bound *mine = used_by(world, id), *earlier;

	if (!mine || !mine->key.remote.port || !from->port)
		return mine;
	earlier = udp_table_connected(world->udp, mine->key.network, &mine->key.local, from);
	return earlier && earlier->mailbox ? earlier : mine;
}

static int udp_receive(struct world *world, const struct ipct_transfer *transfer, uint32_t id,
		       uint32_t process, bool is_doubtful, struct place *ret_place)
{
	struct socket *socket = socket_table_at(world->sockets, id);
	struct ipct_address from = other_address(given_address(transfer), socket);
	bool is_message = transfer->result >= 0 && !(transfer->flags & IPCT_TRANSFER_END);
	struct bound *mine = receiving(world, id, &from);
	uint32_t fallback = world->before;
	uint64_t source = SOURCE_UNKNOWN;

	if (!mine || bound_open(world, mine))
		return mine ? -ENOMEM : 0;
	place_of(mine, ret_place);
	if (is_message && is_far(world, mine, &from)) {
		if (!mine->mailbox->waiting)
			return far_transfer(world, mine, &from, transfer, process, is_doubtful);
		fallback = far_node(world, &from);
	}
	if (is_message && mine->mailbox->waiting)
		mine->mailbox->waiting--;
	if (from.port)
		source = udp_table_source(world->udp, socket->network, &from);
	if (fallback == PROCESS_NONE || (from.port && source == SOURCE_UNKNOWN))
		return -ENOMEM;
	return model_socket_message(ret_place, transfer, process, source, fallback, is_doubtful);
}

static int udp_transfer(struct world *world, const struct ipct_transfer *transfer, uint32_t process,
			bool is_doubtful, struct place *ret_place)
{
	uint32_t id = udp_socket(world, &transfer->key);

	if (id == SOCKET_NONE)
		return -ENOMEM;
	if (transfer->role == IPCT_ROLE_SEND)
		return udp_send(world, transfer, id, process, is_doubtful, ret_place);
	return udp_receive(world, transfer, id, process, is_doubtful, ret_place);
}

/* Totals ----------------------------------------------------------------------------------- */

static int udp_total(struct world *world, const struct bound *bound,
		     const struct ipct_aggregate *aggregate, uint32_t process,
		     const struct ipct_address *source)
{
	uint64_t id = SOURCE_UNKNOWN;
	struct place place;

	place_of(bound, &place);
	if (source->port)
		id = udp_table_source(world->udp, bound->key.network, source);
	if (source->port && id == SOURCE_UNKNOWN)
		return -ENOMEM;
	return model_socket_message_total(&place, aggregate, process, id, world->before);
}

static int udp_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			 uint32_t process)
{
	uint32_t id = udp_socket(world, &aggregate->key);
	struct ipct_address other, source;
	struct bound *bound, *target;
	struct socket *socket;
	int err;

	if (id == SOCKET_NONE)
		return -ENOMEM;
	socket = socket_table_at(world->sockets, id);
	other = other_address(&aggregate->address, socket);
	if (aggregate->role == IPCT_ROLE_SEND) {
		bound = used_by(world, id);
		if (!bound)
			return 0;
		source = source_address(socket, &other);
		err = send_target(world, bound, &source, &other, &target);
		if (err || !target)
			return err ? err : far_total(world, bound, &other, aggregate, process);
		return udp_total(world, target, aggregate, process, &source);
	}
	bound = receiving(world, id, &other);
	if (!bound || bound_open(world, bound))
		return bound ? -ENOMEM : 0;
	if (is_far(world, bound, &other))
		return far_total(world, bound, &other, aggregate, process);
	return udp_total(world, bound, aggregate, process, &other);
}

const struct mechanism_model model_udp = {
	.mechanism = IPCT_UDP,
	.transfer = udp_transfer,
	.aggregate = udp_aggregate,
	.find = model_socket_find,
};
