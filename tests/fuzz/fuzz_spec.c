/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes, as a specification: it is read, or there is an error with a place in the file; what
 * was read is judged against a graph, and the verdicts are written in every format.
 */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define fail_msg(...) abort() /* of cmocka, which the fixture knows */
#include "../unit/graph_fixture.h"
#include "base/utf8.h"
#include "output/verify.h"
#include "verify/evaluate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static size_t lines_of(const uint8_t *data, size_t size)
{
	size_t lines = 1;

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' || data[i] == '\r';
	return lines;
}

/* One line of UTF-8 that a terminal shows as it is. */
static void message_check(const char *text)
{
	size_t len = strlen(text), used;
	uint32_t code;

	must(len > 0, "the error says something");
	for (size_t at = 0; at < len; at += used) {
		used = utf8_decode(text + at, len - at, &code);
		/* a long message may be cut within a character */
		must(used || len + 4 > TEXT_PROBLEM_MAX, "the error is UTF-8");
		if (!used)
			return;
		must(code >= 0x20 && (code < 0x7f || code >= 0xa0), "the error has no control");
	}
}

static struct graph *graph_new(void)
{
	struct graph *graph = fixture_hostile();
	uint32_t from = fixture_process(graph, 11, "sort", "/usr/bin/sort");
	uint32_t to = fixture_process(graph, 12, "wc", "/usr/bin/wc");
	uint32_t pipe = fixture_channel(graph, IPCT_PIPE, "", "pipe:[1]");
	uint32_t memory = fixture_channel(graph, IPCT_MEMFD, "ring", "memfd:[2]");

	graph->capture.mechanisms = UINT64_MAX;
	fixture_endpoint(graph, pipe, from, IPCT_ROLE_SEND, 5, 50);
	fixture_endpoint(graph, pipe, to, IPCT_ROLE_RECEIVE, 5, 50);
	fixture_edge(graph, from, to, pipe, 5, 50);
	fixture_endpoint(graph, memory, from, IPCT_ROLE_MAP_RW, 0, 0);
	fixture_endpoint(graph, memory, to, IPCT_ROLE_MAP_RO, 0, 0);
	return graph;
}

static void write_all(const struct verdicts *verdicts)
{
	static const verify_write_fn writers[] = { verify_write_text, verify_write_tap,
						   verify_write_junit, verify_write_json };
	const struct verify_output output = { .spec_path = "fuzz.yaml" };

	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		char *text = NULL;
		size_t len = 0;
		FILE *stream = open_memstream(&text, &len);

		must(stream && !writers[i](verdicts, &output, stream) && !fclose(stream),
		     "the verdicts can be written");
		if (writers[i] == verify_write_json) {
			json_t *json = json_loadb(text, len, 0, NULL);

			must(json, "the verdicts are JSON");
			json_decref(json);
		}
		free(text);
	}
}

static void judge(const struct spec *spec)
{
	const struct evaluate_options options = {};
	struct graph *graph = graph_new();
	struct verdicts verdicts;

	must(!evaluate(spec, graph, &options, &verdicts), "the specification is judged");
	write_all(&verdicts);
	verdicts_fini(&verdicts);
	graph_free(graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text_problem problem = {};
	struct spec *spec = NULL;
	int err = spec_parse((const char *)data, size, &spec, &problem);

	if (!err) {
		judge(spec);
		spec_free(spec);
		return 0;
	}
	must(err == -EINVAL, "only the text is wrong");
	must(problem.place.line >= 1 && problem.place.line <= lines_of(data, size) + 1,
	     "the error has a line of the file");
	must(problem.place.column >= 1 && problem.place.column <= size + 2,
	     "the error has a column");
	message_check(problem.text);
	return 0;
}
