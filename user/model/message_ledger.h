/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger of whole messages to one receiver (a socket, or a UDP port): matches each receive to
 * the send of its source. The kernel names the source of most receives (the sending socket,
 * the address; of a queue, type and size), so an edge is exact when one process uses that source,
 * or one process received all that came from it; where it is not named, messages are matched in
 * order.
 */
#ifndef IPCTRACE_MESSAGE_LEDGER_H
#define IPCTRACE_MESSAGE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/edge_set.h"
#include "model/stream_ledger.h"

#define SOURCE_UNKNOWN 0

struct message_operation {
	uint32_t process;
	uint32_t fallback; /* receive: process id of the sender if no send turns up */
	uint64_t source;   /* the sending socket; receive: SOURCE_UNKNOWN where not named */
	uint64_t bytes;	   /* of the message; receive: of what was taken */
	uint64_t copied;   /* receive: what reached the process */
	uint64_t count;	   /* messages: 1, or those of a total */
	uint64_t time_ns;
	bool is_doubtful; /* the object of the call is not certain */
	bool is_cut;	  /* receive from a queue: the message may have been longer */
	bool is_total;	  /* operations that were only added up: their order is unknown */
};

struct message_ledger;

struct message_ledger *message_ledger_new(uint32_t before);
void message_ledger_free(struct message_ledger *ledger);

/* 0 or -ENOMEM. */
int message_ledger_send(struct message_ledger *ledger, const struct message_operation *operation);
int message_ledger_receive(struct message_ledger *ledger,
			   const struct message_operation *operation);

/* Messages may be dropped on their way: sizes tell which one arrived (UDP). */
void message_ledger_may_drop(struct message_ledger *ledger);

/*
 * A message queue: nothing is dropped, the sources are types of messages (SysV) or priorities
 * above 0, and a receive that names none takes the oldest of the highest. Messages of one type
 * are told apart by their size.
 */
void message_ledger_is_queue(struct message_ledger *ledger);
/* `messages` of this type and size waited in the queue at first. 0 or -ENOMEM. */
int message_ledger_level_of(struct message_ledger *ledger, uint64_t source, uint64_t bytes,
			    uint64_t messages);
/* Is there a message of the source, or from before the capture, that nobody received yet? */
bool message_ledger_has_sent(const struct message_ledger *ledger, uint64_t source);
/* Did anybody use it? */
bool message_ledger_is_used(const struct message_ledger *ledger);

/* `messages` waited when the capture began; for several sockets they add up. */
void message_ledger_level_at_start(struct message_ledger *ledger, uint64_t messages);
/* An unknown number waited: nothing can be claimed. */
void message_ledger_level_unknown(struct message_ledger *ledger);
/* `messages` of `bytes` waited at its end; dropped: refused by the full queue meanwhile. */
void message_ledger_level_at_end(struct message_ledger *ledger, uint64_t messages, uint64_t bytes);

struct message_result {
	struct stream_balance before;
	struct stream_balance unread; /* of what was sent */
	bool is_unread_inferred;
	struct stream_balance truncated;
	struct stream_balance lost; /* sent, and neither received nor waiting */
};

int message_ledger_close(struct message_ledger *ledger, bool is_lossy,
			 struct message_result *ret_result);

struct edge_set *message_ledger_edges(struct message_ledger *ledger);

#endif
