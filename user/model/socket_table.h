/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets by the address of struct sock, which the kernel uses again as soon as a socket is
 * gone: the inode tells whether it is still the same one. An id is an index and stays.
 */
#ifndef IPCTRACE_SOCKET_TABLE_H
#define IPCTRACE_SOCKET_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <ipctrace/event.h>

#include "model/channel.h"

#define SOCKET_NONE UINT32_MAX

struct undirected;

/* A channel between two sockets: sockets[0] sends in direction 0, sockets[1] in direction 1. */
struct pair {
	struct channel *channel;
	uint32_t sockets[2]; /* ids, SOCKET_NONE: that end was not seen */
};

struct socket {
	struct ipct_key key;
	uint8_t mechanism;
	uint8_t state; /* skc_state as it was last described */
	bool is_described;
	uint32_t network;
	struct ipct_address local, remote;
	struct ipct_key peer;  /* unix: as last described */
	uint64_t connected_ns; /* when it connected, 0: it did not; who does so first is the client
				*/
	struct pair *pair;     /* borrowed from the table; NULL: none */
	uint32_t side;	       /* which end of the pair */
	struct channel *inbox; /* unconnected datagrams to this socket; owned by the world */
	char *name;	       /* unix; bytes up to a NUL, '@' first for an abstract one */
	struct undirected *undirected; /* model_unix.c: sent, and no hook said to whom */
};

struct socket_table;

struct socket_table *socket_table_new(void);
void socket_table_free(struct socket_table *table);

/*
 * The id of the socket with this key, made if there is none or the one known by its address
 * is another. SOCKET_NONE without memory.
 */
uint32_t socket_table_get(struct socket_table *table, const struct ipct_key *key,
			  uint8_t mechanism);
/* A new socket took the place of whatever had this address. */
uint32_t socket_table_replace(struct socket_table *table, const struct ipct_key *key,
			      uint8_t mechanism);
/* The id of the socket at this address, SOCKET_NONE if none is known. */
uint32_t socket_table_find(const struct socket_table *table, uint64_t object);

/* Borrowed until the next socket is made. */
struct socket *socket_table_at(const struct socket_table *table, uint32_t id);
uint32_t socket_table_nr(const struct socket_table *table);

/* Calls `release` for each socket that has undirected sends, which owns them. */
void socket_table_release(struct socket_table *table,
			  void (*release)(struct undirected *undirected));

/* Makes a pair around a channel; owned by the table. NULL without memory. */
struct pair *socket_table_add_pair(struct socket_table *table, struct channel *channel);

#endif
