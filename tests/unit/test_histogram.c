/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/histogram.h"

static void test_empty(void **state)
{
	struct histogram *histogram = histogram_new();

	(void)state;
	assert_int_equal(histogram_count(histogram), 0);
	assert_int_equal(histogram_min(histogram), 0);
	assert_int_equal(histogram_max(histogram), 0);
	assert_int_equal(histogram_percentile(histogram, 50), 0);
	histogram_free(histogram);
	histogram_free(NULL);
}

static void test_small_values_exact(void **state)
{
	struct histogram *histogram = histogram_new();
	uint64_t i;

	(void)state;
	for (i = 1; i <= 10; i++)
		histogram_add(histogram, i);
	assert_int_equal(histogram_percentile(histogram, 0), 1);
	assert_int_equal(histogram_percentile(histogram, 10), 1);
	assert_int_equal(histogram_percentile(histogram, 11), 2);
	assert_int_equal(histogram_percentile(histogram, 50), 5);
	assert_int_equal(histogram_percentile(histogram, 90), 9);
	assert_int_equal(histogram_percentile(histogram, 99), 10);
	assert_int_equal(histogram_percentile(histogram, 100), 10);
	histogram_free(histogram);
}

/* Around every power of two: the bucket's value is at least the value, at most 1/16 above. */
static void test_relative_error(void **state)
{
	unsigned int bit;
	int delta;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		for (delta = -1; delta <= 1; delta++) {
			uint64_t value = ((uint64_t)1 << bit) + (uint64_t)(int64_t)delta, got;
			struct histogram *histogram = histogram_new();

			histogram_add(histogram, 0);
			histogram_add(histogram, value);
			histogram_add(histogram, UINT64_MAX);
			got = histogram_percentile(histogram, 50);
			assert_true(got >= value);
			assert_true(got - value <= value / 16);
			histogram_free(histogram);
		}
	}
}

static void test_clamped_to_extremes(void **state)
{
	struct histogram *histogram = histogram_new();

	(void)state;
	histogram_add(histogram, 1000003);
	assert_int_equal(histogram_percentile(histogram, 0), 1000003);
	assert_int_equal(histogram_percentile(histogram, 100), 1000003);
	histogram_add(histogram, UINT64_MAX);
	assert_true(histogram_max(histogram) == UINT64_MAX);
	assert_true(histogram_percentile(histogram, 100) == UINT64_MAX);
	histogram_free(histogram);
}

static void test_merge_is_adding_all(void **state)
{
	struct histogram *one = histogram_new(), *two = histogram_new(), *all = histogram_new();
	uint64_t i, value;

	(void)state;
	for (i = 0; i < 1000; i++) {
		value = i * i * 977 % 1000003;
		histogram_add(i % 3 ? one : two, value);
		histogram_add(all, value);
	}
	histogram_merge(one, two);
	assert_int_equal(histogram_count(one), 1000);
	assert_int_equal(histogram_min(one), histogram_min(all));
	assert_int_equal(histogram_max(one), histogram_max(all));
	for (i = 0; i <= 100; i += 5)
		assert_int_equal(histogram_percentile(one, (double)i),
				 histogram_percentile(all, (double)i));
	histogram_free(one);
	histogram_free(two);
	histogram_free(all);
}

static void test_merge_empty(void **state)
{
	struct histogram *one = histogram_new(), *empty = histogram_new();

	(void)state;
	histogram_add(one, 7);
	histogram_merge(one, empty);
	assert_int_equal(histogram_min(one), 7);
	histogram_merge(empty, one);
	assert_int_equal(histogram_min(empty), 7);
	assert_int_equal(histogram_count(empty), 1);
	histogram_free(one);
	histogram_free(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_small_values_exact),
		cmocka_unit_test(test_relative_error),
		cmocka_unit_test(test_clamped_to_extremes),
		cmocka_unit_test(test_merge_is_adding_all),
		cmocka_unit_test(test_merge_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
