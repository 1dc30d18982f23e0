/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Graphviz' language, left to right. A node is a process, an edge says in words what it is
 * (mechanism, channel, messages, bytes); colour (group of mechanisms), dashes (model) and
 * arrow head (mechanism within both) repeat it, width is the logarithm of the bytes. Channels
 * that are held or mapped are nodes of their own, see dot_channels.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "output/describe.h"
#include "output/dot_internal.h"
#include "output/output.h"

/* What there is room for. */
struct drawing {
	bool *drawn;  /* by process: has an edge, or a channel that is drawn */
	size_t alone; /* processes that are not drawn */
	struct dot_channels channels;
};

/* How a group of mechanisms is coloured: the palette of Okabe and Ito. */
static const struct {
	enum ipct_group group;
	const char *line, *text;
} colours[] = {
	{ IPCT_GROUP_PIPE, "#0072B2", "#005A8C" },	/* blue */
	{ IPCT_GROUP_UNIX, "#009E73", "#00664A" },	/* bluish green */
	{ IPCT_GROUP_INET, "#D55E00", "#A04600" },	/* vermilion */
	{ IPCT_GROUP_SIGNAL, "#CC79A7", "#99457A" },	/* reddish purple */
	{ IPCT_GROUP_QUEUE, "#56B4E9", "#1F6F9E" },	/* sky blue */
	{ IPCT_GROUP_MEMORY, "#E69F00", "#8A5F00" },	/* orange */
	{ IPCT_GROUP_SEMAPHORE, "#7A6A00", "#5C5000" }, /* dark yellow */
	{ 0, "#000000", "#000000" },
};

static const char *const dashes[] = {
	[IPCT_MODEL_NONE] = "solid",	 [IPCT_MODEL_STREAM] = "solid",
	[IPCT_MODEL_MESSAGE] = "dashed", [IPCT_MODEL_SIGNAL] = "dotted",
	[IPCT_MODEL_TERMINAL] = "solid", [IPCT_MODEL_QUEUE] = "dashed",
	[IPCT_MODEL_WAKE] = "dotted",	 [IPCT_MODEL_MAPPING] = "solid",
	[IPCT_MODEL_COUNTER] = "dashed", [IPCT_MODEL_NAMED] = "dashed",
};

/* In the order of the mechanisms that share a group and a model. */
static const char *const heads[] = { "normal", "vee", "onormal", "diamond" };

