/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/mutex_ledger.h"

enum { P = 1, Q, R };

struct fixture {
	struct edge_set edges;
	struct mutex_ledger *ledger;
};

static void begin(struct fixture *f)
{
	f->edges = (struct edge_set){};
	f->ledger = mutex_ledger_new(&f->edges);
	assert_non_null(f->ledger);
}

static void end(struct fixture *f)
{
	mutex_ledger_free(f->ledger);
	edge_set_fini(&f->edges);
}

static void lock(struct fixture *f, uint32_t process)
{
	struct mutex_operation operation = { .process = process, .time_ns = 1 };

	assert_int_equal(mutex_ledger_lock(f->ledger, &operation), 0);
}

static void unlock(struct fixture *f, uint32_t process)
{
	struct mutex_operation operation = { .process = process, .time_ns = 1 };

	mutex_ledger_unlock(f->ledger, &operation);
}

static void assert_edge(struct fixture *f, uint32_t from, uint32_t to, uint64_t messages,
			uint64_t certain)
{
	struct edge *edge = edge_set_get(&f->edges, from, to);

	assert_int_equal(edge->messages, messages);
	assert_int_equal(edge->certain_messages, certain);
	assert_int_equal(edge->is_doubtful, certain < messages);
}

static void who_locks_was_released_by_who_unlocked_last(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	lock(&f, P); /* nobody released it */
	unlock(&f, P);
	lock(&f, P); /* itself: no edge */
	unlock(&f, P);
	lock(&f, Q);
	unlock(&f, Q);
	lock(&f, R);
	assert_int_equal(mutex_ledger_close(f.ledger), 0);
	assert_edge(&f, P, Q, 1, 1);
	assert_edge(&f, Q, R, 1, 1);
	assert_int_equal(HASH_COUNT(f.edges.edges), 2);
	end(&f);
}

static void an_owner_that_died_has_released_it(void **state)
{
	struct mutex_operation heir = { .process = Q, .is_inherited = true };
	struct fixture f;

	(void)state;
	begin(&f);
	lock(&f, P);
	assert_int_equal(mutex_ledger_lock(f.ledger, &heir), 0);
	assert_int_equal(mutex_ledger_close(f.ledger), 0);
	assert_edge(&f, P, Q, 1, 1);
	end(&f);
}

static void an_unlock_that_was_not_seen_proves_nothing(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	lock(&f, P);
	lock(&f, Q);
	assert_int_equal(mutex_ledger_close(f.ledger), 0);
	assert_edge(&f, P, Q, 1, 0);
	end(&f);
}

static void a_lock_that_was_not_seen_proves_nothing(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	unlock(&f, P);
	unlock(&f, Q);
	lock(&f, R);
	assert_int_equal(mutex_ledger_close(f.ledger), 0);
	assert_edge(&f, Q, R, 1, 0);
	end(&f);
}

static void a_new_mutex_at_the_same_place_owes_nobody(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	unlock(&f, P);
	mutex_ledger_reset(f.ledger);
	lock(&f, Q);
	assert_int_equal(mutex_ledger_close(f.ledger), 0);
	assert_null(f.edges.edges);
	end(&f);
}

static void totals_make_no_edges_and_prove_nothing(void **state)
{
	struct mutex_operation total = { .process = R, .is_total = true };
	struct fixture f;

	(void)state;
	begin(&f);
	unlock(&f, P);
	lock(&f, Q);
	assert_int_equal(mutex_ledger_lock(f.ledger, &total), 0);
	assert_int_equal(mutex_ledger_close(f.ledger), 0);
	assert_edge(&f, P, Q, 1, 0);
	assert_int_equal(HASH_COUNT(f.edges.edges), 1);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_locks_was_released_by_who_unlocked_last),
		cmocka_unit_test(an_owner_that_died_has_released_it),
		cmocka_unit_test(an_unlock_that_was_not_seen_proves_nothing),
		cmocka_unit_test(a_lock_that_was_not_seen_proves_nothing),
		cmocka_unit_test(a_new_mutex_at_the_same_place_owes_nobody),
		cmocka_unit_test(totals_make_no_edges_and_prove_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
