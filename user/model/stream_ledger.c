/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/stream_ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/stream_internal.h"

#define ATOMIC_WRITE_BYTES 4096 /* PIPE_BUF: longer writes of two processes may interleave */
#define PACKET_BYTES 4096	/* a page: a longer write in packet mode makes several */
#define HOLD_NS 5000000ULL	/* how long a record waits for one that was moved earlier */
#define HOLD_MAX 4096		/* and how many wait */

struct stream_ledger *stream_ledger_new(enum stream_position kind, uint32_t before)
{
	struct stream_ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->kind = kind;
	ledger->before = before;
	region_begin(&ledger->region, 1, true); /* until it is synchronised */
	return ledger;
}

static void side_fini(struct side *side)
{
	party_fini(&side->party);
	party_fini(&side->totals);
	queue_fini(&side->held);
}

void stream_ledger_free(struct stream_ledger *ledger)
{
	if (!ledger)
		return;
	side_fini(&ledger->sender);
	side_fini(&ledger->receiver);
	queue_fini(&ledger->segments);
	queue_fini(&ledger->debts);
	region_fini(&ledger->region);
	region_fini(&ledger->previous);
	edge_set_fini(&ledger->edges);
	free(ledger);
}

struct edge_set *stream_ledger_edges(struct stream_ledger *ledger)
{
	return &ledger->edges;
}

const struct party *stream_ledger_party(const struct stream_ledger *ledger, bool is_send)
{
	return is_send ? &ledger->sender.party : &ledger->receiver.party;
}

void stream_ledger_created(struct stream_ledger *ledger)
{
	if (ledger->sender.party.nr || ledger->receiver.party.nr)
		return;
	ledger->is_whole = true;
	ledger->is_synchronised = true;
	ledger->is_aligned = true;
	ledger->region.is_doubtful = false;
}

/* Regions ------------------------------------------------------------------------------- */

/* An overlap is proven: what this region matched, and the one that just ended. */
void stream_ledger_doubt(struct stream_ledger *ledger)
{
	uint64_t newest = ledger->sender.newest_ns > ledger->receiver.newest_ns ?
				  ledger->sender.newest_ns :
				  ledger->receiver.newest_ns;

	region_doubt(&ledger->region);
	if (newest < ledger->previous.ended_ns + HOLD_NS)
		region_doubt(&ledger->previous);
}

static void ledger_begin_region(struct stream_ledger *ledger)
{
	struct region ended = ledger->region;
	uint64_t newest = ledger->sender.newest_ns > ledger->receiver.newest_ns ?
				  ledger->sender.newest_ns :
				  ledger->receiver.newest_ns;

	if (ended.nr) { /* else the one before it stays the previous one */
		ledger->region = ledger->previous;
		ledger->previous = ended;
		ledger->previous.ended_ns = newest;
	}
	region_begin(&ledger->region, ended.number + 1, !ledger->is_synchronised);
}

static bool ledger_is_settled(const struct stream_ledger *ledger)
{
	return !ledger->segments.nr && !ledger->debts.nr && !ledger->sender.held.nr &&
	       !ledger->receiver.held.nr;
}

/* TCP: an empty receive queue says nothing of what is still on its way. */
static bool positions_agree(const struct stream_ledger *ledger)
{
	uint32_t ahead =
		(uint32_t)ledger->receiver.last_position - (uint32_t)ledger->sender.last_position;

	return ledger->kind != STREAM_POSITION_BYTES ||
	       (ledger->sender.has_last && ledger->receiver.has_last && ahead <= 1);
}

/*
 * Empty, although bytes that were sent are not received, and nobody else receives: as many of
 * the oldest bytes were counted twice, as the level at the start and as part of a send that was
 * going on then. Without such a level, another receiver was faster and has yet to show.
 */
static void ledger_contradict(struct stream_ledger *ledger)
{
	uint64_t surplus = 0;

	if (!ledger->has_start_level || ledger->debts.nr || ledger->sender.held.nr ||
	    ledger->receiver.held.nr || ledger->receiver.party.nr != 1 ||
	    ledger->receiver.is_threaded || ledger->kind == STREAM_POSITION_BYTES)
		return;
	while (ledger->segments.nr) {
		surplus += queue_at(&ledger->segments, 0)->bytes;
		queue_drop_first(&ledger->segments);
	}
	ledger->is_contradicted = true;
	stream_ledger_doubt(ledger);
	ledger->before_surplus += surplus;
}

