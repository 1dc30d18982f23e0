/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger of waits that somebody ended: those for a futex in one memory object, or for the locks
 * of one file. The kernel names who woke the task last before its wait succeeded; that is proven
 * if the waker's own records agree: it woke at least as many as are said of it, or it has used
 * the lock. A post that a uprobe saw (IPCT_SYNC_USER) is a wake of nobody: it proves that its
 * process uses the object, and ends no wait by itself.
 */
#ifndef IPCTRACE_WAKE_LEDGER_H
#define IPCTRACE_WAKE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/edge_set.h"

enum wake_proof {
	WAKE_PROOF_COUNT, /* a wake says how many it woke */
	WAKE_PROOF_USE,	  /* who never held the lock cannot have released it */
};

struct wake_operation {
	uint32_t process;
	uint32_t waker; /* of a wait: PROCESS_NONE where not seen */
	uint64_t count; /* post: tasks woken; wait: 1, or those of a total */
	uint64_t time_ns;
	bool is_exiting;	/* the waker was, which makes no record */
	struct edge_set *edges; /* wait: of the channel */
};

struct wake_ledger;

/* Owned by the caller; NULL without memory. */
struct wake_ledger *wake_ledger_new(enum wake_proof proof);
void wake_ledger_free(struct wake_ledger *ledger);

/* The process woke, unlocked, or holds the lock now. 0 or -ENOMEM. */
int wake_ledger_post(struct wake_ledger *ledger, const struct wake_operation *operation);
/* A wait that somebody ended. 0 or -ENOMEM. */
int wake_ledger_wait(struct wake_ledger *ledger, const struct wake_operation *operation);

/* After the last operation: who ended the other waits, and what of it all is proven. */
int wake_ledger_close(struct wake_ledger *ledger);

#endif
