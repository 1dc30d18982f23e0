/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/utf8.h"
#include "diff_fixture.h"
#include "output/diff.h"

#define WIDTH 100

struct shown {
	struct diff_pair pair;
	struct graph_diff *diff;
	struct diff_view view;
};

static void shown_fini(struct shown *shown)
{
	graph_diff_free(shown->diff);
	diff_pair_free(&shown->pair);
}

static void shown_compare(struct shown *shown)
{
	shown->diff = diff_pair_compare(&shown->pair);
	shown->view = (struct diff_view){
		.diff = shown->diff,
		.graphs = { shown->pair.before, shown->pair.now },
		.files = { "old.data", "new.data" },
		.group_by = "program",
	};
}

/* A writer's output, owned by the caller. */
static char *written(const struct diff_format *format, const struct shown *shown)
{
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	assert_int_equal(format->write(&shown->view, stream), 0);
	fclose(stream);
	return text;
}

static json_t *json_of(const struct shown *shown)
{
	char *text = written(&diff_json, shown);
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("line %d: %s", error.line, error.text);
	free(text);
	return json;
}

/* All kinds of changes, one that is not certain. */
static struct shown example_new(void)
{
	struct shown shown = { .pair = diff_pair_new() };
	struct graph *before = shown.pair.before, *now = shown.pair.now;
	struct graph_edge *edge;

	diff_edge(before, "cat", "wc", IPCT_PIPE, "", 3, 100000);
	diff_edge(now, "cat", "sort", IPCT_PIPE, "", 7, 100000);
	diff_edge(before, "app", "db", IPCT_UNIX_STREAM, "/run/db.sock", 1000, 102400);
	diff_edge(now, "app", "db", IPCT_UNIX_STREAM, "/run/db.sock", 1200, 122880);
	diff_edge(before, "app", "db", IPCT_SIGNAL, "SIGHUP", 1, 0);
	diff_edge(now, "app", "db", IPCT_SIGNAL, "SIGHUP", 1, 0);
	diff_edge(before, "10.0.0.7:40123", "app", IPCT_TCP, "10.0.0.1:80", 2, 0);
	diff_edge(before, "app", "log", IPCT_PIPE, "", 10, 100);
	edge = diff_edge(now, "app", "log", IPCT_PIPE, "", 20, 200);
	edge->is_exact = false;
	edge->at_least = (struct graph_count){ 5, 50 };
	shown_compare(&shown);
	return shown;
}

static void test_text(void **state)
{
	struct shown shown = example_new();
	char *text = written(&diff_text, &shown);

	(void)state;
	contains(text, "old      old.data\nscope    command make demo\n");
	contains(text,
		 "ledger   seen 120  recorded 117  aggregated 3  lost 0\n\nnew      new.data\n");
	contains(text,
		 "CHANGE    FROM      TO    MECHANISM    CHANNEL       MESSAGES      ±    BYTES"
		 "      ±\n"
		 "new       cat       sort  pipe         -                    7      -   98 KiB"
		 "      -\n"
		 "gone      cat       wc    pipe         -                    3      -   98 KiB"
		 "      -\n"
		 "gone      10.0.0.7  app   tcp          10.0.0.1:80          2      -      0 B"
		 "      -\n"
		 "changed   app       db    unix-stream  /run/db.sock     1,200   +20%  120 KiB"
		 "   +20%\n"
		 "    was 1,000 messages, 100 KiB\n"
		 "changed?  app       log   pipe         -                 ≈ 20  +100%  ≈ 200 B"
		 "  +100%\n"
		 "    was 10 messages, 100 B\n"
		 "    not certain: proven are 10 messages, 100 B before, and 5 to 20 messages, 50 B"
		 " to 200 B now\n");
	contains(text, "\nedges    1 new, 2 gone, 2 changed, 1 unchanged; not certain (?): 1\n"
		       "only old 10.0.0.7, wc\nonly new sort\n");
	free(text);
	shown.view.edges_max = 1;
	text = written(&diff_text, &shown);
	contains(text, "… 4 more\n");
	lacks(text, "gone      cat");
	free(text);
	shown_fini(&shown);
}

static void test_text_of_equals(void **state)
{
	struct shown shown = { .pair = diff_pair_new() };
	char *text;

	(void)state;
	diff_edge(shown.pair.before, "a", "b", IPCT_PIPE, "", 1, 1);
	diff_edge(shown.pair.now, "a", "b", IPCT_PIPE, "", 1, 1);
	shown_compare(&shown);
	text = written(&diff_text, &shown);
	contains(text, "\nno difference\n\nedges    0 new, 0 gone, 0 changed, 1 unchanged\n");
	lacks(text, "only");
	free(text);
	shown_fini(&shown);
}

/* What is missing in a capture is said above the table. */
static void test_text_of_lossy(void **state)
{
	struct shown shown = { .pair = diff_pair_new() };
	char *text;

	(void)state;
	diff_edge(shown.pair.before, "a", "b", IPCT_PIPE, "", 1, 1);
	shown.pair.now->capture.is_lossy = true;
	shown.pair.now->ledger.lost = 2;
	shown.pair.now->ledger.seen += 2;
	shown_compare(&shown);
	text = written(&diff_text, &shown);
	contains(text, "warning  LOST 2 records");
	contains(text, "\ngone?   a ");
	contains(text,
		 "proven are 1 messages, 1 B before, and 0 or more messages, 0 B or more now");
	free(text);
	shown_fini(&shown);
}

