/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/undo_table.h"

#include <errno.h>
#include <stdlib.h>

#include <uthash.h>
#include <utlist.h>

#include "model/process_table.h"

struct undo {
	struct unit_ledger *unit;
	int64_t adjustment;
	struct undo *next;
};

struct undo_process {
	uint32_t process;
	struct undo *undos;
	UT_hash_handle hh;
};

static struct undo_process *owner_get(struct undo_table *table, uint32_t process)
{
	struct undo_process *owner;

	HASH_FIND(hh, table->processes, &process, sizeof(process), owner);
	if (owner)
		return owner;
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	owner->process = process;
	HASH_ADD(hh, table->processes, process, sizeof(owner->process), owner);
	return owner;
}

static void owner_drop(struct undo_table *table, struct undo_process *owner)
{
	struct undo *undo, *next;

	LL_FOREACH_SAFE(owner->undos, undo, next)
	free(undo);
	HASH_DEL(table->processes, owner);
	free(owner);
}

int undo_table_add(struct undo_table *table, uint32_t process, struct unit_ledger *unit,
		   int64_t adjustment)
{
	struct undo_process *owner = owner_get(table, process);
	struct undo *undo;

	if (!owner)
		return -ENOMEM;
	LL_SEARCH_SCALAR(owner->undos, undo, unit, unit);
	if (!undo) {
		undo = calloc(1, sizeof(*undo));
		if (!undo)
			return -ENOMEM;
		undo->unit = unit;
		LL_PREPEND(owner->undos, undo);
	}
	/* no semaphore has so many units, but a capture file may say so */
	if (__builtin_add_overflow(undo->adjustment, adjustment, &undo->adjustment))
		undo->adjustment = 0;
	return 0;
}

void undo_table_clear(struct undo_table *table, const struct unit_ledger *unit)
{
	for (struct undo_process *owner = table->processes; owner; owner = owner->hh.next) {
		struct undo *undo;

		LL_SEARCH_SCALAR(owner->undos, undo, unit, unit);
		if (undo)
			undo->adjustment = 0;
	}
}

static int undo_apply(const struct undo *undo, uint32_t process, uint64_t time_ns)
{
	struct unit_operation operation = {
		.process = process,
		.waker = PROCESS_NONE,
		.count = 1,
		.time_ns = time_ns,
		.is_late = true,
	};

	if (undo->adjustment > 0) {
		operation.units = undo->adjustment;
		return unit_ledger_put(undo->unit, &operation);
	}
	operation.units = -(uint64_t)undo->adjustment;
	return operation.units ? unit_ledger_take_back(undo->unit, &operation) : 0;
}

int undo_table_exit(struct undo_table *table, uint32_t process, uint64_t time_ns)
{
	struct undo_process *owner;
	struct undo *undo;
	int err = 0;

	HASH_FIND(hh, table->processes, &process, sizeof(process), owner);
	if (!owner)
		return 0;
	LL_FOREACH(owner->undos, undo)
	{
		err = undo_apply(undo, process, time_ns);
		if (err)
			break;
	}
	owner_drop(table, owner);
	return err;
}

void undo_table_fini(struct undo_table *table)
{
	struct undo_process *owner, *next;

	HASH_ITER (hh, table->processes, owner, next)
		owner_drop(table, owner);
}
