/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is different between two graphs. Processes are matched by what they run, never by pid;
 * edges by both ends, mechanism and channel name. Where one side lacks the name, what another run
 * calls otherwise is blanked in it first (graph_name.h). Shared memory counts as an edge from who
 * maps it to write to each other who maps it, without numbers. What was in a channel before the
 * capture has no sender that could be matched: it is left out.
 */
#ifndef IPCTRACE_GRAPH_DIFF_H
#define IPCTRACE_GRAPH_DIFF_H

#include "graph/graph.h"
#include "graph/graph_view.h"

#define GRAPH_DIFF_NO_LIMIT UINT64_MAX

/* The old graph is compared with the new one. */
enum graph_diff_age { GRAPH_DIFF_OLD, GRAPH_DIFF_NEW, GRAPH_DIFF_AGES };

/*
 * A number that may not be proven: it is at least `low` and at most `high`; `best` is the split
 * that the graph shows. To other hosts, what was sent counts. A capture that is not whole has no
 * upper limits.
 */
struct graph_range {
	uint64_t low, best, high; /* high: GRAPH_DIFF_NO_LIMIT */
};

struct graph_diff_side {
	bool is_there;	 /* the graph has it */
	bool is_certain; /* it has it, or has it not, for sure */
	struct graph_range messages, bytes;
	int64_t first_ns;  /* since the capture's start */
	uint32_t channels; /* how many names it has */
};

enum graph_change {
	GRAPH_CHANGE_NEW,
	GRAPH_CHANGE_GONE,
	GRAPH_CHANGE_CHANGED, /* other numbers */
	GRAPH_CHANGE_NONE,
	GRAPH_CHANGES,
};

/*
 * Is all in the capture that was done before its end? Then what it lacks was not done. One without
 * a barrier, or with one that did not reach all CPUs, does not prove it.
 */
bool graph_diff_is_whole(const struct graph_capture *capture);

/* Was this mechanism traced? A capture that does not say which were is taken to have all. */
bool graph_diff_is_traced(const struct graph_capture *capture, enum ipct_mechanism mechanism);

/* "new", "gone", "changed", "unchanged". */
extern const char *const graph_change_names[GRAPH_CHANGES];

struct graph_diff_edge {
	uint32_t from, to; /* program */
	enum ipct_mechanism mechanism;
	bool is_memory; /* shared memory: no numbers */
	char *channel;	/* name, with `*` where the sides differ in what passes; may be empty */
	struct graph_diff_side sides[GRAPH_DIFF_AGES];
	enum graph_change change;
	bool is_certain; /* the change is */
};

struct graph_diff_program {
	char *name;
	bool is_far;			     /* no process of the machine */
	uint32_t processes[GRAPH_DIFF_AGES]; /* how many run it */
};

struct graph_diff {
	struct graph_diff_program *programs; /* by name; only those that have an edge */
	struct graph_diff_edge *edges;	     /* by change, the largest first */
	size_t programs_nr, edges_nr;
	size_t changes[GRAPH_CHANGES]; /* how many edges */
	size_t uncertain;	       /* how many changes are not certain */
};

/*
 * Owned by the caller (graph_diff_free). `by` is not GRAPH_GROUP_PROCESS. 0 or -ENOMEM.
 */
int graph_diff_new(const struct graph *old_graph, const struct graph *new_graph,
		   enum graph_grouping by, struct graph_diff **ret_diff);

/* NULL is accepted. */
void graph_diff_free(struct graph_diff *diff);

#endif
