/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by message_ledger.c and message_close.c, and by nobody else. */
#ifndef IPCTRACE_MESSAGE_INTERNAL_H
#define IPCTRACE_MESSAGE_INTERNAL_H

#include <uthash.h>

#include "model/message_ledger.h"
#include "model/party.h"

struct message_node {
	struct message_operation operation;
	struct message_node *prev, *next;     /* of all */
	struct message_node *s_prev, *s_next; /* of the same source */
};

/* A sending socket, or a type of messages; who used it, and what is open: oldest first. */
struct source {
	uint64_t id;
	struct party senders;	      /* the first of them to use it first */
	struct party receivers;	      /* of what named it */
	struct stream_balance before; /* waited at the start, not received yet */
	bool is_truncated;	      /* the bytes of its messages are not those that arrived */
	struct message_node *pending; /* sent, not received */
	struct message_node *debts;   /* received, its send not seen yet */
	UT_hash_handle hh;
};

struct message_ledger {
	uint32_t before;
	uint64_t before_messages;	      /* waited at the start, not received yet */
	struct message_node *pending, *debts; /* of all sources */
	struct source *sources;
	struct party senders, receivers;
	struct edge_set edges;
	struct stream_balance before_received;
	struct stream_balance truncated;
	bool is_queue;	       /* nothing is dropped, and the sources are types of messages */
	bool has_before;       /* something waited in the queue at the start */
	bool has_unnamed;      /* receives whose source was not named */
	bool may_drop;	       /* messages between two that arrived may be missing (UDP) */
	bool is_level_unknown; /* something waited at the start, and nobody knows how much */
	bool has_totals;
	bool has_guesses; /* totals whose source is not known were given to somebody */
	bool has_end_level;
	struct stream_balance end_level;
};

/* NULL: nothing came from there. */
struct source *message_source_find(const struct message_ledger *ledger, uint64_t id);

/* A send, NULL where none is known, was received. 0 or -ENOMEM. */
int message_match(struct message_ledger *ledger, uint32_t from,
		  const struct message_operation *send, const struct message_operation *receive);

#endif
