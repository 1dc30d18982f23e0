/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/process_table.h"
#include "model/unit_ledger.h"

enum { BEFORE, P, Q, R, S };
#define NOBODY PROCESS_NONE

struct fixture {
	struct edge_set edges;
	struct unit_ledger *ledger;
};

static void begin(struct fixture *f)
{
	f->edges = (struct edge_set){};
	f->ledger = unit_ledger_new(&f->edges, BEFORE);
	assert_non_null(f->ledger);
}

static void end(struct fixture *f)
{
	unit_ledger_free(f->ledger);
	edge_set_fini(&f->edges);
}

/* Alone: nobody else had operated on the semaphore when the record was made. */
static struct unit_operation alone(uint32_t process, uint64_t units)
{
	static uint64_t now_ns;

	now_ns += 1000;
	return (struct unit_operation){
		.process = process,
		.waker = NOBODY,
		.units = units,
		.count = 1,
		.time_ns = now_ns,
		.is_last = true,
	};
}

static void put(struct fixture *f, struct unit_operation operation)
{
	assert_int_equal(unit_ledger_put(f->ledger, &operation), 0);
}

/* The post released somebody who was blocked, who operated last then. */
static void hand(struct fixture *f, uint32_t process, uint64_t units)
{
	struct unit_operation operation = alone(process, units);

	operation.is_last = false;
	put(f, operation);
}

static void take(struct fixture *f, struct unit_operation operation)
{
	assert_int_equal(unit_ledger_take(f->ledger, &operation), 0);
}

static void take_from(struct fixture *f, uint32_t process, uint32_t waker, uint64_t units)
{
	struct unit_operation operation = alone(process, units);

	operation.waker = waker;
	operation.is_blocked = true;
	take(f, operation);
}

static void closed(struct fixture *f)
{
	assert_int_equal(unit_ledger_close(f->ledger), 0);
}

static void assert_edge(struct fixture *f, uint32_t from, uint32_t to, uint64_t messages,
			uint64_t certain)
{
	struct edge *edge = edge_set_get(&f->edges, from, to);

	assert_int_equal(edge->messages, messages);
	assert_int_equal(edge->certain_messages, certain);
	assert_int_equal(edge->is_doubtful, certain < messages);
}

static void units_are_taken_in_the_order_of_their_posts(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	put(&f, alone(P, 1));
	put(&f, alone(Q, 1));
	take(&f, alone(R, 1));
	take(&f, alone(S, 1));
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	assert_edge(&f, Q, S, 1, 1);
	end(&f);
}

static void a_wait_belongs_to_who_put_the_last_unit(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	put(&f, alone(P, 2));
	put(&f, alone(Q, 1));
	take(&f, alone(R, 3));
	closed(&f);
	assert_edge(&f, Q, R, 1, 1);
	assert_null(f.edges.edges->hh.next);
	end(&f);
}

static void hand_late(struct fixture *f, uint32_t process)
{
	struct unit_operation operation = alone(process, 1);

	operation.is_last = false;
	operation.is_late = true;
	put(f, operation);
}

/* SEM_UNDO at the exit of Q comes after its record, and so after P's post. */
static void what_an_exit_gives_back_is_behind_what_is_older(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	put(&f, alone(P, 1));
	hand_late(&f, Q);
	take(&f, alone(R, 1));
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	end(&f);
}

static void what_an_exit_gives_back_may_be_behind_what_is_newer(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	hand_late(&f, Q);
	put(&f, alone(P, 1));
	take(&f, alone(R, 1));
	closed(&f);
	assert_edge(&f, P, R, 1, 0);
	end(&f);
}

/* Two posts, and each record says that somebody has operated since: which came first? */
static void posts_whose_order_is_not_proven_prove_nothing(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	hand(&f, P, 1);
	hand(&f, Q, 1);
	take(&f, alone(R, 1));
	take(&f, alone(S, 1));
	closed(&f);
	assert_edge(&f, P, R, 1, 0);
	assert_edge(&f, Q, S, 1, 0);
	end(&f);
}

