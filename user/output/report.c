/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for a terminal, at most 100 columns: what was recorded, the ledger, one table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "graph/graph_memory.h"
#include "graph/graph_total.h"
#include "output/describe.h"
#include "output/header.h"
#include "output/output.h"
#include "output/table.h"

#define WIDTH 100
#define ARRAY_NR(array) (sizeof(array) / sizeof((array)[0]))

/* A table being filled: how many rows there are and how many are shown. */
struct rows {
	size_t nr, shown;
};

/* Cells. */

static void add_rate(struct table *table, uint64_t bytes, const struct graph *graph)
{
	char text[UNITS_TEXT_MAX];

	units_format_rate(text, sizeof(text), bytes, graph->capture.duration_ns);
	table_add(table, strdup(text));
}

static void add_duration(struct table *table, uint64_t duration_ns)
{
	char text[UNITS_TEXT_MAX];

	units_format_duration(text, sizeof(text), duration_ns);
	table_add(table, strdup(duration_ns ? text : "-"));
}

/* `exact`, or what is certain: `≥ 3.4 KiB`, `≥ 12 msg` where no bytes are. */
static void add_certainty(struct table *table, const struct graph_edge *edge)
{
	char amount[UNITS_TEXT_MAX], text[UNITS_TEXT_MAX + 16];

	if (edge->is_exact) {
		table_add(table, strdup("exact"));
		return;
	}
	if (edge->count.bytes) {
		units_format_bytes(amount, sizeof(amount), edge->at_least.bytes);
		snprintf(text, sizeof(text), "≥ %s", amount);
	} else {
		units_format_count(amount, sizeof(amount), edge->at_least.messages);
		snprintf(text, sizeof(text), "≥ %s msg", amount);
	}
	table_add(table, strdup(text));
}

/* `nginx[812]`, `nginx[812] +3`, `-` */
static void add_endpoints(struct table *table, const struct graph *graph, uint32_t first, size_t nr)
{
	char *name, *text;

	if (!nr) {
		table_add_text(table, "-");
		return;
	}
	name = describe_process(&graph->processes[first]);
	if (!name || nr == 1) {
		table_add(table, name);
		return;
	}
	if (asprintf(&text, "%s +%zu", name, nr - 1) < 0)
		text = NULL;
	free(name);
	table_add(table, text);
}

static struct rows rows_of(size_t nr, const struct output_options *options)
{
	struct rows rows = { nr, nr };

	if (options->rows_max && options->rows_max < nr)
		rows.shown = options->rows_max;
	return rows;
}

/* Writes and frees the table. */
static int put_table(FILE *stream, struct table *table, const struct rows *rows)
{
	int err = rows->nr ? table_write(table, WIDTH, stream) : 0;

	if (!rows->nr)
		fputs("no communication was seen\n", stream);
	if (!err && rows->shown < rows->nr)
		fprintf(stream, "… %zu more\n", rows->nr - rows->shown);
	table_free(table);
	return err;
}

/* The tables. */

static void add_edge(struct table *table, const struct graph *graph, const struct graph_edge *edge)
{
	table_add(table, describe_process(&graph->processes[edge->from]));
	table_add(table, describe_process(&graph->processes[edge->to]));
	table_add_text(table, graph_mechanism_name(edge->mechanism));
	table_add_text(table, describe_channel(graph, edge->channel));
	table_add_count(table, edge->count.messages);
	table_add_bytes(table, edge->count.bytes);
	add_rate(table, edge->count.bytes, graph);
	add_certainty(table, edge);
}

static int put_edges(FILE *stream, const struct graph *graph, const struct output_options *options)
{
	static const struct table_column columns[] = {
		{ "FROM", false, true },       { "TO", false, true },
		{ "MECHANISM", false, false }, { "CHANNEL", false, true },
		{ "MESSAGES", true, false },   { "BYTES", true, false },
		{ "RATE", true, false },       { "NUMBERS", false, false },
	};
	struct rows rows = rows_of(graph->edges_nr, options);
	struct table *table = table_new(columns, ARRAY_NR(columns));
	uint32_t *order = graph_view_sort_edges(graph, options->sort);
	size_t i;
	int err;

	if (!table || !order) {
		table_free(table);
		free(order);
		return -ENOMEM;
	}
	for (i = 0; i < rows.shown; i++)
		add_edge(table, graph, &graph->edges[order[i]]);
	err = put_table(stream, table, &rows);
	free(order);
	return err;
}