void stream_ledger_known_empty(struct stream_ledger *ledger)
{
	if (!ledger_is_settled(ledger)) {
		ledger_contradict(ledger);
		return;
	}
	if (!positions_agree(ledger))
		return;
	/* empty, and as much was received as was sent: nothing older was in it */
	if (!ledger->before_bytes && ledger->kind != STREAM_POSITION_BYTES)
		ledger->is_whole = true;
	ledger->is_synchronised = true;
	ledger_begin_region(ledger);
}

/* Matching ------------------------------------------------------------------------------ */

static int ledger_match(struct stream_ledger *ledger, struct stream_operation *segment,
			struct stream_operation *debt, uint64_t bytes)
{
	bool is_first = segment->bytes == segment->copied;
	struct match match = {
		.from = segment->process,
		.to = debt->process,
		.bytes = bytes < debt->copied ? bytes : debt->copied,
		.sent_ns = segment->time_ns,
		.received_ns = debt->time_ns,
		.is_doubtful = ledger->region.is_doubtful,
		.is_suspect = segment->is_doubtful || debt->is_doubtful,
	};
	struct edge *edge;
	int err = 0;

	match.messages = is_first && match.bytes && segment->process != ledger->before;
	ledger->truncated.messages += is_first && !match.bytes;
	if (segment->process == ledger->before) {
		ledger->before_bytes += bytes;
		match.sent_ns = TIME_UNKNOWN;
	}
	segment->bytes -= bytes;
	debt->bytes -= bytes;
	debt->copied -= match.bytes;
	if (!match.bytes && !match.messages)
		return 0;
	err = edge_set_add(&ledger->edges, &match);
	if (err || ledger->region.is_doubtful || match.is_suspect)
		return err;
	edge = edge_set_get(&ledger->edges, match.from, match.to);
	return region_add(&ledger->region, edge, &match);
}

/* Feeds the debts from the segments as far as both go. */
int stream_ledger_settle(struct stream_ledger *ledger)
{
	while (ledger->is_aligned && ledger->debts.nr && ledger->segments.nr) {
		struct stream_operation *segment = queue_at(&ledger->segments, 0);
		struct stream_operation *debt = queue_at(&ledger->debts, 0);
		uint64_t bytes = segment->bytes < debt->bytes ? segment->bytes : debt->bytes;
		int err = ledger_match(ledger, segment, debt, bytes);

		if (err)
			return err;
		if (!debt->bytes) {
			if (segment->is_packet) {
				ledger->truncated.bytes += segment->bytes;
				segment->bytes = 0;
			}
			queue_drop_first(&ledger->debts);
		}
		if (!segment->bytes)
			queue_drop_first(&ledger->segments);
	}
	return 0;
}

int stream_ledger_add_before(struct stream_ledger *ledger, uint64_t bytes)
{
	struct stream_operation segment = {
		.process = ledger->before,
		.bytes = bytes,
		.copied = bytes,
	};

	return bytes ? queue_insert(&ledger->segments, 0, &segment) : 0;
}

/* Takes bytes away that someone received before the capture saw receives. */
static void ledger_drop_front(struct stream_ledger *ledger, uint64_t bytes)
{
	while (bytes && ledger->segments.nr) {
		struct stream_operation *segment = queue_at(&ledger->segments, 0);
		uint64_t part = segment->bytes < bytes ? segment->bytes : bytes;

		segment->bytes -= part;
		bytes -= part;
		if (!segment->bytes)
			queue_drop_first(&ledger->segments);
	}
}

/* TCP, older than the capture: both ends number the same bytes. */
static int ledger_align(struct stream_ledger *ledger)
{
	int32_t ahead;

	if (ledger->is_aligned || !ledger->has_first[0] || !ledger->has_first[1])
		return 0;
	ledger->is_aligned = true;
	ledger->is_by_position = true;
	ledger->is_whole = true;
	ledger->is_synchronised = true;
	ledger_begin_region(ledger);
	ahead = (int32_t)(ledger->first[0] - ledger->first[1]);
	if (ahead >= 0)
		return stream_ledger_add_before(ledger, ahead);
	ledger_drop_front(ledger, -(int64_t)ahead);
	return 0;
}

/* Order --------------------------------------------------------------------------------- */

