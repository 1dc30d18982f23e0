/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects that need no process to exist: who made them, and which of these were left behind at
 * the end. What was there before the capture is none of them, whatever a process did with it.
 */
#ifndef IPCTRACE_STANDING_H
#define IPCTRACE_STANDING_H

#include <stdbool.h>

#include <ipctrace/event.h>

#include "model/channel.h"

struct standing_table;
struct world;

/* Owned by the caller; NULL without memory. */
struct standing_table *standing_table_new(void);
void standing_table_free(struct standing_table *table);

/* What the recorder has found. 0 or -ENOMEM. */
int standing_apply(struct world *world, const struct ipct_standing *record);

/*
 * Takes a description, and tells its origin: that of a call which may have made the object is
 * CREATE only if nobody has seen that before. 0 or -ENOMEM.
 */
int standing_describe(struct world *world, const struct ipct_object *object,
		      enum ipct_origin *ret_origin);

/*
 * After the last record: marks the channels of what is left, and makes those of objects that
 * nobody used. 0 or -ENOMEM.
 */
int standing_finish(struct world *world);

/*
 * Was the channel, or a file that bears its name, left behind? is_told: of all that may be left
 * somebody has told. After standing_finish().
 */
enum channel_left standing_left(const struct channel *channel, bool is_told);

/* Did the recorder look, at the end, for all that may be left? */
bool standing_is_told(const struct world *world);

#endif
