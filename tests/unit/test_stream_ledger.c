/* SPDX-License-Identifier: GPL-2.0-only */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/stream_ledger.h"

/* BEFORE stands for `before capture`; P and Q send, R and S receive. */
enum { BEFORE, P, Q, R, S };

#define PIPE_AT(buffer, offset) ((uint64_t)(buffer) << 32 | (offset))
#define MS 1000000ULL

static uint64_t now_ns;

static struct stream_operation operation(uint32_t process, uint64_t bytes)
{
	now_ns += 1000;
	return (struct stream_operation){
		.process = process,
		.bytes = bytes,
		.copied = bytes,
		.time_ns = now_ns,
	};
}

static struct stream_operation placed(uint32_t process, uint64_t bytes, uint64_t position)
{
	struct stream_operation op = operation(process, bytes);

	op.position = position;
	op.has_position = true;
	return op;
}

static void give(struct stream_ledger *ledger, struct stream_operation op)
{
	assert_int_equal(stream_ledger_send(ledger, &op), 0);
}

static void take(struct stream_ledger *ledger, struct stream_operation op)
{
	assert_int_equal(stream_ledger_receive(ledger, &op), 0);
}

static struct stream_operation emptying(struct stream_operation op)
{
	op.leaves_empty = true;
	return op;
}

static struct stream_ledger *created(enum stream_position kind)
{
	struct stream_ledger *ledger = stream_ledger_new(kind, BEFORE);

	now_ns = 1000 * MS;
	stream_ledger_created(ledger);
	return ledger;
}

static struct stream_result closed(struct stream_ledger *ledger)
{
	struct stream_result result;

	assert_int_equal(stream_ledger_close(ledger, false, &result), 0);
	return result;
}

static const struct edge *edge_of(struct stream_ledger *ledger, uint32_t from, uint32_t to)
{
	for (struct edge *edge = stream_ledger_edges(ledger)->edges; edge; edge = edge->hh.next)
		if (edge->key.from == from && edge->key.to == to)
			return edge;
	return NULL;
}

static uint64_t bytes_of(struct stream_ledger *ledger, uint32_t from, uint32_t to)
{
	const struct edge *edge = edge_of(ledger, from, to);

	return edge ? edge->bytes : 0;
}

static uint64_t edges_sum(struct stream_ledger *ledger)
{
	uint64_t sum = 0;

	for (struct edge *edge = stream_ledger_edges(ledger)->edges; edge; edge = edge->hh.next)
		sum += edge->bytes;
	return sum;
}

/* The edge does not say more than `bytes`, which is what may be true at least. */
static void assert_claims_at_most(struct stream_ledger *ledger, uint32_t from, uint32_t to,
				  uint64_t bytes)
{
	const struct edge *edge = edge_of(ledger, from, to);

	if (!edge)
		return;
	if (edge->is_exact)
		assert_int_equal(edge->bytes, bytes);
	assert_true(edge->at_least_bytes <= bytes);
}

static void assert_conserved(struct stream_ledger *ledger, const struct stream_result *result)
{
	assert_int_equal(result->before.bytes + stream_ledger_party(ledger, true)->bytes,
			 edges_sum(ledger) + result->unread.bytes + result->truncated.bytes);
}

/* What holds ------------------------------------------------------------------------------- */

static void one_sender_and_one_receiver_are_exact_with_bytes_unread(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_ORDER);
	struct stream_result result;

	(void)state;
	give(ledger, placed(P, 100, PIPE_AT(1, 100)));
	take(ledger, placed(R, 40, PIPE_AT(0, 40)));
	result = closed(ledger);
	assert_true(edge_of(ledger, P, R)->is_exact);
	assert_int_equal(bytes_of(ledger, P, R), 40);
	assert_int_equal(result.unread.bytes, 60);
	assert_conserved(ledger, &result);
	stream_ledger_free(ledger);
}