typedef struct graph_total *(*total_fn)(const struct graph *graph, enum graph_sort sort,
					size_t *ret_nr);
typedef void (*add_total_fn)(struct table *table, const struct graph *graph,
			     const struct graph_total *total);

struct total_table {
	const struct table_column *columns;
	size_t columns_nr;
	total_fn total;
	add_total_fn add;
};

static int put_totals(FILE *stream, const struct graph *graph, const struct output_options *options,
		      const struct total_table *what)
{
	struct table *table = table_new(what->columns, what->columns_nr);
	struct graph_total *totals;
	struct rows rows;
	size_t nr, i;
	int err;

	if (!table)
		return -ENOMEM;
	totals = what->total(graph, options->sort, &nr);
	if (!totals) {
		table_free(table);
		return -ENOMEM;
	}
	rows = rows_of(nr, options);
	for (i = 0; i < rows.shown; i++)
		what->add(table, graph, &totals[i]);
	err = put_table(stream, table, &rows);
	free(totals);
	return err;
}

static void add_process(struct table *table, const struct graph *graph,
			const struct graph_total *total)
{
	const struct graph_process *process = &graph->processes[total->index];

	table_add(table, describe_process(process));
	table_add_text(table, process->exe);
	table_add_count(table, total->sent.messages);
	table_add_bytes(table, total->sent.bytes);
	table_add_count(table, total->received.messages);
	table_add_bytes(table, total->received.bytes);
	table_add_count(table, total->edges);
	add_duration(table, total->wait_ns);
}

static int put_processes(FILE *stream, const struct graph *graph,
			 const struct output_options *options)
{
	static const struct table_column columns[] = {
		{ "PROCESS", false, true }, { "EXE", false, true },	 { "SENT", true, false },
		{ "BYTES", true, false },   { "RECEIVED", true, false }, { "BYTES", true, false },
		{ "EDGES", true, false },   { "WAITED", true, false },
	};
	static const struct total_table what = { columns, ARRAY_NR(columns), graph_total_processes,
						 add_process };

	return put_totals(stream, graph, options, &what);
}

static void add_channel(struct table *table, const struct graph *graph,
			const struct graph_total *total)
{
	const struct graph_channel *channel = &graph->channels[total->index];

	table_add_text(table, describe_channel(graph, total->index));
	table_add_text(table, graph_mechanism_name(channel->mechanism));
	add_endpoints(table, graph, total->sender, total->senders);
	add_endpoints(table, graph, total->receiver, total->receivers);
	table_add_count(table, total->moved.messages);
	table_add_bytes(table, total->moved.bytes);
	table_add_bytes(table, channel->before_capture.bytes);
	table_add_bytes(table, channel->unread.bytes);
	table_note(table, describe_origins(graph, total->index));
}

static int put_channels(FILE *stream, const struct graph *graph,
			const struct output_options *options)
{
	static const struct table_column columns[] = {
		{ "CHANNEL", false, true }, { "MECHANISM", false, false }, { "FROM", false, true },
		{ "TO", false, true },	    { "MESSAGES", true, false },   { "BYTES", true, false },
		{ "BEFORE", true, false },  { "UNREAD", true, false },
	};
	static const struct total_table what = { columns, ARRAY_NR(columns), graph_total_channels,
						 add_channel };

	return put_totals(stream, graph, options, &what);
}

