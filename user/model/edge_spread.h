/* SPDX-License-Identifier: GPL-2.0-only */
/* The best split where only totals are known: transfers that were added up in the kernel. */
#ifndef IPCTRACE_EDGE_SPREAD_H
#define IPCTRACE_EDGE_SPREAD_H

#include "model/edge_set.h"
#include "model/party.h"

/*
 * Replaces the numbers of all edges but those from `before`, which were first in the queue:
 * what else each receiver took is split over the senders in proportion to what they have left,
 * so that the sums of both sides are kept. What nobody can have sent is from `before` too, and
 * is added to *before_bytes. All edges become doubtful. 0 or -ENOMEM.
 */
int edge_spread(struct edge_set *edges, const struct party *senders, const struct party *receivers,
		uint32_t before, uint64_t *before_bytes);

#endif
