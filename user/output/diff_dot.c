/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The difference in Graphviz' language. A node is a program. The word on an edge says what became
 * of it; colour (blue, vermilion, black and grey are told apart by everybody), dashes and width
 * repeat it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "output/describe.h"
#include "output/diff.h"
#include "output/dot_internal.h"

struct look {
	const char *line, *text, *style;
	double width; /* points */
};

static const struct look looks[GRAPH_CHANGES] = {
	[GRAPH_CHANGE_NEW] = { "#0072B2", "#005A8C", "solid", 3.0 },
	[GRAPH_CHANGE_GONE] = { "#D55E00", "#A04600", "dashed", 2.2 },
	[GRAPH_CHANGE_CHANGED] = { "#000000", "#000000", "solid", 2.2 },
	[GRAPH_CHANGE_NONE] = { "#A0A0A0", "#707070", "solid", 1.0 },
};

#define LEGEND_ROW                                                                                   \
	"<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"10\"><FONT COLOR=\"#005A8C\"><B>new: blue</B>"    \
	"</FONT>, <FONT COLOR=\"#A04600\"><B>gone: vermilion, dashed</B></FONT>, <B>changed: "       \
	"black</B>, <FONT COLOR=\"#707070\">unchanged: grey</FONT>; ?: not certain; ≈: best split" \
	"</FONT></TD></TR>"

/* The caption. */

static int put_capture(FILE *stream, const struct diff_view *view, enum graph_diff_age age)
{
	const struct graph *graph = view->graphs[age];
	char *scope = describe_scope(&graph->capture), *window = describe_window(&graph->capture);
	char *text = NULL;
	int err;

	if (!scope || !window ||
	    asprintf(&text, "%s: %s: %s, %s", diff_age_names[age], view->files[age], scope,
		     window) < 0)
		text = NULL;
	free(scope);
	free(window);
	err = dot_put_row(stream, DOT_FONT_PLAIN, text);
	return err ? err : dot_put_trouble(stream, graph);
}

static int put_left_out(FILE *stream, const struct diff_view *view)
{
	size_t left_out = view->diff->edges_nr - diff_edges_shown(view);
	char *text;

	if (!left_out)
		return 0;
	if (asprintf(&text, "not drawn: %zu edges", left_out) < 0)
		text = NULL;
	return dot_put_row(stream, DOT_FONT_PLAIN, text);
}

static int put_caption(FILE *stream, const struct diff_view *view)
{
	const struct graph_diff *diff = view->diff;
	char *sums;
	int err;

	if (asprintf(&sums, "%zu new, %zu gone, %zu changed, %zu unchanged",
		     diff->changes[GRAPH_CHANGE_NEW], diff->changes[GRAPH_CHANGE_GONE],
		     diff->changes[GRAPH_CHANGE_CHANGED], diff->changes[GRAPH_CHANGE_NONE]) < 0)
		sums = NULL;
	fputs(DOT_CAPTION_BEGIN, stream);
	err = dot_put_row(stream, DOT_FONT_TITLE, sums);
	for (int age = 0; age < GRAPH_DIFF_AGES && !err; age++)
		err = put_capture(stream, view, (enum graph_diff_age)age);
	if (!err)
		err = put_left_out(stream, view);
	fputs(LEGEND_ROW DOT_CAPTION_END, stream);
	return err;
}

/* Nodes. */

static enum graph_change change_of(const struct graph_diff_program *program)
{
	if (!program->processes[GRAPH_DIFF_OLD])
		return GRAPH_CHANGE_NEW;
	return program->processes[GRAPH_DIFF_NEW] ? GRAPH_CHANGE_NONE : GRAPH_CHANGE_GONE;
}