static void check_range(json_t *side, const char *measure, int low, int best, int high)
{
	json_t *range = json_object_get(side, measure);

	assert_int_equal(json_integer_value(json_object_get(range, "at_least")), low);
	assert_int_equal(json_integer_value(json_object_get(range, "best")), best);
	if (high < 0)
		assert_true(json_is_null(json_object_get(range, "at_most")));
	else
		assert_int_equal(json_integer_value(json_object_get(range, "at_most")), high);
}

static void is_text(json_t *object, const char *key, const char *expected)
{
	assert_string_equal(json_string_value(json_object_get(object, key)), expected);
}

static void check_summary(json_t *json)
{
	static const struct {
		const char *key;
		int number;
	} numbers[] = { { "new", 1 },	    { "gone", 2 },	{ "changed", 2 },
			{ "unchanged", 1 }, { "uncertain", 1 }, { "edges_left_out", 0 } };
	json_t *summary = json_object_get(json, "summary");

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(json_integer_value(json_object_get(summary, numbers[i].key)),
				 numbers[i].number);
}

static void test_json(void **state)
{
	struct shown shown = example_new();
	struct graph_limit limits[2];
	json_t *json, *edge;

	(void)state;
	assert_int_equal(graph_limit_parse("new", &limits[0]), 0);
	assert_int_equal(graph_limit_parse("bytes+5%", &limits[1]), 0);
	shown.view.limits = limits;
	shown.view.limits_nr = 2;
	json = json_of(&shown);
	is_text(json, "schema", "ipctrace.diff/1");
	is_text(json, "group_by", "program");
	is_text(json_object_get(json, "old"), "file", "old.data");
	is_text(json_object_get(json_object_get(json, "new"), "capture"), "host", "web1");
	assert_int_equal(json_array_size(json_object_get(json, "edges")), 6);
	check_summary(json);
	edge = json_array_get(json_object_get(json, "edges"), 0);
	is_text(edge, "change", "new");
	is_text(edge, "mechanism", "pipe");
	assert_true(json_is_true(json_object_get(edge, "certain")));
	assert_true(json_is_null(json_object_get(edge, "old")));
	check_range(json_object_get(edge, "new"), "bytes", 100000, 100000, 100000);
	assert_string_equal(json_string_value(json_array_get(json_object_get(edge, "breaks"), 0)),
			    "new");
	edge = json_array_get(json_object_get(json, "edges"), 3);
	is_text(edge, "channel", "/run/db.sock");
	assert_string_equal(json_string_value(json_array_get(json_object_get(edge, "breaks"), 0)),
			    "bytes+5%");
	edge = json_array_get(json_object_get(json, "edges"), 4);
	assert_true(json_is_false(json_object_get(edge, "certain")));
	check_range(json_object_get(edge, "new"), "messages", 5, 20, 20);
	assert_int_equal(json_array_size(json_object_get(edge, "breaks")), 0);
	json_decref(json);
	shown_fini(&shown);
}

static void test_json_programs(void **state)
{
	struct shown shown = example_new();
	json_t *json = json_of(&shown), *program, *processes;

	(void)state;
	program = json_array_get(json_object_get(json, "programs"), 0);
	is_text(program, "id", "p1");
	is_text(program, "name", "10.0.0.7");
	assert_true(json_is_true(json_object_get(program, "far")));
	processes = json_object_get(program, "processes");
	assert_int_equal(json_integer_value(json_object_get(processes, "old")), 1);
	assert_int_equal(json_integer_value(json_object_get(processes, "new")), 0);
	json_decref(json);
	shown_fini(&shown);
}

static void test_json_without_limit(void **state)
{
	struct shown shown = { .pair = diff_pair_new() };
	json_t *json;

	(void)state;
	diff_edge(shown.pair.before, "a", "b", IPCT_PIPE, "", 1, 1);
	shown.pair.before->capture.is_lossy = true;
	shown_compare(&shown);
	json = json_of(&shown);
	check_range(json_object_get(json_array_get(json_object_get(json, "edges"), 0), "old"),
		    "bytes", 1, 1, -1);
	json_decref(json);
	shown_fini(&shown);
}

