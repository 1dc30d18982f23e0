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
#include "verify/rule_parse.h"
#include "verify/spec.h"

static struct spec *spec_new(void)
{
	static const char text[] = "ipctrace: 1\n"
				   "roles: {nginx: {comm: nginx}, php-fpm: {comm: php}}\n";
	struct text_problem problem;
	struct spec *spec;

	assert_int_equal(spec_parse(text, strlen(text), &spec, &problem), 0);
	return spec;
}

static void rule_fini(struct spec_rule *rule)
{
	for (size_t i = 0; i < rule->bounds_nr; i++)
		free(rule->bounds[i].text);
	free(rule->bounds);
	free(rule->name);
	*rule = (struct spec_rule){};
}

static struct spec_rule good(const struct spec *spec, const char *text)
{
	struct spec_rule rule = {};
	struct text_problem problem;

	if (rule_parse(spec, text, &rule, &problem))
		fail_msg("%s: column %zu: %s", text, problem.place.column, problem.text);
	return rule;
}

static void test_sides(void **state)
{
	struct spec *spec = spec_new();
	struct spec_rule rule = good(spec, "nginx -> php-fpm via unix-stream");

	(void)state;
	assert_int_equal(rule.from, spec_role_find(spec, "nginx"));
	assert_int_equal(rule.to, spec_role_find(spec, "php-fpm"));
	assert_int_equal(rule.mechanisms, MECHANISM_SET_BIT(IPCT_UNIX_STREAM));
	assert_false(rule.is_memory);
	assert_null(rule.name);
	rule = good(spec, "* -> other via all");
	assert_int_equal(rule.from, SPEC_ROLE_ANY);
	assert_int_equal(rule.to, SPEC_ROLE_OTHER);
	assert_int_equal(rule.mechanisms, MECHANISM_SET_ALL);
	rule = good(spec, "nginx -- php-fpm via shared-memory");
	assert_true(rule.is_memory);
	spec_free(spec);
}

static void test_name(void **state)
{
	struct spec *spec = spec_new();
	struct spec_rule rule = good(spec, "nginx -> * via unix /run/*.sock");

	(void)state;
	assert_string_equal(rule.name, "/run/*.sock");
	rule_fini(&rule);
	rule = good(spec, "nginx -> * via unix \"/run/my \\\"own\\\" sock\" where messages = 1");
	assert_string_equal(rule.name, "/run/my \"own\" sock");
	assert_int_equal(rule.bounds_nr, 1);
	rule_fini(&rule);
	rule = good(spec, "nginx\t->\v* via\runix\fx\nwhere messages\f=\v1\r");
	assert_string_equal(rule.name, "x");
	assert_int_equal(rule.bounds_nr, 1);
	rule_fini(&rule);
	rule = good(spec, "nginx -> * via unix \"where\"");
	assert_string_equal(rule.name, "where");
	rule_fini(&rule);
	spec_free(spec);
}

static void bound_is(const struct spec *spec, const char *text, enum spec_field field, uint64_t low,
		     uint64_t high, bool is_not)
{
	char rule_text[200];
	struct spec_rule rule;

	snprintf(rule_text, sizeof(rule_text), "nginx -> * via pipe where %s", text);
	rule = good(spec, rule_text);
	assert_int_equal(rule.bounds_nr, 1);
	assert_int_equal(rule.bounds[0].field, field);
	assert_int_equal(rule.bounds[0].low, low);
	assert_int_equal(rule.bounds[0].high, high);
	assert_int_equal(rule.bounds[0].is_not, is_not);
	assert_string_equal(rule.bounds[0].text, text);
	rule_fini(&rule);
}