/* `new`, `3 processes`, `2 → 3 processes` */
static void put_processes(FILE *stream, const struct graph_diff_program *program)
{
	uint32_t before = program->processes[GRAPH_DIFF_OLD];
	uint32_t now = program->processes[GRAPH_DIFF_NEW], shown = now ? now : before;
	enum graph_change change = change_of(program);

	fputs("<BR/><FONT POINT-SIZE=\"10\">", stream);
	if (change != GRAPH_CHANGE_NONE)
		fprintf(stream, "%s%s", graph_change_names[change], program->is_far ? "" : ": ");
	if (!program->is_far && before && now && before != now)
		fprintf(stream, "%u → ", before);
	if (!program->is_far)
		fprintf(stream, "%u process%s", shown, shown == 1 ? "" : "es");
	fputs("</FONT>", stream);
}

static int put_node(FILE *stream, const struct graph_diff *diff, size_t index)
{
	const struct graph_diff_program *program = &diff->programs[index];
	enum graph_change change = change_of(program);
	const struct look *look = &looks[change];
	int err;

	fprintf(stream, "\tp%zu [label=<<B>", index + 1);
	err = dot_put_borrowed(stream, *program->name ? program->name : "?", NAME_COLUMNS,
			       escape_dot_html);
	fputs("</B>", stream);
	put_processes(stream, program);
	fputs(">, tooltip=\"", stream);
	if (!err)
		err = dot_put_borrowed(stream, program->name, TOOLTIP_COLUMNS, escape_dot);
	fputs("\"", stream);
	if (program->is_far)
		fputs(", shape=ellipse, fillcolor=\"#EEEEEE\"", stream);
	if (change != GRAPH_CHANGE_NONE)
		fprintf(stream, ", color=\"%s\", fontcolor=\"%s\", penwidth=2.0, style=\"%s,%s\"",
			look->line, look->text, program->is_far ? "filled" : "rounded,filled",
			look->style);
	fputs("];\n", stream);
	return err;
}

/* Edges. */

/* `24 → 30 msg (+25%)`, or one of the numbers. */
static void put_measure(FILE *stream, const struct graph_diff_edge *edge, bool is_bytes)
{
	void (*format)(char *, size_t, const struct graph_range *) =
		is_bytes ? diff_format_bytes : diff_format_messages;
	const struct graph_range *ranges[GRAPH_DIFF_AGES];
	char before[DIFF_TEXT_MAX], now[DIFF_TEXT_MAX], change[DIFF_TEXT_MAX];
	const char *unit = is_bytes ? "" : " msg";

	for (int age = 0; age < GRAPH_DIFF_AGES; age++)
		ranges[age] = is_bytes ? &edge->sides[age].bytes : &edge->sides[age].messages;
	if (is_bytes && !ranges[GRAPH_DIFF_OLD]->best && !ranges[GRAPH_DIFF_NEW]->best)
		return;
	format(before, sizeof(before), ranges[GRAPH_DIFF_OLD]);
	format(now, sizeof(now), ranges[GRAPH_DIFF_NEW]);
	diff_format_change(change, sizeof(change), ranges[GRAPH_DIFF_OLD], ranges[GRAPH_DIFF_NEW]);
	fputs("<BR/>", stream);
	if (edge->change == GRAPH_CHANGE_GONE)
		fprintf(stream, "%s%s", before, unit);
	else if (edge->change != GRAPH_CHANGE_CHANGED || !strcmp(change, "="))
		fprintf(stream, "%s%s", now, unit);
	else
		fprintf(stream, "%s → %s%s (%s)", before, now, unit, change);
}

static int put_label(FILE *stream, const struct graph_diff_edge *edge)
{
	int err = 0;

	fputs("label=<<TABLE BORDER=\"0\" CELLPADDING=\"3\" CELLSPACING=\"0\"><TR><TD>", stream);
	if (edge->change != GRAPH_CHANGE_NONE)
		fprintf(stream, "<B>%s%s</B> ", graph_change_names[edge->change],
			edge->is_certain ? "" : "?");
	fputs(graph_mechanism_name(edge->mechanism), stream);
	if (*edge->channel) {
		fputc(' ', stream);
		err = dot_put_borrowed(stream, edge->channel, NAME_COLUMNS, escape_dot_html);
	}
	if (!edge->is_memory) {
		put_measure(stream, edge, false);
		put_measure(stream, edge, true);
	}
	fputs("</TD></TR></TABLE>>", stream);
	return err;
}

