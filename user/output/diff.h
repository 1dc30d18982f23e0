/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A format of a difference: one file that ends in one `const struct diff_format`, one row in
 * diff_formats.def.
 */
#ifndef IPCTRACE_OUTPUT_DIFF_H
#define IPCTRACE_OUTPUT_DIFF_H

#include <stdio.h>

#include "graph/graph_diff.h"
#include "graph/graph_limit.h"

/* What is shown; all borrowed. */
struct diff_view {
	const struct graph_diff *diff;
	const struct graph *graphs[GRAPH_DIFF_AGES];
	const char *files[GRAPH_DIFF_AGES];
	const char *group_by;
	const struct graph_limit *limits;
	size_t limits_nr;
	size_t edges_max; /* 0: all */
};

struct diff_format {
	const char *name;
	const char *summary;
	/* 0 or -errno; output_error_text() says what it means here. */
	int (*write)(const struct diff_view *view, FILE *stream);
};

#define FORMAT(name) extern const struct diff_format diff_##name;
#include "output/diff_formats.def"
#undef FORMAT

/* The formats of diff_formats.def, ended by NULL. */
extern const struct diff_format *const diff_formats[];

/* "old" and "new". */
extern const char *const diff_age_names[GRAPH_DIFF_AGES];

/* How many of the diff's edges are shown. */
size_t diff_edges_shown(const struct diff_view *view);

#define DIFF_TEXT_MAX 64

/* `+20%`, `-3.4%`, `×12`, `from 0`, `=`. */
void diff_format_change(char *text, size_t size, const struct graph_range *from,
			const struct graph_range *to);

/* `24`, `12 KiB`; where that is the best split only, with `≈ ` before it. */
void diff_format_messages(char *text, size_t size, const struct graph_range *range);
void diff_format_bytes(char *text, size_t size, const struct graph_range *range);

/*
 * Why a change is not certain, raw. Owned by the caller (free); "" if it is, NULL without memory.
 */
char *diff_describe_doubt(const struct graph_diff_edge *edge);

#endif
