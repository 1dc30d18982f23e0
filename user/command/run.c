/* SPDX-License-Identifier: GPL-2.0-only */
/* `ipctrace -- CMD`: record into a temporary file, then report. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

/* From here on a reader of stdout that has enough ends us, as with `ipctrace report`. */
static void sigpipe_unblock(void)
{
	const struct timespec now = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	while (sigtimedwait(&set, NULL, &now) > 0)
		continue;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int report_graph(struct graph *graph)
{
	struct output_options output = {};

	sigpipe_unblock();
	return report_write(graph, &output);
}

/* The graph is in memory and the file gone before anything is printed. */
static int record_into(struct record_options *record, const char *directory)
{
	int status, reported = EXIT_CODE_OK;
	struct graph *graph = NULL;
	bool is_recorded;
	char *path;

	if (asprintf(&path, "%s/%s", directory, LOAD_GRAPH_FILE) < 0)
		return EXIT_CODE_IO;
	record->path = path;
	status = record_to_file(record, &is_recorded);
	if (is_recorded)
		reported = load_graph(path, &graph);
	unlink(path);
	free(path);
	rmdir(directory);
	if (graph)
		reported = report_graph(graph);
	graph_free(graph);
	return status ? status : reported;
}

/* A directory of our own: nobody else can put a link at the file's name. */
static int record_and_report(struct record_options *record)
{
	const char *base = getenv("TMPDIR");
	int status = EXIT_CODE_IO;
	char *directory;

	base = base && *base ? base : "/tmp";
	if (asprintf(&directory, "%s/ipctrace.XXXXXX", base) < 0)
		return EXIT_CODE_IO;
	if (mkdtemp(directory))
		status = record_into(record, directory);
	else
		log_err("cannot make a directory in %s: %s", base, strerror(errno));
	free(directory);
	return status;
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
