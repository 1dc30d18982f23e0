/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An output format: one file that ends in one `const struct output_format`, one row in
 * formats.def (what `ipctrace graph -f` offers).
 */
#ifndef IPCTRACE_OUTPUT_H
#define IPCTRACE_OUTPUT_H

#include <stddef.h>
#include <stdio.h>

#include "graph/graph.h"
#include "graph/graph_view.h"

/* The table that a report shows. */
enum output_table {
	OUTPUT_TABLE_EDGE,
	OUTPUT_TABLE_PROCESS,
	OUTPUT_TABLE_CHANNEL,
	OUTPUT_TABLE_MECHANISM,
	OUTPUT_TABLE_NR,
};

extern const char *const output_table_names[OUTPUT_TABLE_NR];

struct output_options {
	const char *group_by;	 /* how the graph was regrouped, NULL: it was not */
	size_t edges_left_out;	 /* by --top */
	enum output_table table; /* report */
	enum graph_sort sort;	 /* report */
	size_t rows_max;	 /* report; 0: all */
};

struct output_format {
	const char *name;
	const char *summary;
	/* 0 or -errno; output_error_text() says what it means here. */
	int (*write)(const struct graph *graph, const struct output_options *options, FILE *stream);
};

#define FORMAT(name) extern const struct output_format output_##name;
#include "output/formats.def"
#undef FORMAT
extern const struct output_format output_report;
extern const struct output_format output_holders; /* of a snapshot */

/* The formats of formats.def, ended by NULL. */
extern const struct output_format *const output_formats[];

/* What a write() that returned `err` failed on and the remedy, for a person. Static. */
const char *output_error_text(int err);

#endif
