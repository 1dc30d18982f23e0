/* SPDX-License-Identifier: GPL-2.0-only */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "base/output_file.h"
#include "base/units.h"
#include "command/choose.h"
#include "command/command.h"
#include "command/load_graph.h"
#include "command/load_spec.h"
#include "command/record_graph.h"
#include "command/verify.h"
#include "output/output.h"
#include "output/verify.h"
#include "verify/evaluate.h"

#define RUNS_MAX 100

enum {
	OPTION_MAX_SIZE = 0x300,
	OPTION_MAX_LOST,
	OPTION_KEEP,
	OPTION_TAP,
	OPTION_JUNIT,
	OPTION_LEARN,
	OPTION_RUNS,
	OPTION_UPDATE,
};

static const struct argp_option options[] = {
	{ "input", 'i', "FILE", 0, "judge this capture instead of running something", 0 },
	{ "format", 'f', "FORMAT", 0, "write text (default), tap, junit or json", 0 },
	{ "output", 'o', "FILE", 0, "write to this file (default: stdout, as CMD does)", 0 },
	{ "tap", OPTION_TAP, NULL, 0, "the same as -f tap: version 13, for `prove`", 0 },
	{ "junit", OPTION_JUNIT, "FILE", 0, "write JUnit's XML to this file as well", 0 },
	{ "max-lost", OPTION_MAX_LOST, "N", 0,
	  "take up to N lost records for none (default 0: absence is then not proven, exit status "
	  "4)",
	  0 },
	{ "keep", OPTION_KEEP, "FILE", 0, "keep the capture that is recorded", 0 },
	{ "max-size", OPTION_MAX_SIZE, "SIZE", 0, "stop when the capture is this large", 0 },
	{ "learn", OPTION_LEARN, NULL, 0, "write SPEC from what is seen, instead of judging", 0 },
	{ "runs", OPTION_RUNS, "N", 0, "with --learn: run CMD N times", 0 },
	{ "update", OPTION_UPDATE, NULL, 0,
	  "write SPEC.new, which holds for what is seen, and show the difference; not where CI is "
	  "set",
	  0 },
	{ 0 },
};

static const char doc[] =
	"Judge how processes talk by a specification: who must, may and must not talk to whom.\v"
	"SPEC is YAML: roles (exe, comm, args, parent, uid, cgroup, listens), then rules between "
	"them:\n\n"
	"  ipctrace: 1\n"
	"  roles: {web: {exe: \"*/nginx\"}, app: {listens: /run/app.sock}}\n"
	"  require: [\"web -> app via unix where messages >= 10, errors.EPIPE = 0\"]\n"
	"  forbid: [\"web -> * via tcp *:5432\"]\n"
	"  closed: {mechanisms: [unix, tcp]}      # nothing else there\n"
	"  at_exit: {sysv: 0}                     # nothing left behind\n\n"
	"All of it is in user/verify/SPEC.md. A failing CMD is a violation, unless SPEC says "
	"`exit: "
	"any` or `exit: N`. Exit status: 0 all rules hold, 1 one does not, 2 SPEC is wrong, 4 not "
	"decided: records were lost, the capture was cut short (by -d, --max-size, a kill) or is "
	"otherwise not whole, a mechanism was left out by -e, or what was seen is not proven.\n\n"
	"Examples:\n"
	"  ipctrace verify pipeline.yaml -- sh -c 'zcat big.gz | sort -u | wc -l'\n"
	"  ipctrace verify -a postgres.yaml --junit verify.xml -- ./run-pgbench.sh\n"
	"  ipctrace verify web.yaml -i web.data --tap";

static const char *const format_names[] = { "text", "tap", "junit", "json" };
static const verify_write_fn writers[] = { verify_write_text, verify_write_tap, verify_write_junit,
					   verify_write_json };

enum { FORMAT_TEXT, FORMAT_TAP, FORMAT_JUNIT, FORMATS_NR = 4 };

static int size_parse(struct verify_options *verify, const char *value)
{
	if (!units_parse_size(value, &verify->record.max_bytes) && verify->record.max_bytes)
		return 0;
	choose_complain("--max-size", value, "no size, e.g. 100M");
	return EINVAL;
}

static int lost_parse(struct verify_options *verify, const char *value)
{
	size_t number;

	if (choose_number("--max-lost", value, &number))
		return EINVAL;
	verify->max_lost = number;
	return 0;
}

static int runs_parse(struct verify_options *verify, const char *value)
{
	if (choose_number("--runs", value, &verify->runs))
		return EINVAL;
	if (verify->runs >= 1 && verify->runs <= RUNS_MAX)
		return 0;
	choose_complain("--runs", value, "not from 1 to 100");
	return EINVAL;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct verify_options *verify = state->input;
	int choice;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &verify->record.target;
		return 0;
	case 'i':
		verify->input = value;
		return 0;
	case 'o':
		verify->output = value;
		return 0;
	case 'f':
		choice = choose_name("-f", value, format_names, FORMATS_NR);
		verify->format = choice < 0 ? 0 : choice;
		return choice < 0 ? EINVAL : 0;
	case OPTION_TAP:
		verify->format = FORMAT_TAP;
		return 0;
	case OPTION_JUNIT:
		verify->junit = value;
		return 0;
	case OPTION_KEEP:
		verify->record.path = value;
		return 0;
	case OPTION_MAX_SIZE:
		return size_parse(verify, value);
	case OPTION_LEARN:
		verify->learns = true;
		return 0;
	case OPTION_UPDATE:
		verify->updates = true;
		return 0;
	case OPTION_RUNS:
		return runs_parse(verify, value);
	case OPTION_MAX_LOST:
		return lost_parse(verify, value);
	case ARGP_KEY_ARG:
		if (verify->spec || state->quoted)
			return ARGP_ERR_UNKNOWN; /* CMD, for the target */
		verify->spec = value;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Reports ----------------------------------------------------------------------------------- */

/* Colour is for people: on a terminal, unless they say no. */
static bool is_coloured(const char *path)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return (!path || !strcmp(path, "-")) && isatty(STDOUT_FILENO) && !(no && *no) && term &&
	       strcmp(term, "dumb");
}

