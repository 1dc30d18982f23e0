/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger of one mutex whose every use a uprobe saw: who locks it was released by who unlocked it
 * last. Unlocks are recorded before they happen and locks afterwards, so the records alternate;
 * who locks it from a process that died with it was released by that one. All of this is proven
 * if no record contradicts it and none was only added up.
 */
#ifndef IPCTRACE_MUTEX_LEDGER_H
#define IPCTRACE_MUTEX_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/edge_set.h"

struct mutex_operation {
	uint32_t process;
	uint64_t time_ns;
	bool is_inherited; /* a lock: the last owner had died with it */
	bool is_total;	   /* operations that were only added up */
};

struct mutex_ledger;

/* Owned by the caller; NULL without memory. Releases of other processes go to `edges`. */
struct mutex_ledger *mutex_ledger_new(struct edge_set *edges);
void mutex_ledger_free(struct mutex_ledger *ledger);

/* Made anew: what was known of it belongs to another mutex. */
void mutex_ledger_reset(struct mutex_ledger *ledger);
void mutex_ledger_unlock(struct mutex_ledger *ledger, const struct mutex_operation *operation);
/* 0 or -ENOMEM. */
int mutex_ledger_lock(struct mutex_ledger *ledger, const struct mutex_operation *operation);

/* After the last operation: what is proven. 0 or -ENOMEM. */
int mutex_ledger_close(struct mutex_ledger *ledger);

#endif
