/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by dot.c, which writes processes and edges, and dot_channels.c, and by nobody else. */
#ifndef IPCTRACE_DOT_INTERNAL_H
#define IPCTRACE_DOT_INTERNAL_H

#include <stdbool.h>
#include <stdio.h>

#include "graph/graph.h"

#define NAME_COLUMNS 34	     /* of a channel's name */
#define TOOLTIP_COLUMNS 1000 /* a command line can have megabytes */

/* How a mechanism looks; all static. */
struct dot_style {
	const char *line, *text, *dash, *head;
};

struct dot_style dot_style_of(enum ipct_mechanism mechanism);

typedef char *(*escape_fn)(const char *bytes, size_t len);

/* Shortened, escaped, written. Takes over `text`, which may be NULL for lack of memory. */
int dot_put_text(FILE *stream, char *text, size_t columns, escape_fn escape);
int dot_put_borrowed(FILE *stream, const char *text, size_t columns, escape_fn escape);

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
