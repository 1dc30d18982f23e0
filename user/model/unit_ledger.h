/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger of one SysV semaphore: its units are taken in the order in which they were put there,
 * and a wait was released by who put the last unit that it took. Who waits for zero was released
 * by who took the last unit.
 *
 * Proven is a release if the kernel was seen doing it; all of them are if only one process puts
 * units there, if only one takes them, one at a time, and none is left, or if the order is
 * proven: each record of a post then says that no other process had operated on the semaphore
 * when it was made, or its units went to tasks that were blocked, and the records of the waits
 * say the same; or if each post was recorded before it was done, and each wait found units of one
 * process only.
 */
#ifndef IPCTRACE_UNIT_LEDGER_H
#define IPCTRACE_UNIT_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/edge_set.h"

struct unit_operation {
	uint32_t process;
	uint32_t waker; /* of a wait: PROCESS_NONE where not seen */
	uint64_t units; /* put, taken; of a total: all of them */
	uint64_t count; /* operations: 1, or those of a total */
	uint64_t time_ns;
	bool is_last; /* no other process had operated when the record was made */
	bool is_blocked;
	bool is_several; /* the call did more: its waker need not be that of this wait */
	bool is_early; /* a post recorded before it was done: before all that may take its units */
	bool is_late;  /* put by an exit: after its record, and after all that are older */
	bool is_total; /* operations that were only added up: their order is unknown */
};

struct unit_ledger;

/* Owned by the caller; NULL without memory. Releases go to `edges`. */
struct unit_ledger *unit_ledger_new(struct edge_set *edges, uint32_t before);
void unit_ledger_free(struct unit_ledger *ledger);

/* What was in it when it was first seen; is_last: nobody was about to change that. */
int unit_ledger_level(struct unit_ledger *ledger, uint64_t units, bool is_last);

/* Nothing is sure of what was in it. */
void unit_ledger_doubt(struct unit_ledger *ledger);

/* Each 0 or -ENOMEM. */
int unit_ledger_put(struct unit_ledger *ledger, const struct unit_operation *operation);
/* Its value is operation->units now. */
int unit_ledger_set(struct unit_ledger *ledger, const struct unit_operation *operation);
int unit_ledger_take(struct unit_ledger *ledger, const struct unit_operation *operation);
int unit_ledger_await_zero(struct unit_ledger *ledger, const struct unit_operation *operation);
/* SEM_UNDO takes back what the process had put there. */
int unit_ledger_take_back(struct unit_ledger *ledger, const struct unit_operation *operation);

/* After the last operation. */
int unit_ledger_close(struct unit_ledger *ledger);

#endif
