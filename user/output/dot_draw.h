/* SPDX-License-Identifier: GPL-2.0-only */
/* Graphviz' dot, as a child process. */
#ifndef IPCTRACE_DOT_DRAW_H
#define IPCTRACE_DOT_DRAW_H

#include <stdio.h>

/*
 * Has dot draw what `write` writes of `what`, as SVG. 0 or -errno, of `write` too;
 * output_error_text() says what it means.
 */
int dot_draw(int (*write)(const void *what, FILE *stream), const void *what, FILE *stream);

#endif
