/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/message_ledger.h"

/* FAR is an end on another host; P and Q send, R receives. */
enum { BEFORE, FAR, P, Q, R };

static struct message_operation message(uint32_t process, uint64_t source, uint64_t bytes)
{
	static uint64_t now_ns;

	now_ns += 1000;
	return (struct message_operation){
		.process = process,
		.fallback = BEFORE,
		.source = source,
		.bytes = bytes,
		.copied = bytes,
		.count = 1,
		.time_ns = now_ns,
	};
}

static void give(struct message_ledger *ledger, struct message_operation op)
{
	assert_int_equal(message_ledger_send(ledger, &op), 0);
}

static void take(struct message_ledger *ledger, struct message_operation op)
{
	assert_int_equal(message_ledger_receive(ledger, &op), 0);
}

static struct message_result closed(struct message_ledger *ledger)
{
	struct message_result result;

	assert_int_equal(message_ledger_close(ledger, false, &result), 0);
	return result;
}

static const struct edge *edge_of(struct message_ledger *ledger, uint32_t from, uint32_t to)
{
	for (struct edge *edge = message_ledger_edges(ledger)->edges; edge; edge = edge->hh.next)
		if (edge->key.from == from && edge->key.to == to)
			return edge;
	return NULL;
}

static void assert_claims_at_most(struct message_ledger *ledger, uint32_t from, uint32_t to,
				  uint64_t messages)
{
	const struct edge *edge = edge_of(ledger, from, to);

	if (!edge)
		return;
	if (edge->is_exact)
		assert_int_equal(edge->messages, messages);
	assert_true(edge->at_least_messages <= messages);
}

static void a_named_source_used_by_one_process_is_exact(void **state)
{
	struct message_ledger *ledger = message_ledger_new(BEFORE);

	(void)state;
	give(ledger, message(P, 1, 10));
	give(ledger, message(Q, 2, 10));
	take(ledger, message(R, 2, 10));
	closed(ledger);
	assert_true(edge_of(ledger, Q, R)->is_exact);
	assert_null(edge_of(ledger, P, R));
	message_ledger_free(ledger);
}

/* Two that share one socket say nothing about a third, who has a socket of his own. */
static void a_shared_source_leaves_other_sources_exact(void **state)
{
	struct message_ledger *ledger = message_ledger_new(BEFORE);
	enum { OTHER = 10 };

	(void)state;
	give(ledger, message(P, 1, 10));
	give(ledger, message(Q, 1, 10));
	give(ledger, message(OTHER, 2, 10));
	take(ledger, message(R, 1, 10));
	take(ledger, message(R, 2, 10));
	closed(ledger); /* one of P and Q is left unread */
	assert_false(edge_of(ledger, P, R) && edge_of(ledger, P, R)->is_exact);
	assert_true(edge_of(ledger, OTHER, R)->is_exact);
	message_ledger_free(ledger);
}

/* A queue that holds more at its end than was sent and not received held something before. */
static void a_level_that_nobody_sent_proves_older_messages(void **state)
{
	struct message_ledger *ledger = message_ledger_new(BEFORE);
	struct message_result result;

	(void)state;
	/* truth: R took a message that P sent before the capture; that of the capture waits */
	give(ledger, message(P, 1, 10));
	take(ledger, message(R, 1, 10));
	message_ledger_level_at_end(ledger, 1, 10);
	result = closed(ledger);
	assert_int_equal(result.unread.messages, 1);
	assert_claims_at_most(ledger, P, R, 0);
	message_ledger_free(ledger);
}

/* P cannot have sent more than P sent. */
static void unnamed_totals_are_not_all_of_the_one_known_sender(void **state)
{
	struct message_ledger *ledger = message_ledger_new(BEFORE);
	struct message_operation total = message(R, SOURCE_UNKNOWN, 50);

	(void)state;
	give(ledger, message(P, 1, 10));
	total.count = 5;
	total.is_total = true;
	take(ledger, total);
	closed(ledger);
	assert_non_null(edge_of(ledger, P, R));
	assert_false(edge_of(ledger, P, R)->is_exact);
	assert_int_equal(edge_of(ledger, P, R)->messages, 1);
	message_ledger_free(ledger);
}

/* `lost` is what neither was received nor waits; what a short receive cut off is truncated. */
static void a_short_receive_truncates_the_oldest_message_of_its_source(void **state)
{
	struct message_ledger *ledger = message_ledger_new(BEFORE);
	struct message_result result;

	(void)state;
	give(ledger, message(P, 1, 10));
	give(ledger, message(P, 1, 5));
	take(ledger, message(R, 1, 5)); /* of the first: the second still waits */
	message_ledger_level_at_end(ledger, 1, 5);
	result = closed(ledger);
	assert_int_equal(result.unread.bytes, 5);
	assert_int_equal(result.truncated.bytes, 5);
	assert_int_equal(result.lost.bytes, 0);
	message_ledger_free(ledger);
}

/* Each socket of a port has a queue of its own: what waited adds up. */
static void levels_at_the_start_of_several_sockets_add_up(void **state)
{
	struct message_ledger *ledger = message_ledger_new(BEFORE);

	(void)state;
	message_ledger_level_at_start(ledger, 2);
	message_ledger_level_at_start(ledger, 0);
	give(ledger, message(P, 1, 10));
	take(ledger, message(R, 1, 10));
	take(ledger, message(R, 1, 10));
	closed(ledger); /* both are the old ones, that of the capture waits */
	assert_int_equal(edge_of(ledger, BEFORE, R)->messages, 2);
	assert_claims_at_most(ledger, P, R, 0);
	message_ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_named_source_used_by_one_process_is_exact),
		cmocka_unit_test(a_shared_source_leaves_other_sources_exact),
		cmocka_unit_test(a_level_that_nobody_sent_proves_older_messages),
		cmocka_unit_test(unnamed_totals_are_not_all_of_the_one_known_sender),
		cmocka_unit_test(a_short_receive_truncates_the_oldest_message_of_its_source),
		cmocka_unit_test(levels_at_the_start_of_several_sockets_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
