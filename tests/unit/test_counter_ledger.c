/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/counter_ledger.h"

/* P and Q write, R and S read. */
enum { BEFORE, KERNEL, P, Q, R, S };

static uint64_t now_ns;

static struct counter_operation operation(uint32_t process, uint64_t value)
{
	now_ns += 1000;
	return (struct counter_operation){
		.process = process, .value = value, .time_ns = now_ns, .has_value = true
	};
}

static void give(struct counter_ledger *ledger, uint32_t process, uint64_t value)
{
	struct counter_operation op = operation(process, value);

	assert_int_equal(counter_ledger_write(ledger, &op), 0);
}

static void take(struct counter_ledger *ledger, uint32_t process, uint64_t value)
{
	struct counter_operation op = operation(process, value);

	assert_int_equal(counter_ledger_read(ledger, &op), 0);
}

static void take_unit(struct counter_ledger *ledger, uint32_t process)
{
	struct counter_operation op = operation(process, 1);

	op.is_semaphore = true;
	assert_int_equal(counter_ledger_read(ledger, &op), 0);
}

static void add(struct counter_ledger *ledger, bool is_write, uint32_t process, uint64_t count,
		uint64_t value)
{
	const struct counter_total total = { process, count, value, now_ns };

	assert_int_equal(counter_ledger_add_total(ledger, is_write, &total), 0);
}

static struct counter_ledger *made(uint64_t value)
{
	struct counter_ledger *ledger = counter_ledger_new(BEFORE, KERNEL);

	now_ns = 0;
	counter_ledger_created(ledger, value);
	return ledger;
}

static struct counter_result closed(struct counter_ledger *ledger)
{
	struct counter_result result;

	assert_int_equal(counter_ledger_close(ledger, false, &result), 0);
	return result;
}

static void assert_edge(struct counter_ledger *ledger, uint32_t from, uint32_t to,
			uint64_t messages, bool is_exact)
{
	for (struct edge *edge = counter_ledger_edges(ledger)->edges; edge; edge = edge->hh.next) {
		if (edge->key.from != from || edge->key.to != to)
			continue;
		assert_int_equal(edge->messages, messages);
		assert_int_equal(edge->bytes, messages * COUNTER_WRITE_BYTES);
		assert_int_equal(edge->is_exact, is_exact);
		return;
	}
	assert_int_equal(messages, 0);
}

static void a_read_takes_all_writes_before_it(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	give(ledger, P, 3);
	give(ledger, Q, 4);
	give(ledger, P, 5);
	take(ledger, R, 12);
	assert_int_equal(closed(ledger).unread.messages, 0);
	assert_edge(ledger, P, R, 2, true);
	assert_edge(ledger, Q, R, 1, true);
	counter_ledger_free(ledger);
}

/* The reader was faster on its way out of the kernel. */
static void a_write_reported_after_its_read_belongs_to_it(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	take(ledger, R, 7);
	give(ledger, P, 7);
	give(ledger, Q, 7);
	take(ledger, S, 7);
	(void)closed(ledger);
	assert_edge(ledger, P, R, 1, false);
	assert_edge(ledger, Q, S, 1, false);
	counter_ledger_free(ledger);
}

/* Written after the read, and reported before: the value tells. */
static void a_read_does_not_take_more_than_its_value(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	give(ledger, Q, 9);
	take(ledger, R, 2);
	give(ledger, P, 2);
	take(ledger, S, 9);
	(void)closed(ledger);
	assert_edge(ledger, P, R, 1, false);
	assert_edge(ledger, Q, S, 1, false);
	assert_edge(ledger, Q, R, 0, false);
	counter_ledger_free(ledger);
}

static void what_no_process_wrote_is_the_kernels(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	give(ledger, P, 1);
	take(ledger, R, 4);
	(void)closed(ledger);
	assert_edge(ledger, KERNEL, R, 3, false);
	assert_edge(ledger, P, R, 1, false);
	counter_ledger_free(ledger);
}

/* A write a second later did not feed the read. */
static void a_debt_to_the_kernel_is_not_paid_by_a_later_writer(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	take(ledger, R, 1);
	now_ns += 1000000000;
	give(ledger, P, 1);
	take(ledger, S, 1);
	(void)closed(ledger);
	assert_edge(ledger, KERNEL, R, 1, false);
	assert_edge(ledger, P, S, 1, false);
	assert_edge(ledger, P, R, 0, false);
	counter_ledger_free(ledger);
}

static void the_value_it_was_made_with_is_nobodys_message(void **state)
{
	struct counter_ledger *ledger = made(5);

	(void)state;
	give(ledger, P, 1);
	take(ledger, R, 6);
	(void)closed(ledger);
	assert_edge(ledger, P, R, 1, true);
	assert_edge(ledger, BEFORE, R, 0, false);
	assert_edge(ledger, KERNEL, R, 0, false);
	counter_ledger_free(ledger);
}

static void what_was_in_it_at_the_start_came_before_the_capture(void **state)
{
	struct counter_ledger *ledger = counter_ledger_new(BEFORE, KERNEL);
	struct counter_result result;

	(void)state;
	counter_ledger_level_at_start(ledger, 5);
	give(ledger, P, 1);
	take(ledger, R, 6);
	result = closed(ledger);
	assert_int_equal(result.before.messages, 1);
	assert_edge(ledger, BEFORE, R, 1, false);
	assert_edge(ledger, P, R, 1, true);
	counter_ledger_free(ledger);
}

