/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/utf8.h"

typedef char *(*escape_fn)(const char *bytes, size_t len);

static void check(escape_fn escape, const char *bytes, size_t len, const char *expected)
{
	char *text = escape(bytes, len);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

#define CHECK(escape, literal, expected) check(escape, literal, sizeof(literal) - 1, expected)

static void test_text(void **state)
{
	(void)state;
	CHECK(escape_text, "", "");
	CHECK(escape_text, "/run/php.sock", "/run/php.sock");
	CHECK(escape_text, "a\nb\x1b[0m\x7f", "a\\x0Ab\\x1B[0m\\x7F");
	CHECK(escape_text, "nul\0in", "nul\\x00in");
	CHECK(escape_text, "back\\slash \"<&>'", "back\\slash \"<&>'");
	CHECK(escape_text, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x98",
	      "gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\x98");
	CHECK(escape_text, "\xc2\x80\xc2\x9f\xc2\xa0", "\\xC2\\x80\\xC2\\x9F\xc2\xa0");
}

static void test_invalid_utf8(void **state)
{
	(void)state;
	CHECK(escape_text, "\xff\xfe", "\\xFF\\xFE");
	CHECK(escape_text, "cut \xc3", "cut \\xC3");
	CHECK(escape_text, "cut \xf0\x9f\x90", "cut \\xF0\\x9F\\x90");
	CHECK(escape_text, "\x80", "\\x80");
	CHECK(escape_text, "\xc0\xaf overlong", "\\xC0\\xAF overlong");
	CHECK(escape_text, "\xe0\x80\xaf", "\\xE0\\x80\\xAF");
	CHECK(escape_text, "\xed\xa0\x80 surrogate", "\\xED\\xA0\\x80 surrogate");
	CHECK(escape_text, "\xf4\x90\x80\x80", "\\xF4\\x90\\x80\\x80");
	CHECK(escape_text, "\xc3\x28", "\\xC3(");
}

static void test_line_refuses_what_reorders(void **state)
{
	(void)state;
	CHECK(escape_text, "\xe2\x80\xae", "\xe2\x80\xae");
	CHECK(escape_line, "a\xe2\x80\xae\xe2\x81\xa6z", "a\\xE2\\x80\\xAE\\xE2\\x81\\xA6z");
	CHECK(escape_line, "\xe2\x80\xa8", "\\xE2\\x80\\xA8");
	CHECK(escape_line, "\xe2\x80\xa6", "\xe2\x80\xa6");
}

static void test_xml(void **state)
{
	(void)state;
	CHECK(escape_xml, "<a b=\"c\" d='&'>", "&lt;a b=&quot;c&quot; d=&#39;&amp;&#39;&gt;");
	CHECK(escape_xml, "\xef\xbf\xbe\\", "\\xEF\\xBF\\xBE\\");
}

static void test_dot(void **state)
{
	(void)state;
	CHECK(escape_dot, "\"\\N\" &lt;", "\\\"\\\\N\\\" &amp;lt;");
	CHECK(escape_dot, "\n", "\\\\x0A");
	CHECK(escape_dot_html, "<\\G>\n", "&lt;\\\\G&gt;\\\\x0A");
}

static void test_growth_bound(void **state)
{
	char worst[1000], *text;

	(void)state;
	memset(worst, '\n', sizeof(worst));
	text = escape_dot(worst, sizeof(worst));
	assert_int_equal(strlen(text), 5 * sizeof(worst));
	free(text);
	memset(worst, '"', sizeof(worst));
	text = escape_xml(worst, sizeof(worst));
	assert_int_equal(strlen(text), 6 * sizeof(worst));
	free(text);
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(utf8_width("abc"), 3);
	assert_int_equal(utf8_width("gr\xc3\xbc\xc3\x9f"), 4);
	assert_int_equal(utf8_width("\xe6\xbc\xa2\xe5\xad\x97"), 4);
	assert_int_equal(utf8_width("e\xcc\x81"), 1);
	assert_int_equal(utf8_fit("\xe6\xbc\xa2\xe5\xad\x97", 3), 3);
	assert_int_equal(utf8_fit("e\xcc\x81x", 1), 3);
	assert_int_equal(utf8_fit("abc", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_line_refuses_what_reorders),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_dot),
		cmocka_unit_test(test_growth_bound),
		cmocka_unit_test(test_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
