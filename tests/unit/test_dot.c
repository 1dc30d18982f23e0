/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "graph_fixture.h"
#include "output/output.h"

/* Output of a format, owned by the caller; `ret_err` is what the writer returned. */
static char *written(const struct output_format *format, const struct graph *graph,
		     const struct output_options *options, int *ret_err)
{
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	*ret_err = format->write(graph, options, stream);
	fclose(stream);
	return text;
}

static char *dot_of(const struct graph *graph, const struct output_options *options)
{
	int err;
	char *text = written(&output_dot, graph, options, &err);

	assert_int_equal(err, 0);
	return text;
}

static bool has_program(const char *check)
{
	return system(check) == 0;
}

static void skip_without(const char *program, const char *check)
{
	if (has_program(check))
		return;
	print_message("SKIP: no %s on this machine\n", program);
	skip();
}

static struct graph *example_new(void)
{
	struct graph *graph = fixture_new();
	uint32_t nginx = fixture_process(graph, 812, "nginx", "/usr/sbin/nginx");
	uint32_t php = fixture_process(graph, 840, "php-fpm", "/usr/bin/php");
	uint32_t peer = fixture_process(graph, 0, "10.0.0.7:5432", "");
	uint32_t alone = fixture_process(graph, 99, "idle", "/bin/idle");
	struct graph_edge *edge;
	uint32_t channel;

	(void)alone; /* there to be left out */
	graph->processes[php].is_traced = false;
	channel = fixture_channel(graph, IPCT_UNIX_STREAM, "/run/php.sock", "socket:[1]");
	fixture_edge(graph, nginx, php, channel, 1234, 12288)->first_ns = 10;
	edge = fixture_edge(graph, php, nginx, channel, 5, 4096);
	edge->first_ns = 20;
	edge->is_exact = false;
	edge->at_least = (struct graph_count){ 4, 3072 };
	channel = fixture_channel(graph, IPCT_UNIX_DGRAM, "", "socket:[2]");
	fixture_edge(graph, peer, nginx, channel, 1, 1)->members = 3;
	channel = fixture_channel(graph, IPCT_SIGNAL, "SIGHUP", "");
	edge = fixture_edge(graph, nginx, nginx, channel, 3, 0);
	edge->is_exact = false;
	edge->at_least.messages = 2;
	return graph;
}

static void test_nodes(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	char *text;

	(void)state;
	graph->processes[0].members = 4;
	text = dot_of(graph, &options);
	contains(text, "rankdir=LR");
	contains(text, "p1 [label=<<B>nginx</B><BR/><FONT POINT-SIZE=\"10\">4 processes</FONT>>, "
		       "tooltip=\"/usr/sbin/nginx -g\"];");
	contains(text, "p2 [label=<<B>php-fpm</B><BR/><FONT POINT-SIZE=\"10\">pid 840</FONT>>, "
		       "tooltip=\"/usr/bin/php -g\\n(not traced)\", "
		       "style=\"rounded,filled,dashed\"");
	contains(text, "p3 [label=<<B>10.0.0.7:5432</B>>");
	contains(text, "shape=ellipse, style=\"filled,dashed\"");
	lacks(text, "p4 ");
	lacks(text, "idle");
	free(text);
	graph_free(graph);
}

static void test_edges(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	char *text = dot_of(graph, &options);

	(void)state;
	contains(text, "p1 -> p2 [label");
	contains(text, ">unix-stream /run/php.sock<BR/>1,234 msg, 12 KiB<");
	contains(text, "p1 -> p2 [dir=back, label"); /* the answer */
	contains(text, "≈ 5 msg, 4.0 KiB (≥ 3.0 KiB)<");
	contains(text, ">unix-dgram ×3<BR/>1 msg, 1 B<");
	contains(text, "p3 -> p1 [label");
	contains(text, ">signal SIGHUP<BR/>≈ 3 msg (≥ 2 msg)<");
	contains(text, "style=solid, arrowhead");
	contains(text, "style=solid, arrowtail");
	contains(text, "style=dashed");
	contains(text, "style=dotted");
	contains(text, "#009E73");
	contains(text, "#CC79A7");
	free(text);
	graph_free(graph);
}

