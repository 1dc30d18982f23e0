/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include "graph/graph_name.h"
#include "graph/graph_program.h"
#include "graph/graph_view.h"
#include "graph_fixture.h"

#define ARGS_MAX 8

struct example {
	const char *comm, *exe;
	const char *args[ARGS_MAX];
	const char *program;
};

static void set_args(struct graph_process *process, const char *const *args)
{
	for (size_t i = 0; process->args[i]; i++)
		free(process->args[i]);
	free(process->args);
	process->args = fixture_strings(args);
}

static void check(const struct example *example)
{
	struct graph *graph = fixture_new();
	uint32_t index = fixture_process(graph, 812, example->comm, example->exe);
	char **names;

	set_args(&graph->processes[index], example->args);
	names = graph_program_names(graph, GRAPH_GROUP_PROGRAM);
	assert_non_null(names);
	assert_string_equal(names[0], example->program);
	graph_program_free(names, graph);
	graph_free(graph);
}

static void test_programs(void **state)
{
	static const struct example examples[] = {
		{ "nginx", "/usr/sbin/nginx", { "nginx: worker process" }, "nginx" },
		{ "nginx", "/usr/sbin/nginx (deleted)", { "nginx: worker" }, "nginx" },
		{ "sh", "/usr/bin/dash", { "sh", "-c", "make all" }, "sh" },
		{ "cat", "/bin/busybox", { "/bin/cat", "x" }, "cat" },
		{ "sh", "/usr/bin/dash", { "-sh" }, "sh" },
		{ "systemd-journal",
		  "/lib/systemd/systemd-journald",
		  { "/lib/systemd/systemd-journald" },
		  "systemd-journald" },
		{ "worker-17", "/srv/app", { "/srv/app", "-g" }, "app" },
		{ "kworker/0:1", "", { NULL }, "kworker/0:1" },
		{ "sleep", "", { NULL }, "sleep" },
		{ "", "", { NULL }, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		check(&examples[i]);
}

static void test_scripts(void **state)
{
	static const struct example examples[] = {
		{ "python3",
		  "/usr/bin/python3.11",
		  { "python3", "/srv/worker.py", "812" },
		  "worker.py" },
		{ "worker.py",
		  "/usr/bin/python3.11",
		  { "/usr/bin/python3", "/srv/worker.py" },
		  "worker.py" },
		{ "python3",
		  "/usr/bin/python3.11",
		  { "python3", "-m", "http.server", "80" },
		  "http.server" },
		{ "python3",
		  "/usr/bin/python3.11",
		  { "python3", "-W", "all", "-u", "a.py" },
		  "a.py" },
		{ "python3",
		  "/usr/bin/python3.11",
		  { "python3", "-c", "import a", "b" },
		  "python3" },
		{ "python3", "/usr/bin/python3.11", { "python3", "-", "b" }, "python3" },
		{ "python3", "/usr/bin/python3.11", { "python3" }, "python3" },
		{ "bash", "/usr/bin/bash", { "bash", "-e", "./build.sh", "x" }, "build.sh" },
		{ "bash", "/usr/bin/bash", { "bash", "-lc", "make", "x" }, "bash" },
		{ "perl", "/usr/bin/perl", { "perl", "-ne", "print", "log.812" }, "perl" },
		{ "java",
		  "/usr/bin/java",
		  { "java", "-Xmx1g", "-jar", "/srv/shop.jar" },
		  "shop.jar" },
		{ "MainThread",
		  "/usr/bin/node",
		  { "/usr/bin/node", "--inspect", "app.js" },
		  "app.js" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++)
		check(&examples[i]);
}

/* The program of the only other end of a channel of that name. */
static void check_far(const char *node, enum ipct_mechanism mechanism, const char *channel_name,
		      const char *program)
{
	struct graph *graph = fixture_new();
	uint32_t far = fixture_process(graph, 0, node, "");
	uint32_t near = fixture_process(graph, 812, "app", "/srv/app");
	uint32_t channel = fixture_channel(graph, mechanism, channel_name, "");
	char **names;

	fixture_edge(graph, near, far, channel, 1, 1);
	names = graph_program_names(graph, GRAPH_GROUP_PROGRAM);
	assert_non_null(names);
	assert_string_equal(names[0], program);
	assert_string_equal(names[1], "app");
	graph_program_free(names, graph);
	graph_free(graph);
}

static void test_far_ends(void **state)
{
	(void)state;
	check_far("10.0.0.7:5432", IPCT_TCP, "10.0.0.7:5432", "10.0.0.7:5432");
	check_far("10.0.0.7:40123", IPCT_TCP, "10.0.0.7:40123", "10.0.0.7:40123");
	check_far("10.0.0.7:40123", IPCT_TCP, "10.0.0.1:80", "10.0.0.7");
	check_far("10.0.0.7:2222", IPCT_TCP, "10.0.0.1:80", "10.0.0.7");
	check_far("[fe80::1]:40123", IPCT_TCP, "[::]:80", "[fe80::1]");
	check_far("9.9.9.9:53", IPCT_UDP, "", "9.9.9.9:53");
	check_far("9.9.9.9:45353", IPCT_UDP, "", "9.9.9.9");
	check_far("before capture", IPCT_PIPE, "", "before capture");
	check_far("kernel", IPCT_SIGNAL, "SIGHUP", "kernel");
}

static void test_grouped(void **state)
{
	static const char *const args[] = { "python3", "/srv/worker.py", "2", NULL };
	struct graph *graph = fixture_new(), *view;
	uint32_t first, second, channel;

	(void)state;
	first = fixture_process(graph, 811, "worker.py", "/usr/bin/python3.11");
	second = fixture_process(graph, 812, "python3", "/usr/bin/python3.11");
	set_args(&graph->processes[first], args);
	set_args(&graph->processes[second], args);
	fixture_process(graph, 813, "python3", "/usr/bin/python3.11");
	channel = fixture_channel(graph, IPCT_PIPE, "", "pipe:[1]");
	fixture_edge(graph, first, second, channel, 1, 8);
	assert_int_equal(graph_view_group(graph, GRAPH_GROUP_PROGRAM, &view), 0);
	assert_int_equal(view->processes_nr, 2);
	assert_string_equal(view->processes[0].comm, "worker.py");
	assert_int_equal(view->processes[0].members, 2);
	assert_string_equal(view->processes[1].comm, "python3.11");
	graph_free(view);
	graph_free(graph);
}

struct name_example {
	enum ipct_mechanism mechanism;
	const char *name, *blank;
};

static void test_names(void **state)
{
	static const struct name_example examples[] = {
		{ IPCT_TCP, "127.0.0.1:80", "127.0.0.1:80" },
		{ IPCT_TCP, "127.0.0.1:8120", "127.0.0.1:8120" },
		{ IPCT_TCP, "127.0.0.1:40123", "127.0.0.1:*" },
		{ IPCT_UDP, "[::1]:32768", "[::1]:*" },
		{ IPCT_UDP, "[::1]:32767", "[::1]:32767" },
		{ IPCT_UNIX_STREAM, "/run/php.sock", "/run/php.sock" },
		{ IPCT_UNIX_STREAM, "/run/php8.sock", "/run/php8.sock" },
		{ IPCT_UNIX_STREAM, "/run/app.812.sock", "/run/app.*.sock" },
		{ IPCT_UNIX_STREAM, "/run/app.8120.sock", "/run/app.8120.sock" },
		{ IPCT_UNIX_STREAM, "/run/app.0812.sock", "/run/app.0812.sock" },
		{ IPCT_UNIX_STREAM, "/tmp/tmp.Ab3dEfGhIj/s", "/tmp/*/s" },
		{ IPCT_UNIX_STREAM, "/tmp/tests/job.Ab3dEf/s.812", "/tmp/*/s.*" },
		{ IPCT_UNIX_STREAM, "@/tmp/job.Ab3dEf/s", "@/tmp/*/s" },
		{ IPCT_UNIX_STREAM, "/srv/tmp.Ab3dEfGhIj/s", "/srv/*/s" },
		{ IPCT_UNIX_STREAM, "/srv/tmpl/s", "/srv/tmpl/s" },
		{ IPCT_UNIX_STREAM, "/srv/xtmp.Ab3dEfGhIj/s", "/srv/xtmp.Ab3dEfGhIj/s" },
		{ IPCT_FIFO, "/tmp/tmp.Ab3dEfGhIj", "/tmp/tmp.*" },
		{ IPCT_FIFO, "/tmp/job-Ab3dEf", "/tmp/job-*" },
		{ IPCT_FIFO, "/tmp/job-Ab3d", "/tmp/job-Ab3d" },
		{ IPCT_FIFO, "/tmp/requests", "/tmp/requests" },
		{ IPCT_FIFO, "/tmp/", "/tmp/" },
		{ IPCT_POSIX_SHM, "/psm_4e1f2a30", "/psm_*" },
		{ IPCT_POSIX_MQ, "/jobs_incoming", "/jobs_incoming" },
		{ IPCT_UNIX_DGRAM, "@0001f", "@*" },
		{ IPCT_UNIX_DGRAM, "@0001fa", "@0001fa" },
		{ IPCT_UNIX_DGRAM, "@feed", "@feed" },
		{ IPCT_POSIX_SHM, "/PostgreSQL.3520684352", "/PostgreSQL.*" },
		{ IPCT_POSIX_MQ, "/queue", "/queue" },
		{ IPCT_PTY, "/dev/pts/7", "/dev/pts/*" },
		{ IPCT_SYSV_MSG, "0x00081200", "0x*" },
		{ IPCT_SYSV_SHM, "", "" },
		{ IPCT_SIGNAL, "SIGRTMIN+12345", "SIGRTMIN+*" },
		{ IPCT_PIPE, "", "" },
		{ IPCT_PTY, "", "" },
		{ IPCT_TCP, "", "" },
	};
	struct graph *graph = fixture_new();
	struct graph_pids pids;
	char *blank;

	(void)state;
	fixture_process(graph, 3000, "sh", "/bin/sh");
	fixture_process(graph, 812, "sh", "/bin/sh");
	fixture_process(graph, 0, "kernel", "");
	assert_int_equal(graph_pids_init(&pids, graph), 0);
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		blank = graph_name_blank(examples[i].name, examples[i].mechanism, &pids);
		assert_string_equal(blank, examples[i].blank);
		free(blank);
	}
	graph_pids_fini(&pids);
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs), cmocka_unit_test(test_scripts),
		cmocka_unit_test(test_far_ends), cmocka_unit_test(test_grouped),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
