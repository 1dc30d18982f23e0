/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger of messages that carry descriptors over unix sockets. The kernel names the sending
 * socket at each receive, and keeps the order of what one socket sent: the oldest send of the
 * socket is the one that is received. Which process that was is certain when only one passes
 * descriptors through the socket.
 */
#ifndef IPCTRACE_PASS_LEDGER_H
#define IPCTRACE_PASS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/edge_set.h"

/*
 * A descriptor went from match->from to match->to. `place` is what its receipt gave. Returns
 * the edge that it belongs to, NULL without memory.
 */
typedef struct edge *(*pass_given_fn)(void *context, void *place, const struct match *match);

struct pass_ledger;

/* Owned by the caller; NULL without memory. `before` sent what was on its way at the start. */
struct pass_ledger *pass_ledger_new(uint32_t before, pass_given_fn given, void *context);
void pass_ledger_free(struct pass_ledger *ledger);

/* A message with `count` descriptors was sent. */
struct pass_sent {
	uint64_t source; /* the sending socket */
	uint32_t process;
	uint32_t count;
	uint64_t time_ns;
};

/* Descriptor `index` of a message that has `count` of them was received. */
struct pass_receipt {
	uint64_t source; /* the sending socket, 0: not known */
	uint64_t inbox;	 /* the receiving socket */
	uint32_t process;
	uint32_t thread; /* who received it, and reports its descriptors one by one */
	uint32_t count;
	uint32_t index;
	void *place; /* NULL: neither this one nor those after it reached the process */
	uint64_t time_ns;
};

/* 0 or -ENOMEM. */
int pass_ledger_send(struct pass_ledger *ledger, const struct pass_sent *sent);
int pass_ledger_receive(struct pass_ledger *ledger, const struct pass_receipt *receipt);

/* So many messages with descriptors waited in the socket at the start. 0 or -ENOMEM. */
int pass_ledger_level_at_start(struct pass_ledger *ledger, uint64_t inbox, uint64_t messages,
			       bool is_unknown);

/* After the last record: says which edges are doubtful. 0 or -ENOMEM. */
int pass_ledger_close(struct pass_ledger *ledger);

#endif
