/* SPDX-License-Identifier: GPL-2.0-only */
#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blocked.h"
#include "family.h"
#include "process.h"
#include "truth.h"
#include "try.h"

#define EXIT_USAGE 2

enum {
	OPT_MESSAGES = 'n',
	OPT_SIZE = 's',
	OPT_PROCESSES = 'p',
	OPT_TRUTH = 't',
	OPT_DIR = 'd',
	OPT_WAIT_STDIN = 'w'
};

struct command_line {
	const char *scenario;
	const char *truth_path;
	struct options options;
};

static const struct argp_option main_options[] = {
	{ "messages", OPT_MESSAGES, "N", 0, "messages of each sender (default 1000)", 0 },
	{ "size", OPT_SIZE, "BYTES", 0, "bytes of each message (default 64)", 0 },
	{ "processes", OPT_PROCESSES, "P", 0, "processes where there are many (default 4)", 0 },
	{ "truth", OPT_TRUTH, "FILE", 0, "write what really happened, in JSON", 0 },
	{ "dir", OPT_DIR, "DIR", 0, "where to make FIFOs and sockets (default: a new directory)",
	  0 },
	{ "wait-stdin", OPT_WAIT_STDIN, NULL, 0,
	  "in *-preconnected and *-preopened: say \"ready\" when set up, then wait for a byte", 0 },
	{ 0 },
};

static const char main_doc[] =
	"Reference workloads for ipctrace: run real IPC and write down what really happened.\v"
	"Examples:\n"
	"  ipcload list\n"
	"  ipcload pipe --messages 100000 --truth truth.json\n"
	"  ipcload all --truth truth.json\n"
	"\n"
	"Exit status: 0 done, 1 the workload failed, 2 usage, 77 this machine lacks what it needs.";

static unsigned long main_parse_number(struct argp_state *state, const char *text,
				       unsigned long max)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || !number || number > max)
		argp_error(state, "'%s' is no number from 1 to %lu", text, max);
	return number;
}

static error_t main_parse_option(int key, char *arg, struct argp_state *state)
{
	struct command_line *line = state->input;

	switch (key) {
	case OPT_MESSAGES:
		line->options.messages = main_parse_number(state, arg, 100000000);
		return 0;
	case OPT_SIZE:
		line->options.size = main_parse_number(state, arg, 1 << 30);
		return 0;
	case OPT_PROCESSES:
		line->options.processes = main_parse_number(state, arg, 50);
		return 0;
	case OPT_TRUTH:
		line->truth_path = arg;
		return 0;
	case OPT_DIR:
		line->options.dir = arg;
		return 0;
	case OPT_WAIT_STDIN:
		line->options.wait_stdin = true;
		return 0;
	case ARGP_KEY_ARG:
		if (line->scenario)
			argp_error(state, "one scenario at a time");
		line->scenario = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which scenario? 'ipcload list' shows them");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static int main_list(void)
{
	const struct scenario *const *family;
	const struct scenario *scenario;

	for (family = families; *family; family++) {
		for (scenario = *family; scenario->name; scenario++)
			printf("%-30s %-15s %s\n", scenario->name, scenario->mechanism,
			       scenario->summary);
	}
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The directory is private unless it was given. */
static void main_open_dir(const struct options *options, char ret_dir[PATH_MAX])
{
	const char *tmp = getenv("TMPDIR");

	if (options->dir) {
		ENSURE(realpath(options->dir, ret_dir));
		return;
	}
	ENSURE(snprintf(ret_dir, PATH_MAX, "%s/ipcload.XXXXXX", tmp ? tmp : "/tmp") < PATH_MAX);
	ENSURE(mkdtemp(ret_dir));
}

static void main_run_scenario(struct truth *truth, const struct scenario *scenario,
			      const struct options *options, const char *dir)
{
	struct run run = {
		.scenario = scenario,
		.options = *options,
		.truth = truth,
		.dir = dir,
	};

	if (!options->wait_stdin)
		process_arm_watchdog();
	blocked_allow();
	scenario->run(&run);
	truth_flush(truth);
}

/* In a child, whose counts come back in the truth's slots. Returns its exit status. */
static int main_run_child(struct truth *truth, const struct scenario *scenario,
			  const struct options *options, const char *dir)
{
	pid_t pid = TRY(fork());
	int status;

	if (!pid) {
		TRY(prctl(PR_SET_PDEATHSIG, SIGKILL));
		truth_become(truth, 0);
		main_run_scenario(truth, scenario, options, dir);
		_exit(0);
	}
	TRY(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* A failed scenario may leave something behind, and its directory with it. */
static void main_close_dir(const struct options *options, const char *dir)
{
	if (!options->dir)
		(void)rmdir(dir);
}

/* Adds to the graph what the scenario did, unless it failed or was skipped. */
static bool main_run_one_of_all(const struct scenario *scenario, const struct options *options,
				const char *dir, json_t *graph)
{
	struct truth *truth = truth_new();
	int status = main_run_child(truth, scenario, options, dir);

	if (!status)
		truth_append_to(truth, scenario->name, graph);
	else
		dprintf(STDERR_FILENO, "ipcload: %s %s\n", scenario->name,
			status == SCENARIO_SKIPPED ? "skipped" : "failed");
	truth_free(truth);
	return !status || status == SCENARIO_SKIPPED;
}

static int main_run_all(const struct options *options, const char *dir, json_t *graph)
{
	const struct scenario *const *family;
	const struct scenario *scenario;
	bool is_good = true;

	for (family = families; *family; family++) {
		for (scenario = *family; scenario->name; scenario++)
			is_good &= main_run_one_of_all(scenario, options, dir, graph);
	}
	return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int main_write_truth(const char *path, json_t *graph)
{
	if (!path || json_dump_file(graph, path, JSON_INDENT(1)) == 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "ipcload: cannot write the truth to '%s'\n", path);
	return EXIT_FAILURE;
}

static int main_run(const struct command_line *line, const struct scenario *scenario)
{
	json_t *graph = truth_new_graph();
	int status = EXIT_SUCCESS;
	struct truth *truth;
	char dir[PATH_MAX];
	int written;

	main_open_dir(&line->options, dir);
	if (!scenario) {
		status = main_run_all(&line->options, dir, graph);
	} else {
		truth = truth_new();
		main_run_scenario(truth, scenario, &line->options, dir);
		truth_append_to(truth, scenario->name, graph);
		truth_free(truth);
	}
	main_close_dir(&line->options, dir);
	written = main_write_truth(line->truth_path, graph);
	json_decref(graph);
	return status ? status : written;
}

int main(int argc, char **argv)
{
	const struct argp argp = {
		main_options, main_parse_option, "SCENARIO|list|all", main_doc, NULL, NULL, NULL
	};
	struct command_line line = { .options = { .messages = 1000, .size = 64, .processes = 4 } };
	const struct scenario *scenario;

	if (argc > 1 && !strcmp(argv[1], "exec-child"))
		process_resume(argc, argv);
	argp_err_exit_status = EXIT_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &line))
		return EXIT_USAGE;
	if (!strcmp(line.scenario, "list"))
		return main_list();
	scenario = family_find_scenario(line.scenario);
	if (!scenario && strcmp(line.scenario, "all")) {
		fprintf(stderr, "ipcload: no scenario '%s'; 'ipcload list' shows them\n",
			line.scenario);
		return EXIT_USAGE;
	}
	return main_run(&line, scenario);
}
