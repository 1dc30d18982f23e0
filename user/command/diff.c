/* SPDX-License-Identifier: GPL-2.0-only */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "base/output_file.h"
#include "command/choose.h"
#include "command/command.h"
#include "command/load_graph.h"
#include "output/diff.h"
#include "output/output.h"

#define FORMATS_MAX 16
#define LIMITS_MAX 32
#define EXAMPLES_MAX 3 /* edges that are named of those that break one limit */
#define UNCERTAIN "uncertain"

static const enum graph_grouping groupings[] = { GRAPH_GROUP_PROGRAM, GRAPH_GROUP_COMM,
						 GRAPH_GROUP_EXE };

#define GROUPINGS_NR (sizeof(groupings) / sizeof(groupings[0]))

struct diff_options {
	const char *files[GRAPH_DIFF_AGES];
	size_t files_nr;
	const char *path;
	const struct diff_format *format;
	enum graph_grouping group_by;
	struct graph_limit limits[LIMITS_MAX];
	size_t limits_nr;
	char *limits_text; /* what the limits' texts are part of; owned */
	bool fails_on_uncertain;
	size_t edges_max, lost_max;
};

enum { OPTION_FAIL_ON = 0x100, OPTION_GROUP_BY, OPTION_MAX_LOST };

static const struct argp_option options[] = {
	{ "fail-on", OPTION_FAIL_ON, "LIST", 0,
	  "exit with 1 if an edge is new or gone, or has more or fewer messages or bytes than "
	  "before by so much: new,gone,bytes+20%,messages-5,bytes10% (both ways). Only what is "
	  "certain counts, unless the list has the word uncertain",
	  0 },
	{ "format", 'f', "FORMAT", 0, "write text (default), json, svg or dot", 0 },
	{ "output", 'o', "FILE", 0, "write to this file (default: stdout)", 0 },
	{ "group-by", OPTION_GROUP_BY, "WHAT", 0,
	  "processes are the same by program (default: the name it was called by, of an "
	  "interpreter the script), comm or exe",
	  0 },
	{ "rows", 'n', "N", 0, "show the first N edges (default 0: all)", 0 },
	{ "max-lost", OPTION_MAX_LOST, "N", 0,
	  "exit with 4 if a capture lost more than N records (default 0)", 0 },
	{ 0 },
};

static const char doc[] =
	"Compare two captures: which edges are new, which are gone, which have other numbers.\v"
	"Edges are the same by the programs at both ends, mechanism and channel name, never by "
	"pid. What a name has that another run calls otherwise (pids, ports that the kernel gave, "
	"names of mktemp) is not compared. svg needs Graphviz' dot.\n\n"
	"Exit status: 0 nothing of --fail-on; 1 some of it; 2 usage; 4 a capture is incomplete, or "
	"was made without a mechanism that --fail-on meets, so that nothing proves that an edge is "
	"not there; 5 a file that is no capture.\n\n"
	"Examples:\n"
	"  ipctrace diff before.data after.data\n"
	"  ipctrace diff good.data new.data --fail-on new,gone,bytes+20%\n"
	"  ipctrace diff good.data new.data -f svg -o diff.svg";

/* Options. */

static const struct diff_format *choose_format(const char *value)
{
	const char *names[FORMATS_MAX];
	size_t nr = 0;
	int choice;

	for (; diff_formats[nr] && nr < FORMATS_MAX; nr++)
		names[nr] = diff_formats[nr]->name;
	choice = choose_name("-f", value, names, nr);
	return choice < 0 ? NULL : diff_formats[choice];
}

static int choose_grouping(struct diff_options *asked, const char *value)
{
	const char *names[GROUPINGS_NR];
	int choice;

	for (size_t i = 0; i < GROUPINGS_NR; i++)
		names[i] = graph_grouping_names[groupings[i]];
	choice = choose_name("--group-by", value, names, GROUPINGS_NR);
	if (choice < 0)
		return EINVAL;
	asked->group_by = groupings[choice];
	return 0;
}

static int add_limit(struct diff_options *asked, const char *word)
{
	if (!strcmp(word, UNCERTAIN)) {
		asked->fails_on_uncertain = true;
		return 0;
	}
	if (asked->limits_nr == LIMITS_MAX) {
		log_err("--fail-on takes up to %d limits", LIMITS_MAX);
		return EINVAL;
	}
	if (!graph_limit_parse(word, &asked->limits[asked->limits_nr])) {
		asked->limits_nr++;
		return 0;
	}
	choose_complain("--fail-on", word,
			"no limit; say new, gone, or bytes or messages with +, - or neither and "
			"an amount, e.g. bytes+20%");
	return EINVAL;
}

