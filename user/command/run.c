/* SPDX-License-Identifier: GPL-2.0-only */
/* `ipctrace -- CMD`: record into a temporary file, then report. */
#include <argp.h>

#include "base/exit_code.h"
#include "base/log.h"
#include "command/command.h"
#include "command/record.h"
#include "command/record_graph.h"
#include "command/report.h"

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct record_options *record = state->input;

	(void)value;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = &record->target;
	return 0;
}

/* The graph is in memory and the file gone before anything is printed. */
static int record_and_report(struct record_options *record)
{
	struct output_options output = {};
	struct graph *graph;
	int status = record_graph(record, NULL, &graph), reported;

	if (!graph)
		return status;
	record_graph_end();
	reported = report_write(graph, &output);
	graph_free(graph);
	return status ? status : reported;
}

static int run_run(int argc, char **argv)
{
	static const struct argp_child children[] = { { &target_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		NULL,
		parse_option,
		"-- CMD ARGS...",
		"Run a command, and report who sent how much to whom.\v"
		"Nothing is kept; `ipctrace record` keeps the capture. The exit status is "
		"CMD's.\n\n"
		"Examples:\n"
		"  ipctrace -- make -j4\n"
		"  ipctrace -- sh -c 'seq 1000 | sort | tail -1'\n"
		"  ipctrace run -a -d 5s",
		children,
		NULL,
		NULL,
	};
	struct record_options record = { .max_lost = UINT64_MAX };
	int status = EXIT_CODE_USAGE;

	target_init(&record.target);
	if (!argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &record) &&
	    target_is_given(&record.target, "run"))
		status = record_and_report(&record);
	target_fini(&record.target);
	return status;
}

const struct command command_run = {
	.name = "run",
	.summary = "run a command and report at once; the same as `ipctrace -- CMD`",
	.run = run_run,
};
