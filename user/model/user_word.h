/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A word of shared memory that uprobes saw the C library use as a semaphore or a mutex
 * (IPCT_SYNC_USER). Their records make its edges, and those of futex calls at the very same
 * offset do not count again: glibc waits for a sem_t at its first word, which is the value, and
 * for a pthread_mutex_t at its first word, the lock. Other words near by are others'.
 */
#ifndef IPCTRACE_USER_WORD_H
#define IPCTRACE_USER_WORD_H

#include <stdbool.h>
#include <stdint.h>

#include <ipctrace/event.h>

#include "model/edge_set.h"

struct user_word {
	struct unit_ledger *units;  /* NULL: was not used as a semaphore */
	struct mutex_ledger *mutex; /* NULL: was not used as a mutex */
};

struct user_operation {
	enum ipct_role role;
	uint32_t process;
	uint16_t flags; /* enum ipct_sync_flags */
	uint64_t operations;
	uint64_t amount; /* of all of them */
	uint64_t time_ns;
	bool is_total;
	bool is_level; /* what was there before the capture */
};

bool user_word_is_used(const struct user_word *word);

/* Releases go to `edges`, those from before the capture from `before`. 0 or -ENOMEM. */
int user_word_apply(struct user_word *word, struct edge_set *edges, uint32_t before,
		    const struct user_operation *operation);

/* After the last operation: what is proven. 0 or -ENOMEM. */
int user_word_close(struct user_word *word);

void user_word_fini(struct user_word *word);

#endif
