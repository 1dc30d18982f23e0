/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/pass_ledger.h"

/* P and Q send, R and S receive. */
enum { BEFORE, P, Q, R, S };
enum { SOURCE = 1, OTHER_SOURCE = 2 };
enum { INBOX = 7 };

struct fixture {
	struct pass_ledger *ledger;
	struct edge_set places[2]; /* what was passed */
	uint64_t now_ns;
};

static struct edge *given(void *context, void *place, const struct match *match)
{
	(void)context;
	if (edge_set_add(place, match))
		return NULL;
	return edge_set_get(place, match->from, match->to);
}

static struct fixture begin(void)
{
	return (struct fixture){ .ledger = pass_ledger_new(BEFORE, given, NULL) };
}

static void end(struct fixture *fixture)
{
	pass_ledger_free(fixture->ledger);
	edge_set_fini(&fixture->places[0]);
	edge_set_fini(&fixture->places[1]);
}

static void give_through(struct fixture *fixture, uint64_t source, uint32_t process, uint32_t count)
{
	struct pass_sent sent = { source, process, count, fixture->now_ns++ };

	assert_int_equal(pass_ledger_send(fixture->ledger, &sent), 0);
}

static void give(struct fixture *fixture, uint32_t process, uint32_t count)
{
	give_through(fixture, SOURCE, process, count);
}

/* Descriptor `index` of `count`, of what place[which] stands for; -1: the rest was dropped. */
static void take_from(struct fixture *fixture, uint64_t source, uint32_t process, uint32_t count,
		      uint32_t index, int which)
{
	struct pass_receipt receipt = {
		.source = source,
		.inbox = INBOX,
		.process = process,
		.thread = process,
		.count = count,
		.index = index,
		.place = which < 0 ? NULL : &fixture->places[which],
		.time_ns = fixture->now_ns++,
	};

	assert_int_equal(pass_ledger_receive(fixture->ledger, &receipt), 0);
}

static void take(struct fixture *fixture, uint32_t process, uint32_t count, uint32_t index,
		 int which)
{
	take_from(fixture, SOURCE, process, count, index, which);
}

static void finish(struct fixture *fixture)
{
	assert_int_equal(pass_ledger_close(fixture->ledger), 0);
}

static uint64_t passed(struct fixture *fixture, int which, uint32_t from, uint32_t to)
{
	return edge_set_get(&fixture->places[which], from, to)->messages;
}

static bool is_certain(struct fixture *fixture, int which, uint32_t from, uint32_t to)
{
	return !edge_set_get(&fixture->places[which], from, to)->is_doubtful;
}

static void one_sender_is_certain_whoever_receives(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	give(&fixture, P, 1);
	give(&fixture, P, 1);
	give(&fixture, P, 1);
	take(&fixture, R, 1, 0, 0);
	take(&fixture, S, 1, 0, 0);
	finish(&fixture);
	assert_int_equal(passed(&fixture, 0, P, R), 1);
	assert_int_equal(passed(&fixture, 0, P, S), 1);
	assert_true(is_certain(&fixture, 0, P, R));
	assert_true(is_certain(&fixture, 0, P, S));
	end(&fixture);
}

static void a_message_has_several_descriptors(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	give(&fixture, P, 3);
	take(&fixture, R, 3, 0, 0);
	take(&fixture, R, 3, 1, 1);
	take(&fixture, R, 3, 2, 0);
	finish(&fixture);
	assert_int_equal(passed(&fixture, 0, P, R), 2);
	assert_int_equal(passed(&fixture, 1, P, R), 1);
	end(&fixture);
}

/* The receiver was back first; the send shows in the middle of its report. */
static void a_send_may_be_reported_after_its_receive(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	take(&fixture, R, 2, 0, 0);
	give(&fixture, P, 2);
	take(&fixture, R, 2, 1, 0);
	finish(&fixture);
	assert_int_equal(passed(&fixture, 0, P, R), 2);
	assert_true(is_certain(&fixture, 0, P, R));
	end(&fixture);
}