static void test_bounds(void **state)
{
	struct spec *spec = spec_new();

	(void)state;
	bound_is(spec, "messages = 100", SPEC_FIELD_MESSAGES, 100, 100, false);
	bound_is(spec, "messages != 100", SPEC_FIELD_MESSAGES, 100, 100, true);
	bound_is(spec, "messages < 100", SPEC_FIELD_MESSAGES, 0, 99, false);
	bound_is(spec, "messages<=100", SPEC_FIELD_MESSAGES, 0, 100, false);
	bound_is(spec, "messages>100", SPEC_FIELD_MESSAGES, 101, UINT64_MAX, false);
	bound_is(spec, "bytes >= 1MiB", SPEC_FIELD_BYTES, 1 << 20, UINT64_MAX, false);
	bound_is(spec, "bytes in 9MiB..11MiB", SPEC_FIELD_BYTES, 9 << 20, 11 << 20, false);
	bound_is(spec, "rate <= 1.5k/s", SPEC_FIELD_RATE, 0, 1536, false);
	bound_is(spec, "unread = 0", SPEC_FIELD_UNREAD, 0, 0, false);
	bound_is(spec, "peers = 1", SPEC_FIELD_PEERS, 1, 1, false);
	bound_is(spec, "p99 <= 5ms", SPEC_FIELD_P99, 0, 5000000, false);
	bound_is(spec, "wait < 5s", SPEC_FIELD_WAIT, 0, 4999999999, false);
	bound_is(spec, "errors.EAGAIN = 0", SPEC_FIELD_ERROR, 0, 0, false);
	bound_is(spec, "messages = 18446744073709551615", SPEC_FIELD_MESSAGES, UINT64_MAX,
		 UINT64_MAX, false);
	spec_free(spec);
}

static void test_several_bounds(void **state)
{
	struct spec *spec = spec_new();
	struct spec_rule rule =
		good(spec, "nginx -> * via pipe x where messages >= 1,bytes<5 ,  errors.EPIPE = 0");

	(void)state;
	assert_int_equal(rule.bounds_nr, 3);
	assert_int_equal(rule.bounds[2].error_number, EPIPE);
	assert_string_equal(rule.bounds[1].text, "bytes<5");
	rule_fini(&rule);
	spec_free(spec);
}

