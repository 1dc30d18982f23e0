/* SPDX-License-Identifier: GPL-2.0-only */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ipctrace/capture_file.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "command/command.h"
#include "command/own_output.h"
#include "command/session.h"
#include "model/world.h"
#include "output/line.h"
#include "store/merge.h"

/* Records of different CPUs arrive within this time of each other. */
#define WATERMARK_NS 60000000ULL

struct tracing {
	const struct target *target;
	struct world *world;
	struct merge *merge;
	struct own_output own;
	struct match_observer observer;
	struct match match;	       /* being put together, of: */
	const struct channel *channel; /* NULL: none is */
	uint64_t start_ns;
	int err; /* of a write to stdout */
};

static void process_end_fill(const struct tracing *tracing, uint32_t id, struct line_end *ret)
{
	const struct process *process = process_table_at(tracing->world->processes, id);

	*ret = (struct line_end){ .pid = process->pid, .comm = process->comm };
}

/* Prints what was put together. */
static void tracing_print(struct tracing *tracing)
{
	const struct match *match = &tracing->match;
	const struct channel *channel = tracing->channel;
	struct line line;

	if (!channel)
		return;
	tracing->channel = NULL;
	line = (struct line){
		.time_ns = (int64_t)(match->received_ns - tracing->start_ns),
		.mechanism = channel->mechanism,
		.channel = channel->name,
		.messages = match->messages,
		.bytes = match->bytes,
	};
	process_end_fill(tracing, match->from, &line.from);
	process_end_fill(tracing, match->to, &line.to);
	if (own_output_has(&tracing->own, line.from.pid) ||
	    own_output_has(&tracing->own, line.to.pid))
		return;
	if (tracing->err)
		return;
	errno = 0;
	tracing->err = line_write(stdout, &line);
	if (tracing->err == -EIO && errno)
		tracing->err = -errno; /* what the stream really failed on */
}

/* One receive may be fed by several sends: a line for each sender. */
static void tracing_matched(void *context, const struct edge_set *set, const struct match *match)
{
	struct tracing *tracing = context;
	struct match *last = &tracing->match;

	if (tracing->channel == set->owner && last->from == match->from && last->to == match->to &&
	    last->received_ns == match->received_ns) {
		last->messages += match->messages;
		last->bytes += match->bytes;
		return;
	}
	tracing_print(tracing);
	tracing->channel = set->owner;
	*last = *match;
}

static int tracing_take(void *context, __u32 stream, const struct ipct_event *event)
{
	struct tracing *tracing = context;

	(void)stream; /* merged by time */
	if (tracing->err)
		return 0; /* nobody will see it */
	return merge_push(tracing->merge, event);
}

static int tracing_show(struct tracing *tracing, uint64_t watermark_ns)
{
	const struct ipct_event *event;
	int err = 0;

	while (!err && (event = merge_pop(tracing->merge, watermark_ns))) {
		err = world_apply(tracing->world, event);
		tracing_print(tracing);
	}
	if (fflush(stdout) && !tracing->err)
		tracing->err = -errno;
	return err ? err : tracing->err;
}

static int tracing_tick(void *context, const struct capture_ledger *ledger)
{
	int err = tracing_show(context, session_now_ns() - WATERMARK_NS);

	(void)ledger;				     /* printed at the end */
	return err == -EPIPE ? SESSION_ENOUGH : err; /* whoever read this has seen enough */
}

static void tracing_failed(void *context, int err)
{
	(void)context;
	if (err == -ENOMEM)
		log_err("out of memory");
	else
		log_err("cannot write to stdout: %s", strerror(-err));
}

static void tracing_ready(void *context)
{
	const struct tracing *tracing = context;
	char *hidden = own_output_names(&tracing->own);

	if (hidden)
		log_info("not shown, as they carry this output: %s", hidden);
	free(hidden);
	log_info("tracing... Ctrl-C ends it");
}

static int tracing_open(struct tracing *tracing)
{
	tracing->world = world_new(tracing->target->is_system_wide);
	tracing->merge = merge_new();
	if (!tracing->world || !tracing->merge)
		return -ENOMEM;
	tracing->observer = (struct match_observer){ tracing_matched, tracing };
	tracing->world->observer = &tracing->observer;
	tracing->start_ns = session_now_ns();
	own_output_find(&tracing->own, tracing->target->pids, tracing->target->pids_nr);
	return 0;
}

/* Shows what is left, and the ledger. */
static int tracing_end(struct tracing *tracing, const struct session_result *result)
{
	int err = tracing->err ? tracing->err : tracing_show(tracing, UINT64_MAX);

	if (err == -EPIPE)
		err = 0;
	if (err && !result->error)
		tracing_failed(tracing, err);
	session_print_ledger(&result->ledger);
	if (result->command_status > 0)
		return result->command_status;
	return err || result->error ? EXIT_CODE_IO : EXIT_CODE_OK;
}

static int trace(const struct target *target)
{
	struct tracing tracing = { .target = target };
	const struct session_hooks hooks = {
		.take = tracing_take,
		.failed = tracing_failed,
		.tick = tracing_tick,
		.ready = tracing_ready,
		.context = &tracing,
	};
	struct session_result result;
	int status = EXIT_CODE_IO;

	if (tracing_open(&tracing)) {
		log_err("out of memory");
	} else {
		status = session_run(target, &hooks, &result);
		if (!status)
			status = tracing_end(&tracing, &result);
	}
	merge_free(tracing.merge);
	world_free(tracing.world);
	own_output_fini(&tracing.own);
	return status;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	(void)value;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static int trace_run(int argc, char **argv)
{
	static const struct argp_child children[] = { { &target_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = {
		NULL,
		parse_option,
		"[-- CMD ARGS...]",
		"Show transfers as they happen, a line each, with both ends.\v"
		"A transfer shows when it is received. What carries this output (the terminal, a "
		"pager) is not shown. With CMD the exit status is CMD's.\n\n"
		"Examples:\n"
		"  ipctrace trace -- sh -c 'date | cat'\n"
		"  ipctrace trace -p 812 -e unix\n"
		"  ipctrace trace -a -d 5s",
		children,
		NULL,
		NULL,
	};
	struct target target;
	int status = EXIT_CODE_USAGE;

	target_init(&target);
	if (!argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &target) &&
	    target_is_given(&target, "trace"))
		status = trace(&target);
	target_fini(&target);
	return status;
}

const struct command command_trace = {
	.name = "trace",
	.summary = "show transfers as they happen, a line each, with both ends",
	.run = trace_run,
};
