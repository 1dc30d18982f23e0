/* SPDX-License-Identifier: GPL-2.0-only */
/* Between graph_diff_items.c, which takes graphs apart, and graph_diff.c, which matches. */
#ifndef IPCTRACE_GRAPH_DIFF_INTERNAL_H
#define IPCTRACE_GRAPH_DIFF_INTERNAL_H

#include "graph/graph_diff.h"

/* What one channel of one graph has from one program to another. */
struct diff_item {
	enum graph_diff_age age;
	uint32_t from, to; /* program */
	enum ipct_mechanism mechanism;
	const char *name; /* of the channel; borrowed from the graph */
	char *blank;	  /* owned; NULL: the name itself */
	bool is_memory;
	bool is_there; /* false: the split of its channel might have given it something */
	struct graph_range messages, bytes;
	int64_t first_ns;
};

struct diff_items {
	struct diff_item *items;
	size_t nr, cap;
};

/* `program_of`: of each process of the graph, GRAPH_NONE for who is left out. 0 or -ENOMEM. */
int diff_items_add_graph(struct diff_items *items, const struct graph *graph,
			 enum graph_diff_age age, const uint32_t *program_of);
void diff_items_fini(struct diff_items *items);

/* The sum of two numbers; no limit where it is more than there can be. */
uint64_t diff_sum(uint64_t a, uint64_t b);

#endif
