/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verdicts for a person: what is wrong first and with all that is known of it, then a line for each
 * rule that passed, at last the sum.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "output/describe.h"
#include "output/verify.h"

static const char *const colours[VERDICT_STATUS_NR] = {
	[VERDICT_PASS] = "\x1b[32m",
	[VERDICT_FAIL] = "\x1b[1;31m",
	[VERDICT_INCONCLUSIVE] = "\x1b[33m",
	[VERDICT_SKIPPED] = "\x1b[36m",
};

/* As wide as the widest; what is not "pass" is told without colour, too. */
static const char *const labels[VERDICT_STATUS_NR] = {
	[VERDICT_PASS] = "pass",
	[VERDICT_FAIL] = "FAIL",
	[VERDICT_INCONCLUSIVE] = "INCONCLUSIVE",
	[VERDICT_SKIPPED] = "skipped",
};

#define LABEL_WIDTH 13

static int print_escaped(FILE *stream, const char *before, const char *text)
{
	char *shown = escape_line(text, strlen(text));

	if (!shown)
		return -ENOMEM;
	fprintf(stream, "%s%s", before, shown);
	free(shown);
	return 0;
}

static void label_write(const struct verify_output *output, enum verdict_status status,
			FILE *stream)
{
	fprintf(stream, "%s%-*s%s", output->is_coloured ? colours[status] : "", LABEL_WIDTH,
		labels[status], output->is_coloured ? "\x1b[0m" : "");
}

static int details_write(const struct verdict_words *words, FILE *stream)
{
	int err = 0;

	if (*words->message) {
		err = print_escaped(stream, "    ", words->message);
		fputc('\n', stream);
	}
	for (size_t i = 0; i < words->details_nr && !err; i++) {
		err = print_escaped(stream, "    ", words->details[i]);
		fputc('\n', stream);
	}
	return err;
}

static int verdict_write(const struct verdicts *verdicts, const struct verdict *verdict,
			 const struct verify_output *output, FILE *stream)
{
	struct verdict_words words;
	int err = verdict_words_fill(verdicts, verdict, &words);

	if (!err) {
		label_write(output, verdict->status, stream);
		err = print_escaped(stream, "", output->spec_path);
	}
	if (!err && verdict->line)
		fprintf(stream, ":%zu", verdict->line);
	if (!err)
		err = print_escaped(stream, " ", words.title);
	fputc('\n', stream);
	if (!err)
		err = details_write(&words, stream);
	verdict_words_fini(&words);
	return err;
}

/* What is forbidden to nobody holds, and says nothing: the role may be misspelt. */
static int roles_write(const struct verdicts *verdicts, const struct verify_output *output,
		       FILE *stream)
{
	const struct spec *spec = verdicts->spec;
	int err = 0;

	for (uint32_t i = SPEC_ROLE_BUILTIN_NR; i < spec->roles_nr && !err; i++) {
		if (verdicts_role_processes(verdicts, i))
			continue;
		fprintf(stream, "%-*s", LABEL_WIDTH, "note");
		err = print_escaped(stream, "", output->spec_path);
		fprintf(stream, ":%zu no process has the role '%s'\n", spec->roles[i].line,
			spec->roles[i].name);
	}
	return err;
}

/* The trouble of the whole capture, its ledger, and how many of each. */
static int sum_write(const struct verdicts *verdicts, const struct verify_output *output,
		     FILE *stream)
{
	char *ledger = describe_ledger(&verdicts->graph->ledger);
	char *trouble = describe_trouble(verdicts->graph);
	int err = ledger && trouble ? 0 : -ENOMEM;

	if (!err && *trouble) {
		err = print_escaped(stream, "warning  ", trouble);
		fputc('\n', stream);
	}
	if (!err) {
		label_write(output, verdicts_status(verdicts), stream);
		fprintf(stream, "%zu passed, %zu failed, %zu inconclusive, %zu skipped  (%s)\n",
			verdicts->count[VERDICT_PASS], verdicts->count[VERDICT_FAIL],
			verdicts->count[VERDICT_INCONCLUSIVE], verdicts->count[VERDICT_SKIPPED],
			ledger);
	}
	free(ledger);
	free(trouble);
	return err;
}

int verify_write_text(const struct verdicts *verdicts, const struct verify_output *output,
		      FILE *stream)
{
	static const enum verdict_status order[] = { VERDICT_FAIL, VERDICT_INCONCLUSIVE,
						     VERDICT_SKIPPED, VERDICT_PASS };
	int err = 0;

	for (size_t turn = 0; turn < VERDICT_STATUS_NR; turn++)
		for (size_t i = 0; i < verdicts->nr && !err; i++)
			if (verdicts->all[i].status == order[turn])
				err = verdict_write(verdicts, &verdicts->all[i], output, stream);
	if (!err)
		err = roles_write(verdicts, output, stream);
	if (!err)
		err = sum_write(verdicts, output, stream);
	return !err && ferror(stream) ? -EIO : err;
}