static void test_dot(void **state)
{
	struct shown shown = example_new();
	char *text = written(&diff_dot, &shown);

	(void)state;
	contains(text, "1 new, 2 gone, 2 changed, 1 unchanged");
	contains(text, "old: old.data: command make demo, 10 s from");
	contains(text, "<B>new</B><BR/>pipe<BR/>7 msg<BR/>98 KiB<");
	contains(text, "<B>gone</B><BR/>pipe<BR/>3 msg<BR/>98 KiB<");
	contains(text,
		 "<B>changed</B><BR/>unix-stream /run/db.sock<BR/>1,000 → 1,200 msg (+20%)<BR/>"
		 "100 KiB → 120 KiB (+20%)<");
	contains(text, "<B>changed?</B><BR/>pipe<BR/>10 → ≈ 20 msg (+100%)");
	contains(text, "<TD>signal SIGHUP<BR/>1 msg</TD>");
	contains(text, "color=\"#D55E00\", fontcolor=\"#A04600\", style=dashed");
	contains(text, "<B>sort</B><BR/><FONT POINT-SIZE=\"10\">new: 1 process</FONT>");
	contains(text, "<B>10.0.0.7</B><BR/><FONT POINT-SIZE=\"10\">gone</FONT>");
	free(text);
	shown.view.edges_max = 2;
	text = written(&diff_dot, &shown);
	contains(text, "not drawn: 4 edges");
	lacks(text, "<B>app</B>");
	free(text);
	shown_fini(&shown);
}

static void test_memory(void **state)
{
	struct shown shown = { .pair = diff_pair_new() };
	struct graph *now = shown.pair.now;
	uint32_t channel = diff_channel(now, IPCT_POSIX_SHM, "/frames");
	json_t *json, *side;
	char *text;

	(void)state;
	fixture_endpoint(now, channel, diff_process(now, "cam"), IPCT_ROLE_MAP_RW, 1, 0);
	fixture_endpoint(now, channel, diff_process(now, "view"), IPCT_ROLE_MAP_RO, 1, 0);
	shown_compare(&shown);
	text = written(&diff_text, &shown);
	contains(text, "new     cam   view  posix-shm  /frames         -  -      -  -\n");
	free(text);
	text = written(&diff_dot, &shown);
	contains(text, "<B>new</B><BR/>posix-shm /frames</TD>");
	free(text);
	json = json_of(&shown);
	side = json_object_get(json_array_get(json_object_get(json, "edges"), 0), "new");
	assert_null(json_object_get(side, "bytes"));
	json_decref(json);
	shown_fini(&shown);
}

static struct shown hostile_new(void)
{
	struct shown shown = { .pair = diff_pair_new() };

	graph_free(shown.pair.now);
	shown.pair.now = fixture_hostile();
	shown_compare(&shown);
	shown.view.files[0] = HOSTILE;
	return shown;
}

/* No line is too wide, nothing but newlines is a control, all is UTF-8. */
static void check_lines(char *text)
{
	size_t len = strlen(text), used;
	char *line, *rest;
	uint32_t code = 0;

	for (size_t at = 0; at < len; at += used) {
		used = utf8_decode(text + at, len - at, &code);
		assert_true(used > 0);
		assert_true(code == '\n' || (code >= 0x20 && code < 0x7f) || code >= 0xa0);
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (utf8_width(line) > WIDTH)
			fail_msg("%zu columns: %s", utf8_width(line), line);
}

static void test_hostile(void **state)
{
	struct shown shown = hostile_new();
	char *text = written(&diff_text, &shown);

	(void)state;
	contains(text, "\\x1B[31m");
	check_lines(text);
	free(text);
	text = written(&diff_dot, &shown);
	contains(text, "&lt;b&gt;");
	lacks(text, "\x1b");
	free(text);
	json_decref(json_of(&shown));
	text = written(&diff_svg, &shown);
	contains(text, "</svg>");
	lacks(text, "<b>");
	lacks(text, "\x1b");
	free(text);
	shown_fini(&shown);
}

/* Long names give way; numbers do not. */
static void test_wide(void **state)
{
	struct shown shown = { .pair = diff_pair_new() };
	char name[200];
	char *text;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	diff_edge(shown.pair.before, name, "b", IPCT_UNIX_SEQPACKET, name, 123456789, 123456789);
	diff_edge(shown.pair.now, name, "b", IPCT_UNIX_SEQPACKET, name, 423456789, 423456789);
	shown_compare(&shown);
	text = written(&diff_text, &shown);
	contains(text, "423,456,789  +243%");
	check_lines(text);
	free(text);
	shown_fini(&shown);
}

static void check_change(uint64_t from, uint64_t to, const char *expected)
{
	const struct graph_range before = { from, from, from }, now = { to, to, to };
	char text[DIFF_TEXT_MAX];

	diff_format_change(text, sizeof(text), &before, &now);
	assert_string_equal(text, expected);
}

static void test_changes(void **state)
{
	(void)state;
	check_change(5, 5, "=");
	check_change(0, 0, "=");
	check_change(0, 5, "from 0");
	check_change(5, 0, "-100%");
	check_change(1000, 1004, "+0.4%");
	check_change(1000, 966, "-3.4%");
	check_change(100, 130, "+30%");
	check_change(100, 1090, "+990%");
	check_change(100, 1200, "×12");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),	      cmocka_unit_test(test_text_of_equals),
		cmocka_unit_test(test_text_of_lossy), cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_programs), cmocka_unit_test(test_json_without_limit),
		cmocka_unit_test(test_dot),	      cmocka_unit_test(test_memory),
		cmocka_unit_test(test_hostile),	      cmocka_unit_test(test_wide),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
