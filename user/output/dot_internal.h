/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the drawings (dot.c with dot_channels.c, diff_dot.c), and by nobody else. */
#ifndef IPCTRACE_DOT_INTERNAL_H
#define IPCTRACE_DOT_INTERNAL_H

#include <stdbool.h>
#include <stdio.h>

#include "graph/graph.h"

#define NAME_COLUMNS 34	     /* of a channel's name */
#define TOOLTIP_COLUMNS 1000 /* a command line can have megabytes */
#define DOT_CAPTION_COLUMNS 110

#define DOT_FONT_TITLE "POINT-SIZE=\"16\""
#define DOT_FONT_PLAIN "POINT-SIZE=\"11\""
#define DOT_FONT_LEGEND "POINT-SIZE=\"9\" COLOR=\"#555555\""

/* How a mechanism looks; all static. */
struct dot_style {
	const char *line, *text, *dash, *head;
};

struct dot_style dot_style_of(enum ipct_mechanism mechanism);

typedef char *(*escape_fn)(const char *bytes, size_t len);

/* Shortened, escaped, written. Takes over `text`, which may be NULL for lack of memory. */
int dot_put_text(FILE *stream, char *text, size_t columns, escape_fn escape);
int dot_put_borrowed(FILE *stream, const char *text, size_t columns, escape_fn escape);

/* Begins a graph from left to right. */
void dot_put_defaults(FILE *stream);

/* The caption is a table in which each line is a row, with a font of those above. */
#define DOT_CAPTION_BEGIN                                                                          \
	"\tlabel=<<TABLE BORDER=\"0\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"1\">"
#define DOT_CAPTION_END "</TABLE>>;\n"
/* As dot_put_text(). */
int dot_put_row(FILE *stream, const char *font, char *text);
/* A row that says what is wrong with the numbers, if anything is. 0 or -ENOMEM. */
int dot_put_trouble(FILE *stream, const struct graph *graph);

/* A line from node to node. */
struct dot_arc {
	uint32_t from, to;
	int64_t first_ns;
	uint32_t index; /* of what it stands for */
	bool is_backward;
};

/*
 * By pair of nodes, and in a pair by time. Who spoke first stands on the left: that is how
 * clients and pipelines are read. All lines of a pair are to be given to dot in that direction,
 * the answers (`is_backward`) with dir=back; else its ranks follow whichever line it breaks the
 * cycle at.
 */
void dot_arcs_order(struct dot_arc *arcs, size_t nr);

/* The channels that are nodes. */
struct dot_channels {
	uint32_t *chosen;
	size_t nr;
	size_t left_out; /* for lack of room */
	size_t lone;	 /* of a snapshot: with one known holder, or none */
};

/*
 * Chooses what two processes or more hold or map, of a capture shared memory alone, as far as
 * there is room; marks these processes in `drawn`, a flag for each of the graph. 0 or -ENOMEM.
 */
int dot_channels_init(struct dot_channels *channels, const struct graph *graph, bool *drawn);
void dot_channels_fini(struct dot_channels *channels);

/* Writes those nodes and their lines. 0 or -ENOMEM. */
int dot_channels_put(FILE *stream, const struct dot_channels *channels, const struct graph *graph);

#endif
