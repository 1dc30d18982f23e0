/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/report.h"

#include <argp.h>
#include <errno.h>

#include "base/exit_code.h"
#include "base/log.h"
#include "base/output_file.h"
#include "command/choose.h"
#include "command/command.h"
#include "command/load_graph.h"
#include "output/output.h"

struct report_options {
	const char *input;
	struct output_options output;
};

enum { OPTION_BY = 0x100, OPTION_SORT };

static const struct argp_option options[] = {
	{ "input", 'i', "FILE", 0, "read this capture (default: " LOAD_GRAPH_FILE ")", 0 },
	{ "by", OPTION_BY, "WHAT", 0, "a row per edge, process, channel or mechanism", 0 },
	{ "sort", OPTION_SORT, "KEY", 0, "by bytes (default), messages, rate or name", 0 },
	{ "rows", 'n', "N", 0, "show the first N rows (default 0: all)", 0 },
	{ 0 },
};

static const char doc[] =
	"Show a capture as text: what was recorded, what was lost, and who sent how much to whom.\v"
	"A number that could not be proven has a '≥' beside it with what is certain.\n\n"
	"Examples:\n"
	"  ipctrace report\n"
	"  ipctrace report -i web.data --by channel --sort messages\n"
	"  ipctrace report --by process -n 10";

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct report_options *report = state->input;
	int choice;

	switch (key) {
	case 'i':
		report->input = value;
		return 0;
	case 'n':
		return choose_number("-n", value, &report->output.rows_max) ? EINVAL : 0;
	case OPTION_BY:
		choice = choose_name("--by", value, output_table_names, OUTPUT_TABLE_NR);
		report->output.table = choice < 0 ? 0 : (enum output_table)choice;
		return choice < 0 ? EINVAL : 0;
	case OPTION_SORT:
		choice = choose_name("--sort", value, graph_sort_names, GRAPH_SORT_NR);
		report->output.sort = choice < 0 ? 0 : (enum graph_sort)choice;
		return choice < 0 ? EINVAL : 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int report_write(const struct graph *graph, const struct output_options *output)
{
	struct output_file *file;
	int err = output_file_open(NULL, &file);

	if (!err)
		err = output_file_end(file,
				      output_report.write(graph, output, output_file_stream(file)));
	if (!err)
		return EXIT_CODE_OK;
	log_err("cannot write the report: %s", output_error_text(err));
	return EXIT_CODE_IO;
}

static int report_run(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, NULL, doc, NULL, NULL, NULL };
	struct report_options report = { .input = LOAD_GRAPH_FILE };
	struct graph *graph;
	int status;

	if (argp_parse(&argp, argc, argv, 0, NULL, &report))
		return EXIT_CODE_USAGE;
	status = load_graph(report.input, &graph);
	if (status)
		return status;
	status = report_write(graph, &report.output);
	graph_free(graph);
	return status;
}

const struct command command_report = {
	.name = "report",
	.summary = "show a capture as text: a table of edges, processes, channels or mechanisms",
	.run = report_run,
};
