/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/mutex_ledger.h"

#include <stdlib.h>

#include "model/process_table.h"
#include "model/release_tally.h"

struct mutex_ledger {
	struct edge_set *edges;
	uint32_t unlocker; /* since the last lock; PROCESS_NONE: nobody was seen unlocking it */
	uint32_t owner;	   /* PROCESS_NONE: nobody is known to have it */
	bool is_broken;	   /* some record is missing */
	struct release_count *tally;
};

struct mutex_ledger *mutex_ledger_new(struct edge_set *edges)
{
	struct mutex_ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->edges = edges;
	mutex_ledger_reset(ledger);
	return ledger;
}

void mutex_ledger_free(struct mutex_ledger *ledger)
{
	if (!ledger)
		return;
	release_fini(&ledger->tally);
	free(ledger);
}

void mutex_ledger_reset(struct mutex_ledger *ledger)
{
	ledger->unlocker = PROCESS_NONE;
	ledger->owner = PROCESS_NONE;
}

void mutex_ledger_unlock(struct mutex_ledger *ledger, const struct mutex_operation *operation)
{
	/* once more without a lock between them, or by another one: something was not seen */
	ledger->is_broken |= operation->is_total || ledger->unlocker != PROCESS_NONE ||
			     (ledger->owner != PROCESS_NONE && ledger->owner != operation->process);
	if (operation->is_total)
		return;
	ledger->unlocker = operation->process;
	ledger->owner = PROCESS_NONE;
}

/* Who released it for a lock now; PROCESS_NONE: it was free since it was made, or seen. */
static uint32_t ledger_source(struct mutex_ledger *ledger, bool is_inherited)
{
	if (ledger->unlocker != PROCESS_NONE)
		return ledger->unlocker;
	/* its owner has unlocked it unseen, if it has not died */
	ledger->is_broken |= ledger->owner != PROCESS_NONE && !is_inherited;
	return ledger->owner;
}

int mutex_ledger_lock(struct mutex_ledger *ledger, const struct mutex_operation *operation)
{
	struct match match = {
		.to = operation->process,
		.messages = 1,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = operation->time_ns,
	};

	if (operation->is_total) { /* whom they had it from is lost with their order */
		ledger->is_broken = true;
		return 0;
	}
	match.from = ledger_source(ledger, operation->is_inherited);
	ledger->unlocker = PROCESS_NONE;
	ledger->owner = operation->process;
	if (match.from == PROCESS_NONE || match.from == match.to)
		return 0;
	return release_add(&ledger->tally, ledger->edges, &match, 0, 0);
}

int mutex_ledger_close(struct mutex_ledger *ledger)
{
	int err = 0;

	for (struct release_count *count = ledger->tally; count && !err; count = count->hh.next)
		err = release_close(count, ledger->is_broken ? 0 : count->all);
	return err;
}
