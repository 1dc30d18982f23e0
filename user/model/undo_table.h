/* SPDX-License-Identifier: GPL-2.0-only */
/* SEM_UNDO: what each process has taken from SysV semaphores, and gives back when it exits. */
#ifndef IPCTRACE_UNDO_TABLE_H
#define IPCTRACE_UNDO_TABLE_H

#include <stdint.h>

#include "model/unit_ledger.h"

struct undo_table {
	struct undo_process *processes; /* uthash */
};

/* `adjustment`: what is added to the semaphore's value at the exit. 0 or -ENOMEM. */
int undo_table_add(struct undo_table *table, uint32_t process, struct unit_ledger *unit,
		   int64_t adjustment);
/* SETVAL and SETALL: nobody gives anything back to it any more. */
void undo_table_clear(struct undo_table *table, const struct unit_ledger *unit);
/* The process exits. 0 or -ENOMEM. */
int undo_table_exit(struct undo_table *table, uint32_t process, uint64_t time_ns);
void undo_table_fini(struct undo_table *table);

#endif
