/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/suggest.h"

static const char *const words[] = { "record", "report", "graph", "trace", "check", "info", "run" };

#define WORDS_NR (sizeof(words) / sizeof(words[0]))

static const char *nearest(const char *word)
{
	const char *found = suggest_nearest(word, words, WORDS_NR);

	return found ? found : "(none)";
}

static void test_nearest(void **state)
{
	(void)state;
	assert_string_equal(nearest("recrod"), "record");
	assert_string_equal(nearest("reprot"), "report");
	assert_string_equal(nearest("grpah"), "graph");
	assert_string_equal(nearest("tracee"), "trace");
	assert_string_equal(nearest("chek"), "check");
	assert_string_equal(nearest("gra"), "graph");
	assert_string_equal(nearest("r"), "record");
	assert_string_equal(nearest("rum"), "run");
	assert_string_equal(nearest("rnu"), "run");
}

static void test_none_is_near(void **state)
{
	char long_word[200];

	(void)state;
	assert_string_equal(nearest("frobnicate"), "(none)");
	assert_string_equal(nearest(""), "(none)");
	assert_string_equal(nearest("xyz"), "(none)");
	assert_string_equal(nearest("rexxxd"), "(none)");
	memset(long_word, 'r', sizeof(long_word) - 1);
	long_word[sizeof(long_word) - 1] = '\0';
	assert_string_equal(nearest(long_word), "(none)");
}

/* What is much too long costs no time, whatever is near to it. */
static void test_long(void **state)
{
	char choice[64], word[65];
	const char *const choices[] = { choice };

	(void)state;
	memset(choice, 'r', sizeof(choice));
	memset(word, 'r', sizeof(word));
	choice[63] = word[64] = '\0';
	assert_null(suggest_nearest(word, choices, 1));
	word[63] = '\0';
	assert_ptr_equal(suggest_nearest(word, choices, 1), choice);
}

static void test_choose(void **state)
{
	char hint[100] = "";

	(void)state;
	assert_int_equal(suggest_choose("graph", words, WORDS_NR, hint, sizeof(hint)), 2);
	assert_string_equal(hint, "");
	assert_int_equal(suggest_choose("grph", words, WORDS_NR, hint, sizeof(hint)), -1);
	assert_string_equal(hint, ", did you mean 'graph'?");
	assert_int_equal(suggest_choose("xyz", words, WORDS_NR, hint, sizeof(hint)), -1);
	assert_string_equal(hint, "; choose from record, report, graph, trace, check, info, run");
	assert_int_equal(suggest_choose("xyz", words, WORDS_NR, hint, 20), -1);
	assert_int_equal(strlen(hint), 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_none_is_near),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_choose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