static int put_tooltip(FILE *stream, const struct graph_diff *diff,
		       const struct graph_diff_edge *edge)
{
	int err;

	fputs(", tooltip=\"", stream);
	err = dot_put_borrowed(stream, diff->programs[edge->from].name, TOOLTIP_COLUMNS,
			       escape_dot);
	fputs(" → ", stream);
	err |= dot_put_borrowed(stream, diff->programs[edge->to].name, TOOLTIP_COLUMNS, escape_dot);
	fprintf(stream, "\\n%s ", graph_mechanism_name(edge->mechanism));
	err |= dot_put_borrowed(stream, edge->channel, TOOLTIP_COLUMNS, escape_dot);
	fputs("\\n", stream);
	err |= dot_put_text(stream, diff_describe_doubt(edge), TOOLTIP_COLUMNS, escape_dot);
	fputc('"', stream);
	return err ? -ENOMEM : 0;
}

static int put_edge(FILE *stream, const struct graph_diff *diff, const struct dot_arc *arc)
{
	const struct graph_diff_edge *edge = &diff->edges[arc->index];
	const struct look *look = &looks[edge->change];
	uint32_t left = arc->is_backward ? edge->to : edge->from;
	uint32_t right = arc->is_backward ? edge->from : edge->to;
	int err;

	fprintf(stream, "\tp%u -> p%u [%s", left + 1, right + 1,
		arc->is_backward ? "dir=back, " : "");
	err = put_label(stream, edge);
	if (!err)
		err = put_tooltip(stream, diff, edge);
	fprintf(stream, ", color=\"%s\", fontcolor=\"%s\", style=%s, penwidth=%.1f];\n", look->line,
		look->text, look->style, look->width);
	return err;
}

static int put_edges(FILE *stream, const struct graph_diff *diff, size_t shown)
{
	struct dot_arc *arcs = calloc(shown + 1, sizeof(*arcs));
	int err = arcs ? 0 : -ENOMEM;

	for (size_t i = 0; arcs && i < shown; i++) {
		const struct graph_diff_edge *edge = &diff->edges[i];
		bool is_gone = edge->change == GRAPH_CHANGE_GONE;

		arcs[i].from = edge->from;
		arcs[i].to = edge->to;
		arcs[i].first_ns = edge->sides[is_gone ? GRAPH_DIFF_OLD : GRAPH_DIFF_NEW].first_ns;
		arcs[i].index = (uint32_t)i;
	}
	if (arcs)
		dot_arcs_order(arcs, shown);
	for (size_t i = 0; i < shown && !err; i++)
		err = put_edge(stream, diff, &arcs[i]);
	free(arcs);
	return err;
}

static int put_nodes(FILE *stream, const struct graph_diff *diff, size_t shown)
{
	bool *is_drawn = calloc(diff->programs_nr + 1, sizeof(*is_drawn));
	int err = is_drawn ? 0 : -ENOMEM;

	for (size_t i = 0; is_drawn && i < shown; i++)
		is_drawn[diff->edges[i].from] = is_drawn[diff->edges[i].to] = true;
	for (size_t i = 0; i < diff->programs_nr && !err; i++)
		if (is_drawn[i])
			err = put_node(stream, diff, i);
	free(is_drawn);
	return err;
}

static int dot_write(const struct diff_view *view, FILE *stream)
{
	size_t shown = diff_edges_shown(view);
	int err;

	dot_put_defaults(stream);
	err = put_caption(stream, view);
	if (!err)
		err = put_nodes(stream, view->diff, shown);
	if (!err)
		err = put_edges(stream, view->diff, shown);
	if (!view->diff->edges_nr)
		fputs("\tempty [shape=plaintext, style=\"\", label=\"no communication was "
		      "seen\"];\n",
		      stream);
	fputs("}\n", stream);
	if (!err && ferror(stream))
		err = -EIO;
	return err;
}

const struct diff_format diff_dot = {
	.name = "dot",
	.summary = "for Graphviz",
	.write = dot_write,
};