/* A segment is drawn with its mappers, unless one process alone has it. */
static void test_memory(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	uint32_t channel = fixture_channel(graph, IPCT_POSIX_SHM, "/a<b", "posix-shm:[5]");
	char *text;

	(void)state;
	graph->channels[channel].size = 4096;
	fixture_endpoint(graph, channel, 0, IPCT_ROLE_MAP_RW, 1, 0);
	fixture_endpoint(graph, channel, 3, IPCT_ROLE_MAP_RO, 1, 0);
	channel = fixture_channel(graph, IPCT_MEMFD, "own", "memfd:[6]");
	fixture_endpoint(graph, channel, 1, IPCT_ROLE_MAP_RW, 1, 0);
	text = dot_of(graph, &options);
	contains(text, "m4 [shape=cylinder");
	contains(text, "label=<posix-shm<BR/><B>/a&lt;b</B><BR/>4.0 KiB>");
	contains(text, "p1 -> m4 [dir=none, color=\"#E69F00\", style=solid");
	contains(text, "p4 -> m4 [dir=none, color=\"#E69F00\", style=dashed");
	contains(text, "p4 [label"); /* it has no edge, but memory */
	lacks(text, "own");
	lacks(text, "processes without an edge");
	free(text);
	graph_free(graph);
}

/* Too many lines: the largest that fit, and the caption says how many do not. */
static void test_much_memory(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	char *text;

	(void)state;
	for (int i = 0; i < 40; i++) {
		uint32_t channel = fixture_channel(graph, IPCT_MEMFD, "", "memfd:[6]");

		fixture_endpoint(graph, channel, 0, IPCT_ROLE_MAP_RW, 1, 0);
		fixture_endpoint(graph, channel, 1, IPCT_ROLE_MAP_RW, 1, 0);
	}
	text = dot_of(graph, &options);
	contains(text, ", shared memory 10<");
	contains(text, "m33 [");
	lacks(text, "m34 [");
	free(text);
	graph_free(graph);
}

static void hold(struct graph *graph, uint32_t channel, uint32_t process, uint32_t ends,
		 uint32_t descriptors)
{
	struct graph_endpoint *endpoint =
		fixture_endpoint(graph, channel, process, IPCT_ROLE_HOLD, 0, 0);

	endpoint->ends = ends;
	endpoint->descriptors = descriptors;
}

/* Channels with two holders, an arrow where the ends tell the direction; no words of a capture. */
static void test_snapshot(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = fixture_new();
	uint32_t one = fixture_process(graph, 1, "one", ""), channel;
	uint32_t two = fixture_process(graph, 2, "two", "");
	char *text;

	(void)state;
	fixture_process(graph, 3, "neither", "");
	graph->capture.is_snapshot = true;
	channel = fixture_channel(graph, IPCT_PIPE, "", "pipe:[4]");
	hold(graph, channel, one, GRAPH_END_SECOND, 2);
	hold(graph, channel, two, GRAPH_END_FIRST, 1);
	graph->channels[channel].unread.bytes = 5;
	channel = fixture_channel(graph, IPCT_UNIX_STREAM, "/run/<s", "socket:[5] socket:[6]");
	hold(graph, channel, one, GRAPH_END_FIRST, 1);
	hold(graph, channel, two, GRAPH_END_SECOND, 1);
	channel = fixture_channel(graph, IPCT_TCP, "[::]:80", "socket:[7]");
	hold(graph, channel, one, GRAPH_END_LISTEN, 1);
	hold(graph, channel, two, GRAPH_END_LISTEN, 1);
	channel = fixture_channel(graph, IPCT_EVENTFD, "", "eventfd:[8]");
	hold(graph, channel, one, GRAPH_END_FIRST | GRAPH_END_SECOND, 1);
	text = dot_of(graph, &options);
	contains(text, "label=<pipe<BR/>pipe:[4]<BR/>5 B waiting>");
	contains(text, "p1 -> c1 [dir=forward");
	contains(text, "label=\"×2\"");
	contains(text, "c1 -> p2 [dir=forward");
	contains(text, "label=<unix-stream<BR/><B>/run/&lt;s</B>>");
	contains(text, "p1 -> c2 [dir=none");
	contains(text, "c2 -> p2 [dir=none");
	contains(text, "label=\"listen\"");
	contains(text, "not drawn: channels with one known holder 1<");
	lacks(text, "eventfd");
	lacks(text, "neither");
	lacks(text, "recorded");
	lacks(text, "empty [");
	free(text);
	graph_free(graph);
}

static double pen_width_of(const char *text, const char *edge)
{
	const char *at = strstr(text, edge);

	assert_non_null(at);
	at = strstr(at, "penwidth=");
	assert_non_null(at);
	return atof(at + strlen("penwidth="));
}

static void test_width_grows_with_bytes(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	char *text = dot_of(graph, &options);

	(void)state;
	assert_true(pen_width_of(text, "p1 -> p2 [label") > pen_width_of(text, "p3 -> p1"));
	assert_true(pen_width_of(text, "p3 -> p1") > pen_width_of(text, "p1 -> p1"));
	free(text);
	graph_free(graph);
}

