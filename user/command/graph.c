/* SPDX-License-Identifier: GPL-2.0-only */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "base/exit_code.h"
#include "base/log.h"
#include "base/output_file.h"
#include "command/choose.h"
#include "command/command.h"
#include "command/load_graph.h"
#include "output/output.h"

#define FORMATS_MAX 16

struct graph_options {
	const char *input, *path;
	const struct output_format *format;
	int group_by; /* enum graph_grouping, -1: not given */
	size_t top;   /* 0: all */
};

enum { OPTION_GROUP_BY = 0x100, OPTION_TOP };

static const struct argp_option options[] = {
	{ "input", 'i', "FILE", 0, "read this capture (default: " LOAD_GRAPH_FILE ")", 0 },
	{ "format", 'f', "FORMAT", 0, "write json, dot or svg", 0 },
	{ "output", 'o', "FILE", 0, "write to this file (default: stdout)", 0 },
	{ "group-by", OPTION_GROUP_BY, "WHAT", 0,
	  "a node per process, comm, exe or program; parallel edges become one (dot and svg: "
	  "process)",
	  0 },
	{ "top", OPTION_TOP, "N", 0, "only the N edges with the most bytes", 0 },
	{ 0 },
};

static const char doc[] =
	"Write the graph of a capture: processes, channels, and who sent how much to whom.\v"
	"svg needs Graphviz' dot.\n\n"
	"Examples:\n"
	"  ipctrace graph -f svg -o graph.svg\n"
	"  ipctrace graph -i web.data -f svg --group-by comm --top 30 -o web.svg\n"
	"  ipctrace graph -f json | jq '.edges | length'";

static const struct output_format *choose_format(const char *value)
{
	const char *names[FORMATS_MAX];
	size_t nr = 0;
	int choice;

	for (; output_formats[nr] && nr < FORMATS_MAX; nr++)
		names[nr] = output_formats[nr]->name;
	choice = choose_name("-f", value, names, nr);
	return choice < 0 ? NULL : output_formats[choice];
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct graph_options *graph = state->input;

	switch (key) {
	case 'i':
		graph->input = value;
		return 0;
	case 'o':
		graph->path = value;
		return 0;
	case 'f':
		graph->format = choose_format(value);
		return graph->format ? 0 : EINVAL;
	case OPTION_GROUP_BY:
		graph->group_by =
			choose_name("--group-by", value, graph_grouping_names, GRAPH_GROUP_NR);
		return graph->group_by < 0 ? EINVAL : 0;
	case OPTION_TOP:
		return choose_number("--top", value, &graph->top) ? EINVAL : 0;
	case ARGP_KEY_END:
		if (!graph->format)
			argp_error(state, "say what to write: -f json, -f dot or -f svg");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void replace(struct graph **graph, struct graph *with)
{
	graph_free(*graph);
	*graph = with;
}

static int apply_view(struct graph **graph, const struct graph_options *asked,
		      struct output_options *output)
{
	struct graph *view;
	int err;

	if (asked->group_by >= 0) {
		err = graph_view_group(*graph, (enum graph_grouping)asked->group_by, &view);
		if (err)
			return err;
		replace(graph, view);
		output->group_by = graph_grouping_names[asked->group_by];
	}
	if (!asked->top)
		return 0;
	err = graph_view_top(*graph, asked->top, &view, &output->edges_left_out);
	if (!err)
		replace(graph, view);
	return err;
}

static int write_graph(const struct graph *graph, const struct graph_options *asked,
		       const struct output_options *output)
{
	struct output_file *file;
	int err = output_file_open(asked->path, &file);

	if (err)
		return err;
	err = asked->format->write(graph, output, output_file_stream(file));
	return output_file_end(file, err);
}

static int show_graph(struct graph **graph, const struct graph_options *asked)
{
	struct output_options output = { 0 };
	int err = apply_view(graph, asked, &output);

	if (!err)
		err = write_graph(*graph, asked, &output);
	if (!err)
		return EXIT_CODE_OK;
	log_err("cannot write the graph to %s: %s",
		asked->path && strcmp(asked->path, "-") ? asked->path : "stdout",
		output_error_text(err));
	return EXIT_CODE_IO;
}

static int graph_run(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, NULL, doc, NULL, NULL, NULL };
	struct graph_options asked = { .input = LOAD_GRAPH_FILE, .group_by = -1 };
	struct graph *graph;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &asked))
		return EXIT_CODE_USAGE;
	/* A picture of parallel edges can not be read; data stays as it was recorded. */
	if (asked.group_by < 0 && asked.format != &output_json)
		asked.group_by = GRAPH_GROUP_PROCESS;
	status = load_graph(asked.input, &graph);
	if (status)
		return status;
	status = show_graph(&graph, &asked);
	graph_free(graph);
	return status;
}

const struct command command_graph = {
	.name = "graph",
	.summary = "write a capture's graph as JSON, for Graphviz, or as a picture",
	.run = graph_run,
};
