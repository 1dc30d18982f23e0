/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>

#include "base/units.h"

static void check_duration(const char *text, uint64_t expected)
{
	uint64_t got = 0;

	assert_int_equal(units_parse_duration(text, &got), 0);
	assert_int_equal(got, expected);
}

static void check_size(const char *text, uint64_t expected)
{
	uint64_t got = 0;

	assert_int_equal(units_parse_size(text, &got), 0);
	assert_int_equal(got, expected);
}

static void test_parse_duration(void **state)
{
	(void)state;
	check_duration("10s", 10000000000);
	check_duration("500ms", 500000000);
	check_duration("2m", 120000000000);
	check_duration("1h", 3600000000000);
	check_duration("7us", 7000);
	check_duration("9ns", 9);
	check_duration("3", 3000000000);
	check_duration("1.5s", 1500000000);
	check_duration("0.25m", 15000000000);
	check_duration("0", 0);
}

static void test_parse_size(void **state)
{
	(void)state;
	check_size("100", 100);
	check_size("100B", 100);
	check_size("64k", 65536);
	check_size("64KiB", 65536);
	check_size("1.5GiB", 1610612736);
	check_size("2M", 2097152);
	check_size("1kB", 1000);
	check_size("1TiB", 1099511627776);
	check_size("18446744073709551615", UINT64_MAX);
}

static void test_parse_refuses(void **state)
{
	static const char *const bad[] = { "",	  "s",	 "-1s",	 "+1",	"1x",  "1 s", "1.s",
					   ".5s", "1e3", "0x10", "1s ", "1ss", "nan" };
	uint64_t got = 42;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(units_parse_duration(bad[i], &got), -EINVAL);
		assert_int_equal(units_parse_size(bad[i], &got), -EINVAL);
	}
	assert_int_equal(units_parse_size("18446744073709551616", &got), -ERANGE);
	assert_int_equal(units_parse_size("20000000000000000000", &got), -ERANGE);
	assert_int_equal(units_parse_size("99999999999T", &got), -ERANGE);
	assert_int_equal(units_parse_duration("99999999999h", &got), -ERANGE);
	assert_int_equal(got, 42);
}

typedef void (*format_fn)(char *text, size_t size, uint64_t value);

static void check_format(format_fn format, uint64_t value, const char *expected)
{
	char text[UNITS_TEXT_MAX];

	format(text, sizeof(text), value);
	assert_string_equal(text, expected);
}

static void test_format_bytes(void **state)
{
	(void)state;
	check_format(units_format_bytes, 0, "0 B");
	check_format(units_format_bytes, 1023, "1023 B");
	check_format(units_format_bytes, 1024, "1.0 KiB");
	check_format(units_format_bytes, 1536, "1.5 KiB");
	check_format(units_format_bytes, 10188, "9.9 KiB");
	check_format(units_format_bytes, 10189, "10 KiB");
	check_format(units_format_bytes, 1048575, "1.0 MiB");
	check_format(units_format_bytes, 1047551, "1023 KiB");
	check_format(units_format_bytes, UINT64_MAX, "16 EiB");
}

static void test_format_count(void **state)
{
	(void)state;
	check_format(units_format_count, 0, "0");
	check_format(units_format_count, 999, "999");
	check_format(units_format_count, 1000, "1,000");
	check_format(units_format_count, 1234567, "1,234,567");
	check_format(units_format_count, UINT64_MAX, "18,446,744,073,709,551,615");
}

static void test_format_duration(void **state)
{
	(void)state;
	check_format(units_format_duration, 0, "0 ns");
	check_format(units_format_duration, 850, "850 ns");
	check_format(units_format_duration, 1200000, "1.2 ms");
	check_format(units_format_duration, 999999, "1.0 ms");
	check_format(units_format_duration, 3400000000, "3.4 s");
	check_format(units_format_duration, 119000000000, "119 s");
	check_format(units_format_duration, 125000000000, "2m05s");
	check_format(units_format_duration, 3720000000000, "1h02m");
}

static void test_format_rate(void **state)
{
	char text[UNITS_TEXT_MAX];

	(void)state;
	units_format_rate(text, sizeof(text), 3072, 2000000000);
	assert_string_equal(text, "1.5 KiB/s");
	units_format_rate(text, sizeof(text), 3072, 0);
	assert_string_equal(text, "-");
	units_format_rate(text, sizeof(text), UINT64_MAX, 1);
	assert_string_equal(text, "8.0 EiB/s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_duration), cmocka_unit_test(test_parse_size),
		cmocka_unit_test(test_parse_refuses),  cmocka_unit_test(test_format_bytes),
		cmocka_unit_test(test_format_count),   cmocka_unit_test(test_format_duration),
		cmocka_unit_test(test_format_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
