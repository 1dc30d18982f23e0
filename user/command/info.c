/* SPDX-License-Identifier: GPL-2.0-only */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "base/output_file.h"
#include "base/units.h"
#include "command/command.h"
#include "command/load_graph.h"
#include "command/open_capture.h"

#define TYPES_MAX 32

struct counts {
	unsigned long long of_type[TYPES_MAX];
	unsigned long long all;
	uint64_t first_ns, last_ns;
};

static const char *type_name(size_t type)
{
	switch (type) {
#define EVENT(symbol, number, type, plane)                                                         \
	case number:                                                                               \
		return #symbol;
#include <ipctrace/events.def>
#undef EVENT
	default:
		return "?";
	}
}

static int records_count(struct capture_reader *reader, struct counts *counts)
{
	struct event_source *events = capture_reader_events(reader);
	const struct ipct_event *event;
	int more;

	while ((more = events->next(events, &event)) > 0) {
		if (event->type < TYPES_MAX)
			counts->of_type[event->type]++;
		if (!counts->all++)
			counts->first_ns = event->time_ns;
		counts->last_ns = event->time_ns;
	}
	return more;
}

static void command_print(char *const *command)
{
	fputs("command     ", stdout);
	for (; command && *command; command++) {
		char *word = escape_line(*command, strlen(*command));

		printf("%s ", word ? word : "");
		free(word);
	}
	putchar('\n');
}

static void text_print(const char *label, const char *text)
{
	char *escaped = escape_line(text, strlen(text));

	printf("%-11s %s\n", label, escaped ? escaped : "");
	free(escaped);
}

static void kernel_print(const struct capture_info *info)
{
	char *text;

	if (asprintf(&text, "Linux %s %s", info->kernel, info->arch) < 0)
		return;
	text_print("kernel", text);
	free(text);
}

static void ledger_print(const struct ledger_info *ledger)
{
	printf("ledger      seen %llu  recorded %llu  aggregated %llu  lost %llu\n",
	       (unsigned long long)ledger->seen, (unsigned long long)ledger->recorded,
	       (unsigned long long)ledger->aggregated,
	       (unsigned long long)ledger_info_lost(ledger));
	for (size_t i = 0; i < ledger->causes_nr; i++)
		printf("lost        %llu: %s\n", (unsigned long long)ledger->causes[i].count,
		       ledger->causes[i].name);
	printf("filtered    %llu out of scope\n", (unsigned long long)ledger->filtered);
}

/* What is in the capture is complete up to the barrier, on the CPUs that it reached. */
static void barrier_print(const struct ledger_info *ledger)
{
	if (!ledger->barrier_cpus)
		printf("barrier     none: what is not in the capture is not known to be absent\n");
	else if (ledger->barrier_reached == ledger->barrier_cpus)
		printf("barrier     %u of %u CPUs\n", ledger->barrier_reached,
		       ledger->barrier_cpus);
	else
		printf("barrier     %u of %u CPUs, not reached: %s\n", ledger->barrier_reached,
		       ledger->barrier_cpus, ledger->barrier_missed);
}

static void info_print(const struct opened_capture *opened, const struct counts *counts)
{
	char span[UNITS_TEXT_MAX], size[UNITS_TEXT_MAX];

	text_print("host", opened->info.host);
	kernel_print(&opened->info);
	text_print("scope", opened->info.scope);
	if (opened->info.command)
		command_print(opened->info.command);
	text_print("mechanisms", opened->info.mechanisms);
	text_print("hooks", opened->info.hooks);
	units_format_duration(span, sizeof(span), counts->last_ns - counts->first_ns);
	printf("span        %s\n", counts->all ? span : "no records");
	text_print("ended by", opened->ledger.end[0] ? opened->ledger.end : "nothing: incomplete");
	ledger_print(&opened->ledger);
	barrier_print(&opened->ledger);
	units_format_bytes(size, sizeof(size), capture_reader_good_bytes(opened->reader));
	printf("file        %s, %llu records, %llu late\n", size, counts->all,
	       (unsigned long long)capture_reader_late(opened->reader));
	for (size_t type = 0; type < TYPES_MAX; type++)
		if (counts->of_type[type])
			printf("  %-14s %llu\n", type_name(type), counts->of_type[type]);
}

static int info_show(const char *path)
{
	struct opened_capture opened;
	struct counts counts = {};
	int status = open_capture(path, &opened);
	int err;

	if (status)
		return status;
	if (records_count(opened.reader, &counts)) {
		log_err("out of memory");
		status = EXIT_CODE_IO;
	} else {
		info_print(&opened, &counts);
		open_capture_warn(path, &opened);
	}
	open_capture_close(&opened);
	err = output_file_end_stdout();
	if (err) {
		log_err("cannot write to stdout: %s", strerror(-err));
		return EXIT_CODE_IO;
	}
	return status;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	const char **path = state->input;

	switch (key) {
	case 'i':
	case ARGP_KEY_ARG:
		*path = value;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int info_run(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{ "input", 'i', "FILE", 0, "the same as FILE", 0 },
		{ 0 },
	};
	static const struct argp argp = {
		options,
		parse_option,
		"[FILE]",
		"Tell what is in a capture (default: " LOAD_GRAPH_FILE ").\v"
		"Examples:\n"
		"  ipctrace info\n"
		"  ipctrace info web.data\n"
		"  ipctrace info web.data | grep ledger",
		NULL,
		NULL,
		NULL,
	};
	const char *path = LOAD_GRAPH_FILE;

	if (argp_parse(&argp, argc, argv, 0, NULL, &path))
		return EXIT_CODE_USAGE;
	return info_show(path);
}

const struct command command_info = {
	.name = "info",
	.summary = "tell what is in a capture",
	.run = info_run,
};
