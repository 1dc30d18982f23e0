/* SPDX-License-Identifier: GPL-2.0-only */
/* The lines above a table: a label and what there is to say of a capture. */
#ifndef IPCTRACE_HEADER_H
#define IPCTRACE_HEADER_H

#include <stdio.h>

#include "graph/graph.h"

/*
 * Writes a line of at most `width` columns. Takes over `text`, which is raw and may be NULL for
 * lack of memory. 0 or -ENOMEM.
 */
int header_put_line(FILE *stream, const char *label, char *text, size_t width);

/* What was recorded where and when, its ledger, what is wrong with the numbers. 0 or -ENOMEM. */
int header_put_capture(FILE *stream, const struct graph *graph, size_t width);

#endif