static const struct {
	enum ipct_mechanism mechanism;
	enum ipct_group group;
	enum ipct_model model;
} mechanisms[] = {
#define MECHANISM(symbol, number, name, group, model)                                              \
	{ IPCT_##symbol, IPCT_GROUP_##group, IPCT_MODEL_##model },
#include <ipctrace/mechanisms.def>
#undef MECHANISM
};

#define MECHANISMS_NR (sizeof(mechanisms) / sizeof(mechanisms[0]))

static struct dot_style style_at(size_t at)
{
	struct dot_style style = { .dash = dashes[mechanisms[at].model] };
	size_t colour = 0, same = 0, i;

	while (colours[colour].group && colours[colour].group != mechanisms[at].group)
		colour++;
	for (i = 0; i < at; i++)
		same += mechanisms[i].group == mechanisms[at].group &&
			mechanisms[i].model == mechanisms[at].model;
	style.line = colours[colour].line;
	style.text = colours[colour].text;
	style.head = heads[same % (sizeof(heads) / sizeof(heads[0]))];
	return style;
}

struct dot_style dot_style_of(enum ipct_mechanism mechanism)
{
	size_t i;

	for (i = 0; i < MECHANISMS_NR; i++)
		if (mechanisms[i].mechanism == mechanism)
			return style_at(i);
	return (struct dot_style){ "#000000", "#000000", "solid", "normal" };
}

/* Points: one more for each factor of 256 in bytes. */
static double pen_width(uint64_t bytes)
{
	unsigned int bits = bytes ? 64u - (unsigned int)__builtin_clzll(bytes) : 0;

	return 1.5 + bits / 8.0;
}

/* The caption: a table in which each line is a row. */

static char *left_out_text(const struct graph *graph, const struct output_options *options,
			   const struct drawing *drawing)
{
	const struct dot_channels *channels = &drawing->channels;
	char more[64] = "", *text = NULL;
	int len;

	if (graph->capture.is_snapshot) {
		if (!channels->lone && !channels->left_out)
			return strdup("");
		if (channels->left_out)
			snprintf(more, sizeof(more), ", other channels %zu", channels->left_out);
		len = asprintf(&text, "not drawn: channels with one known holder %zu%s",
			       channels->lone, more);
		return len < 0 ? NULL : text;
	}
	if (!options->edges_left_out && !drawing->alone && !channels->left_out)
		return strdup("");
	if (channels->left_out)
		snprintf(more, sizeof(more), ", shared memory %zu", channels->left_out);
	len = asprintf(&text, "not drawn: smaller edges %zu, processes without an edge %zu%s",
		       options->edges_left_out, drawing->alone, more);
	return len < 0 ? NULL : text;
}

static int put_left_out(FILE *stream, const struct graph *graph,
			const struct output_options *options, const struct drawing *drawing)
{
	char *text = left_out_text(graph, options, drawing);

	if (text && *text)
		return dot_put_row(stream, DOT_FONT_PLAIN, text);
	free(text);
	return text ? 0 : -ENOMEM;
}

static int put_legend(FILE *stream, const struct graph *graph, const struct drawing *drawing)
{
	int err;

	if (graph->capture.is_snapshot)
		return dot_put_row(
			stream, DOT_FONT_LEGEND,
			strdup("arrows: from write ends, to read ends; without: sockets, "
			       "terminals, memory (dashed: mapped to read only)"));
	err = dot_put_row(stream, DOT_FONT_LEGEND,
			  strdup("width: log of bytes; solid: byte stream, dashed: messages, "
				 "dotted: signals; ≈: best split, ≥: what is certain of it"));
	if (err || !drawing->channels.nr)
		return err;
	return dot_put_row(
		stream, DOT_FONT_LEGEND,
		strdup("cylinder: shared memory, mapped to write (solid) or to read only "
		       "(dashed) by two processes or more"));
}

static int put_ledger(FILE *stream, const struct graph *graph)
{
	int err = dot_put_row(stream, DOT_FONT_PLAIN, describe_window(&graph->capture));

	if (!err)
		err = dot_put_row(stream, DOT_FONT_PLAIN, describe_ledger(&graph->ledger));
	return err ? err : dot_put_trouble(stream, graph);
}

static int put_caption(FILE *stream, const struct graph *graph,
		       const struct output_options *options, const struct drawing *drawing)
{
	int err;

	fputs(DOT_CAPTION_BEGIN, stream);
	err = dot_put_row(stream, DOT_FONT_TITLE, describe_scope(&graph->capture));
	if (!err)
		err = dot_put_row(stream, DOT_FONT_PLAIN, describe_host(&graph->capture));
	if (!err && !graph->capture.is_snapshot)
		err = put_ledger(stream, graph);
	if (!err)
		err = put_left_out(stream, graph, options, drawing);
	if (!err)
		err = put_legend(stream, graph, drawing);
	fputs(DOT_CAPTION_END, stream);
	return err;
}

/* Nodes. */

static int put_node_tooltip(FILE *stream, const struct graph_process *process)
{
	size_t i;
	int err;

	fputs("tooltip=\"", stream);
	err = dot_put_borrowed(stream, process->exe && *process->exe ? process->exe : process->comm,
			       TOOLTIP_COLUMNS, escape_dot);
	for (i = 1; !err && i < 16 && process->args && process->args[0] && process->args[i]; i++) {
		fputc(' ', stream);
		err = dot_put_borrowed(stream, process->args[i], TOOLTIP_COLUMNS / 16, escape_dot);
	}
	fputs(process->is_traced ? "\"" : "\\n(not traced)\"", stream);
	return err;
}

static int put_node_label(FILE *stream, const struct graph_process *process)
{
	int err;

	fputs("label=<<B>", stream);
	err = dot_put_borrowed(stream, process->comm && *process->comm ? process->comm : "?",
			       NAME_COLUMNS, escape_dot_html);
	fputs("</B>", stream);
	if (process->members > 1)
		fprintf(stream, "<BR/><FONT POINT-SIZE=\"10\">%u processes</FONT>",
			process->members);
	else if (process->pid)
		fprintf(stream, "<BR/><FONT POINT-SIZE=\"10\">pid %u</FONT>", process->pid);
	fputs(">", stream);
	return err;
}

static int put_node(FILE *stream, const struct graph *graph, size_t index)
{
	const struct graph_process *process = &graph->processes[index];
	int err;

	fprintf(stream, "\tp%zu [", index + 1);
	err = put_node_label(stream, process);
	fputs(", ", stream);
	if (!err)
		err = put_node_tooltip(stream, process);
	if (!process->pid)
		fputs(", shape=ellipse, style=\"filled,dashed\", fillcolor=\"#EEEEEE\"", stream);
	else if (!process->is_traced)
		fputs(", style=\"rounded,filled,dashed\", fillcolor=\"#FFFFFF\"", stream);
	fputs("];\n", stream);
	return err;
}

/* Edges. */

static void put_amount(FILE *stream, const struct graph_count *count, bool with_messages)
{
	char messages[UNITS_TEXT_MAX], bytes[UNITS_TEXT_MAX];

	units_format_count(messages, sizeof(messages), count->messages);
	units_format_bytes(bytes, sizeof(bytes), count->bytes);
	if (with_messages)
		fprintf(stream, "%s msg", messages);
	if (count->bytes)
		fprintf(stream, "%s%s", with_messages ? ", " : "", bytes);
}

/* `12 msg, 3.4 KiB`; where that is the best split only: `≈ 12 msg, 3.4 KiB (≥ 2.1 KiB)`. */
static void put_amounts(FILE *stream, const struct graph_edge *edge)
{
	if (edge->is_exact) {
		put_amount(stream, &edge->count, true);
		return;
	}
	fputs("≈ ", stream);
	put_amount(stream, &edge->count, true);
	fputs(" (≥ ", stream);
	put_amount(stream, &edge->at_least, !edge->at_least.bytes);
	fputs(")", stream);
}

static const char *channel_name(const struct graph *graph, const struct graph_edge *edge)
{
	const char *name = NULL;

	if (edge->channel != GRAPH_NONE)
		name = graph->channels[edge->channel].name;
	return name ? name : "";
}

/* A table for the room around it: Graphviz would let a wide line touch the letters. */
static int put_edge_label(FILE *stream, const struct graph *graph, const struct graph_edge *edge)
{
	const char *name = channel_name(graph, edge);
	int err = 0;

	fprintf(stream, "label=<<TABLE BORDER=\"0\" CELLPADDING=\"3\" CELLSPACING=\"0\"><TR><TD>%s",
		graph_mechanism_name(edge->mechanism));
	if (edge->members > 1)
		fprintf(stream, " ×%u", edge->members);
	if (*name) {
		fputc(' ', stream);
		err = dot_put_borrowed(stream, name, NAME_COLUMNS, escape_dot_html);
	}
	fputs("<BR/>", stream);
	put_amounts(stream, edge);
	fputs("</TD></TR></TABLE>>", stream);
	return err;
}

static int put_edge_tooltip(FILE *stream, const struct graph *graph, const struct graph_edge *edge)
{
	static const char *const attributes[] = { "tooltip", "labeltooltip" };
	char *from, *to;
	size_t i;
	int err = 0;

	for (i = 0; i < 2 && !err; i++) {
		from = describe_process(&graph->processes[edge->from]);
		to = describe_process(&graph->processes[edge->to]);
		fprintf(stream, ", %s=\"", attributes[i]);
		err = dot_put_text(stream, from, TOOLTIP_COLUMNS, escape_dot);
		fputs(" → ", stream);
		err |= dot_put_text(stream, to, TOOLTIP_COLUMNS, escape_dot);
		fprintf(stream, "\\n%s ", graph_mechanism_name(edge->mechanism));
		err |= dot_put_borrowed(stream, describe_channel(graph, edge->channel),
					TOOLTIP_COLUMNS, escape_dot);
		fputc('"', stream);
	}
	return err ? -ENOMEM : 0;
}

static int put_edge(FILE *stream, const struct graph *graph, const struct graph_edge *edge,
		    bool is_backward)
{
	struct dot_style style = dot_style_of(edge->mechanism);
	uint32_t left = is_backward ? edge->to : edge->from;
	uint32_t right = is_backward ? edge->from : edge->to;
	int err;

	fprintf(stream, "\tp%u -> p%u [", left + 1, right + 1);
	if (is_backward)
		fputs("dir=back, ", stream);
	err = put_edge_label(stream, graph, edge);
	if (!err)
		err = put_edge_tooltip(stream, graph, edge);
	fprintf(stream, ", color=\"%s\", fontcolor=\"%s\", style=%s, %s=%s, penwidth=%.2f];\n",
		style.line, style.text, style.dash, is_backward ? "arrowtail" : "arrowhead",
		style.head, pen_width(edge->count.bytes));
	return err;
}

static int put_edges(FILE *stream, const struct graph *graph)
{
	struct dot_arc *arcs = calloc(graph->edges_nr + 1, sizeof(*arcs));
	size_t i;
	int err = 0;

	if (!arcs)
		return -ENOMEM;
	for (i = 0; i < graph->edges_nr; i++) {
		const struct graph_edge *edge = &graph->edges[i];

		arcs[i] = (struct dot_arc){ .from = edge->from,
					    .to = edge->to,
					    .first_ns = edge->first_ns,
					    .index = (uint32_t)i };
	}
	dot_arcs_order(arcs, graph->edges_nr);
	for (i = 0; i < graph->edges_nr && !err; i++)
		err = put_edge(stream, graph, &graph->edges[arcs[i].index], arcs[i].is_backward);
	free(arcs);
	return err;
}

static void drawing_fini(struct drawing *drawing)
{
	dot_channels_fini(&drawing->channels);
	free(drawing->drawn);
}

/* What is drawn; to be ended also on failure. */
static int drawing_init(const struct graph *graph, struct drawing *drawing)
{
	size_t i;

	*drawing = (struct drawing){ .drawn = calloc(graph->processes_nr + 1, sizeof(bool)) };
	if (!drawing->drawn || dot_channels_init(&drawing->channels, graph, drawing->drawn))
		return -ENOMEM;
	for (i = 0; i < graph->edges_nr; i++) {
		drawing->drawn[graph->edges[i].from] = true;
		drawing->drawn[graph->edges[i].to] = true;
	}
	for (i = 0; i < graph->processes_nr; i++)
		drawing->alone += !drawing->drawn[i];
	return 0;
}

static int put_graph(FILE *stream, const struct graph *graph, const struct output_options *options,
		     const struct drawing *drawing)
{
	size_t i;
	int err;

	dot_put_defaults(stream);
	err = put_caption(stream, graph, options, drawing);
	for (i = 0; i < graph->processes_nr && !err; i++)
		if (drawing->drawn[i])
			err = put_node(stream, graph, i);
	if (!err)
		err = put_edges(stream, graph);
	if (!err)
		err = dot_channels_put(stream, &drawing->channels, graph);
	if (!graph->edges_nr && !drawing->channels.nr)
		fprintf(stream, "\tempty [shape=plaintext, style=\"\", label=\"%s\"];\n",
			graph->capture.is_snapshot ? "no channel has two known holders" :
						     "no communication was seen");
	fputs("}\n", stream);
	return err;
}

static int dot_write(const struct graph *graph, const struct output_options *options, FILE *stream)
{
	struct drawing drawing;
	int err = drawing_init(graph, &drawing);

	if (!err)
		err = put_graph(stream, graph, options, &drawing);
	drawing_fini(&drawing);
	if (!err && ferror(stream))
		err = -EIO;
	return err;
}

const struct output_format output_dot = {
	.name = "dot",
	.summary = "for Graphviz",
	.write = dot_write,
};
