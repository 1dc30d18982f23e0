/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors of processes with several threads. The object of a call that did not block is
 * resolved at its exit; another thread may have closed or replaced the descriptor meanwhile.
 * Here is found out which transfers that may concern.
 */
#ifndef IPCTRACE_DESCRIPTOR_TABLE_H
#define IPCTRACE_DESCRIPTOR_TABLE_H

#include <stdbool.h>

#include <ipctrace/event.h>

#include "model/mechanism_model.h"

struct descriptor_table;

struct descriptor_table *descriptor_table_new(void);
void descriptor_table_free(struct descriptor_table *table);

/* May this transfer have gone through another object than the one that was resolved? */
bool descriptor_is_doubtful(struct descriptor_table *table, const struct ipct_transfer *transfer,
			    uint32_t process);
/* Remembers where the transfer went. 0 or -ENOMEM. */
int descriptor_used(struct descriptor_table *table, const struct ipct_transfer *transfer,
		    uint32_t process, const struct place *place);
/* Descriptors were closed or replaced: doubts what other threads just did through them. */
int descriptor_replaced(struct descriptor_table *table, const struct ipct_descriptor *record,
			uint32_t process);
/*
 * A transfer through a descriptor that was closed meanwhile: doubts what went through it last.
 * False: nothing is known to have gone through it, so it may have been any channel.
 */
bool descriptor_unresolved(struct descriptor_table *table, const struct ipct_transfer *transfer,
			   uint32_t process);

#endif
