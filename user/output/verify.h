/* SPDX-License-Identifier: GPL-2.0-only */
/* Verdicts as people and programs read them: one file for each format. */
#ifndef IPCTRACE_OUTPUT_VERIFY_H
#define IPCTRACE_OUTPUT_VERIFY_H

#include <stdbool.h>
#include <stdio.h>

#include "verify/verdict.h"

struct verify_output {
	const char *spec_path;
	bool is_coloured; /* text */
};

/* Each writes the whole: 0 or -errno. */
typedef int (*verify_write_fn)(const struct verdicts *verdicts, const struct verify_output *output,
			       FILE *stream);

int verify_write_text(const struct verdicts *verdicts, const struct verify_output *output,
		      FILE *stream);
/* TAP version 13: a test for each rule, with YAML diagnostics. */
int verify_write_tap(const struct verdicts *verdicts, const struct verify_output *output,
		     FILE *stream);
/* A test case for each rule, each with one failure (or error: inconclusive) at most. */
int verify_write_junit(const struct verdicts *verdicts, const struct verify_output *output,
		       FILE *stream);
/* Schema ipctrace.verify/1, see user/verify/SPEC.md. */
int verify_write_json(const struct verdicts *verdicts, const struct verify_output *output,
		      FILE *stream);

/* Words that the formats share: raw, the format escapes them. ------------------------------ */

#define VERDICT_DETAILS_MAX 32

struct verdict_words {
	char *title;   /* `require zcat -> sort via pipe` */
	char *message; /* why it is not "pass"; "" where it is */
	char *details[VERDICT_DETAILS_MAX];
	size_t details_nr;
};

/* Fills *ret_words, which the caller ends with verdict_words_fini(), also after an error. */
int verdict_words_fill(const struct verdicts *verdicts, const struct verdict *verdict,
		       struct verdict_words *ret_words);
void verdict_words_fini(struct verdict_words *words);

/* The first transfers, a line each; owned by the caller. NULL without memory. */
char *verdict_words_example(const struct verdicts *verdicts, const struct verdict_example *example);

/* `a[1] -> b[2] via pipe NAME`; owned by the caller. NULL without memory. */
char *verdict_words_edge(const struct graph *graph, const struct graph_edge *edge);

#endif
