/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/process_table.h"
#include "model/wake_ledger.h"

enum { P = 1, Q, R, S };
#define NOBODY PROCESS_NONE

struct fixture {
	struct edge_set edges;
	struct wake_ledger *ledger;
};

static void begin(struct fixture *f, enum wake_proof proof)
{
	f->edges = (struct edge_set){};
	f->ledger = wake_ledger_new(proof);
	assert_non_null(f->ledger);
}

static void end(struct fixture *f)
{
	wake_ledger_free(f->ledger);
	edge_set_fini(&f->edges);
}

static void woke(struct fixture *f, uint32_t process, uint64_t count)
{
	struct wake_operation operation = { .process = process, .count = count, .time_ns = 1 };

	assert_int_equal(wake_ledger_post(f->ledger, &operation), 0);
}

static void waited(struct fixture *f, uint32_t process, uint32_t waker, bool is_exiting)
{
	struct wake_operation operation = {
		.process = process,
		.waker = waker,
		.count = 1,
		.time_ns = 2,
		.is_exiting = is_exiting,
		.edges = &f->edges,
	};

	assert_int_equal(wake_ledger_wait(f->ledger, &operation), 0);
}

static void closed(struct fixture *f)
{
	assert_int_equal(wake_ledger_close(f->ledger), 0);
}

static void assert_edge(struct fixture *f, uint32_t from, uint32_t to, uint64_t messages,
			uint64_t certain)
{
	struct edge *edge = edge_set_get(&f->edges, from, to);

	assert_int_equal(edge->messages, messages);
	assert_int_equal(edge->certain_messages, certain);
	assert_int_equal(edge->is_doubtful, certain < messages);
}

/* Also where the waker's record comes after the wait's. */
static void a_waker_that_woke_as_many_is_proven(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WAKE_PROOF_COUNT);
	waited(&f, R, P, false);
	woke(&f, P, 2);
	waited(&f, S, P, false);
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	assert_edge(&f, P, S, 1, 1);
	end(&f);
}

static void a_waker_that_woke_fewer_is_not(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WAKE_PROOF_COUNT);
	woke(&f, P, 1);
	waited(&f, R, P, false);
	waited(&f, S, P, false);
	closed(&f);
	assert_edge(&f, P, R, 1, 0);
	assert_edge(&f, P, S, 1, 0);
	end(&f);
}

/* A robust futex, or a lock: the kernel gives it up for who exits, without a record. */
static void an_exit_needs_no_record_of_a_wake(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WAKE_PROOF_COUNT);
	waited(&f, R, P, true);
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	end(&f);
}

static void a_wait_without_a_waker_is_of_the_only_one_with_wakes_left(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WAKE_PROOF_COUNT);
	woke(&f, P, 1);
	woke(&f, Q, 1);
	waited(&f, R, P, false);
	waited(&f, S, NOBODY, false);
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	assert_edge(&f, Q, S, 1, 1);
	end(&f);
}

static void of_two_with_wakes_left_one_is_a_guess(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WAKE_PROOF_COUNT);
	woke(&f, P, 1);
	woke(&f, Q, 1);
	waited(&f, S, NOBODY, false);
	closed(&f);
	assert_edge(&f, P, S, 1, 0);
	end(&f);
}

/* There is no edge from nobody. */
static void a_wait_that_nobody_can_have_ended_is_no_edge(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WAKE_PROOF_COUNT);
	waited(&f, S, NOBODY, false);
	closed(&f);
	assert_null(f.edges.edges);
	end(&f);
}

static void a_lock_is_released_by_who_used_it(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, WAKE_PROOF_USE);
	woke(&f, P, 1);
	waited(&f, R, P, false);
	waited(&f, S, P, false);
	waited(&f, S, Q, false);      /* never had it, as far as is known */
	waited(&f, S, NOBODY, false); /* blocked for another reason */
	closed(&f);
	assert_edge(&f, P, R, 1, 1);
	assert_edge(&f, P, S, 1, 1);
	assert_edge(&f, Q, S, 1, 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_waker_that_woke_as_many_is_proven),
		cmocka_unit_test(a_waker_that_woke_fewer_is_not),
		cmocka_unit_test(an_exit_needs_no_record_of_a_wake),
		cmocka_unit_test(a_wait_without_a_waker_is_of_the_only_one_with_wakes_left),
		cmocka_unit_test(of_two_with_wakes_left_one_is_a_guess),
		cmocka_unit_test(a_wait_that_nobody_can_have_ended_is_no_edge),
		cmocka_unit_test(a_lock_is_released_by_who_used_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
