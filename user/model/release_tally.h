/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Releases by pair of processes, and how many of them are proven, for ledgers that can tell only
 * at the end. The releases themselves are matches in edge sets of channels.
 */
#ifndef IPCTRACE_RELEASE_TALLY_H
#define IPCTRACE_RELEASE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "model/edge_set.h"

struct release_key {
	struct edge_set *edges;
	uint32_t from, to;
};

struct release_count {
	struct release_key key;
	uint64_t all;
	uint64_t named;	 /* by the kernel: proven if the waker's own records agree */
	uint64_t proven; /* whatever the waker's records say */
	UT_hash_handle hh;
};

/* Counts `match`, of which the kernel named or proved so many, and adds it to the edges. */
int release_add(struct release_count **tally, struct edge_set *edges, const struct match *match,
		uint64_t named, uint64_t proven);

/* Tells the edge how much of what is counted here is certain. 0 or -ENOMEM. */
int release_close(const struct release_count *count, uint64_t certain);

void release_fini(struct release_count **tally);

#endif