static void note_first_position(struct stream_ledger *ledger, int role,
				const struct stream_operation *operation)
{
	if (ledger->kind != STREAM_POSITION_BYTES) {
		ledger->is_aligned = true;
		return;
	}
	if (ledger->has_first[role] || !operation->has_position)
		return;
	ledger->has_first[role] = true;
	ledger->first[role] = (uint32_t)operation->position - (uint32_t)operation->bytes;
}

/* Is a position `ahead` of another by nothing, or by a FIN, which counts one and is no byte? */
static bool is_same_position(const struct stream_ledger *ledger, const struct side *side,
			     uint32_t ahead)
{
	return !ahead || (side == &ledger->receiver && ahead == 1);
}

/* Does `operation` follow what the side did last, as its position says? */
static bool position_fits(const struct stream_ledger *ledger, const struct side *side,
			  const struct stream_operation *operation)
{
	uint32_t begins = (uint32_t)operation->position - (uint32_t)operation->bytes;

	if (!side->has_last)
		return true;
	if (ledger->kind == STREAM_POSITION_BYTES)
		return is_same_position(ledger, side, begins - (uint32_t)side->last_position);
	return (int64_t)(operation->position - side->last_position) > 0;
}

/* The order among several processes is not proven by positions. */
static bool order_is_open(const struct stream_ledger *ledger, const struct side *side,
			  const struct stream_operation *operation)
{
	if (side->party.nr < 2)
		return false;
	if (ledger->kind == STREAM_POSITION_NONE || !operation->has_position)
		return true;
	return !position_fits(ledger, side, operation);
}

static void note_position(struct side *side, const struct stream_operation *operation)
{
	if (!operation->has_position)
		return;
	side->last_position = operation->position;
	side->has_last = true;
}

/* What an operation tells, apart from its bytes. */
static void commit_begin(struct stream_ledger *ledger, struct side *side,
			 const struct stream_operation *operation)
{
	if (operation->is_doubtful) /* or they are another channel's, and all behind is shifted */
		ledger->is_contradicted = true;
	if (operation->has_position && !position_fits(ledger, side, operation) &&
	    ledger->is_by_position)
		ledger->is_contradicted = true;
	if (order_is_open(ledger, side, operation))
		stream_ledger_doubt(ledger);
	note_position(side, operation);
	note_first_position(ledger, side == &ledger->receiver, operation);
}

/* A send in packet mode is as many packets as it has pages, and still one message. */
static int segments_push(struct stream_ledger *ledger, const struct stream_operation *operation)
{
	struct stream_operation segment = *operation;
	uint64_t left = operation->bytes;
	int err = 0;

	segment.copied = operation->bytes;
	while (left && !err) {
		segment.bytes = left;
		if (operation->is_packet && left > PACKET_BYTES)
			segment.bytes = PACKET_BYTES;
		segment.copied = left == operation->bytes ? segment.bytes : segment.bytes + 1;
		left -= segment.bytes;
		err = queue_push(&ledger->segments, &segment);
	}
	return err;
}

static int commit_send(struct stream_ledger *ledger, const struct stream_operation *operation)
{
	struct side *side = &ledger->sender;
	int err;

	if (ledger->kind == STREAM_POSITION_ORDER && operation->bytes > ATOMIC_WRITE_BYTES)
		ledger->region.has_long_write = true;
	if (side->party.nr > 1 && ledger->region.has_long_write)
		stream_ledger_doubt(ledger);
	commit_begin(ledger, side, operation);
	err = segments_push(ledger, operation);
	if (!err)
		err = ledger_align(ledger);
	return err ? err : stream_ledger_settle(ledger);
}

static int commit_receive(struct stream_ledger *ledger, const struct stream_operation *operation)
{
	struct side *side = &ledger->receiver;
	int err;

	commit_begin(ledger, side, operation);
	err = queue_push(&ledger->debts, operation);
	if (!err)
		err = ledger_align(ledger);
	if (!err)
		err = stream_ledger_settle(ledger);
	if (!err && operation->leaves_empty)
		stream_ledger_known_empty(ledger);
	return err;
}

static int commit(struct stream_ledger *ledger, struct side *side,
		  const struct stream_operation *operation)
{
	return side == &ledger->sender ? commit_send(ledger, operation) :
					 commit_receive(ledger, operation);
}

