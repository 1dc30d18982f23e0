/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph_fixture.h"
#include "verify/roles.h"

static struct spec *spec_of(const char *roles)
{
	struct text_problem problem;
	struct spec *spec;
	char text[2000];

	snprintf(text, sizeof(text), "ipctrace: 1\n%s\n", roles);
	if (spec_parse(text, strlen(text), &spec, &problem))
		fail_msg("%zu:%zu: %s", problem.place.line, problem.place.column, problem.text);
	return spec;
}

/* The roles of all processes, one behind the other: `a b other`. */
static void roles_are(const struct graph *graph, const char *roles, const char *expected)
{
	struct spec *spec = spec_of(roles);
	char found[500] = "";
	uint32_t *of;

	assert_int_equal(roles_assign(spec, graph, &of), 0);
	for (size_t i = 0; i < graph->processes_nr; i++) {
		if (i)
			strcat(found, " ");
		strcat(found, spec_role_name(spec, of[i]));
	}
	assert_string_equal(found, expected);
	free(of);
	spec_free(spec);
}

static void set_args(struct graph *graph, uint32_t process, const char *first, const char *second)
{
	const char *const args[] = { first, second, NULL };
	struct graph_process *at = &graph->processes[process];

	for (size_t i = 0; at->args[i]; i++)
		free(at->args[i]);
	free(at->args);
	at->args = fixture_strings(args);
}

/* A master, two workers of it, a helper that sh started for the master, and who is no process. */
static struct graph *example_new(void)
{
	static const char *const listens[] = { "0.0.0.0:80", "/run/web.sock", NULL };
	struct graph *graph = fixture_new();
	uint32_t master = fixture_process(graph, 10, "nginx", "/usr/sbin/nginx");
	uint32_t worker = fixture_process(graph, 11, "nginx", "/usr/sbin/nginx");
	uint32_t second = fixture_process(graph, 12, "nginx", "/usr/sbin/nginx");
	uint32_t shell = fixture_process(graph, 13, "sh", "/usr/bin/dash");
	uint32_t helper = fixture_process(graph, 14, "logger", "/usr/bin/logger");

	set_args(graph, master, "nginx: master process", "/usr/sbin/nginx");
	set_args(graph, worker, "nginx: worker process", NULL);
	set_args(graph, second, "nginx: worker process", NULL);
	graph->processes[worker].parent = graph->processes[second].parent = master;
	graph->processes[shell].parent = master;
	graph->processes[helper].parent = shell;
	graph->processes[helper].uid = 33;
	graph->processes[master].listens = fixture_strings(listens);
	fixture_process(graph, 0, "kernel", "");
	fixture_process(graph, 0, "before capture", "");
	fixture_process(graph, 0, "10.0.0.7:5432", "");
	return graph;
}

#define NODES " kernel before remote"

static void test_matchers(void **state)
{
	struct graph *graph = example_new();

	(void)state;
	roles_are(graph, "", "other other other other other" NODES);
	roles_are(graph, "roles: {a: {exe: \"*/nginx\"}}", "a a a other other" NODES);
	roles_are(graph, "roles: {a: {comm: [sh, logger]}}", "other other other a a" NODES);
	roles_are(graph, "roles: {a: {args: \"nginx: master process /usr*\"}}",
		  "a other other other other" NODES);
	roles_are(graph, "roles: {a: {uid: 33}}", "other other other other a" NODES);
	roles_are(graph, "roles: {a: {cgroup: \"/system*\"}}", "a a a a a" NODES);
	roles_are(graph, "roles: {a: {listens: \":80\"}}", "a other other other other" NODES);
	roles_are(graph, "roles: {a: {listens: /run/web.sock}}", "a other other other other" NODES);
	roles_are(graph, "roles: {a: {listens: \":8\"}}", "other other other other other" NODES);
	graph_free(graph);
}

static void test_all_must_match(void **state)
{
	struct graph *graph = example_new();

	(void)state;
	roles_are(graph, "roles: {a: {exe: \"*/nginx\", args: \"*worker*\"}}",
		  "other a a other other" NODES);
	graph_free(graph);
}

