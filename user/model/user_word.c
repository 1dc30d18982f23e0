/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/user_word.h"

#include <errno.h>
#include <stddef.h>

#include "model/mutex_ledger.h"
#include "model/process_table.h"
#include "model/unit_ledger.h"

bool user_word_is_used(const struct user_word *word)
{
	return word->units || word->mutex;
}

static int mutex_apply(struct user_word *word, struct edge_set *edges,
		       const struct user_operation *what)
{
	struct mutex_operation operation = {
		.process = what->process,
		.time_ns = what->time_ns,
		.is_inherited = what->flags & IPCT_SYNC_EXITING,
		.is_total = what->is_total,
	};

	if (!word->mutex)
		word->mutex = mutex_ledger_new(edges);
	if (!word->mutex)
		return -ENOMEM;
	if ((what->flags & IPCT_SYNC_SET) && !what->is_total)
		mutex_ledger_reset(word->mutex);
	else if (what->role == IPCT_ROLE_POST)
		mutex_ledger_unlock(word->mutex, &operation);
	else
		return mutex_ledger_lock(word->mutex, &operation);
	return 0;
}

static int level_apply(struct user_word *word, const struct user_operation *what)
{
	if (!what->is_total)
		return unit_ledger_level(word->units, what->amount, what->flags & IPCT_SYNC_LAST);
	unit_ledger_doubt(word->units); /* too late, and maybe several */
	return 0;
}

/* Who woke a waiter need not be who put the unit there that it takes then: no wakers. */
static int semaphore_apply(struct user_word *word, struct edge_set *edges, uint32_t before,
			   const struct user_operation *what)
{
	struct unit_operation operation = {
		.process = what->process,
		.waker = PROCESS_NONE,
		.units = what->amount,
		.count = what->operations,
		.time_ns = what->time_ns,
		.is_early = true,
		.is_total = what->is_total,
	};

	if (!word->units)
		word->units = unit_ledger_new(edges, before);
	if (!word->units)
		return -ENOMEM;
	if (what->is_level)
		return level_apply(word, what);
	if (what->flags & IPCT_SYNC_SET)
		return unit_ledger_set(word->units, &operation);
	return what->role == IPCT_ROLE_POST ? unit_ledger_put(word->units, &operation) :
					      unit_ledger_take(word->units, &operation);
}

int user_word_apply(struct user_word *word, struct edge_set *edges, uint32_t before,
		    const struct user_operation *operation)
{
	if (operation->flags & IPCT_SYNC_MUTEX)
		return mutex_apply(word, edges, operation);
	return semaphore_apply(word, edges, before, operation);
}

int user_word_close(struct user_word *word)
{
	int err = word->units ? unit_ledger_close(word->units) : 0;

	if (!err && word->mutex)
		err = mutex_ledger_close(word->mutex);
	return err;
}

void user_word_fini(struct user_word *word)
{
	unit_ledger_free(word->units);
	mutex_ledger_free(word->mutex);
	*word = (struct user_word){};
}
