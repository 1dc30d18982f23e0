/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which sockets of UDP are bound to which address, who of them gets a datagram, and what tells
 * the senders of datagrams apart. The kernel does not report that a socket is gone: one is
 * taken to be when another one gets its port.
 */
#ifndef IPCTRACE_UDP_TABLE_H
#define IPCTRACE_UDP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include <ipctrace/event.h>

#include "model/inet_tables.h"
#include "model/socket_table.h"

/* Where what a socket receives goes to: one way through a channel. */
struct mailbox {
	struct channel *channel; /* owned by the world */
	uint32_t direction;
	uint64_t waiting;      /* since before the capture, and not received yet */
	uint16_t server_port;  /* the channel is named after the only one who sends; 0: it is not */
	bool has_many_senders; /* or one that has no name itself */
	struct mailbox *next;
};

/* A local address, and the remote one if it is connected (port 0: not). */
struct bound_key {
	struct ipct_address local;
	struct ipct_address remote;
	__u32 network;
	__u32 _pad;
};

/* Sockets with the same addresses: several with SO_REUSEPORT. */
struct bound {
	struct bound_key key;
	struct mailbox *mailbox;     /* NULL until something goes through it; owned by the table */
	struct ipct_address address; /* the local one as it was described */
	uint32_t socket;	     /* the one described last */
	uint32_t sockets_nr;	     /* that have not moved to other addresses */
	bool is_retired;	     /* another socket got the port */
	bool is_named;		     /* a process chose the port: it is the same in every run */
	struct bound *next_of_port;
	UT_hash_handle hh;
};

/* How a socket was seen to be at an address. */
struct udp_sight {
	bool is_news; /* the socket may have got its port just now: no snapshot */
	bool is_named;
};

/*
 * Notes where the socket is now. One that connects keeps the mailbox in which messages for it
 * may wait. NULL without memory; borrowed, as are all below.
 */
struct bound *udp_table_move(struct udp_table *table, uint32_t id, const struct socket *socket,
			     const struct udp_sight *sight);
/* The struct sock of this socket is used by another one. */
void udp_table_remove(struct udp_table *table, uint32_t id);
/* Where the socket is. NULL: it has no address. */
struct bound *udp_table_of(const struct udp_table *table, uint32_t id);

/* Who gets a datagram from `from` to `to`, NULL: nobody on this host. */
struct bound *udp_table_find(const struct udp_table *table, uint32_t network,
			     const struct ipct_address *from, const struct ipct_address *to);
/* What is bound to the one and connected to the other, NULL: nothing. */
struct bound *udp_table_connected(const struct udp_table *table, uint32_t network,
				  const struct ipct_address *local,
				  const struct ipct_address *remote);

/* The mailbox of `bound`, which has none. NULL without memory. */
struct mailbox *udp_table_add_mailbox(struct udp_table *table, struct bound *bound,
				      struct channel *channel, uint32_t direction);

/* An address of this host, as far as sockets have shown. */
bool udp_table_is_local(const struct udp_table *table, uint32_t network,
			const struct ipct_address *address);
/*
 * Might a socket of this host use the address all the same? One that is bound to no address
 * in particular has any.
 */
bool udp_table_may_be_local(const struct udp_table *table, uint32_t network,
			    const struct ipct_address *address);

/*
 * The id that a ledger knows a sender by. A socket bound to no address in particular may use
 * each of this host, hence all but loopback count as one. SOURCE_UNKNOWN without memory.
 */
uint64_t udp_table_source(struct udp_table *table, uint32_t network,
			  const struct ipct_address *address);

#endif
