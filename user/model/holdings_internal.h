/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by holdings.c, which takes records, and holdings_channels.c, and by nobody else. */
#ifndef IPCTRACE_HOLDINGS_INTERNAL_H
#define IPCTRACE_HOLDINGS_INTERNAL_H

#include <uthash.h>

#include "model/holdings.h"

struct held;

struct holder_key {
	const struct held *held;
	uint32_t process;
	uint32_t role; /* enum ipct_role */
};

/* A process at an object. */
struct holder {
	struct holder_key key;
	uint32_t ends; /* enum channel_end; of sockets holdings_finish() decides */
	uint32_t descriptors;
	struct holder *prev, *next; /* of the same object, in the order of their records */
	UT_hash_handle hh;
};

struct held_key {
	struct ipct_key key;
	uint32_t mechanism;
	uint32_t _pad;
};

/* An object: one of the two sockets of a connection, or the whole channel. */
struct held {
	struct held_key key;
	struct holder *holders; /* utlist, doubly linked */
	char *name;		/* NULL: none */
	size_t name_len;
	bool is_described;
	/* sockets */
	struct ipct_key peer;
	struct ipct_address local, remote;
	uint32_t network;
	uint8_t state;
	/* what is in it, counted by the kernel */
	uint64_t queued_messages, queued_bytes;
	uint64_t size;	 /* of memory, as described; 0: not known */
	uint64_t mapped; /* as far as anybody maps it */
	bool is_written; /* memory: somebody may write */
	/* found by holdings_finish() */
	struct held *other;	  /* the socket at the other end */
	struct held *senders;	  /* datagram sockets that are connected to this one */
	struct held *next_sender; /* to the same socket as this one */
	bool is_sender;
	bool is_placed; /* it belongs to a channel */
	UT_hash_handle hh;
};

struct holdings {
	struct world *world;
	struct held *all;	/* uthash */
	struct holder *holders; /* uthash, of all objects */
};

/* NULL: not known. */
struct held *holdings_find(const struct holdings *holdings, const struct ipct_key *key,
			   uint32_t mechanism);
struct holder *holdings_find_holder(const struct holdings *holdings, const struct held *held,
				    uint32_t process, enum ipct_role role);

#endif
