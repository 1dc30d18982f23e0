/* SPDX-License-Identifier: GPL-2.0-only */
#include "output/header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "output/describe.h"

#define LABEL_WIDTH 9

int header_put_line(FILE *stream, const char *label, char *text, size_t width)
{
	char *escaped = text ? escape_line(text, strlen(text)) : NULL;
	char *shown = escaped ? describe_shorten(escaped, width - LABEL_WIDTH) : NULL;

	if (shown)
		fprintf(stream, "%-*s%s\n", LABEL_WIDTH, label, shown);
	free(shown);
	free(escaped);
	free(text);
	return shown ? 0 : -ENOMEM;
}

/* Breaks `text`, which is ours, between words. */
static void put_wrapped(FILE *stream, const char *label, char *text, size_t width)
{
	size_t at = LABEL_WIDTH;
	char *word, *rest = NULL;

	fprintf(stream, "%-*s", LABEL_WIDTH, label);
	for (word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (at > LABEL_WIDTH && at + 1 + strlen(word) > width) {
			fprintf(stream, "\n%*s", LABEL_WIDTH, "");
			at = LABEL_WIDTH;
		}
		at += (size_t)fprintf(stream, "%s%s", at > LABEL_WIDTH ? " " : "", word);
	}
	fputc('\n', stream);
}

static int put_trouble(FILE *stream, const struct graph *graph, size_t width)
{
	char *trouble = describe_trouble(graph);

	if (!trouble)
		return -ENOMEM;
	if (*trouble)
		put_wrapped(stream, "warning", trouble, width);
	free(trouble);
	return 0;
}

int header_put_capture(FILE *stream, const struct graph *graph, size_t width)
{
	int err;

	err = header_put_line(stream, "scope", describe_scope(&graph->capture), width);
	if (!err)
		err = header_put_line(stream, "window", describe_window(&graph->capture), width);
	if (!err)
		err = header_put_line(stream, "host", describe_host(&graph->capture), width);
	if (!err)
		err = header_put_line(stream, "ledger", describe_ledger(&graph->ledger), width);
	if (!err)
		err = put_trouble(stream, graph, width);
	return err;
}