static void a_receive_reported_before_its_send_is_settled(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_ORDER);
	struct stream_result result;

	(void)state;
	take(ledger, placed(R, 10, PIPE_AT(1, 0)));
	give(ledger, placed(P, 10, PIPE_AT(1, 10)));
	result = closed(ledger);
	assert_true(edge_of(ledger, P, R)->is_exact);
	assert_null(edge_of(ledger, BEFORE, R));
	assert_conserved(ledger, &result);
	stream_ledger_free(ledger);
}

static void several_senders_to_one_receiver_are_exact_when_all_was_read(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_NONE);

	(void)state;
	give(ledger, operation(P, 10));
	give(ledger, operation(Q, 20));
	take(ledger, operation(R, 30));
	closed(ledger);
	assert_true(edge_of(ledger, P, R)->is_exact);
	assert_true(edge_of(ledger, Q, R)->is_exact);
	stream_ledger_free(ledger);
}

static void a_packet_loses_what_its_receive_had_no_room_for(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_ORDER);
	struct stream_operation packet = placed(P, 6, PIPE_AT(1, 6));
	struct stream_result result;

	(void)state;
	packet.is_packet = true;
	give(ledger, packet);
	take(ledger, placed(R, 3, PIPE_AT(1, 0)));
	result = closed(ledger);
	assert_int_equal(bytes_of(ledger, P, R), 3);
	assert_int_equal(result.truncated.bytes, 3);
	assert_conserved(ledger, &result);
	stream_ledger_free(ledger);
}

/* Packet pipes ----------------------------------------------------------------------------- */

/* pipe_write() makes a packet of every page: mechanisms.md 1.1, pipe(2). */
static void a_packet_write_longer_than_a_page_is_several_packets(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_ORDER);
	struct stream_operation packets = placed(P, 8192, PIPE_AT(2, 4096));
	struct stream_result result;

	(void)state;
	packets.is_packet = true;
	give(ledger, packets);
	take(ledger, placed(R, 4096, PIPE_AT(1, 0)));
	take(ledger, placed(R, 4096, PIPE_AT(2, 0)));
	result = closed(ledger);
	assert_int_equal(bytes_of(ledger, P, R), 8192);
	assert_int_equal(edge_of(ledger, P, R)->messages, 1);
	assert_int_equal(result.truncated.bytes, 0);
	assert_int_equal(result.before.bytes, 0);
	stream_ledger_free(ledger);
}

/* Doubt ------------------------------------------------------------------------------------ */

/* A debt at the end proves a sender that nobody saw: what it fed may be any of the reads. */
static void an_unseen_sender_leaves_no_split_among_receivers_exact(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_ORDER);

	(void)state;
	/* truth: the unseen one wrote first, R has its bytes, S those of P */
	give(ledger, placed(P, 10, PIPE_AT(1, 20)));
	take(ledger, placed(R, 10, PIPE_AT(0, 10)));
	take(ledger, placed(S, 10, PIPE_AT(1, 0)));
	closed(ledger);
	assert_claims_at_most(ledger, P, R, 0);
	stream_ledger_free(ledger);
}

/* If a receive may belong to another object, all that was received around it may be shifted. */
static void a_doubtful_receive_makes_the_other_edges_of_its_region_inexact(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_ORDER);
	struct stream_operation doubtful;

	(void)state;
	/* truth: R read from elsewhere, so that S has the bytes of P */
	give(ledger, placed(P, 10, PIPE_AT(1, 10)));
	give(ledger, placed(Q, 10, PIPE_AT(1, 20)));
	doubtful = placed(R, 10, PIPE_AT(0, 0));
	doubtful.is_doubtful = true;
	take(ledger, doubtful);
	take(ledger, placed(S, 10, PIPE_AT(0, 10)));
	closed(ledger);
	assert_claims_at_most(ledger, Q, S, 0);
	stream_ledger_free(ledger);
}