/* It may have held something: then the last write may be the one that nobody read. */
static void without_a_level_nothing_is_exact(void **state)
{
	struct counter_ledger *ledger = counter_ledger_new(BEFORE, KERNEL);

	(void)state;
	give(ledger, P, 1);
	take(ledger, R, 1);
	(void)closed(ledger);
	assert_edge(ledger, P, R, 1, false);
	counter_ledger_free(ledger);
}

static void an_empty_counter_at_the_end_proves_that_the_one_reader_got_all(void **state)
{
	struct counter_ledger *ledger = counter_ledger_new(BEFORE, KERNEL);

	(void)state;
	give(ledger, P, 1);
	take(ledger, R, 1);
	counter_ledger_level_at_end(ledger, 0, now_ns + 1000000000);
	(void)closed(ledger);
	assert_edge(ledger, P, R, 1, true);
	counter_ledger_free(ledger);
}

static void writes_that_nobody_took_are_unread(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	give(ledger, P, 1);
	take(ledger, R, 1);
	give(ledger, P, 1);
	give(ledger, P, 1);
	assert_int_equal(closed(ledger).unread.messages, 2);
	assert_edge(ledger, P, R, 1, true);
	counter_ledger_free(ledger);
}

/* Whose write is left, if they were reported the wrong way round? */
static void with_two_writers_what_is_left_may_be_of_either(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	give(ledger, P, 1);
	give(ledger, Q, 1);
	take(ledger, R, 1);
	(void)closed(ledger);
	assert_edge(ledger, P, R, 1, false);
	counter_ledger_free(ledger);
}

static void a_write_of_nothing_is_no_message(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	give(ledger, P, 0); /* else there were two writers, and nothing exact */
	give(ledger, Q, 1);
	take(ledger, R, 1);
	give(ledger, Q, 1);
	take(ledger, S, 1);
	assert_int_equal(closed(ledger).unread.messages, 0);
	assert_edge(ledger, P, R, 0, false);
	assert_edge(ledger, Q, R, 1, true);
	assert_edge(ledger, Q, S, 1, true);
	counter_ledger_free(ledger);
}

static void a_semaphores_write_is_of_who_took_its_first_unit(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	give(ledger, P, 2);
	take_unit(ledger, R);
	take_unit(ledger, S);
	(void)closed(ledger);
	assert_edge(ledger, P, R, 1, false);
	assert_edge(ledger, P, S, 0, false);
	counter_ledger_free(ledger);
}

/* In any order each got as many. */
static void readers_of_a_semaphore_of_ones_have_exact_numbers(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	for (int i = 0; i < 3; i++)
		give(ledger, P, 1);
	take_unit(ledger, R);
	take_unit(ledger, S);
	take_unit(ledger, R);
	(void)closed(ledger);
	assert_edge(ledger, P, R, 2, true);
	assert_edge(ledger, P, S, 1, true);
	counter_ledger_free(ledger);
}

/* The sums of both orders fit: 1 + 2 and 3, or 3 and 2 + 1. */
static void readers_of_different_values_have_no_proven_numbers(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	give(ledger, P, 1);
	give(ledger, P, 2);
	take(ledger, R, 3);
	give(ledger, P, 3);
	take(ledger, S, 3);
	(void)closed(ledger);
	assert_edge(ledger, P, R, 2, false);
	assert_edge(ledger, P, S, 1, false);
	counter_ledger_free(ledger);
}

static void totals_are_split_by_the_values_that_were_read(void **state)
{
	struct counter_ledger *ledger = made(0);

	(void)state;
	add(ledger, true, P, 10, 10);
	add(ledger, false, R, 2, 6);
	add(ledger, false, S, 3, 3);
	assert_int_equal(closed(ledger).unread.messages, 1);
	assert_edge(ledger, P, R, 6, false);
	assert_edge(ledger, P, S, 3, false);
	counter_ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_takes_all_writes_before_it),
		cmocka_unit_test(a_write_reported_after_its_read_belongs_to_it),
		cmocka_unit_test(a_read_does_not_take_more_than_its_value),
		cmocka_unit_test(what_no_process_wrote_is_the_kernels),
		cmocka_unit_test(a_debt_to_the_kernel_is_not_paid_by_a_later_writer),
		cmocka_unit_test(the_value_it_was_made_with_is_nobodys_message),
		cmocka_unit_test(what_was_in_it_at_the_start_came_before_the_capture),
		cmocka_unit_test(without_a_level_nothing_is_exact),
		cmocka_unit_test(an_empty_counter_at_the_end_proves_that_the_one_reader_got_all),
		cmocka_unit_test(writes_that_nobody_took_are_unread),
		cmocka_unit_test(with_two_writers_what_is_left_may_be_of_either),
		cmocka_unit_test(a_write_of_nothing_is_no_message),
		cmocka_unit_test(a_semaphores_write_is_of_who_took_its_first_unit),
		cmocka_unit_test(readers_of_a_semaphore_of_ones_have_exact_numbers),
		cmocka_unit_test(readers_of_different_values_have_no_proven_numbers),
		cmocka_unit_test(totals_are_split_by_the_values_that_were_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