static void test_caption(void **state)
{
	const struct output_options options = { .edges_left_out = 12 };
	struct graph *graph = example_new();
	char *text = dot_of(graph, &options);

	(void)state;
	contains(text, "command make demo");
	contains(text, "web1, Linux 6.18.0 x86_64");
	contains(text, "10 s from 2026-08-05 12:00:00 UTC");
	contains(text, "seen 120  recorded 117  aggregated 3  lost 0");
	contains(text, "not drawn: smaller edges 12, processes without an edge 1");
	lacks(text, "LOST");
	free(text);
	graph->ledger.lost = 7;
	text = dot_of(graph, &options);
	contains(text, "<B><FONT COLOR=\"#C00000\" POINT-SIZE=\"13\">LOST 7 records");
	free(text);
	graph_free(graph);
}

static void test_empty(void **state)
{
	const struct output_options options = { 0 };
	struct graph *graph = fixture_new();
	char *text = dot_of(graph, &options);

	(void)state;
	contains(text, "no communication was seen");
	free(text);
	graph_free(graph);
}

static void check_well_formed(const char *xml)
{
	char command[] = "python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.stdin.buffer)'";
	FILE *parser = popen(command, "w");

	assert_non_null(parser);
	fputs(xml, parser);
	assert_int_equal(pclose(parser), 0);
}

static char *svg_of(const struct graph *graph)
{
	const struct output_options options = { .edges_left_out = 1 };
	int err;
	char *text = written(&output_svg, graph, &options, &err);

	assert_int_equal(err, 0);
	return text;
}

static void test_svg_of_hostile(void **state)
{
	struct graph *graph = fixture_hostile();
	char *text;

	(void)state;
	skip_without("dot (graphviz)", "dot -V 2>/dev/null");
	skip_without("python3", "python3 -c 1 2>/dev/null");
	graph->processes[1].members = 3;
	text = svg_of(graph);
	check_well_formed(text);
	/* A process's words arrive as they are, and as words only. */
	contains(text, "a\\x0A\\x1B[3…");
	lacks(text, "<b>");
	lacks(text, "&lt;b&gt;&lt;");
	lacks(text, "\x1b");
	lacks(text, "\xe2\x80\xae");
	contains(text, "&amp;lt;\\N\\\\xFF"); /* in a tooltip, whole */
	contains(text, "≈");
	free(text);
	graph_free(graph);
}

static void test_svg_of_others(void **state)
{
	struct graph *graph;
	char *text;

	(void)state;
	skip_without("dot (graphviz)", "dot -V 2>/dev/null");
	skip_without("python3", "python3 -c 1 2>/dev/null");
	graph = example_new();
	text = svg_of(graph);
	check_well_formed(text);
	contains(text, ">nginx</text>");
	free(text);
	graph_free(graph);
	graph = fixture_new();
	text = svg_of(graph);
	check_well_formed(text);
	free(text);
	graph_free(graph);
}

/* What becomes of a picture with this `dot` as the only program on PATH. */
static int draw_with(const char *script, char **ret_text)
{
	const struct output_options options = { 0 };
	struct graph *graph = example_new();
	char dir[] = "/tmp/ipctrace-test-XXXXXX", path[64], *saved = strdup(getenv("PATH"));
	FILE *file;
	int err;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/dot", dir);
	if (script) {
		file = fopen(path, "w");
		fprintf(file, "#!/bin/sh\n%s\n", script);
		fclose(file);
		chmod(path, 0755);
	}
	setenv("PATH", dir, 1);
	*ret_text = written(&output_svg, graph, &options, &err);
	setenv("PATH", saved, 1);
	free(saved);
	unlink(path);
	rmdir(dir);
	graph_free(graph);
	return err;
}

static void test_dot_in_trouble(void **state)
{
	char *text;

	(void)state;
	assert_int_equal(draw_with(NULL, &text), -ENOPKG);
	assert_string_equal(text, "");
	free(text);
	contains(output_error_text(-ENOPKG), "install graphviz");
	assert_int_equal(draw_with("echo half; exit 1", &text), -EPROTO);
	assert_string_equal(text, "");
	free(text);
	assert_int_equal(draw_with("echo half; kill -9 $$", &text), -EPROTO);
	assert_string_equal(text, "");
	free(text);
	assert_int_equal(draw_with("read line; echo \"$line\"", &text), 0);
	assert_string_equal(text, "digraph ipctrace {\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_much_memory),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_width_grows_with_bytes),
		cmocka_unit_test(test_caption),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_svg_of_hostile),
		cmocka_unit_test(test_svg_of_others),
		cmocka_unit_test(test_dot_in_trouble),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