/* The overlap that a repeated position proves reaches back over a region that just ended. */
static void an_overlap_found_late_doubts_the_region_it_overlaps(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_ORDER);

	(void)state;
	/* truth: Q wrote and R read first; both were slow to report, and measured P's position */
	give(ledger, placed(P, 10, PIPE_AT(1, 20)));
	take(ledger, emptying(placed(R, 10, PIPE_AT(1, 0))));
	give(ledger, placed(Q, 10, PIPE_AT(1, 20)));
	take(ledger, emptying(placed(S, 10, PIPE_AT(1, 0))));
	closed(ledger);
	assert_claims_at_most(ledger, P, R, 0);
	stream_ledger_free(ledger);
}

/* TCP: what is on its way is not in the receive queue; positions tell. */
static void an_empty_receive_queue_ends_no_region_while_positions_differ(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_BYTES);

	(void)state;
	/* truth: Q's bytes are 0 … 10, P's 10 … 20; R has 0 … 10, S the rest */
	give(ledger, placed(P, 10, 20));
	take(ledger, emptying(placed(R, 10, 10)));
	give(ledger, placed(Q, 10, 20));
	take(ledger, emptying(placed(S, 10, 20)));
	closed(ledger);
	assert_claims_at_most(ledger, P, R, 0);
	stream_ledger_free(ledger);
}

/* Both ends of an old connection are aligned by first positions, which an overlap makes wrong. */
static void overlapping_positions_of_one_sender_align_nothing(void **state)
{
	struct stream_ledger *ledger = stream_ledger_new(STREAM_POSITION_BYTES, BEFORE);
	struct stream_operation first, second;

	(void)state;
	now_ns = 1000 * MS;
	first = placed(P, 10, 120);  /* 100 … 110, reported when the other had sent too */
	second = placed(P, 10, 120); /* 110 … 120 */
	first.is_threaded = second.is_threaded = true;
	give(ledger, first);
	give(ledger, second);
	take(ledger, placed(R, 20, 120));
	closed(ledger);
	assert_claims_at_most(ledger, P, R, 20);
	stream_ledger_free(ledger);
}

/* Which sender's bytes were thrown away is as open as the order. */
static void discarded_bytes_leave_the_split_open(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_BYTES);
	struct stream_operation discard;

	(void)state;
	/* truth: Q's bytes came first and were discarded (MSG_TRUNC); the positions overlap */
	give(ledger, placed(P, 10, 20));
	give(ledger, placed(Q, 10, 20));
	discard = placed(R, 10, 10);
	discard.copied = 0;
	take(ledger, discard);
	take(ledger, placed(R, 10, 20));
	closed(ledger);
	assert_claims_at_most(ledger, Q, R, 0);
	stream_ledger_free(ledger);
}

/* Levels ----------------------------------------------------------------------------------- */

/* The blocked writer's bytes are in the level at the start and in its result. */
static void bytes_of_a_write_in_progress_at_the_start_are_not_counted_twice(void **state)
{
	struct stream_ledger *ledger = stream_ledger_new(STREAM_POSITION_ORDER, BEFORE);
	struct stream_result result;

	(void)state;
	now_ns = 1000 * MS;
	stream_ledger_level_at_start(ledger, 65536);
	take(ledger, placed(R, 65536, PIPE_AT(16, 0)));
	give(ledger, placed(P, 131072, PIPE_AT(32, 4096)));
	take(ledger, emptying(placed(R, 65536, PIPE_AT(32, 0))));
	stream_ledger_known_empty(ledger); /* and the end of file */
	result = closed(ledger);
	assert_claims_at_most(ledger, P, R, 131072);
	assert_int_equal(result.unread.bytes, 0); /* it was seen empty */
	stream_ledger_free(ledger);
}

/* Totals ----------------------------------------------------------------------------------- */

static void totals_are_conserved_when_more_was_received_than_sent(void **state)
{
	struct stream_ledger *ledger = stream_ledger_new(STREAM_POSITION_ORDER, BEFORE);
	struct stream_total total = { .process = R, .bytes = 100, .copied = 100 };
	struct stream_result result;

	(void)state;
	assert_int_equal(stream_ledger_add_total(ledger, false, &total), 0);
	result = closed(ledger);
	assert_int_equal(bytes_of(ledger, BEFORE, R), 100);
	assert_int_equal(result.before.bytes, 100);
	assert_conserved(ledger, &result);
	stream_ledger_free(ledger);
}

