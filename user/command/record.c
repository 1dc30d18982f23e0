/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/record.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "base/units.h"
#include "command/choose.h"
#include "command/command.h"
#include "command/load_graph.h"
#include "store/capture_writer.h"

#define FLUSH_NS 500000000ULL
#define PROGRESS_NS 1000000000ULL

enum { OPTION_MAX_SIZE = 0x100, OPTION_MAX_LOST };

struct recording {
	const struct record_options *options;
	struct capture_writer *writer;
	uint64_t start_ns, flushed_ns, shown_ns;
	uint64_t shown_records;
	bool has_progress;
};

static int recording_take(void *context, __u32 stream, const struct ipct_event *event)
{
	struct recording *recording = context;

	return capture_writer_add(recording->writer, stream, event);
}

static void progress_show(struct recording *recording, const struct capture_ledger *ledger,
			  uint64_t now_ns)
{
	char records[UNITS_TEXT_MAX], rate[UNITS_TEXT_MAX], size[UNITS_TEXT_MAX];
	uint64_t lost = 0;

	for (int i = 0; i < IPCT_LOSS_NR; i++)
		lost += ledger->lost[i];
	units_format_count(records, sizeof(records), ledger->recorded);
	units_format_count(rate, sizeof(rate), ledger->recorded - recording->shown_records);
	units_format_bytes(size, sizeof(size), capture_writer_bytes(recording->writer));
	fprintf(stderr, "\r%.0f s  %s records  %s/s  %llu lost  %s\033[K",
		(now_ns - recording->start_ns) / 1e9, records, rate, (unsigned long long)lost,
		size);
	recording->shown_records = ledger->recorded;
	recording->has_progress = true;
}

static void progress_clear(struct recording *recording)
{
	if (recording->has_progress)
		fputs("\r\033[K", stderr);
	recording->has_progress = false;
}

/* All records so far, and the ledger that goes with them. */
static int ledger_write(struct recording *recording, enum ipct_block_type type,
			const struct ledger_info *ledger)
{
	char *text = ledger_info_encode(ledger);
	int err = text ? capture_writer_flush(recording->writer) : -ENOMEM;

	if (!err)
		err = capture_writer_text(recording->writer, type, text);
	free(text);
	return err;
}

static int recording_flush(struct recording *recording, const struct capture_ledger *counted)
{
	struct ledger_info ledger;

	session_fill_ledger(counted, "", &ledger);
	return ledger_write(recording, IPCT_BLOCK_LEDGER, &ledger);
}

static int recording_tick(void *context, const struct capture_ledger *ledger)
{
	struct recording *recording = context;
	const struct record_options *options = recording->options;
	uint64_t now_ns = session_now_ns();
	int err;

	if (now_ns - recording->flushed_ns >= FLUSH_NS) {
		recording->flushed_ns = now_ns;
		err = recording_flush(recording, ledger);
		if (err)
			return err;
	}
	if (now_ns - recording->shown_ns >= PROGRESS_NS) {
		recording->shown_ns = now_ns;
		if (!options->is_quiet && isatty(STDERR_FILENO))
			progress_show(recording, ledger, now_ns);
	}
	if (options->max_bytes && capture_writer_bytes(recording->writer) >= options->max_bytes)
		return SESSION_ENOUGH;
	return 0;
}

static void recording_ready(void *context)
{
	struct recording *recording = context;
	const struct target *target = &recording->options->target;

	if (recording->options->is_quiet)
		return;
	if (target->command || target->duration_ns)
		log_info("recording...");
	else
		log_info("recording... Ctrl-C ends it");
}

static int head_write(struct recording *recording)
{
	struct capture_info info;
	char *text;
	int err = session_describe(&recording->options->target, &info);

	text = err ? NULL : capture_info_encode(&info);
	capture_info_fini(&info);
	if (!text)
		return -ENOMEM;
	err = capture_writer_text(recording->writer, IPCT_BLOCK_HEAD, text);
	free(text);
	return err;
}

static int write_failed(const char *path, int err)
{
	char *name = escape_line(path, strlen(path));

	if (err == -ELOOP)
		log_err("cannot write %s: it is a symbolic link; name the file itself",
			name ? name : "");
	else if (err == -ENOSPC)
		log_err("cannot write %s: the disk is full; what was recorded before is in it",
			name ? name : "");
	else
		log_err("cannot write %s: %s", name ? name : "", strerror(-err));
	free(name);
	return EXIT_CODE_IO;
}

static int recording_begin(void *context)
{
	struct recording *recording = context;
	const char *path = recording->options->path;
	int err = capture_writer_open(path, &recording->writer);

	if (!err)
		err = head_write(recording);
	return err ? write_failed(path, err) : EXIT_CODE_OK;
}

static void recording_failed(void *context, int err)
{
	struct recording *recording = context;

	progress_clear(recording);
	(void)write_failed(recording->options->path, err); /* the status is found at the end */
}