/* Two threads report their messages at the same time. */
static void messages_of_two_receivers_may_be_mixed(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	give_through(&fixture, SOURCE, P, 2);
	give_through(&fixture, OTHER_SOURCE, Q, 2);
	take_from(&fixture, SOURCE, R, 2, 0, 0);
	take_from(&fixture, OTHER_SOURCE, S, 2, 0, 0);
	take_from(&fixture, SOURCE, R, 2, 1, 0);
	take_from(&fixture, OTHER_SOURCE, S, 2, 1, 0);
	finish(&fixture);
	assert_int_equal(passed(&fixture, 0, P, R), 2);
	assert_int_equal(passed(&fixture, 0, Q, S), 2);
	end(&fixture);
}

static void what_was_dropped_was_sent_all_the_same(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	give(&fixture, P, 2);
	give(&fixture, Q, 1);
	take(&fixture, R, 2, 0, -1);
	take(&fixture, R, 1, 0, 0);
	finish(&fixture);
	assert_int_equal(passed(&fixture, 0, Q, R), 1);
	assert_int_equal(passed(&fixture, 0, P, R), 0);
	end(&fixture);
}

/* Their order is that of the ends of their calls: not proven. */
static void two_senders_on_a_socket_are_a_guess(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	give(&fixture, P, 1);
	give(&fixture, Q, 1);
	take(&fixture, R, 1, 0, 0);
	take(&fixture, R, 1, 0, 1);
	finish(&fixture);
	assert_false(is_certain(&fixture, 0, P, R));
	assert_false(is_certain(&fixture, 1, Q, R));
	end(&fixture);
}

static void two_senders_of_the_same_are_certain_when_all_came_to_one(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	give(&fixture, P, 1);
	give(&fixture, Q, 1);
	take(&fixture, R, 1, 0, 0);
	take(&fixture, R, 1, 0, 0);
	finish(&fixture);
	assert_true(is_certain(&fixture, 0, P, R));
	assert_true(is_certain(&fixture, 0, Q, R));
	end(&fixture);
}

static void two_senders_of_the_same_are_a_guess_while_one_is_on_its_way(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	give(&fixture, P, 1);
	give(&fixture, Q, 1);
	take(&fixture, R, 1, 0, 0);
	finish(&fixture);
	assert_false(is_certain(&fixture, 0, P, R));
	end(&fixture);
}

static void what_waited_at_the_start_comes_first(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	assert_int_equal(pass_ledger_level_at_start(fixture.ledger, INBOX, 1, false), 0);
	/* the row of another process that holds the socket */
	assert_int_equal(pass_ledger_level_at_start(fixture.ledger, INBOX, 1, false), 0);
	give(&fixture, P, 1);
	take(&fixture, R, 1, 0, 0);
	take(&fixture, R, 1, 0, 1);
	finish(&fixture);
	assert_int_equal(passed(&fixture, 0, BEFORE, R), 1);
	assert_int_equal(passed(&fixture, 1, P, R), 1);
	assert_false(is_certain(&fixture, 0, BEFORE, R));
	assert_true(is_certain(&fixture, 1, P, R));
	end(&fixture);
}

static void nobody_was_seen_sending(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	take(&fixture, R, 1, 0, 0);
	take(&fixture, R, 1, 0, 1);
	give(&fixture, P, 1);
	finish(&fixture);
	assert_int_equal(passed(&fixture, 1, BEFORE, R), 1);
	/* the one that is missing may be the first as well as the last */
	assert_false(is_certain(&fixture, 0, P, R));
	end(&fixture);
}

static void closed_while_a_thread_may_report_more(void **state)
{
	struct fixture fixture = begin();

	(void)state;
	take(&fixture, R, 2, 0, 0);
	give(&fixture, P, 2);
	take(&fixture, S, 2, 0, 0);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_sender_is_certain_whoever_receives),
		cmocka_unit_test(a_message_has_several_descriptors),
		cmocka_unit_test(a_send_may_be_reported_after_its_receive),
		cmocka_unit_test(messages_of_two_receivers_may_be_mixed),
		cmocka_unit_test(what_was_dropped_was_sent_all_the_same),
		cmocka_unit_test(two_senders_on_a_socket_are_a_guess),
		cmocka_unit_test(two_senders_of_the_same_are_certain_when_all_came_to_one),
		cmocka_unit_test(two_senders_of_the_same_are_a_guess_while_one_is_on_its_way),
		cmocka_unit_test(what_waited_at_the_start_comes_first),
		cmocka_unit_test(nobody_was_seen_sending),
		cmocka_unit_test(closed_while_a_thread_may_report_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