static void totals_do_not_take_back_what_was_sent_before_the_capture(void **state)
{
	struct stream_ledger *ledger = stream_ledger_new(STREAM_POSITION_ORDER, BEFORE);
	struct stream_total total = { .process = P, .messages = 1, .bytes = 100 };
	struct stream_result result;

	(void)state;
	now_ns = 1000 * MS;
	stream_ledger_level_at_start(ledger, 50);
	take(ledger, placed(R, 50, PIPE_AT(1, 0)));
	assert_int_equal(stream_ledger_add_total(ledger, true, &total), 0);
	take(ledger, placed(R, 50, PIPE_AT(1, 50)));
	result = closed(ledger);
	assert_int_equal(bytes_of(ledger, BEFORE, R), 50);
	assert_int_equal(bytes_of(ledger, P, R), 50);
	assert_conserved(ledger, &result);
	stream_ledger_free(ledger);
}

static void an_edge_of_totals_has_no_times_that_never_were(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_ORDER);
	struct stream_total sent = { .process = P, .messages = 1, .bytes = 100 };
	struct stream_total received = { .process = R, .bytes = 100, .copied = 100 };

	(void)state;
	assert_int_equal(stream_ledger_add_total(ledger, true, &sent), 0);
	assert_int_equal(stream_ledger_add_total(ledger, false, &received), 0);
	closed(ledger);
	assert_true(edge_of(ledger, P, R)->first_ns <= edge_of(ledger, P, R)->last_ns);
	stream_ledger_free(ledger);
}

/* Both receivers find the pipe empty, and the record of one comes before the other has shown. */
static void two_find_it_empty(void **state)
{
	struct stream_ledger *ledger = created(STREAM_POSITION_ORDER);
	struct stream_result result;

	(void)state;
	give(ledger, placed(P, 1, PIPE_AT(1, 1)));
	give(ledger, placed(P, 1, PIPE_AT(1, 2)));
	take(ledger, emptying(placed(R, 1, PIPE_AT(1, 0))));
	take(ledger, emptying(placed(S, 1, PIPE_AT(1, 0))));
	result = closed(ledger);
	assert_int_equal(result.before.bytes, 0);
	assert_int_equal(result.unread.bytes, 0);
	assert_int_equal(bytes_of(ledger, P, R), 1);
	assert_int_equal(bytes_of(ledger, P, S), 1);
	stream_ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_sender_and_one_receiver_are_exact_with_bytes_unread),
		cmocka_unit_test(a_receive_reported_before_its_send_is_settled),
		cmocka_unit_test(several_senders_to_one_receiver_are_exact_when_all_was_read),
		cmocka_unit_test(a_packet_loses_what_its_receive_had_no_room_for),
		cmocka_unit_test(a_packet_write_longer_than_a_page_is_several_packets),
		cmocka_unit_test(an_unseen_sender_leaves_no_split_among_receivers_exact),
		cmocka_unit_test(a_doubtful_receive_makes_the_other_edges_of_its_region_inexact),
		cmocka_unit_test(an_overlap_found_late_doubts_the_region_it_overlaps),
		cmocka_unit_test(an_empty_receive_queue_ends_no_region_while_positions_differ),
		cmocka_unit_test(overlapping_positions_of_one_sender_align_nothing),
		cmocka_unit_test(discarded_bytes_leave_the_split_open),
		cmocka_unit_test(bytes_of_a_write_in_progress_at_the_start_are_not_counted_twice),
		cmocka_unit_test(totals_are_conserved_when_more_was_received_than_sent),
		cmocka_unit_test(totals_do_not_take_back_what_was_sent_before_the_capture),
		cmocka_unit_test(an_edge_of_totals_has_no_times_that_never_were),
		cmocka_unit_test(two_find_it_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