static int verdicts_write(const struct verdicts *verdicts, const struct verify_options *verify,
			  int format, const char *path)
{
	struct verify_output output = { .spec_path = verify->spec };
	struct output_file *file;
	int err = output_file_open(path, &file);
	char *name;

	output.is_coloured = is_coloured(path);
	if (!err)
		err = output_file_end(file,
				      writers[format](verdicts, &output, output_file_stream(file)));
	if (!err)
		return EXIT_CODE_OK;
	name = path ? escape_line(path, strlen(path)) : NULL;
	log_err("cannot write the verdicts to %s: %s", name ? name : "stdout",
		output_error_text(err));
	free(name);
	return EXIT_CODE_IO;
}

static int status_of(const struct verdicts *verdicts)
{
	switch (verdicts_status(verdicts)) {
	case VERDICT_FAIL:
		return EXIT_CODE_VIOLATION;
	case VERDICT_INCONCLUSIVE:
		return EXIT_CODE_INCOMPLETE;
	default:
		return EXIT_CODE_OK;
	}
}

static int judge(const struct verify_options *verify, const struct spec *spec,
		 const struct graph *graph, const struct examples *examples)
{
	const struct evaluate_options how = { verify->max_lost, examples };
	struct verdicts verdicts;
	int status, err = evaluate(spec, graph, &how, &verdicts);

	if (err) {
		log_err("cannot judge the capture: %s", strerror(-err));
		return EXIT_CODE_IO;
	}
	status = verdicts_write(&verdicts, verify, verify->format, verify->output);
	if (!status && verify->junit)
		status = verdicts_write(&verdicts, verify, FORMAT_JUNIT, verify->junit);
	if (!status)
		status = status_of(&verdicts);
	verdicts_fini(&verdicts);
	return status;
}

/* What is judged ---------------------------------------------------------------------------- */

int verify_graph(const struct verify_options *verify, struct examples *examples,
		 struct graph **ret_graph)
{
	*ret_graph = NULL;
	if (verify->input)
		return load_graph_examples(verify->input, examples, ret_graph);
	return record_graph(&verify->record, examples, ret_graph);
}

static int verify_and_judge(const struct verify_options *verify, const struct spec *spec)
{
	struct examples *examples = examples_new();
	struct graph *graph;
	int status;

	if (!examples) {
		log_err("out of memory");
		return EXIT_CODE_IO;
	}
	status = verify_graph(verify, examples, &graph);
	if (!status) {
		if (!verify->input)
			record_graph_end();
		status = judge(verify, spec, graph, examples);
	}
	graph_free(graph);
	examples_free(examples);
	return status;
}

static bool modes_agree(const struct verify_options *verify)
{
	if (verify->learns && verify->updates)
		log_err("--learn writes a new SPEC, --update changes one: say one of them");
	else if (verify->runs > 1 && !verify->learns)
		log_err("--runs goes with --learn");
	else if (verify->runs > 1 && (verify->input || !verify->record.target.command))
		log_err("--runs wants a command to run: `ipctrace verify --learn SPEC --runs 5 -- "
			"CMD "
			"ARGS...`");
	else if (verify->runs > 1 && verify->record.path)
		log_err("--keep has room for one capture, and --runs makes several");
	else
		return true;
	return false;
}

static bool is_usable(const struct verify_options *verify)
{
	const struct target *target = &verify->record.target;
	bool has_target = target->command || target->is_system_wide || target->pids_nr;

	if (!verify->spec)
		log_err("say by which specification: `ipctrace verify SPEC -- CMD ARGS...` or "
			"`ipctrace verify SPEC -i FILE`");
	else if (!verify->input && !has_target)
		log_err("say what to verify: `ipctrace verify SPEC -- CMD ARGS...`, `ipctrace "
			"verify "
			"SPEC -p PID`, `ipctrace verify SPEC -a -d 10s` or `ipctrace verify SPEC "
			"-i "
			"FILE`");
	else if (verify->input && has_target)
		log_err("-i is a capture that was made before: it goes with neither -a nor -p nor "
			"a "
			"command");
	else
		return modes_agree(verify);
	return false;
}

static int verify(const struct verify_options *verify)
{
	struct loaded_spec loaded;
	int status;

	if (verify->learns)
		return verify_learn(verify);
	if (verify->updates)
		return verify_update(verify);
	status = load_spec(verify->spec, &loaded);
	if (status)
		return status;
	status = verify_and_judge(verify, loaded.spec);
	load_spec_fini(&loaded);
	return status;
}

static int verify_run(int argc, char **argv)
{
	static const struct argp_child children[] = { { &target_argp, 0, "What to record:", 1 },
						      { 0 } };
	static const struct argp argp = {
		options, parse_option, "SPEC [-- CMD ARGS...]", doc, children, NULL, NULL,
	};
	struct verify_options asked = {
		.runs = 1,
		.record = { .max_lost = UINT64_MAX, .is_quiet = true, .hides_status = true },
	};
	int status = EXIT_CODE_USAGE;

	target_init(&asked.record.target);
	if (!argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &asked) && is_usable(&asked))
		status = verify(&asked);
	target_fini(&asked.record.target);
	return status;
}

const struct command command_verify = {
	.name = "verify",
	.summary = "judge how processes talk by a specification",
	.run = verify_run,
};