static void test_traced(void **state)
{
	struct graph *graph = example_new();

	(void)state;
	graph->processes[4].is_traced = false;
	roles_are(graph, "roles: {o: {traced: false}}", "other other other other o" NODES);
	roles_are(graph, "roles: {i: {traced: true, comm: \"*\"}}", "i i i i other" NODES);
	graph_free(graph);
}

static void test_first_wins(void **state)
{
	struct graph *graph = example_new();

	(void)state;
	roles_are(graph, "roles: {a: {comm: nginx}, b: {comm: \"*\"}}", "a a a b b" NODES);
	roles_are(graph, "roles: {b: {comm: \"*\"}, a: {comm: nginx}}", "b b b b b" NODES);
	graph_free(graph);
}

static void test_parents(void **state)
{
	struct graph *graph = example_new();

	(void)state;
	roles_are(graph, "roles: {m: {args: \"*master*\"}, w: {parent: m}}", "m w w w other" NODES);
	/* named before it is there */
	roles_are(graph, "roles: {w: {parent: m, comm: nginx}, m: {comm: nginx}}",
		  "m w w other other" NODES);
	roles_are(graph, "roles: {m: {args: \"*master*\"}, s: {comm: sh}, w: {parent: [m, s]}}",
		  "m w w s w" NODES);
	graph_free(graph);
}

static void test_order_of_processes(void **state)
{
	struct graph *graph = fixture_new();

	(void)state;
	/* a child is listed before its parent, and a loop ends */
	fixture_process(graph, 20, "b", "/b");
	fixture_process(graph, 19, "a", "/a");
	graph->processes[0].parent = 1;
	roles_are(graph, "roles: {c: {parent: p}, p: {comm: a}}", "c p");
	graph->processes[1].parent = 0;
	roles_are(graph, "roles: {p: {comm: a}}", "other p");
	graph_free(graph);
}

/* Two processes that are each other's parent: no true capture has them, a file may. */
static void test_loop_of_parents(void **state)
{
	struct graph *graph = fixture_new();

	(void)state;
	fixture_process(graph, 20, "sh", "/bin/sh");
	fixture_process(graph, 19, "sh", "/bin/sh");
	graph->processes[0].parent = 1;
	graph->processes[1].parent = 0;
	roles_are(graph, "transparent: [sh]", "other other");
	fixture_process(graph, 21, "a", "/a");
	graph->processes[1].parent = 2;
	graph->processes[2].parent = 0;
	roles_are(graph, "roles: {c: {parent: other}}\ntransparent: [sh]", "c c c");
	graph_free(graph);
}

/* The program was replaced while the process ran. */
static void test_deleted(void **state)
{
	struct graph *graph = fixture_new();

	(void)state;
	fixture_process(graph, 10, "nginx", "/usr/sbin/nginx (deleted)");
	fixture_process(graph, 11, "a", " (deleted)");
	roles_are(graph, "roles: {a: {exe: \"*/nginx\"}}", "a other");
	graph_free(graph);
}

static void test_transparent(void **state)
{
	struct graph *graph = example_new();

	(void)state;
	roles_are(graph, "roles: {m: {args: \"*master*\"}, w: {parent: m}}\ntransparent: [sh]",
		  "m w w w w" NODES);
	roles_are(graph, "roles: {m: {args: \"*master*\"}}\ntransparent: [sh]",
		  "m other other m other" NODES);
	graph_free(graph);
}

/* What a process calls itself decides nothing but its own role, and breaks nothing. */
static void test_hostile(void **state)
{
	struct graph *graph = fixture_hostile();

	(void)state;
	fixture_process(graph, 900, "kernel", "");
	roles_are(graph, "roles: {a: {exe: \"*\"}}", "a a remote a");
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matchers),
		cmocka_unit_test(test_all_must_match),
		cmocka_unit_test(test_first_wins),
		cmocka_unit_test(test_parents),
		cmocka_unit_test(test_order_of_processes),
		cmocka_unit_test(test_loop_of_parents),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_transparent),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_traced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
