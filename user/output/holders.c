/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds what, as text for a terminal: a line per channel and process. The first line of a
 * channel names it, those that follow are its other holders.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "output/describe.h"
#include "output/output.h"
#include "output/table.h"

#define WIDTH 100
#define ENDS_TEXT_MAX 64
#define ARRAY_NR(array) (sizeof(array) / sizeof((array)[0]))

static int put_text(FILE *stream, const char *label, char *text)
{
	char *shown = text ? escape_line(text, strlen(text)) : NULL;

	if (shown)
		fprintf(stream, "%-9s%s\n", label, shown);
	free(text);
	free(shown);
	return shown ? 0 : -ENOMEM;
}

static void add_waiting(struct table *table, const struct graph_channel *channel)
{
	char bytes[UNITS_TEXT_MAX];

	units_format_bytes(bytes, sizeof(bytes),
			   channel->size ? channel->size : channel->unread.bytes);
	table_add(table, strdup(channel->size || channel->unread.bytes ? bytes : "-"));
}

/* `read`, `write ×2`, `map-rw` */
static char *ends_text(const struct graph_channel *channel, const struct graph_endpoint *endpoint)
{
	char ends[ENDS_TEXT_MAX];
	char *text;

	if (endpoint->role != IPCT_ROLE_HOLD)
		return strdup(graph_role_name(endpoint->role));
	describe_ends(channel, endpoint, ends, sizeof(ends));
	if (endpoint->descriptors <= 1)
		return strdup(ends);
	return asprintf(&text, "%s ×%u", ends, endpoint->descriptors) < 0 ? NULL : text;
}

static void add_row(struct table *table, const struct graph *graph, uint32_t index, size_t at)
{
	const struct graph_channel *channel = &graph->channels[index];
	const char *name = describe_channel(graph, index);

	table_add(table, strdup(at ? "" : graph_mechanism_name(channel->mechanism)));
	table_add(table, strdup(at ? "" : name));
	if (at)
		table_add(table, strdup(""));
	else
		add_waiting(table, channel);
	if (at >= channel->endpoints_nr) {
		table_add(table, strdup("-"));
		table_add(table, strdup("-"));
		return;
	}
	table_add(table, describe_process(&graph->processes[channel->endpoints[at].process]));
	table_add(table, ends_text(channel, &channel->endpoints[at]));
}

/* In the order of mechanisms, then of names: so that two snapshots can be compared. */
static int compare_channels(const void *a, const void *b, void *context)
{
	const struct graph *graph = context;
	const struct graph_channel *x = &graph->channels[*(const uint32_t *)a];
	const struct graph_channel *y = &graph->channels[*(const uint32_t *)b];
	int result;

	if (x->mechanism != y->mechanism)
		return x->mechanism < y->mechanism ? -1 : 1;
	result = strcmp(x->name, y->name);
	return result ? result : strcmp(x->object, y->object);
}

static int put_table(FILE *stream, const struct graph *graph, const uint32_t *order)
{
	static const struct table_column columns[] = {
		{ "MECHANISM", false, false }, { "CHANNEL", false, true }, { "BYTES", true, false },
		{ "PROCESS", false, true },    { "END", false, true },
	};
	struct table *table = table_new(columns, ARRAY_NR(columns));
	int err;

	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < graph->channels_nr; i++) {
		size_t rows = graph->channels[order[i]].endpoints_nr;

		for (size_t at = 0; at < (rows ? rows : 1); at++)
			add_row(table, graph, order[i], at);
	}
	err = table_write(table, WIDTH, stream);
	table_free(table);
	return err;
}

static int holders_write(const struct graph *graph, const struct output_options *options,
			 FILE *stream)
{
	uint32_t *order = calloc(graph->channels_nr + 1, sizeof(*order));
	int err = order ? 0 : -ENOMEM;

	(void)options;
	for (uint32_t i = 0; order && i < graph->channels_nr; i++)
		order[i] = i;
	if (!err)
		qsort_r(order, graph->channels_nr, sizeof(*order), compare_channels, (void *)graph);
	if (!err)
		err = put_text(stream, "scope", describe_scope(&graph->capture));
	if (!err)
		err = put_text(stream, "host", describe_host(&graph->capture));
	fputc('\n', stream);
	if (!err && !graph->channels_nr)
		fputs("no channel is held\n", stream);
	else if (!err)
		err = put_table(stream, graph, order);
	free(order);
	return !err && ferror(stream) ? -EIO : err;
}

const struct output_format output_holders = {
	.name = "text",
	.summary = "a table of channels and who holds their ends",
	.write = holders_write,
};
