/* SPDX-License-Identifier: GPL-2.0-only */
/* Text for a terminal, at most 100 columns: both captures, and a row per edge that changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "output/diff.h"
#include "output/header.h"
#include "output/table.h"

#define WIDTH 100
#define ARRAY_NR(array) (sizeof(array) / sizeof((array)[0]))

static int put_header(const struct diff_view *view, FILE *stream)
{
	int err = 0;

	for (int age = 0; age < GRAPH_DIFF_AGES && !err; age++) {
		err = header_put_line(stream, diff_age_names[age], strdup(view->files[age]), WIDTH);
		if (!err)
			err = header_put_capture(stream, view->graphs[age], WIDTH);
		fputc('\n', stream);
	}
	return err;
}

/* What a row shows of an edge that is on one side only. */
static const struct graph_diff_side *shown_side(const struct graph_diff_edge *edge)
{
	return &edge->sides[edge->change == GRAPH_CHANGE_GONE ? GRAPH_DIFF_OLD : GRAPH_DIFF_NEW];
}

static void add_change(struct table *table, const struct graph_diff_edge *edge)
{
	char text[DIFF_TEXT_MAX];

	snprintf(text, sizeof(text), "%s%s", graph_change_names[edge->change],
		 edge->is_certain ? "" : "?");
	table_add_text(table, text);
}

static void add_numbers(struct table *table, const struct graph_diff_edge *edge)
{
	const struct graph_diff_side *side = shown_side(edge);
	const struct graph_diff_side *before = &edge->sides[GRAPH_DIFF_OLD];
	bool is_changed = edge->change == GRAPH_CHANGE_CHANGED;
	char text[DIFF_TEXT_MAX];

	diff_format_messages(text, sizeof(text), &side->messages);
	table_add_text(table, edge->is_memory ? "" : text);
	diff_format_change(text, sizeof(text), &before->messages, &side->messages);
	table_add_text(table, is_changed ? text : "");
	diff_format_bytes(text, sizeof(text), &side->bytes);
	table_add_text(table, edge->is_memory ? "" : text);
	diff_format_change(text, sizeof(text), &before->bytes, &side->bytes);
	table_add_text(table, is_changed ? text : "");
}

/* `was 24 messages, 98 KiB` */
static char *before_text(const struct graph_diff_side *before)
{
	char messages[DIFF_TEXT_MAX], bytes[DIFF_TEXT_MAX], *text;

	diff_format_messages(messages, sizeof(messages), &before->messages);
	diff_format_bytes(bytes, sizeof(bytes), &before->bytes);
	return asprintf(&text, "was %s messages, %s", messages, bytes) < 0 ? NULL : text;
}

static void add_edge(struct table *table, const struct graph_diff *diff,
		     const struct graph_diff_edge *edge)
{
	add_change(table, edge);
	table_add_text(table, diff->programs[edge->from].name);
	table_add_text(table, diff->programs[edge->to].name);
	table_add_text(table, graph_mechanism_name(edge->mechanism));
	table_add_text(table, edge->channel);
	add_numbers(table, edge);
	if (edge->change == GRAPH_CHANGE_CHANGED)
		table_note(table, before_text(&edge->sides[GRAPH_DIFF_OLD]));
	table_note(table, diff_describe_doubt(edge));
}

static int put_edges(const struct diff_view *view, FILE *stream)
{
	static const struct table_column columns[] = {
		{ "CHANGE", false, false }, { "FROM", false, true },
		{ "TO", false, true },	    { "MECHANISM", false, false },
		{ "CHANNEL", false, true }, { "MESSAGES", true, false },
		{ "±", true, false },	    { "BYTES", true, false },
		{ "±", true, false },
	};
	const struct graph_diff *diff = view->diff;
	size_t changed = diff->edges_nr - diff->changes[GRAPH_CHANGE_NONE];
	size_t shown = diff_edges_shown(view);
	struct table *table;
	int err;

	if (shown > changed)
		shown = changed;
	if (!changed) {
		fputs("no difference\n", stream);
		return 0;
	}
	table = table_new(columns, ARRAY_NR(columns));
	for (size_t i = 0; table && i < shown; i++)
		add_edge(table, diff, &diff->edges[i]);
	err = table ? table_write(table, WIDTH, stream) : -ENOMEM;
	if (!err && shown < changed)
		fprintf(stream, "… %zu more\n", changed - shown);
	table_free(table);
	return err;
}

/* `changes  2 new, 1 gone, 0 changed, 4 unchanged; 1 not certain (marked ?)` */
static void put_sums(const struct graph_diff *diff, FILE *stream)
{
	fputs("\nedges    ", stream);
	for (int change = 0; change < GRAPH_CHANGES; change++)
		fprintf(stream, "%s%zu %s", change ? ", " : "", diff->changes[change],
			graph_change_names[change]);
	if (diff->uncertain)
		fprintf(stream, "; not certain (?): %zu", diff->uncertain);
	fputc('\n', stream);
}

/* The programs that only one side has; raw. NULL without memory. */
static char *programs_text(const struct graph_diff *diff, enum graph_diff_age age)
{
	char *text = NULL;
	size_t len, nr = 0;
	FILE *stream = open_memstream(&text, &len);

	if (!stream)
		return NULL;
	for (size_t i = 0; i < diff->programs_nr; i++) {
		const struct graph_diff_program *program = &diff->programs[i];

		if (program->processes[age] && !program->processes[!age])
			fprintf(stream, "%s%s", nr++ ? ", " : "", program->name);
	}
	if (fclose(stream)) {
		free(text);
		return NULL;
	}
	return text;
}

static int put_programs(const struct graph_diff *diff, FILE *stream)
{
	static const char *const labels[GRAPH_DIFF_AGES] = { "only old", "only new" };
	int err = 0;

	for (int age = 0; age < GRAPH_DIFF_AGES && !err; age++) {
		char *text = programs_text(diff, (enum graph_diff_age)age);

		if (text && !*text)
			free(text);
		else
			err = header_put_line(stream, labels[age], text, WIDTH);
	}
	return err;
}

static int text_write(const struct diff_view *view, FILE *stream)
{
	int err = put_header(view, stream);

	if (!err)
		err = put_edges(view, stream);
	put_sums(view->diff, stream);
	if (!err)
		err = put_programs(view->diff, stream);
	if (!err && ferror(stream))
		err = -EIO;
	return err;
}

const struct diff_format diff_text = {
	.name = "text",
	.summary = "a table for people",
	.write = text_write,
};
