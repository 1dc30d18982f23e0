/* SPDX-License-Identifier: GPL-2.0-only */
/* `ipctrace -- CMD`: record into a temporary file, then report. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "base/log.h"
#include "command/command.h"
#include "command/load_graph.h"
#include "command/record.h"
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

static int report_file(const char *path)
{
	struct output_options output = {};
	struct graph *graph;
	int status = load_graph(path, &graph);

	if (status)
		return status;
	status = report_write(graph, &output);
	graph_free(graph);
	return status;
}

/* A directory of our own: nobody else can put a link at the file's name. */
static int record_and_report(struct record_options *record)
{
	const char *base = getenv("TMPDIR");
	char *directory, *path = NULL;
	int status = EXIT_CODE_IO, reported = EXIT_CODE_OK;
	bool is_recorded;

	if (asprintf(&directory, "%s/ipctrace.XXXXXX", base && *base ? base : "/tmp") < 0)
		return EXIT_CODE_IO;
	if (!mkdtemp(directory)) {
		log_err("cannot make a directory in %s: %s", base ? base : "/tmp",
			strerror(errno));
	} else if (asprintf(&path, "%s/%s", directory, LOAD_GRAPH_FILE) >= 0) {
		record->path = path;
		status = record_to_file(record, &is_recorded);
		if (is_recorded)
			reported = report_file(path);
		unlink(path);
		free(path);
		rmdir(directory);
	}
	free(directory);
	return status ? status : reported;
}

static int run_run(int argc, char **argv)
{
	static const struct argp_child children[] = { { &target_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		NULL, parse_option, "-- CMD ARGS...",
		"Run a command, and report who sent how much to whom.\v"
		"Nothing is kept; `ipctrace record` keeps the capture. The exit status is CMD's.\n\n"
		"Examples:\n"
		"  ipctrace -- make -j4\n"
		"  ipctrace -- sh -c 'seq 1000 | sort | tail -1'\n"
		"  ipctrace run -a -d 5s",
		children, NULL, NULL,
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