static void add_mechanism(struct table *table, const struct graph *graph,
			  const struct graph_total *total)
{
	char *exact;

	table_add_text(table, graph_mechanism_name(total->index));
	table_add_count(table, total->channels);
	table_add_count(table, total->edges);
	table_add_count(table, total->moved.messages);
	table_add_bytes(table, total->moved.bytes);
	add_rate(table, total->moved.bytes, graph);
	add_duration(table, total->wait_ns);
	if (asprintf(&exact, "%zu of %zu", total->exact_edges, total->edges) < 0)
		exact = NULL;
	table_add(table, exact);
}

static int put_mechanisms(FILE *stream, const struct graph *graph,
			  const struct output_options *options)
{
	static const struct table_column columns[] = {
		{ "MECHANISM", false, false }, { "CHANNELS", true, false },
		{ "EDGES", true, false },      { "MESSAGES", true, false },
		{ "BYTES", true, false },      { "RATE", true, false },
		{ "WAITED", true, false },     { "EXACT", true, false },
	};
	static const struct total_table what = { columns, ARRAY_NR(columns), graph_total_mechanisms,
						 add_mechanism };

	return put_totals(stream, graph, options, &what);
}

/* Shared memory. */

static void add_mappers(struct table *table, const struct graph *graph,
			const struct graph_channel *channel, enum ipct_role role)
{
	uint32_t first = 0;
	size_t nr = 0, i;

	for (i = 0; i < channel->endpoints_nr; i++)
		if (channel->endpoints[i].role == role && !nr++)
			first = channel->endpoints[i].process;
	add_endpoints(table, graph, first, nr);
}

static void add_memory(struct table *table, const struct graph *graph, uint32_t index)
{
	const struct graph_channel *channel = &graph->channels[index];

	table_add_text(table, describe_channel(graph, index));
	table_add_text(table, graph_mechanism_name(channel->mechanism));
	table_add_bytes(table, channel->size);
	table_add_count(table, channel->endpoints_nr);
	add_mappers(table, graph, channel, IPCT_ROLE_MAP_RW);
	add_mappers(table, graph, channel, IPCT_ROLE_MAP_RO);
	if (channel->left_at_exit == GRAPH_LEFT_YES)
		table_note(table, strdup("left behind"));
}

/* Below a table of edges or channels: what has mappers instead. One process alone is no IPC. */
static int put_memory(FILE *stream, const struct graph *graph, const struct output_options *options)
{
	static const struct table_column columns[] = {
		{ "SHARED MEMORY", false, true }, { "MECHANISM", false, false },
		{ "SIZE", true, false },	  { "MAPPED BY", true, false },
		{ "TO WRITE", false, true },	  { "TO READ", false, true },
	};
	size_t nr, i;
	uint32_t *channels = graph_memory_channels(graph, 2, &nr);
	struct rows rows = rows_of(nr, options);
	struct table *table;

	if (!channels)
		return -ENOMEM;
	table = nr ? table_new(columns, ARRAY_NR(columns)) : NULL;
	for (i = 0; table && i < rows.shown; i++)
		add_memory(table, graph, channels[i]);
	free(channels);
	if (!nr)
		return 0;
	fputc('\n', stream);
	return table ? put_table(stream, table, &rows) : -ENOMEM;
}

static int report_write(const struct graph *graph, const struct output_options *options,
			FILE *stream)
{
	static int (*const tables[OUTPUT_TABLE_NR])(FILE *, const struct graph *,
						    const struct output_options *) = {
		[OUTPUT_TABLE_EDGE] = put_edges,
		[OUTPUT_TABLE_PROCESS] = put_processes,
		[OUTPUT_TABLE_CHANNEL] = put_channels,
		[OUTPUT_TABLE_MECHANISM] = put_mechanisms,
	};
	int err = header_put_capture(stream, graph, WIDTH);

	fputc('\n', stream);

	if (!err)
		err = tables[options->table](stream, graph, options);
	if (!err && (options->table == OUTPUT_TABLE_EDGE || options->table == OUTPUT_TABLE_CHANNEL))
		err = put_memory(stream, graph, options);
	if (!err && ferror(stream))
		err = -EIO;
	return err;
}

const struct output_format output_report = {
	.name = "report",
	.summary = "a text report",
	.write = report_write,
};