/* A second --fail-on is the list instead of the first one. */
static int set_limits(struct diff_options *asked, const char *list)
{
	char *rest, *word;
	int err = 0;

	free(asked->limits_text);
	asked->limits_nr = 0;
	asked->fails_on_uncertain = false;
	asked->limits_text = rest = strdup(list);
	if (!rest)
		return ENOMEM;
	while (!err && (word = strsep(&rest, ",")))
		err = add_limit(asked, word);
	if (!err && !asked->limits_nr) {
		log_err("--fail-on %s says nothing that may fail; add new, gone or a limit",
			UNCERTAIN);
		return EINVAL;
	}
	return err;
}

static error_t parse_file(struct diff_options *asked, char *value, struct argp_state *state)
{
	if (asked->files_nr == GRAPH_DIFF_AGES)
		argp_error(state, "two captures are compared, not more");
	else
		asked->files[asked->files_nr++] = value;
	return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct diff_options *asked = state->input;

	switch (key) {
	case 'f':
		asked->format = choose_format(value);
		return asked->format ? 0 : EINVAL;
	case 'o':
		asked->path = value;
		return 0;
	case 'n':
		return choose_number("-n", value, &asked->edges_max) ? EINVAL : 0;
	case OPTION_MAX_LOST:
		return choose_number("--max-lost", value, &asked->lost_max) ? EINVAL : 0;
	case OPTION_GROUP_BY:
		return choose_grouping(asked, value);
	case OPTION_FAIL_ON:
		return set_limits(asked, value);
	case ARGP_KEY_ARG:
		return parse_file(asked, value, state);
	case ARGP_KEY_END:
		if (asked->files_nr < GRAPH_DIFF_AGES)
			argp_error(state, "say which two captures to compare: the old one first");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The verdict. */

static void log_edge(const struct graph_limit *limit, const struct graph_diff *diff,
		     const struct graph_diff_edge *edge)
{
	const char *from = diff->programs[edge->from].name, *to = diff->programs[edge->to].name;
	char *text = NULL, *shown;

	if (asprintf(&text, "--fail-on %s: %s → %s via %s%s%s", limit->text, from, to,
		     graph_mechanism_name(edge->mechanism), *edge->channel ? " " : "",
		     edge->channel) < 0)
		text = NULL;
	shown = text ? escape_line(text, strlen(text)) : NULL;
	log_err("%s", shown ? shown : "out of memory");
	free(shown);
	free(text);
}

/* Names what breaks the limit and returns how many edges do. */
static size_t tell_broken(const struct graph_diff *diff, const struct graph_limit *limit,
			  bool with_doubtful)
{
	size_t broken = 0, doubtful = 0;

	for (size_t i = 0; i < diff->edges_nr; i++) {
		enum graph_verdict verdict = graph_limit_judge(limit, &diff->edges[i]);

		if (verdict == GRAPH_VERDICT_DOUBTFUL && !with_doubtful)
			doubtful++;
		else if (verdict != GRAPH_VERDICT_KEPT && broken++ < EXAMPLES_MAX)
			log_edge(limit, diff, &diff->edges[i]);
	}
	if (broken > EXAMPLES_MAX)
		log_err("--fail-on %s: and %zu more", limit->text, broken - EXAMPLES_MAX);
	if (doubtful)
		log_warn("--fail-on %s: %zu more %s not certain, and %s not count; to fail on that "
			 "too, add %s",
			 limit->text, doubtful, doubtful == 1 ? "is" : "are",
			 doubtful == 1 ? "does" : "do", UNCERTAIN);
	return broken;
}

/* Is the capture as good as whole, but for as many lost records as are allowed? */
static bool is_whole_enough(const struct diff_options *asked, const struct graph *graph)
{
	const struct graph_capture *capture = &graph->capture;

	if (graph_diff_is_whole(capture))
		return true;
	return capture->is_complete && !capture->has_unresolved && !capture->rejected &&
	       capture->is_barrier_reached && graph->ledger.lost &&
	       graph->ledger.lost <= asked->lost_max;
}

/* Says so if what a capture lacks proves nothing. */
static bool tell_incomplete(const struct diff_options *asked, const struct graph *const *graphs)
{
	bool is_incomplete = false;

	for (int age = 0; age < GRAPH_DIFF_AGES; age++) {
		char *name;

		if (is_whole_enough(asked, graphs[age]))
			continue;
		name = escape_line(asked->files[age], strlen(asked->files[age]));
		log_warn("%s is incomplete: that an edge is not there, or has less, proves nothing",
			 name ? name : "");
		free(name);
		is_incomplete = true;
	}
	return is_incomplete;
}

/* Is an edge in doubt because one of the captures was made without its mechanism? */
static bool is_untraced(const struct diff_view *view, const struct graph_limit *limit)
{
	for (size_t i = 0; i < view->diff->edges_nr; i++) {
		const struct graph_diff_edge *edge = &view->diff->edges[i];

		if (graph_limit_judge(limit, edge) != GRAPH_VERDICT_DOUBTFUL)
			continue;
		for (int age = 0; age < GRAPH_DIFF_AGES; age++)
			if (!graph_diff_is_traced(&view->graphs[age]->capture, edge->mechanism))
				return true;
	}
	return false;
}

/* Says so of each limit that the captures could not be held to. */
static bool tell_untraced(const struct diff_options *asked, const struct diff_view *view)
{
	bool is_any = false;

	for (size_t i = 0; i < asked->limits_nr; i++) {
		if (!is_untraced(view, &asked->limits[i]))
			continue;
		log_warn("--fail-on %s is not decided: one of the captures was made without the "
			 "mechanism of an edge that the other has; record both with the same -e",
			 asked->limits[i].text);
		is_any = true;
	}
	return is_any;
}

static int judge(const struct diff_options *asked, const struct diff_view *view)
{
	bool is_incomplete = tell_incomplete(asked, view->graphs);
	size_t broken = 0;

	for (size_t i = 0; i < asked->limits_nr; i++)
		broken += tell_broken(view->diff, &asked->limits[i], asked->fails_on_uncertain);
	if (broken)
		return EXIT_CODE_VIOLATION;
	is_incomplete |= tell_untraced(asked, view);
	return is_incomplete ? EXIT_CODE_INCOMPLETE : EXIT_CODE_OK;
}

/* What makes captures hard to compare. */
static void warn_of_unlike(const struct graph *const *graphs)
{
	const struct graph_capture *before = &graphs[GRAPH_DIFF_OLD]->capture;
	const struct graph_capture *now = &graphs[GRAPH_DIFF_NEW]->capture;

	if (before->scope != now->scope)
		log_warn("the captures differ in scope (a command, chosen processes, the whole "
			 "system): edges may be new or gone for that alone");
	if (*before->end && *now->end && strcmp(before->end, now->end))
		log_warn("the captures ended for different reasons: what one of them lacks may "
			 "have been still to come");
	if (before->mechanisms != now->mechanisms)
		log_warn("the captures were made with different -e: edges of what only one traced "
			 "are not certain");
}

/* All together. */

static int write_diff(const struct diff_options *asked, const struct diff_view *view)
{
	struct output_file *file;
	int err = output_file_open(asked->path, &file);

	if (!err)
		err = output_file_end(file, asked->format->write(view, output_file_stream(file)));
	if (!err)
		return EXIT_CODE_OK;
	log_err("cannot write the difference to %s: %s",
		asked->path && strcmp(asked->path, "-") ? asked->path : "stdout",
		output_error_text(err));
	return EXIT_CODE_IO;
}

static int diff_graphs(const struct diff_options *asked, struct graph *const *graphs)
{
	struct diff_view view = {
		.graphs = { graphs[GRAPH_DIFF_OLD], graphs[GRAPH_DIFF_NEW] },
		.files = { asked->files[GRAPH_DIFF_OLD], asked->files[GRAPH_DIFF_NEW] },
		.group_by = graph_grouping_names[asked->group_by],
		.limits = asked->limits,
		.limits_nr = asked->limits_nr,
		.edges_max = asked->edges_max,
	};
	struct graph_diff *diff;
	int status;

	if (graph_diff_new(graphs[GRAPH_DIFF_OLD], graphs[GRAPH_DIFF_NEW], asked->group_by,
			   &diff)) {
		log_err("cannot compare the captures: out of memory");
		return EXIT_CODE_IO;
	}
	view.diff = diff;
	warn_of_unlike(view.graphs);
	status = write_diff(asked, &view);
	if (!status)
		status = judge(asked, &view);
	graph_diff_free(diff);
	return status;
}

static int diff_files(const struct diff_options *asked)
{
	struct graph *graphs[GRAPH_DIFF_AGES] = {};
	int status = EXIT_CODE_OK;

	for (int age = 0; age < GRAPH_DIFF_AGES && !status; age++)
		status = load_graph(asked->files[age], &graphs[age]);
	if (!status)
		status = diff_graphs(asked, graphs);
	for (int age = 0; age < GRAPH_DIFF_AGES; age++)
		graph_free(graphs[age]);
	return status;
}

static int diff_run(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse_option, "OLD NEW", doc, NULL, NULL, NULL,
	};
	struct diff_options asked = { .format = &diff_text, .group_by = GRAPH_GROUP_PROGRAM };
	int status = EXIT_CODE_USAGE;

	if (!argp_parse(&argp, argc, argv, 0, NULL, &asked))
		status = diff_files(&asked);
	free(asked.limits_text);
	return status;
}

const struct command command_diff = {
	.name = "diff",
	.summary = "compare two captures: edges that are new, gone, or changed",
	.run = diff_run,
};
