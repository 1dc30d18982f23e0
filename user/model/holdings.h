/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds which end of which channel at one moment, for `ipctrace snapshot`: records of
 * processes, objects, descriptors and mappings become channels whose endpoints hold them.
 * There are no transfers, so there are no ledgers.
 */
#ifndef IPCTRACE_HOLDINGS_H
#define IPCTRACE_HOLDINGS_H

#include <ipctrace/event.h>

#include "model/world.h"

struct holdings;

/* Fills `world`, which stays the caller's and must outlive it. NULL without memory. */
struct holdings *holdings_new(struct world *world);
void holdings_free(struct holdings *holdings);

/* Takes a checked record, in any order; those of other kinds go to the world. 0 or -ENOMEM. */
int holdings_apply(struct holdings *holdings, const struct ipct_event *event);

/*
 * Once, after the last record: joins the two sockets of a connection and adds the channels to
 * the world. 0 or -ENOMEM.
 */
int holdings_finish(struct holdings *holdings);

#endif
