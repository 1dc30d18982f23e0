/* SPDX-License-Identifier: GPL-2.0-only */
/* What drawings have in common: text, the caption, how lines lie between two nodes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "output/describe.h"
#include "output/dot_internal.h"

#define COLOUR_TROUBLE "#C00000"

int dot_put_text(FILE *stream, char *text, size_t columns, escape_fn escape)
{
	char *safe = text ? escape_line(text, strlen(text)) : NULL;
	char *shown = safe ? describe_shorten(safe, columns) : NULL;
	char *escaped = shown ? escape(shown, strlen(shown)) : NULL;

	if (escaped)
		fputs(escaped, stream);
	free(escaped);
	free(shown);
	free(safe);
	free(text);
	return escaped ? 0 : -ENOMEM;
}

int dot_put_borrowed(FILE *stream, const char *text, size_t columns, escape_fn escape)
{
	return dot_put_text(stream, strdup(text ? text : ""), columns, escape);
}

int dot_put_row(FILE *stream, const char *font, char *text)
{
	int err;

	fprintf(stream, "<TR><TD ALIGN=\"LEFT\"><FONT %s>", font);
	err = dot_put_text(stream, text, DOT_CAPTION_COLUMNS, escape_dot_html);
	fputs("</FONT></TD></TR>", stream);
	return err;
}

int dot_put_trouble(FILE *stream, const struct graph *graph)
{
	char *trouble = describe_trouble(graph);

	if (!trouble)
		return -ENOMEM;
	if (!*trouble) {
		free(trouble);
		return 0;
	}
	fputs("<TR><TD ALIGN=\"LEFT\"><B><FONT COLOR=\"" COLOUR_TROUBLE "\" POINT-SIZE=\"13\">",
	      stream);
	if (dot_put_text(stream, trouble, DOT_CAPTION_COLUMNS, escape_dot_html))
		return -ENOMEM;
	fputs("</FONT></B></TD></TR>", stream);
	return 0;
}

void dot_put_defaults(FILE *stream)
{
	fputs("digraph ipctrace {\n"
	      "\tcharset=\"UTF-8\"; rankdir=LR; labelloc=t; labeljust=l; bgcolor=\"#FFFFFF\";\n"
	      "\tnodesep=0.3; ranksep=0.6; pad=0.3; fontname=\"Helvetica\";\n"
	      "\tnode [shape=box, style=\"rounded,filled\", fillcolor=\"#F3F6FA\", "
	      "color=\"#333333\", fontname=\"Helvetica\", fontsize=12, margin=\"0.14,0.07\"];\n"
	      "\tedge [fontname=\"Helvetica\", fontsize=10, arrowsize=0.7];\n",
	      stream);
}

static uint64_t pair_of(const struct dot_arc *arc)
{
	uint32_t low = arc->from < arc->to ? arc->from : arc->to;
	uint32_t high = arc->from < arc->to ? arc->to : arc->from;

	return (uint64_t)low << 32 | high;
}

/* By pair of nodes, then by time. */
static int compare_arcs(const void *a, const void *b)
{
	const struct dot_arc *x = a, *y = b;

	if (pair_of(x) != pair_of(y))
		return pair_of(x) < pair_of(y) ? -1 : 1;
	if (x->first_ns != y->first_ns)
		return x->first_ns < y->first_ns ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

void dot_arcs_order(struct dot_arc *arcs, size_t nr)
{
	size_t first = 0, i;

	qsort(arcs, nr, sizeof(*arcs), compare_arcs);
	for (i = 0; i < nr; i++) {
		if (pair_of(&arcs[i]) != pair_of(&arcs[first]))
			first = i;
		arcs[i].is_backward = arcs[i].from != arcs[first].from;
	}
}
