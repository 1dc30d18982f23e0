/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger of one direction of a byte stream: matches what was received to who sent it.
 *
 * A direction is a queue of bytes. Sends append segments, receives take bytes from the front.
 * Records come in the order of the exits of their calls, which is not quite the order in which
 * the kernel moved the bytes: a receive may be reported before the send that fed it (debt),
 * and two senders may be reported the wrong way round. Where more than one process takes part
 * in a role, records are held back a little and ordered by their position; positions that do
 * not fit prove an overlap, and then only what was fed since the queue was last known empty is
 * doubtful. What is exact is decided when the ledger is closed, by conservation and positions,
 * never by time.
 */
#ifndef IPCTRACE_STREAM_LEDGER_H
#define IPCTRACE_STREAM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/edge_set.h"
#include "model/party.h"

enum stream_position {
	STREAM_POSITION_NONE,
	STREAM_POSITION_ORDER, /* grows with every operation of its role (pipes) */
	STREAM_POSITION_BYTES, /* 32-bit sequence number of the byte behind the last (TCP) */
};

struct stream_operation {
	uint32_t process;
	uint64_t bytes;	 /* put into or taken out of the stream */
	uint64_t copied; /* receive: what reached the process, the rest is truncated */
	uint64_t time_ns;
	uint64_t position;
	bool has_position;
	bool is_threaded;  /* the process has several threads */
	bool is_packet;	   /* send: a receive takes all or loses the rest (pipe, O_DIRECT) */
	bool is_doubtful;  /* the object of the call is not certain */
	bool leaves_empty; /* receive: nothing was left right after it */
};

/* Transfers that were only added up: their order is unknown. */
struct stream_total {
	uint32_t process;
	uint64_t messages;
	uint64_t bytes;	 /* put into or taken out of the stream */
	uint64_t copied; /* receive: what reached the process */
	uint64_t first_ns, last_ns;
};

struct stream_balance {
	uint64_t messages;
	uint64_t bytes;
};

/* What the ledger comes to when it is closed. */
struct stream_result {
	struct stream_balance before; /* received, sent before the capture */
	struct stream_balance unread;
	bool is_unread_inferred; /* not measured: sent minus received */
	struct stream_balance truncated;
	bool is_conserved; /* the law of graph-json.md holds with measured levels */
};

struct stream_ledger;

/* `before`: process id that stands for whoever sent what nobody saw being sent. */
struct stream_ledger *stream_ledger_new(enum stream_position kind, uint32_t before);
void stream_ledger_free(struct stream_ledger *ledger);

/* Who sent (or received) how much; borrowed. */
const struct party *stream_ledger_party(const struct stream_ledger *ledger, bool is_send);

/* The channel was made in the capture: nothing was in it. */
void stream_ledger_created(struct stream_ledger *ledger);

/* 0 or -ENOMEM. */
int stream_ledger_send(struct stream_ledger *ledger, const struct stream_operation *operation);
int stream_ledger_receive(struct stream_ledger *ledger, const struct stream_operation *operation);
int stream_ledger_add_total(struct stream_ledger *ledger, bool is_send,
			    const struct stream_total *total);

/* The queue was seen empty by a process that wanted to receive. */
void stream_ledger_known_empty(struct stream_ledger *ledger);

/* The queue held `bytes` when the capture began. */
void stream_ledger_level_at_start(struct stream_ledger *ledger, uint64_t bytes);

/* The queue held `bytes` at the end of the capture, or when it went away. */
void stream_ledger_level_at_end(struct stream_ledger *ledger, uint64_t bytes, uint64_t time_ns);

/* All that was matched since the queue was last empty is doubtful. */
void stream_ledger_doubt(struct stream_ledger *ledger);

/*
 * Closes the ledger: settles, decides what is exact. `is_lossy`: transfers were lost in this
 * capture, so that nothing is proven. 0 or -ENOMEM.
 */
int stream_ledger_close(struct stream_ledger *ledger, bool is_lossy,
			struct stream_result *ret_result);

/* The edges; borrowed. Exactness is valid after stream_ledger_close(). */
struct edge_set *stream_ledger_edges(struct stream_ledger *ledger);

#endif
