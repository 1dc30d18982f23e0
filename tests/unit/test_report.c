/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "base/utf8.h"
#include "graph_fixture.h"
#include "output/describe.h"
#include "output/output.h"

#define WIDTH 100

/* The report of a graph, owned by the caller. */
static char *report_of(const struct graph *graph, const struct output_options *options)
{
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	assert_int_equal(output_report.write(graph, options, stream), 0);
	fclose(stream);
	return text;
}

/* No line is too wide, nothing but newlines is a control, all is UTF-8. */
static void check_lines(char *text)
{
	size_t len = strlen(text), at = 0, used;
	char *line, *rest;
	uint32_t code = 0;

	for (; at < len; at += used) {
		used = utf8_decode(text + at, len - at, &code);
		assert_true(used > 0);
		assert_true(code == '\n' || (code >= 0x20 && code < 0x7f) || code >= 0xa0);
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (utf8_width(line) > WIDTH)
			fail_msg("%zu columns: %s", utf8_width(line), line);
}

static struct graph *example_new(void)
{
	struct graph *graph = fixture_new();
	uint32_t nginx = fixture_process(graph, 812, "nginx", "/usr/sbin/nginx");
	uint32_t php = fixture_process(graph, 840, "php-fpm", "/usr/bin/php");
	uint32_t channel;
	struct graph_edge *edge;

	channel = fixture_channel(graph, IPCT_UNIX_STREAM, "/run/php.sock", "socket:[1]");
	fixture_endpoint(graph, channel, nginx, IPCT_ROLE_SEND, 1234, 12288)->wait_ns = 2000000;
	fixture_endpoint(graph, channel, php, IPCT_ROLE_RECEIVE, 1234, 12288);
	fixture_endpoint(graph, channel, nginx, IPCT_ROLE_RECEIVE, 0, 0);
	graph->channels[channel].before_capture.bytes = 17;
	graph->channels[channel].unread.bytes = 2048;
	fixture_edge(graph, nginx, php, channel, 1234, 12288);
	channel = fixture_channel(graph, IPCT_PIPE, "", "pipe:[4711]");
	edge = fixture_edge(graph, php, nginx, channel, 5, 4096);
	edge->is_exact = false;
	edge->at_least = (struct graph_count){ 4, 3072 };
	channel = fixture_channel(graph, IPCT_SIGNAL, "SIGHUP", "");
	edge = fixture_edge(graph, nginx, php, channel, 3, 0);
	edge->is_exact = false;
	edge->at_least.messages = 2;
	return graph;
}

static void test_header(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	char *text = report_of(graph, &options);

	(void)state;
	contains(text, "scope    command make demo\n");
	contains(text, "window   10 s from 2026-08-05 12:00:00 UTC\n");
	contains(text, "host     web1, Linux 6.18.0 x86_64\n");
	contains(text, "ledger   seen 120  recorded 117  aggregated 3  lost 0\n");
	lacks(text, "warning");
	free(text);
	graph_free(graph);
}

static void test_loss_is_said(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	char *text;

	(void)state;
	graph->ledger.lost = 7;
	graph->ledger.seen += 7;
	graph->ledger.causes_nr = 3;
	graph->ledger.causes[0] = (struct graph_cause){ "ring-full", 5 };
	graph->ledger.causes[1] = (struct graph_cause){ "no-memory", 0 };
	graph->ledger.causes[2] = (struct graph_cause){ "hook-skipped", 2 };
	text = report_of(graph, &options);
	contains(text,
		 "lost 7\nwarning  LOST 7 records (ring-full 5, hook-skipped 2): every number "
		 "is a lower bound\n");
	free(text);
	graph_free(graph);
}

static void test_unbalanced_and_incomplete(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	char *text;

	(void)state;
	graph->ledger.seen++;
	graph->capture.is_complete = false;
	text = report_of(graph, &options);
	contains(text, "warning  the ledger does not balance");
	contains(text, "; the recorder did not end this capture");
	check_lines(text);
	free(text);
	graph_free(graph);
}

static void test_edges(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	char *text = report_of(graph, &options);

	(void)state;
	contains(text, "FROM          TO            MECHANISM    CHANNEL        MESSAGES    BYTES"
		       "       RATE  NUMBERS\n"
		       "nginx[812]    php-fpm[840]  unix-stream  /run/php.sock     1,234   12 KiB"
		       "  1.2 KiB/s  exact\n"
		       "php-fpm[840]  nginx[812]    pipe         pipe:[4711]           5  4.0 KiB"
		       "    410 B/s  ≥ 3.0 KiB\n"
		       "nginx[812]    php-fpm[840]  signal       SIGHUP                3      0 B"
		       "      0 B/s  ≥ 2 msg\n");
	free(text);
	graph_free(graph);
}

static void test_processes(void **state)
{
	const struct output_options options = { .table = OUTPUT_TABLE_PROCESS,
						.sort = GRAPH_SORT_NAME };
	struct graph *graph = example_new();
	char *text = report_of(graph, &options);

	(void)state;
	contains(text,
		 "PROCESS       EXE               SENT    BYTES  RECEIVED    BYTES  EDGES  WAITED\n"
		 "nginx[812]    /usr/sbin/nginx  1,237   12 KiB         5  4.0 KiB      3  2.0 ms\n"
		 "php-fpm[840]  /usr/bin/php         5  4.0 KiB     1,237   12 KiB      3"
		 "       -\n");
	free(text);
	graph_free(graph);
}

static void test_channels(void **state)
{
	const struct output_options options = { .table = OUTPUT_TABLE_CHANNEL };
	struct graph *graph = example_new();
	char *text = report_of(graph, &options);

	(void)state;
	contains(text, "CHANNEL        MECHANISM    FROM        TO               MESSAGES    BYTES"
		       "  BEFORE   UNREAD\n"
		       "/run/php.sock  unix-stream  nginx[812]  php-fpm[840] +1     1,234   12 KiB"
		       "    17 B  2.0 KiB\n"
		       "pipe:[4711]    pipe         -           -                       5  4.0 KiB"
		       "     0 B      0 B\n");
	free(text);
	graph_free(graph);
}

static void test_mechanisms(void **state)
{
	const struct output_options options = { .table = OUTPUT_TABLE_MECHANISM,
						.sort = GRAPH_SORT_MESSAGES };
	struct graph *graph = example_new();
	char *text = report_of(graph, &options);

	(void)state;
	contains(text,
		 "unix-stream         1      1     1,234   12 KiB  1.2 KiB/s  2.0 ms  1 of 1\n"
		 "pipe                1      1         5  4.0 KiB    410 B/s       -  0 of 1\n"
		 "signal              1      1         3      0 B      0 B/s       -  0 of 1\n");
	free(text);
	graph_free(graph);
}

/* nginx writes, php may only read; another segment is mapped by nginx alone. */
static void add_memory(struct graph *graph)
{
	uint32_t channel = fixture_channel(graph, IPCT_POSIX_SHM, "/cache", "posix-shm:[5]");

	graph->channels[channel].size = 1 << 20;
	fixture_endpoint(graph, channel, 0, IPCT_ROLE_MAP_RW, 1, 0);
	fixture_endpoint(graph, channel, 1, IPCT_ROLE_MAP_RO, 1, 0);
	channel = fixture_channel(graph, IPCT_MEMFD, "own", "memfd:[6]");
	fixture_endpoint(graph, channel, 0, IPCT_ROLE_MAP_RW, 1, 0);
}

static void test_memory(void **state)
{
	struct output_options options = { .table = OUTPUT_TABLE_CHANNEL };
	struct graph *graph = example_new();
	char *text;

	(void)state;
	add_memory(graph);
	text = report_of(graph, &options);
	contains(text, "\nSHARED MEMORY  MECHANISM     SIZE  MAPPED BY  TO WRITE    TO READ\n"
		       "/cache         posix-shm  1.0 MiB          2  nginx[812]  php-fpm[840]\n");
	lacks(text, "own");
	lacks(text, "/cache         posix-shm  -");
	free(text);
	options.table = OUTPUT_TABLE_EDGE;
	text = report_of(graph, &options);
	contains(text, "\n/cache ");
	free(text);
	options.table = OUTPUT_TABLE_PROCESS;
	text = report_of(graph, &options);
	lacks(text, "/cache");
	free(text);
	graph_free(graph);
}

static void test_first_rows(void **state)
{
	const struct output_options options = { .rows_max = 1 };
	struct graph *graph = example_new();
	char *text = report_of(graph, &options);

	(void)state;
	contains(text, "exact\n… 2 more\n");
	lacks(text, "SIGHUP");
	free(text);
	graph_free(graph);
}

static void test_empty(void **state)
{
	struct output_options options = { 0 };
	struct graph *graph = fixture_new();
	char *text;

	(void)state;
	for (options.table = 0; options.table < OUTPUT_TABLE_NR; options.table++) {
		text = report_of(graph, &options);
		contains(text, "\nno communication was seen\n");
		free(text);
	}
	graph_free(graph);
}

static void test_hostile_in_every_table(void **state)
{
	struct output_options options = { 0 };
	struct graph *graph = fixture_hostile();
	char *text;

	(void)state;
	for (options.table = 0; options.table < OUTPUT_TABLE_NR; options.table++) {
		text = report_of(graph, &options);
		lacks(text, "\xe2\x80\xae");
		check_lines(text);
		free(text);
	}
	graph_free(graph);
}

static void add_long(struct graph *graph, const char *letter)
{
	char name[3 * 400 + 1] = "";
	uint32_t one, two, channel;
	size_t i;

	for (i = 0; i < 400; i++)
		strcat(name, letter);
	one = fixture_process(graph, 4194304, name, name);
	two = fixture_process(graph, 4194303, name, name);
	channel = fixture_channel(graph, IPCT_UNIX_SEQPACKET, name, name);
	fixture_endpoint(graph, channel, one, IPCT_ROLE_SEND, 1, UINT64_MAX / 4)->wait_ns = 1;
	fixture_endpoint(graph, channel, two, IPCT_ROLE_RECEIVE, 1, UINT64_MAX / 4);
	fixture_edge(graph, one, two, channel, 123456789012, UINT64_MAX / 4);
}

static void test_long_and_wide_names(void **state)
{
	struct output_options options = { 0 };
	struct graph *graph = fixture_new();
	char *text;

	(void)state;
	graph->ledger.lost = UINT64_MAX;
	graph->ledger.causes_nr = 16;
	while (graph->ledger.causes_nr--)
		graph->ledger.causes[graph->ledger.causes_nr] =
			(struct graph_cause){ "a-long-cause", UINT64_MAX };
	graph->ledger.causes_nr = 16;
	add_long(graph, "x");
	add_long(graph, "\xc3\xbc");
	add_long(graph, "\xe6\xbc\xa2"); /* two columns each */
	add_long(graph, "\n");
	for (options.table = 0; options.table < OUTPUT_TABLE_NR; options.table++) {
		text = report_of(graph, &options);
		if (options.table != OUTPUT_TABLE_MECHANISM)
			contains(text, "…");
		check_lines(text);
		free(text);
	}
	graph_free(graph);
}

static void check_shorten(const char *text, size_t columns, const char *expected)
{
	char *shown = describe_shorten(text, columns);

	assert_string_equal(shown, expected);
	free(shown);
}

static void test_shorten(void **state)
{
	(void)state;
	check_shorten("/run/php.sock", 13, "/run/php.sock");
	check_shorten("/run/php.sock", 12, "/ru…php.sock");
	check_shorten("abc", 1, "…");
	check_shorten("abc", 0, "");
	check_shorten("\xe6\xbc\xa2\xe6\xbc\xa2\xe6\xbc\xa2", 4, "…\xe6\xbc\xa2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_loss_is_said),
		cmocka_unit_test(test_unbalanced_and_incomplete),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_mechanisms),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_first_rows),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_hostile_in_every_table),
		cmocka_unit_test(test_long_and_wide_names),
		cmocka_unit_test(test_shorten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
