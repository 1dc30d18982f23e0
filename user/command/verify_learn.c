/* SPDX-License-Identifier: GPL-2.0-only */
/* `ipctrace verify --learn` and `--update`: specifications from what was seen. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "base/output_file.h"
#include "command/load_spec.h"
#include "command/record_graph.h"
#include "command/verify.h"
#include "output/output.h"
#include "verify/evaluate.h"
#include "verify/learn.h"
#include "verify/scene.h"
#include "verify/spec_update.h"

extern char **environ;

static int write_failed(const char *path, int err)
{
	char *name = escape_line(path, strlen(path));

	log_err("cannot write %s: %s", name ? name : "", output_error_text(err));
	free(name);
	return EXIT_CODE_IO;
}

/* What is missing cannot be told from what did not happen. */
static int graph_check(const struct graph *graph)
{
	const struct scene scene = { .graph = graph };
	enum verdict_reason gap = scene_gap(&scene, 0);

	if (gap == VERDICT_REASON_NONE)
		return EXIT_CODE_OK;
	log_err("the capture is not whole (%s; %llu records lost), and nothing is learnt from it; "
		"let the command end, and a larger --ring-size may help",
		verdict_reason_names[gap], (unsigned long long)graph->ledger.lost);
	return EXIT_CODE_INCOMPLETE;
}

/* Learning ----------------------------------------------------------------------------------- */

/* The file that we wrote must hold for what it was learnt from. */
static int learnt_check(const struct verify_options *verify, struct graph *const *graphs)
{
	const struct evaluate_options options = {};
	struct loaded_spec loaded;
	int status = load_spec(verify->spec, &loaded);

	for (size_t i = 0; i < verify->runs && !status; i++) {
		struct verdicts verdicts;
		int err = evaluate(loaded.spec, graphs[i], &options, &verdicts);

		if (err) {
			log_err("cannot judge the capture: %s", strerror(-err));
			status = EXIT_CODE_IO;
			break;
		}
		if (verdicts.count[VERDICT_FAIL] || verdicts.count[VERDICT_INCONCLUSIVE])
			log_warn("run %zu does not pass what was learnt from it: %zu rules fail; "
				 "look with `ipctrace verify`",
				 i + 1,
				 verdicts.count[VERDICT_FAIL] +
					 verdicts.count[VERDICT_INCONCLUSIVE]);
		verdicts_fini(&verdicts);
	}
	if (!status)
		load_spec_fini(&loaded);
	return status;
}

static int learnt_write(const struct verify_options *verify, struct graph *const *graphs)
{
	struct output_file *file;
	int err = output_file_open(verify->spec, &file);

	if (!err)
		err = output_file_end(file, learn_write((const struct graph *const *)graphs,
							verify->runs, output_file_stream(file)));
	return err ? write_failed(verify->spec, err) : EXIT_CODE_OK;
}

static int graphs_get(const struct verify_options *verify, struct graph **graphs)
{
	int status = EXIT_CODE_OK;

	for (size_t i = 0; i < verify->runs && !status; i++) {
		if (verify->runs > 1)
			log_info("run %zu of %zu", i + 1, verify->runs);
		status = verify_graph(verify, NULL, &graphs[i]);
		if (!status)
			status = graph_check(graphs[i]);
	}
	return status;
}

int verify_learn(const struct verify_options *verify)
{
	struct graph **graphs;
	int status;

	if (!access(verify->spec, F_OK)) {
		log_err("--learn: %s is there already; `ipctrace verify --update` changes one, or "
			"remove it first",
			verify->spec);
		return EXIT_CODE_USAGE;
	}
	graphs = calloc(verify->runs, sizeof(*graphs));
	if (!graphs) {
		log_err("out of memory");
		return EXIT_CODE_IO;
	}
	status = graphs_get(verify, graphs);
	if (!status)
		status = learnt_write(verify, graphs);
	if (!status)
		status = learnt_check(verify, graphs);
	if (!status)
		log_info("wrote %s; read it before you trust it", verify->spec);
	for (size_t i = 0; i < verify->runs; i++)
		graph_free(graphs[i]);
	free(graphs);
	return status;
}

/* Updating ----------------------------------------------------------------------------------- */

