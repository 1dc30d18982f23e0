/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by stream_ledger.c and stream_close.c, and by nobody else. */
#ifndef IPCTRACE_STREAM_INTERNAL_H
#define IPCTRACE_STREAM_INTERNAL_H

#include "model/queue.h"
#include "model/stream_ledger.h"
#include "model/stream_region.h"

/* One role: who takes part, and the order of what they do. */
struct side {
	struct party party;
	struct party totals; /* operations that were only added up */
	struct queue held;   /* waiting for their place in the order */
	uint64_t last_position;
	bool has_last;
	bool is_threaded;
	uint64_t newest_ns;
};

struct stream_ledger {
	enum stream_position kind;
	uint32_t before; /* process id for bytes that nobody was seen sending */
	struct side sender, receiver;
	struct queue segments;		/* sent, not received; .copied: bytes of the whole send */
	struct queue debts;		/* received, its send not seen yet */
	struct region region, previous; /* since it was last empty, and until then */
	struct edge_set edges;
	uint64_t before_bytes;
	uint64_t before_surplus; /* of these, found to be a sender's; given back at the end */
	bool has_start_level;	 /* some of these were measured, perhaps while a send went on */
	struct stream_balance truncated;
	bool is_whole;	      /* all bytes were seen from the first on, or their number is known */
	bool is_synchronised; /* nothing unknown is in front of the segments */
	bool is_aligned;      /* BYTES: both roles count from the same byte */
	bool is_by_position;  /* BYTES: positions alone told where both roles begin */
	bool is_contradicted; /* something proves that this ledger does not know all */
	bool has_first[2];    /* BYTES: first position of sender, receiver */
	uint32_t first[2];
	bool has_end_level;
	uint64_t end_level, end_level_ns;
};

/* Commits all that is held, and matches as far as it goes. 0 or -ENOMEM. */
int stream_ledger_flush(struct stream_ledger *ledger);
int stream_ledger_settle(struct stream_ledger *ledger);
/* Puts bytes of unknown origin in front of all segments. 0 or -ENOMEM. */
int stream_ledger_add_before(struct stream_ledger *ledger, uint64_t bytes);

#endif