/* What was taken, but could not be written, is lost. */
static void ledger_correct(const struct recording *recording, struct ledger_info *ledger)
{
	struct capture_unwritten unwritten = capture_writer_unwritten(recording->writer);
	size_t at = ledger->causes_nr;

	if ((!unwritten.records && !unwritten.operations) || at == LEDGER_CAUSES_MAX)
		return;
	ledger->recorded -= unwritten.records;
	ledger->aggregated -= unwritten.operations;
	snprintf(ledger->causes[at].name, LEDGER_CAUSE_LEN, "not-written");
	ledger->causes[at].count = unwritten.records + unwritten.operations;
	ledger->causes_nr++;
}

/* Ends the file, also after an error: its ledger must close. 0 or the first error. */
static int recording_end(struct recording *recording, struct session_result *result)
{
	int err = capture_writer_flush(recording->writer);
	int close_err;

	ledger_correct(recording, &result->ledger);
	if (!err && !result->error)
		err = ledger_write(recording, IPCT_BLOCK_END, &result->ledger);
	close_err = capture_writer_close(recording->writer);
	if (!err)
		err = close_err;
	if (err && !result->error)
		(void)write_failed(recording->options->path, err); /* the caller has it */
	return result->error ? result->error : err;
}

/* What the capture comes to, as an exit status; CMD's own comes first. */
static int status_of(const struct record_options *options, const struct session_result *result,
		     int err)
{
	int status = err ? EXIT_CODE_IO : EXIT_CODE_OK;

	if (!err && ledger_info_lost(&result->ledger) > options->max_lost) {
		status = EXIT_CODE_INCOMPLETE;
		log_err("more was lost than --max-lost allows; a larger --ring-size may help");
	}
	if (options->hides_status)
		return status;
	return result->command_status > 0 ? result->command_status : status;
}

int record_to_file(const struct record_options *options, bool *ret_recorded)
{
	struct recording recording = { .options = options, .start_ns = session_now_ns() };
	const struct session_hooks hooks = {
		.begin = recording_begin,
		.take = recording_take,
		.failed = recording_failed,
		.tick = recording_tick,
		.ready = recording_ready,
		.context = &recording,
	};
	struct session_result result;
	int status, err;

	*ret_recorded = false;
	recording.shown_ns = recording.flushed_ns = recording.start_ns;
	status = session_run(&options->target, &hooks, &result);
	progress_clear(&recording);
	if (status) {
		if (recording.writer)
			capture_writer_discard(recording.writer);
		return status;
	}
	err = recording_end(&recording, &result);
	session_print_ledger(&result.ledger);
	*ret_recorded = !err;
	return status_of(options, &result, err);
}

static const struct argp_option options[] = {
	{ "output", 'o', "FILE", 0,
	  "write here (default: " LOAD_GRAPH_FILE "); an existing file becomes FILE.old", 0 },
	{ "max-size", OPTION_MAX_SIZE, "SIZE", 0, "stop when the file is this large", 0 },
	{ "max-lost", OPTION_MAX_LOST, "N", 0, "exit with 4 if more than N records were lost", 0 },
	{ "quiet", 'q', NULL, 0, "no progress, only the ledger at the end", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct record_options *record = state->input;
	size_t number;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &record->target;
		return 0;
	case 'o':
		record->path = value;
		return 0;
	case 'q':
		record->is_quiet = true;
		return 0;
	case OPTION_MAX_SIZE:
		if (!units_parse_size(value, &record->max_bytes) && record->max_bytes)
			return 0;
		choose_complain("--max-size", value, "no size, e.g. 100M");
		return EINVAL;
	case OPTION_MAX_LOST:
		if (choose_number("--max-lost", value, &number))
			return EINVAL;
		record->max_lost = number;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int record_run(int argc, char **argv)
{
	static const struct argp_child children[] = { { &target_argp, 0, "What to trace:", 1 },
						      { 0 } };
	static const struct argp argp = {
		options,
		parse_option,
		"[-- CMD ARGS...]",
		"Record who sends how much to whom, into a file.\v"
		"With CMD the exit status is CMD's.\n\n"
		"Examples:\n"
		"  ipctrace record -- make -j4\n"
		"  ipctrace record -a -d 10s -o web.data\n"
		"  ipctrace record -p 812,840 -e unix,tcp",
		children,
		NULL,
		NULL,
	};
	struct record_options record = { .path = LOAD_GRAPH_FILE, .max_lost = UINT64_MAX };
	bool is_recorded;
	int status = EXIT_CODE_USAGE;

	target_init(&record.target);
	if (!argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &record) &&
	    target_is_given(&record.target, "record"))
		status = record_to_file(&record, &is_recorded);
	target_fini(&record.target);
	return status;
}

const struct command command_record = {
	.name = "record",
	.summary = "record who sends how much to whom, into a file",
	.run = record_run,
};
