/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mechanism_set.h"
#include "verify/spec.h"

static struct spec *good(const char *text)
{
	struct text_problem problem;
	struct spec *spec;

	if (spec_parse(text, strlen(text), &spec, &problem))
		fail_msg("%zu:%zu: %s in\n%s", problem.place.line, problem.place.column,
			 problem.text, text);
	return spec;
}

static void bad_bytes(const char *text, size_t len, size_t line, size_t column, const char *says)
{
	struct text_problem problem = {};
	struct spec *spec;

	if (spec_parse(text, len, &spec, &problem) != -EINVAL)
		fail_msg("taken:\n%s", text);
	if (problem.place.line != line || problem.place.column != column ||
	    !strstr(problem.text, says))
		fail_msg("%zu:%zu: %s\nexpected %zu:%zu: %s in\n%s", problem.place.line,
			 problem.place.column, problem.text, line, column, says, text);
}

static void bad(const char *text, size_t line, size_t column, const char *says)
{
	bad_bytes(text, strlen(text), line, column, says);
}

static void test_whole(void **state)
{
	struct spec *spec = good("ipctrace: 1\n"
				 "roles:\n"
				 "  child: {parent: [master, other], exe: [\"*/a\", \"*/b\"]}\n"
				 "  master: {uid: root, listens: \":80\", cgroup: \"/x/*\"}\n"
				 "transparent: [sh, env]\n"
				 "require:\n"
				 "  - master -> child via pipe\n"
				 "  - {rule: child -> master via unix, why: because, count: 3}\n"
				 "forbid: [\"* -> child via signal SIGKILL\"]\n"
				 "allow:\n"
				 "ignore: [\"@dbus\"]\n"
				 "closed: {kinds: [pipe, unix], roles: [child]}\n"
				 "at_exit: {sysv: 0, unix: \"<= 2\"}\n"
				 "exit: any\n");
	const struct spec_role *child = &spec->roles[spec_role_find(spec, "child")];
	const struct spec_role *master = &spec->roles[spec_role_find(spec, "master")];

	(void)state;
	assert_int_equal(child->parents_nr, 2);
	assert_int_equal(child->parents[0], spec_role_find(spec, "master"));
	assert_int_equal(child->parents[1], SPEC_ROLE_OTHER);
	assert_int_equal(child->exe.nr, 2);
	assert_int_equal(child->line, 3);
	assert_true(master->has_uid);
	assert_int_equal(master->uid, 0);
	assert_string_equal(master->listens.texts[0], "*:80");
	assert_int_equal(spec->transparent.nr, 2);
	assert_int_equal(spec->rules[0].line, 7);
	assert_int_equal(spec->rules[0].count, 1);
	assert_int_equal(spec->rules[1].count, 3);
	assert_string_equal(spec->rules[1].why, "because");
	assert_int_equal(spec->rules[2].section, SPEC_FORBID);
	assert_int_equal(spec->rules[3].section, SPEC_IGNORE);
	assert_true(spec->rules[3].is_builtin);
	assert_true(spec->closed.is_on);
	assert_int_equal(spec->closed.roles_nr, 1);
	assert_int_equal(spec->closed.mechanisms,
			 MECHANISM_SET_BIT(IPCT_PIPE) | mechanism_set_of("unix"));
	assert_int_equal(spec->leftovers_nr, 2);
	assert_int_equal(spec->leftovers[0].mechanisms, MECHANISM_SET_BIT(IPCT_SYSV_MSG) |
								MECHANISM_SET_BIT(IPCT_SYSV_SEM) |
								MECHANISM_SET_BIT(IPCT_SYSV_SHM));
	assert_int_equal(spec->leftovers[1].bound.high, 2);
	assert_true(spec->exit.is_any);
	spec_free(spec);
}

static void test_least(void **state)
{
	struct spec *spec = good("ipctrace: 1\n");

	(void)state;
	assert_int_equal(spec->rules_nr, 0);
	assert_false(spec->closed.is_on);
	assert_false(spec->exit.is_any);
	assert_int_equal(spec->exit.line, 0);
	spec_free(spec);
	spec = good("%YAML 1.1\n---\nipctrace: 1\nclosed: false\n...\n");
	assert_false(spec->closed.is_on);
	spec_free(spec);
}