/* What is wrong, where, and what the message says among other things. */
static const struct {
	const char *text;
	size_t column;
	const char *says;
} wrong[] = {
	{ "", 1, "that sends is missing" },
	{ "nginx", 6, "-> expected" },
	{ "ngnix -> * via pipe", 1, "did you mean 'nginx'" },
	{ "nginx -> ", 10, "that receives is missing" },
	{ "nginx -> via pipe", 10, "that receives is missing" },
	{ "nginx->php-fpm via pipe", 1, "blanks around ->" },
	{ "nginx <- php-fpm via pipe", 7, "no direction" },
	{ "nginx to php-fpm via pipe", 7, "-> expected instead of 'to'" },
	{ "nginx -> php-fpm", 17, "'via MECHANISM' expected" },
	{ "nginx -> php-fpm pipe", 18, "'via MECHANISM' expected" },
	{ "nginx -> php-fpm via", 21, "mechanism is missing" },
	{ "nginx -> php-fpm via pip", 22, "did you mean 'pipe'" },
	{ "nginx -> php-fpm via memfd", 22, "write -- instead of ->" },
	{ "nginx -- php-fpm via pipe", 22, "write -> instead of --" },
	{ "nginx -> * via pipe a b", 23, "'b' behind the name" },
	{ "nginx -> * via signal SIGTREM", 23, "did you mean 'SIGTERM'" },
	{ "nginx -> * via unix \"/run", 21, "never closed" },
	{ "nginx -> * via pipe where", 26, "a bound is missing" },
	{ "nginx -> * via pipe where mesages = 1", 27, "did you mean 'messages'" },
	{ "nginx -> * via pipe where errors = 1", 27, "counted by name" },
	{ "nginx -> * via pipe where errors.EAGAN = 1", 27, "did you mean 'errors.EAGAIN'" },
	{ "nginx -> * via pipe where messages 1", 36, "write one of = != <" },
	{ "nginx -> * via pipe where messages == 1", 36, "write one of" },
	{ "nginx -> * via pipe where messages", 35, "nothing behind 'messages'" },
	{ "nginx -> * via pipe where messages =", 37, "wants a whole number" },
	{ "nginx -> * via pipe where messages = 1.5", 38, "takes a whole number" },
	{ "nginx -> * via pipe where messages = -1", 38, "takes a whole number" },
	{ "nginx -> * via pipe where messages = 18446744073709551616", 38, "too large" },
	{ "nginx -> * via pipe where messages < 0", 38, "never holds" },
	{ "nginx -> * via pipe where bytes = 5MX", 35, "takes a size" },
	{ "nginx -> * via pipe where bytes = 99999999999TiB", 35, "too large" },
	{ "nginx -> * via pipe where p99 <= 5 parsecs", 36, "put a comma between" },
	{ "nginx -> * via pipe where p99 <= 5parsecs", 34, "takes a time" },
	{ "nginx -> * via pipe where bytes in 5", 36, "no range" },
	{ "nginx -> * via pipe where bytes in 5..", 36, "wants a size" },
	{ "nginx -> * via pipe where bytes in 5..4", 36, "no value is in it" },
	{ "nginx -> * via pipe where bytes = 5,", 37, "a bound is missing" },
	{ "nginx -> * via pipe where bytes = 5 and x", 37, "comma" },
	{ "nginx -- * via memfd where bytes = 5", 28, "no bytes can be counted" },
	{ "nginx -> * via pipe\fwhere messages >= 1, garbage", 42, "nothing called 'garbage'" },
	{ "nginx -> * via pipe\vx\rgarbage", 23, "'garbage' behind the name" },
	{ "nginx -> * via pipe where messages = 1\fgarbage", 40, "put a comma between" },
	{ "nginx -> * via pipe x \"\" where nonsense", 23, "behind the name" },
	{ "nginx -> * via pipe \"\" \"\" where nonsense", 24, "behind the name" },
	{ "nginx -> * via pipe x \"where\" messages = 1", 23, "behind the name" },
	{ "nginx -> * via unix \xc3\xbc where bytes = x", 37, "takes a size" },
};

static void test_wrong(void **state)
{
	struct spec *spec = spec_new();

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct text_problem problem = {};
		struct spec_rule rule = {};

		if (rule_parse(spec, wrong[i].text, &rule, &problem) != -EINVAL)
			fail_msg("'%s' is taken", wrong[i].text);
		if (problem.place.line != 1 || problem.place.column != wrong[i].column ||
		    !strstr(problem.text, wrong[i].says))
			fail_msg("'%s': column %zu: %s\nexpected column %zu: %s", wrong[i].text,
				 problem.place.column, problem.text, wrong[i].column,
				 wrong[i].says);
		rule_fini(&rule);
	}
	spec_free(spec);
}

static void test_count(void **state)
{
	struct spec_bound bound = {};
	struct text_problem problem;

	(void)state;
	assert_int_equal(rule_parse_count("sysv", "3", &bound, &problem), 0);
	assert_int_equal(bound.low, 3);
	assert_int_equal(bound.high, 3);
	assert_int_equal(rule_parse_count("sysv", "<= 3", &bound, &problem), 0);
	assert_int_equal(bound.low, 0);
	assert_int_equal(bound.high, 3);
	assert_int_equal(rule_parse_count("sysv", "1..4", &bound, &problem), 0);
	assert_int_equal(bound.low, 1);
	assert_int_equal(bound.high, 4);
	assert_int_equal(rule_parse_count("sysv", "many", &bound, &problem), -EINVAL);
	assert_int_equal(rule_parse_count("sysv", "3, 4", &bound, &problem), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sides),  cmocka_unit_test(test_name),
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_several_bounds),
		cmocka_unit_test(test_wrong),  cmocka_unit_test(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