/* To stdout, as diff has it. Without that program there is the file. */
static void difference_show(const char *old, const char *new)
{
	char *const command[] = { "diff", "-u", "--", (char *)old, (char *)new, NULL };
	pid_t pid;
	int status, err;

	fflush(stdout);
	err = posix_spawnp(&pid, command[0], NULL, NULL, command, environ);
	if (err)
		log_warn("cannot run diff: %s; compare the two files yourself", strerror(err));
	else
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
}

static int status_of(enum verdict_status status)
{
	return status == VERDICT_FAIL	      ? EXIT_CODE_VIOLATION :
	       status == VERDICT_INCONCLUSIVE ? EXIT_CODE_INCOMPLETE :
						EXIT_CODE_OK;
}

/* Does the new specification hold? What is forbidden is not made right by it. */
static int updated_check(const char *path, const struct graph *graph)
{
	const struct evaluate_options options = {};
	struct loaded_spec loaded;
	struct verdicts verdicts;
	int status = load_spec(path, &loaded), err;

	if (status)
		return status;
	err = evaluate(loaded.spec, graph, &options, &verdicts);
	if (err) {
		log_err("cannot judge the capture: %s", strerror(-err));
		status = EXIT_CODE_IO;
	} else {
		status = status_of(verdicts_status(&verdicts));
		if (status)
			log_warn("%zu rules still do not hold: what is forbidden, or not decided, "
				 "is left to you",
				 verdicts.count[VERDICT_FAIL] +
					 verdicts.count[VERDICT_INCONCLUSIVE]);
		verdicts_fini(&verdicts);
	}
	load_spec_fini(&loaded);
	return status;
}

static int update_write(const struct loaded_spec *loaded, const struct verdicts *verdicts,
			const char *path, size_t *ret_changes)
{
	struct output_file *file;
	int err = output_file_open(path, &file);

	if (!err)
		err = output_file_end(file,
				      spec_update_write(verdicts, loaded->bytes, loaded->len,
							output_file_stream(file), ret_changes));
	return err ? write_failed(path, err) : EXIT_CODE_OK;
}

static int update_judged(const struct verify_options *verify, const struct loaded_spec *loaded,
			 const struct verdicts *verdicts)
{
	size_t changes;
	char *path;
	int status;

	if (asprintf(&path, "%s.new", verify->spec) < 0)
		return EXIT_CODE_IO;
	status = update_write(loaded, verdicts, path, &changes);
	if (!status && !changes) {
		unlink(path);
		log_info("nothing to change");
		status = status_of(verdicts_status(verdicts));
	} else if (!status) {
		difference_show(verify->spec, path);
		status = updated_check(path, verdicts->graph);
		log_info("wrote %s; put it in place of %s if that is what you want", path,
			 verify->spec);
	}
	free(path);
	return status;
}

static int update_graph(const struct verify_options *verify, const struct loaded_spec *loaded,
			const struct graph *graph)
{
	const struct evaluate_options options = {};
	struct verdicts verdicts;
	int status, err = evaluate(loaded->spec, graph, &options, &verdicts);

	if (err) {
		log_err("cannot judge the capture: %s", strerror(-err));
		return EXIT_CODE_IO;
	}
	status = update_judged(verify, loaded, &verdicts);
	verdicts_fini(&verdicts);
	return status;
}

/* A specification that changes itself where it is checked checks nothing. */
static bool is_ci(void)
{
	const char *ci = getenv("CI");

	return ci && *ci && strcmp(ci, "false") && strcmp(ci, "0");
}

int verify_update(const struct verify_options *verify)
{
	struct loaded_spec loaded;
	struct graph *graph;
	int status;

	if (is_ci()) {
		log_err("--update: not where CI is set; change the specification by hand, where "
			"you "
			"can look at it");
		return EXIT_CODE_USAGE;
	}
	status = load_spec(verify->spec, &loaded);
	if (status)
		return status;
	status = verify_graph(verify, NULL, &graph);
	if (!status) {
		if (!verify->input)
			record_graph_end();
		status = graph_check(graph);
		if (!status)
			status = update_graph(verify, &loaded, graph);
		graph_free(graph);
	}
	load_spec_fini(&loaded);
	return status;
}