static void test_yaml(void **state)
{
	(void)state;
	bad("", 1, 1, "empty");
	bad("# nothing\n", 1, 1, "empty");
	bad("- a\n", 1, 1, "a list; write keys");
	bad("hello\n", 1, 1, "a word; write keys");
	bad("ipctrace: 1\nroles: {\n", 3, 1, "expected");
	bad("ipctrace: 1\n\troles: {}\n", 2, 1, "tab");
	bad("ipctrace: 1\nroles:\n\ta: {comm: b}\n", 3, 1, "tab");
	bad("ipctrace: 1\nroles: &a {}\n", 2, 8, "anchor");
	bad("ipctrace: 1\nroles: *a\n", 2, 8, "alias");
	bad("ipctrace: 1\nforbid:\n  - * -> a via pipe\n", 3, 5, "in quotes");
	bad("ipctrace: 1\nignore: [@dbus]\n", 2, 10, "in quotes");
	bad("ipctrace: !!int 1\n", 1, 11, "tag");
	bad("ipctrace: 1\nroles: {}\nroles: {}\n", 3, 1, "there already, in line 2");
	bad("ipctrace: 1\n---\nipctrace: 1\n", 2, 1, "second document");
	bad("ipctrace: 1\nroles: {a: {comm: [[[[[[[[[x]]]]]]]]]}}\n", 2, 24, "nested");
	bad("ipctrace: 1\nallow: [\"\xff\"]\n", 2, 10, "not UTF-8");
	bad("ipctrace: 1\nallow: [\"\xc3\xbc\xff\"]\n", 2, 11, "byte 0xff is not UTF-8");
	bad("ipctrace: 1\nallow: [\"\x01\"]\n", 2, 10, "control characters");
	bad("ipctrace: 1\nallow: [\"a\\0b\"]\n", 2, 9, "NUL");
	bad("\xef\xbb\xbfipctrace: 1\n", 1, 1, "byte order mark");
	bad_bytes("ipctrace: 1\0\n", 13, 1, 12, "control characters");
	bad("ipctrace: 1\n? [a, b]\n: c\n", 2, 3, "a key is one word");
	bad("ipctrace: 1\nrequire:\n  - a: b: c\n", 3, 9, "':'");
}

static void test_keys(void **state)
{
	(void)state;
	bad("roles: {}\n", 1, 1, "version is missing");
	bad("ipctrace: 2\n", 1, 11, "version 1");
	bad("ipctrace: 1\nrequires: []\n", 2, 1, "did you mean 'require'");
	bad("ipctrace: 1\nrequire: pipe\n", 2, 10, "require: a word; write a line for each rule");
	bad("ipctrace: 1\nrequire: {a: b}\n", 2, 10, "a mapping");
	bad("ipctrace: 1\nclosed: maybe\n", 2, 9, "true, false");
	bad("ipctrace: 1\nclosed: {}\n", 2, 9, "true, false");
	bad("ipctrace: 1\nclosed: {mechanisms: []}\n", 2, 22, "an empty list");
	bad("ipctrace: 1\nclosed: {mechanisms: [pip]}\n", 2, 23, "did you mean 'pipe'");
	bad("ipctrace: 1\nclosed: {role: [a]}\n", 2, 10, "did you mean 'roles'");
	bad("ipctrace: 1\nclosed: {roles: [a]}\n", 2, 18, "no role 'a'");
	bad("ipctrace: 1\nclosed: {kinds: [pipe], mechanisms: [pipe]}\n", 2, 25, "another word");
	bad("ipctrace: 1\nat_exit: {pipe: 0}\n", 2, 11, "choose from sysv");
	bad("ipctrace: 1\nat_exit: {sysv: none}\n", 2, 17, "whole number");
	bad("ipctrace: 1\nat_exit: {sysv: }\n", 2, 17, "nothing");
	bad("ipctrace: 1\nexit: never\n", 2, 7, "no exit status");
	bad("ipctrace: 1\nexit: 256\n", 2, 7, "no exit status");
	bad("ipctrace: 1\nexit: 99999999999999999999999\n", 2, 7, "no exit status");
	bad("ipctrace: 1\ntransparent: {a: b}\n", 2, 14, "a list of names");
	bad("ipctrace: 1\nignore: [\"@libcc\"]\n", 2, 10, "did you mean 'libc'");
}