/* P's unit went to R, who was blocked and is slow to say so; S took Q's meanwhile. */
static void a_blocked_task_has_the_units_of_its_waker(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	hand(&f, P, 1);
	put(&f, alone(Q, 1));
	take(&f, alone(S, 1));
	take_from(&f, R, P, 1);
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	assert_edge(&f, Q, S, 1, 1);
	end(&f);
}

/* The same, and the waker's own record comes last; what it is for is not taken again. */
static void the_record_of_a_post_may_come_after_the_wait_that_it_ended(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	take_from(&f, R, P, 1);
	hand(&f, P, 1);
	put(&f, alone(Q, 1));
	take(&f, alone(S, 1));
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	assert_edge(&f, Q, S, 1, 1);
	end(&f);
}

/* A task with no record of a post cannot have put a unit there. */
static void a_waker_that_never_posted_is_not_proven(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	take_from(&f, R, P, 1);
	hand(&f, Q, 1);
	closed(&f);
	assert_edge(&f, P, R, 1, 0);
	end(&f);
}

static void with_one_waiter_and_nothing_left_the_order_does_not_matter(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	hand(&f, P, 1);
	hand(&f, Q, 1);
	take(&f, alone(R, 1));
	take(&f, alone(R, 1));
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	assert_edge(&f, Q, R, 1, 1);
	end(&f);
}

static void one_unit_left_makes_it_matter(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	hand(&f, P, 1);
	hand(&f, Q, 1);
	take(&f, alone(R, 1));
	closed(&f);
	assert_edge(&f, P, R, 1, 0);
	end(&f);
}

static void units_from_before_the_capture_are_taken_first(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(unit_ledger_level(f.ledger, 1, true), 0);
	put(&f, alone(P, 1));
	take(&f, alone(R, 1));
	take(&f, alone(R, 1));
	closed(&f);
	assert_edge(&f, BEFORE, R, 1, 0);
	assert_edge(&f, P, R, 1, 1);
	end(&f);
}

static void nothing_is_claimed_over_an_unsure_level(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(unit_ledger_level(f.ledger, 0, false), 0);
	put(&f, alone(P, 1));
	take(&f, alone(R, 1));
	closed(&f);
	assert_edge(&f, P, R, 1, 0);
	end(&f);
}

/* Its first post went to somebody who was blocked: there was nothing to take before. */
static void a_blocked_first_wait_makes_the_level_sure(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(unit_ledger_level(f.ledger, 0, false), 0);
	hand(&f, P, 1);
	take_from(&f, R, P, 1);
	put(&f, alone(P, 1));
	take(&f, alone(R, 1));
	closed(&f);
	assert_edge(&f, P, R, 2, 2);
	end(&f);
}

static void a_set_value_replaces_what_was_there(void **state)
{
	struct unit_operation set = alone(Q, 1);
	struct fixture f;

	(void)state;
	begin(&f);
	put(&f, alone(P, 5));
	assert_int_equal(unit_ledger_set(f.ledger, &set), 0);
	take(&f, alone(R, 1));
	closed(&f);
	assert_edge(&f, Q, R, 1, 1);
	end(&f);
}

/* Units that a blocked task got before the value was set are not gone. */
static void a_set_value_leaves_what_was_given_away(void **state)
{
	struct unit_operation set = alone(Q, 1);
	struct fixture f;

	(void)state;
	begin(&f);
	hand(&f, P, 1);
	assert_int_equal(unit_ledger_set(f.ledger, &set), 0);
	take_from(&f, R, P, 1);
	put(&f, alone(P, 1));
	take(&f, alone(S, 1));
	take(&f, alone(S, 1));
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	assert_edge(&f, Q, S, 1, 1);
	assert_edge(&f, P, S, 1, 1);
	end(&f);
}

static void who_waits_for_zero_is_released_by_who_takes_the_last(void **state)
{
	struct unit_operation zero = alone(R, 0);
	struct fixture f;

	(void)state;
	begin(&f);
	put(&f, alone(P, 1));
	take(&f, alone(P, 1));
	assert_int_equal(unit_ledger_await_zero(f.ledger, &zero), 0); /* did not wait */
	zero.is_blocked = true;
	zero.waker = P;
	assert_int_equal(unit_ledger_await_zero(f.ledger, &zero), 0);
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	end(&f);
}

