/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Test Anything Protocol, version 13. What is not decided is "not ok": a harness must not take it
 * for a pass. Its diagnostics say which of the two it is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "output/verify.h"

/* `#` would begin a directive. */
static int title_write(const char *title, FILE *stream)
{
	char *shown = escape_line(title, strlen(title));

	if (!shown)
		return -ENOMEM;
	for (const char *at = shown; *at; at++) {
		if (*at == '#' || *at == '\\')
			fputc('\\', stream);
		fputc(*at, stream);
	}
	free(shown);
	return 0;
}

/* A scalar of YAML in double quotes. */
static int quoted_write(const char *before, const char *text, FILE *stream)
{
	char *shown = escape_line(text, strlen(text));

	if (!shown)
		return -ENOMEM;
	fprintf(stream, "%s\"", before);
	for (const char *at = shown; *at; at++) {
		if (*at == '"' || *at == '\\')
			fputc('\\', stream);
		fputc(*at, stream);
	}
	fputs("\"\n", stream);
	free(shown);
	return 0;
}

/* A line of a literal block: that is all that the reader of `prove` takes for a list of texts. */
static int line_write(const char *text, FILE *stream)
{
	char *shown = escape_line(text, strlen(text));

	if (!shown)
		return -ENOMEM;
	fprintf(stream, "    %s\n", shown);
	free(shown);
	return 0;
}

static int diagnostics_write(const struct verdict *verdict, const struct verdict_words *words,
			     const struct verify_output *output, FILE *stream)
{
	int err;

	fputs("  ---\n", stream);
	err = quoted_write("  message: ", words->message, stream);
	fprintf(stream, "  severity: %s\n  reason: %s\n", verdict_status_names[verdict->status],
		verdict_reason_names[verdict->reason]);
	if (!err)
		err = quoted_write("  file: ", output->spec_path, stream);
	if (verdict->line)
		fprintf(stream, "  line: %zu\n", verdict->line);
	if (!err && verdict->rule && verdict->rule->why)
		err = quoted_write("  why: ", verdict->rule->why, stream);
	if (words->details_nr)
		fputs("  details: |\n", stream);
	for (size_t i = 0; i < words->details_nr && !err; i++)
		err = line_write(words->details[i], stream);
	fputs("  ...\n", stream);
	return err;
}

static int verdict_write(const struct verdicts *verdicts, size_t index,
			 const struct verify_output *output, FILE *stream)
{
	const struct verdict *verdict = &verdicts->all[index];
	struct verdict_words words;
	int err = verdict_words_fill(verdicts, verdict, &words);

	fprintf(stream, "%sok %zu - ",
		verdict->status == VERDICT_PASS || verdict->status == VERDICT_SKIPPED ? "" : "not ",
		index + 1);
	if (!err)
		err = title_write(words.title, stream);
	if (!err && verdict->status == VERDICT_SKIPPED) {
		fputs(" # SKIP ", stream);
		err = title_write(words.message, stream);
	}
	fputc('\n', stream);
	if (!err && (verdict->status == VERDICT_FAIL || verdict->status == VERDICT_INCONCLUSIVE))
		err = diagnostics_write(verdict, &words, output, stream);
	verdict_words_fini(&words);
	return err;
}

int verify_write_tap(const struct verdicts *verdicts, const struct verify_output *output,
		     FILE *stream)
{
	int err = 0;

	fprintf(stream, "TAP version 13\n1..%zu%s\n", verdicts->nr,
		verdicts->nr ? "" : " # SKIP the specification has no rule that is judged");
	for (size_t i = 0; i < verdicts->nr && !err; i++)
		err = verdict_write(verdicts, i, output, stream);
	return !err && ferror(stream) ? -EIO : err;
}
