/* SPDX-License-Identifier: GPL-2.0-only */
/* How much an edge may change: `new`, `gone`, `bytes+20%`, `messages-5`, `bytes10%`. */
#ifndef IPCTRACE_GRAPH_LIMIT_H
#define IPCTRACE_GRAPH_LIMIT_H

#include "graph/graph_diff.h"

enum graph_limit_of {
	GRAPH_LIMIT_NEW,
	GRAPH_LIMIT_GONE,
	GRAPH_LIMIT_MESSAGES,
	GRAPH_LIMIT_BYTES,
};

struct graph_limit {
	const char *text; /* as given; borrowed */
	enum graph_limit_of of;
	bool forbids_more, forbids_less;
	bool is_percent; /* of the old number */
	double amount;	 /* that the change may have */
};

enum graph_verdict {
	GRAPH_VERDICT_KEPT,
	GRAPH_VERDICT_BROKEN,
	GRAPH_VERDICT_DOUBTFUL, /* broken by what the graphs show, not by what is certain */
};

/* 0, or -EINVAL; `text` is kept. */
int graph_limit_parse(const char *text, struct graph_limit *ret_limit);

enum graph_verdict graph_limit_judge(const struct graph_limit *limit,
				     const struct graph_diff_edge *edge);

#endif