static void test_roles(void **state)
{
	(void)state;
	bad("ipctrace: 1\nroles: [a]\n", 2, 8, "a line for each role");
	bad("ipctrace: 1\nroles: {a: b}\n", 2, 12, "what its processes have");
	bad("ipctrace: 1\nroles: {a: {}}\n", 2, 12, "matches nothing");
	bad("ipctrace: 1\nroles: {a b: {comm: c}}\n", 2, 9, "no name of a role");
	bad("ipctrace: 1\nroles: {other: {comm: c}}\n", 2, 9, "without being said");
	bad("ipctrace: 1\nroles: {kernel: {comm: c}}\n", 2, 9, "without being said");
	bad("ipctrace: 1\nroles: {\"*\": {comm: c}}\n", 2, 9, "no name of a role");
	bad("ipctrace: 1\nroles: {a: {com: c}}\n", 2, 13, "did you mean 'comm'");
	bad("ipctrace: 1\nroles: {a: {exe: {b: c}}}\n", 2, 18, "a mapping");
	bad("ipctrace: 1\nroles: {a: {exe: \"\"}}\n", 2, 18, "nothing");
	bad("ipctrace: 1\nroles: {a: {listens: []}}\n", 2, 22, "an empty list");
	bad("ipctrace: 1\nroles: {a: {comm: c, parent: []}}\n", 2, 30, "an empty list");
	bad("ipctrace: 1\nroles:\n  a:\n    listens:\n", 4, 13, "nothing");
	bad("ipctrace: 1\nroles: {a: {parent: b}}\n", 2, 21, "no role 'b'");
	bad("ipctrace: 1\nroles: {a: {uid: no-such-user-here}}\n", 2, 18, "no user");
	bad("ipctrace: 1\nroles: {a: {traced: maybe}}\n", 2, 21, "true");
	bad("ipctrace: 1\nroles: {a: {uid: 4294967295}}\n", 2, 18, "too large");
	bad("ipctrace: 1\nroles: {a: {uid: 99999999999999999999999999}}\n", 2, 18, "too large");
}

/* The column of a wrong word within a rule, however the rule is quoted. */
static void test_rule_places(void **state)
{
	(void)state;
	bad("ipctrace: 1\nrequire:\n  - other -> othr via pipe\n", 3, 14, "'othr'");
	bad("ipctrace: 1\nrequire: [\"other -> othr via pipe\"]\n", 2, 21, "'othr'");
	bad("ipctrace: 1\nrequire: ['other -> othr via pipe']\n", 2, 21, "'othr'");
	bad("ipctrace: 1\nrequire:\n  - rule: other -> othr via pipe\n", 3, 20, "'othr'");
	/* escapes and folded lines: where the rule begins */
	bad("ipctrace: 1\nrequire: [\"other \\u002d> othr via pipe\"]\n", 2, 11, "'othr'");
	bad("ipctrace: 1\nrequire:\n  - other ->\n    othr via pipe\n", 3, 5, "'othr'");
	bad("ipctrace: 1\nrequire:\n  - {rule: a -> b via pipe where bytes = 1, peers = 1}\n", 3,
	    45, "put the rule in quotes");
	bad("ipctrace: 1\nrequire:\n  - {why: x}\n", 3, 5, "the rule itself is missing");
	bad("ipctrace: 1\nrequire:\n  - {rule: other -> other via pipe, wy: x}\n", 3, 37,
	    "did you mean 'why'");
	bad("ipctrace: 1\nrequire:\n  - {rule: other -> other via pipe, count: 0}\n", 3, 44,
	    "from 1 on");
	bad("ipctrace: 1\nforbid:\n  - {rule: other -> other via pipe, count: 2}\n", 3, 44,
	    "only a rule of require");
	bad("ipctrace: 1\nallow: [other -> other via pipe where bytes = 1]\n", 2, 9,
	    "has no bounds");
	bad("ipctrace: 1\nallow:\n  - other -> other via pipe: x\n", 3, 5, "a ':' in the rule");
	bad("ipctrace: 1\nallow: [[other -> other via pipe]]\n", 2, 9, "a rule: a list");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole), cmocka_unit_test(test_least),
		cmocka_unit_test(test_yaml),  cmocka_unit_test(test_keys),
		cmocka_unit_test(test_roles), cmocka_unit_test(test_rule_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
