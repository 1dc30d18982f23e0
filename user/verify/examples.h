/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first transfers of every edge, kept while a model is filled, to be shown where a rule fails.
 */
#ifndef IPCTRACE_EXAMPLES_H
#define IPCTRACE_EXAMPLES_H

#include <stddef.h>
#include <stdint.h>

#include <ipctrace/event.h>

#include "graph/graph.h"
#include "model/edge_set.h"

#define EXAMPLES_OF_EDGE 3

struct example {
	int64_t time_ns; /* CLOCK_BOOTTIME; of a struct verdict_example since the capture's start */
	uint64_t messages, bytes;
	int32_t fd; /* of the receiver; -1: not known */
};

struct examples;

/* Owned by the caller; NULL without memory. */
struct examples *examples_new(void);
void examples_free(struct examples *examples); /* NULL is accepted */

/* To be the observer of the world; borrowed from `examples`. */
const struct match_observer *examples_observer(const struct examples *examples);

/* Before each record is applied: what is matched from now on, it told. Borrowed until the next. */
void examples_event(struct examples *examples, const struct ipct_event *event);

/* The first transfers of an edge of the graph that was built; borrowed. How many there are. */
size_t examples_find(const struct examples *examples, const struct graph *graph,
		     const struct graph_edge *edge, const struct example **ret_examples);

#endif