/* Commits what was held until `time_ns`, in the order of positions. */
static int side_release(struct stream_ledger *ledger, struct side *side, uint64_t time_ns)
{
	while (side->held.nr) {
		struct stream_operation operation = *queue_at(&side->held, 0);
		int err;

		if (operation.time_ns + HOLD_NS > time_ns && side->held.nr < HOLD_MAX)
			return 0;
		queue_drop_first(&side->held);
		err = commit(ledger, side, &operation);
		if (err)
			return err;
	}
	return 0;
}

static int64_t position_compare(enum stream_position kind, const struct stream_operation *a,
				const struct stream_operation *b)
{
	if (kind == STREAM_POSITION_BYTES)
		return (int32_t)((uint32_t)a->position - (uint32_t)b->position);
	return (int64_t)(a->position - b->position);
}

static int side_hold(struct stream_ledger *ledger, struct side *side,
		     const struct stream_operation *operation)
{
	size_t at = side->held.nr;

	while (at && position_compare(ledger->kind, queue_at(&side->held, at - 1), operation) > 0)
		at--;
	return queue_insert(&side->held, at, operation);
}

/* `messages` and `bytes`: what the operation counts for its process. */
static int side_take(struct stream_ledger *ledger, struct side *side,
		     const struct stream_operation *operation, uint64_t messages, uint64_t bytes)
{
	bool needs_order;
	int err = party_add(&side->party, operation->process, messages, bytes, operation->time_ns);

	if (err)
		return err;
	side->is_threaded |= operation->is_threaded;
	if (operation->time_ns > side->newest_ns)
		side->newest_ns = operation->time_ns;
	err = side_release(ledger, &ledger->sender, operation->time_ns);
	if (!err)
		err = side_release(ledger, &ledger->receiver, operation->time_ns);
	if (err)
		return err;
	needs_order = operation->has_position && ledger->kind != STREAM_POSITION_NONE &&
		      (side->party.nr > 1 || side->is_threaded);
	if (needs_order || side->held.nr)
		return side_hold(ledger, side, operation);
	return commit(ledger, side, operation);
}

int stream_ledger_send(struct stream_ledger *ledger, const struct stream_operation *operation)
{
	return side_take(ledger, &ledger->sender, operation, 1, operation->bytes);
}

int stream_ledger_receive(struct stream_ledger *ledger, const struct stream_operation *operation)
{
	ledger->truncated.bytes += operation->bytes - operation->copied;
	return side_take(ledger, &ledger->receiver, operation, 0, operation->copied);
}

int stream_ledger_add_total(struct stream_ledger *ledger, bool is_send,
			    const struct stream_total *total)
{
	struct side *side = is_send ? &ledger->sender : &ledger->receiver;
	uint64_t messages = is_send ? total->messages : 0;
	uint64_t bytes = is_send ? total->bytes : total->copied;
	int err = party_add(&side->party, total->process, messages, bytes, total->last_ns);

	if (!err)
		err = party_add(&side->totals, total->process, messages, bytes, total->last_ns);
	if (err)
		return err;
	ledger->truncated.bytes += is_send ? 0 : total->bytes - total->copied;
	if (total->first_ns < party_find(&side->party, total->process)->first_ns)
		party_find(&side->party, total->process)->first_ns = total->first_ns;
	return 0;
}

/* Levels -------------------------------------------------------------------------------- */

void stream_ledger_level_at_start(struct stream_ledger *ledger, uint64_t bytes)
{
	uint64_t in = ledger->receiver.party.bytes, out = ledger->sender.party.bytes;

	if (ledger->is_synchronised || ledger->kind == STREAM_POSITION_BYTES)
		return;
	bytes += in;
	ledger->has_start_level = bytes > out;
	if (stream_ledger_add_before(ledger, bytes > out ? bytes - out : 0))
		return; /* stays unsynchronised: nothing will be claimed */
	ledger->is_whole = true;
	ledger->is_synchronised = true;
	ledger->is_aligned = true;
	ledger_begin_region(ledger);
}

void stream_ledger_level_at_end(struct stream_ledger *ledger, uint64_t bytes, uint64_t time_ns)
{
	ledger->has_end_level = true;
	ledger->end_level = bytes;
	ledger->end_level_ns = time_ns;
}

int stream_ledger_flush(struct stream_ledger *ledger)
{
	int err = side_release(ledger, &ledger->sender, UINT64_MAX);

	if (!err)
		err = side_release(ledger, &ledger->receiver, UINT64_MAX);
	ledger->is_aligned = true;
	return err ? err : stream_ledger_settle(ledger);
}