/* The kernel was not seen waking: who brought it to zero is likely, not proven. */
static void a_guessed_release_from_zero_is_not_proven(void **state)
{
	struct unit_operation zero = alone(R, 0);
	struct fixture f;

	(void)state;
	begin(&f);
	put(&f, alone(P, 1));
	take(&f, alone(P, 1));
	zero.is_blocked = true;
	assert_int_equal(unit_ledger_await_zero(f.ledger, &zero), 0);
	closed(&f);
	assert_edge(&f, P, R, 1, 0);
	end(&f);
}

static void totals_are_given_to_who_has_units_left(void **state)
{
	struct unit_operation total = alone(P, 5);
	struct fixture f;

	(void)state;
	begin(&f);
	total.is_total = true;
	total.count = 5;
	put(&f, total);
	total.process = Q;
	total.units = total.count = 3;
	put(&f, total);
	total.process = R;
	total.units = total.count = 8;
	take(&f, total);
	closed(&f);
	assert_edge(&f, P, R, 5, 5); /* one waiter, nothing left */
	assert_edge(&f, Q, R, 3, 3);
	end(&f);
}

static void put_early(struct fixture *f, uint32_t process, uint64_t units)
{
	struct unit_operation operation = alone(process, units);

	operation.is_last = false;
	operation.is_early = true;
	put(f, operation);
}

static void take_some(struct fixture *f, uint32_t process)
{
	struct unit_operation operation = alone(process, 1);

	operation.is_last = false;
	take(f, operation);
}

/* As uprobes tell it: P's units are all gone when Q puts its own there. */
static void a_wait_that_finds_units_of_one_process_is_proven(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	put_early(&f, P, 2);
	take_some(&f, R);
	take_some(&f, S);
	put_early(&f, Q, 2);
	take_some(&f, R);
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	assert_edge(&f, P, S, 1, 1);
	assert_edge(&f, Q, R, 1, 1);
	end(&f);
}

static void a_wait_that_finds_units_of_two_proves_nothing(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	put_early(&f, P, 1);
	put_early(&f, Q, 1);
	take_some(&f, R);
	closed(&f);
	assert_edge(&f, P, R, 1, 0);
	end(&f);
}

static void nothing_is_claimed_after_a_doubt(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	put_early(&f, P, 1);
	unit_ledger_doubt(f.ledger);
	take_some(&f, R);
	closed(&f);
	assert_edge(&f, P, R, 1, 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_taken_in_the_order_of_their_posts),
		cmocka_unit_test(a_wait_belongs_to_who_put_the_last_unit),
		cmocka_unit_test(posts_whose_order_is_not_proven_prove_nothing),
		cmocka_unit_test(a_blocked_task_has_the_units_of_its_waker),
		cmocka_unit_test(the_record_of_a_post_may_come_after_the_wait_that_it_ended),
		cmocka_unit_test(a_waker_that_never_posted_is_not_proven),
		cmocka_unit_test(with_one_waiter_and_nothing_left_the_order_does_not_matter),
		cmocka_unit_test(one_unit_left_makes_it_matter),
		cmocka_unit_test(units_from_before_the_capture_are_taken_first),
		cmocka_unit_test(nothing_is_claimed_over_an_unsure_level),
		cmocka_unit_test(a_blocked_first_wait_makes_the_level_sure),
		cmocka_unit_test(what_an_exit_gives_back_is_behind_what_is_older),
		cmocka_unit_test(what_an_exit_gives_back_may_be_behind_what_is_newer),
		cmocka_unit_test(a_set_value_replaces_what_was_there),
		cmocka_unit_test(a_set_value_leaves_what_was_given_away),
		cmocka_unit_test(who_waits_for_zero_is_released_by_who_takes_the_last),
		cmocka_unit_test(a_guessed_release_from_zero_is_not_proven),
		cmocka_unit_test(totals_are_given_to_who_has_units_left),
		cmocka_unit_test(a_wait_that_finds_units_of_one_process_is_proven),
		cmocka_unit_test(a_wait_that_finds_units_of_two_proves_nothing),
		cmocka_unit_test(nothing_is_claimed_after_a_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
