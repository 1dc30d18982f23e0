/* SPDX-License-Identifier: GPL-2.0-only */
/* ipctrace snapshot: who holds which ends of which channels now, without tracing. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "base/exit_code.h"
#include "base/log.h"
#include "base/output_file.h"
#include "capture/capture.h"
#include "capture/feature.h"
#include "capture/procfs_holders.h"
#include "command/choose.h"
#include "command/command.h"
#include "command/session.h"
#include "command/target.h"
#include "graph/graph_build.h"
#include "model/holdings.h"
#include "output/output.h"

#define PROBLEM_MAX 512
#define FORMATS_MAX 16

struct snapshot_options {
	struct target target;
	const struct output_format *format;
	const char *path;
	bool from_proc;
};

enum { OPTION_FROM_PROC = 0x300 };

static const struct argp_option options[] = {
	{ "pid", 'p', "PID[,PID]...", 0,
	  "what these processes and their children hold, and who is at the other ends", 0 },
	{ "events", 'e', "MECHANISM,...", 0, "only these mechanisms or groups (default: all)", 0 },
	{ "format", 'f', "FORMAT", 0, "write text (default), json, dot or svg", 0 },
	{ "output", 'o', "FILE", 0, "write to this file (default: stdout)", 0 },
	{ "from-proc", OPTION_FROM_PROC, NULL, 0,
	  "look into /proc as an ordinary user would, also as root", 0 },
	{ 0 },
};

static const char doc[] =
	"Show who holds which ends of which channels now, without tracing.\v"
	"As root the kernel's own tables are read; as another user /proc, which shows this user's "
	"processes.\n\n"
	"Examples:\n"
	"  ipctrace snapshot\n"
	"  ipctrace snapshot -p 812 -e unix\n"
	"  ipctrace snapshot -f svg -o now.svg";

static const struct output_format *choose_format(const char *value)
{
	const struct output_format *formats[FORMATS_MAX] = { &output_holders };
	const char *names[FORMATS_MAX] = { output_holders.name };
	size_t nr = 1;
	int choice;

	for (size_t i = 0; output_formats[i] && nr < FORMATS_MAX; i++, nr++) {
		formats[nr] = output_formats[i];
		names[nr] = output_formats[i]->name;
	}
	choice = choose_name("-f", value, names, nr);
	return choice < 0 ? NULL : formats[choice];
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct snapshot_options *asked = state->input;

	switch (key) {
	case 'p':
		return target_add_pids(&asked->target, value);
	case 'e':
		return target_set_mechanisms(&asked->target, value);
	case 'f':
		asked->format = choose_format(value);
		return asked->format ? 0 : EINVAL;
	case 'o':
		asked->path = value;
		return 0;
	case OPTION_FROM_PROC:
		asked->from_proc = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int take(void *context, __u32 stream, const struct ipct_event *event)
{
	(void)stream;
	return holdings_apply(context, event);
}

static int collect_from_kernel(const struct capture_options *wanted, struct holdings *holdings)
{
	char problem[PROBLEM_MAX] = "";
	struct capture *capture;
	int err = capture_open(wanted, &capture, problem, sizeof(problem));

	if (err) {
		log_err("%s", problem);
		return EXIT_CODE_CANNOT_TRACE;
	}
	err = capture_holders(capture, take, holdings);
	capture_close(capture);
	if (!err)
		return EXIT_CODE_OK;
	log_err("cannot read the kernel's tables: %s", strerror(-err));
	return EXIT_CODE_IO;
}

static int collect_from_proc(const struct capture_options *wanted, struct holdings *holdings)
{
	size_t hidden;
	int err = procfs_holders(wanted, take, holdings, &hidden);

	if (err == -EACCES) {
		log_err("-p: a process of another user: run it as root to see what it holds");
		return EXIT_CODE_CANNOT_TRACE;
	}
	if (err) {
		log_err("cannot read /proc: %s", strerror(-err));
		return EXIT_CODE_IO;
	}
	if (hidden)
		log_info("%zu processes of other users are not shown: run it as root to see them",
			 hidden);
	return EXIT_CODE_OK;
}

static int collect(const struct snapshot_options *asked, struct holdings *holdings)
{
	const struct capture_options wanted = {
		.mechanisms = asked->target.mechanisms,
		.is_system_wide = asked->target.is_system_wide,
		.pids = asked->target.pids,
		.pids_nr = asked->target.pids_nr,
		.is_snapshot = true,
	};

	if (!asked->from_proc && !feature_privilege_problem() && !feature_namespace_problem() &&
	    feature_has_btf())
		return collect_from_kernel(&wanted, holdings);
	return collect_from_proc(&wanted, holdings);
}

/* A graph without a ledger: nothing was traced. */
static int graph_of(const struct snapshot_options *asked, struct world *world,
		    struct graph **ret_graph)
{
	struct ledger_info ledger = { .time_ns = session_now_ns() };
	struct capture_info info;
	int err = session_describe(&asked->target, &info);

	if (err)
		return err;
	info.start_boottime_ns = ledger.time_ns;
	err = graph_build(world, &info, &ledger, true, ret_graph);
	capture_info_fini(&info);
	if (!err)
		(*ret_graph)->capture.is_snapshot = true;
	return err;
}

static int write_graph(const struct graph *graph, const struct snapshot_options *asked)
{
	const struct output_options output = { 0 };
	struct output_file *file;
	int err = output_file_open(asked->path, &file);

	if (!err)
		err = output_file_end(file, asked->format->write(graph, &output,
								 output_file_stream(file)));
	if (!err)
		return EXIT_CODE_OK;
	log_err("cannot write the snapshot to %s: %s",
		asked->path && strcmp(asked->path, "-") ? asked->path : "stdout",
		output_error_text(err));
	return EXIT_CODE_IO;
}

static int show(const struct snapshot_options *asked, struct world *world,
		struct holdings *holdings)
{
	struct graph *graph = NULL;
	int status = collect(asked, holdings), err;

	if (status)
		return status;
	err = holdings_finish(holdings);
	if (!err)
		err = graph_of(asked, world, &graph);
	if (err) {
		log_err("cannot make the snapshot: %s", strerror(-err));
		return EXIT_CODE_IO;
	}
	status = write_graph(graph, asked);
	graph_free(graph);
	return status;
}

static int snapshot_run(int argc, char **argv)
{
	static const struct argp argp = { options, parse_option, NULL, doc, NULL, NULL, NULL };
	struct snapshot_options asked = { .format = &output_holders };
	struct holdings *holdings = NULL;
	struct world *world;
	int status = EXIT_CODE_IO;

	target_init(&asked.target);
	if (argp_parse(&argp, argc, argv, 0, NULL, &asked)) {
		target_fini(&asked.target);
		return EXIT_CODE_USAGE;
	}
	asked.target.is_system_wide = !asked.target.pids_nr;
	world = world_new(asked.target.is_system_wide);
	if (world)
		holdings = holdings_new(world);
	if (holdings)
		status = show(&asked, world, holdings);
	else
		log_err("out of memory");
	holdings_free(holdings);
	world_free(world);
	target_fini(&asked.target);
	return status;
}

const struct command command_snapshot = {
	.name = "snapshot",
	.summary = "show who holds which ends of which channels now",
	.run = snapshot_run,
};
