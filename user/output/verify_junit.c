/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JUnit's XML as CI services read it. A rule that is broken is a failure; one that is not decided
 * is an error, the test itself did not work.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "output/verify.h"

#define NS_PER_S 1000000000

static int escaped_write(const char *before, const char *text, const char *behind, FILE *stream)
{
	char *shown = escape_xml(text, strlen(text));

	if (!shown)
		return -ENOMEM;
	fprintf(stream, "%s%s%s", before, shown, behind);
	free(shown);
	return 0;
}

/* `<failure …>` with all that is known. */
static int problem_write(const char *element, const struct verdict *verdict,
			 const struct verdict_words *words, FILE *stream)
{
	int err;

	fprintf(stream, "      <%s type=\"%s\"", element, verdict_reason_names[verdict->reason]);
	err = escaped_write(" message=\"", words->message, "\">", stream);
	for (size_t i = 0; i < words->details_nr && !err; i++)
		err = escaped_write("", words->details[i], "\n", stream);
	fprintf(stream, "</%s>\n", element);
	return err;
}

static int body_write(const struct verdict *verdict, const struct verdict_words *words,
		      FILE *stream)
{
	switch (verdict->status) {
	case VERDICT_FAIL:
		return problem_write("failure", verdict, words, stream);
	case VERDICT_INCONCLUSIVE:
		return problem_write("error", verdict, words, stream);
	case VERDICT_SKIPPED:
		return escaped_write("      <skipped message=\"", words->message, "\"/>\n", stream);
	default:
		return 0;
	}
}

static int verdict_write(const struct verdicts *verdicts, const struct verdict *verdict,
			 const struct verify_output *output, FILE *stream)
{
	struct verdict_words words;
	int err = verdict_words_fill(verdicts, verdict, &words);

	if (!err)
		err = escaped_write("    <testcase classname=\"", output->spec_path, "\"", stream);
	if (!err)
		err = escaped_write(" name=\"", words.title, "\"", stream);
	if (!err)
		err = escaped_write(" file=\"", output->spec_path, "\"", stream);
	if (verdict->line)
		fprintf(stream, " line=\"%zu\"", verdict->line);
	fputs(" time=\"0\">\n", stream);
	if (!err)
		err = body_write(verdict, &words, stream);
	fputs("    </testcase>\n", stream);
	verdict_words_fini(&words);
	return err;
}

static int suite_begin(const struct verdicts *verdicts, const struct verify_output *output,
		       FILE *stream)
{
	const struct graph_capture *capture = &verdicts->graph->capture;
	time_t seconds = (time_t)(capture->start_realtime_ns / NS_PER_S);
	struct tm utc;
	char start[64];
	int err;

	err = escaped_write("  <testsuite name=\"", output->spec_path, "\"", stream);
	fprintf(stream, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
		verdicts->nr, verdicts->count[VERDICT_FAIL], verdicts->count[VERDICT_INCONCLUSIVE],
		verdicts->count[VERDICT_SKIPPED]);
	if (gmtime_r(&seconds, &utc) && strftime(start, sizeof(start), "%FT%TZ", &utc))
		fprintf(stream, " timestamp=\"%s\"", start);
	if (!err)
		err = escaped_write(" hostname=\"", capture->host, "\"", stream);
	fprintf(stream, " time=\"%.3f\">\n", (double)capture->duration_ns / NS_PER_S);
	return err;
}

static void ledger_write(const struct graph_ledger *ledger, FILE *stream)
{
	fprintf(stream,
		"    <properties>\n"
		"      <property name=\"seen\" value=\"%" PRIu64 "\"/>\n"
		"      <property name=\"recorded\" value=\"%" PRIu64 "\"/>\n"
		"      <property name=\"aggregated\" value=\"%" PRIu64 "\"/>\n"
		"      <property name=\"lost\" value=\"%" PRIu64 "\"/>\n"
		"    </properties>\n",
		ledger->seen, ledger->recorded, ledger->aggregated, ledger->lost);
}

int verify_write_junit(const struct verdicts *verdicts, const struct verify_output *output,
		       FILE *stream)
{
	int err;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", stream);
	err = suite_begin(verdicts, output, stream);
	ledger_write(&verdicts->graph->ledger, stream);
	for (size_t i = 0; i < verdicts->nr && !err; i++)
		err = verdict_write(verdicts, &verdicts->all[i], output, stream);
	fputs("  </testsuite>\n</testsuites>\n", stream);
	return !err && ferror(stream) ? -EIO : err;
}
