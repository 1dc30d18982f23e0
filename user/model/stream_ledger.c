/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/stream_ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/edge_spread.h"
#include "model/party.h"
#include "model/queue.h"

#define ATOMIC_WRITE_BYTES 4096   /* PIPE_BUF: longer writes of two processes may interleave */
#define HOLD_NS 5000000ULL        /* how long a record waits for one that was moved earlier */
#define LEVEL_RACE_NS 10000000ULL /* a level measured this close to a transfer proves nothing */

/* One role: who takes part, and the order of what they do. */
struct side {
	struct party party;
	struct party totals;  /* operations that were only added up */
	struct queue held;    /* waiting for their place in the order */
	uint64_t last_position;
	bool has_last;
	bool is_threaded;
	uint64_t newest_ns;
};

/* What was matched on an edge since the queue was last known empty. */
struct region_edge {
	struct edge_key key;
	uint64_t messages;
	uint64_t bytes;
};

struct region {
	struct region_edge *edges;
	size_t nr, cap;
	bool is_doubtful;
	bool has_long_write;
};

struct stream_ledger {
	enum stream_position kind;
	uint32_t before;      /* process id for bytes that nobody was seen sending */
	struct side sender, receiver;
	struct queue segments; /* sent, not received; .copied: bytes of the whole send */
	struct queue debts;    /* received, its send not seen yet */
	struct region region;
	struct edge_set edges;
	uint64_t before_bytes;
	struct stream_balance truncated;
	bool is_whole;         /* all bytes were seen from the first on, or their number is known */
	bool is_synchronised;  /* nothing unknown is in front of the segments */
	bool is_aligned;       /* BYTES: both roles count from the same byte */
	bool has_first[2];     /* BYTES: first position of sender, receiver */
	uint32_t first[2];
	bool has_end_level;
	uint64_t end_level, end_level_ns;
};

struct stream_ledger *stream_ledger_new(enum stream_position kind, uint32_t before)
{
	struct stream_ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->kind = kind;
	ledger->before = before;
	ledger->region.is_doubtful = true; /* until it is synchronised */
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
	free(ledger->region.edges);
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

static int region_add(struct region *region, const struct match *match)
{
	struct region_edge *edge;

	for (size_t i = 0; i < region->nr; i++) {
		edge = &region->edges[i];
		if (edge->key.from == match->from && edge->key.to == match->to) {
			edge->messages += match->messages;
			edge->bytes += match->bytes;
			return 0;
		}
	}
	if (region->nr == region->cap) {
		size_t cap = region->cap ? region->cap * 2 : 4;

		edge = reallocarray(region->edges, cap, sizeof(*edge));
		if (!edge)
			return -ENOMEM;
		region->edges = edge;
		region->cap = cap;
	}
	region->edges[region->nr++] = (struct region_edge){
		{ match->from, match->to }, match->messages, match->bytes
	};
	return 0;
}

/* An overlap is proven: what this region matched may be someone else's. */
void stream_ledger_doubt(struct stream_ledger *ledger)
{
	struct region *region = &ledger->region;

	if (region->is_doubtful)
		return;
	region->is_doubtful = true;
	for (size_t i = 0; i < region->nr; i++) {
		struct edge *edge = edge_set_get(&ledger->edges, region->edges[i].key.from,
						 region->edges[i].key.to);

		if (!edge)
			continue; /* it was made when the region took it up */
		edge->is_doubtful = true;
		edge->certain_messages -= region->edges[i].messages;
		edge->certain_bytes -= region->edges[i].bytes;
	}
}

static void region_begin(struct stream_ledger *ledger)
{
	ledger->region.nr = 0;
	ledger->region.is_doubtful = !ledger->is_synchronised;
	ledger->region.has_long_write = false;
}

static bool ledger_is_settled(const struct stream_ledger *ledger)
{
	return !ledger->segments.nr && !ledger->debts.nr && !ledger->sender.held.nr &&
	       !ledger->receiver.held.nr;
}

bool stream_ledger_holds(const struct stream_ledger *ledger)
{
	return ledger->segments.nr || ledger->sender.held.nr;
}

void stream_ledger_known_empty(struct stream_ledger *ledger)
{
	if (!ledger_is_settled(ledger))
		return;
	/* empty, and as much was received as was sent: nothing older was in it */
	if (!ledger->before_bytes && ledger->kind != STREAM_POSITION_BYTES)
		ledger->is_whole = true;
	ledger->is_synchronised = true;
	region_begin(ledger);
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
	if (match.bytes || match.messages)
		err = edge_set_add(&ledger->edges, &match);
	if (!err && !ledger->region.is_doubtful && !match.is_suspect)
		err = region_add(&ledger->region, &match);
	return err;
}

/* Feeds the debts from the segments as far as both go. */
static int ledger_settle(struct stream_ledger *ledger)
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

/* Puts bytes of unknown origin in front of all segments. */
static int ledger_add_before(struct stream_ledger *ledger, uint64_t bytes)
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
	ledger->is_whole = true;
	ledger->is_synchronised = true;
	region_begin(ledger);
	ahead = (int32_t)(ledger->first[0] - ledger->first[1]);
	if (ahead >= 0)
		return ledger_add_before(ledger, ahead);
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

/* Does `operation` follow what the side did last, as its position says? */
static bool position_fits(const struct stream_ledger *ledger, const struct side *side,
			  const struct stream_operation *operation)
{
	if (!side->has_last)
		return true;
	if (ledger->kind == STREAM_POSITION_BYTES)
		return (uint32_t)operation->position - (uint32_t)operation->bytes ==
		       (uint32_t)side->last_position;
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

static int commit_send(struct stream_ledger *ledger, const struct stream_operation *operation)
{
	struct stream_operation segment = *operation;
	struct side *side = &ledger->sender;
	int err;

	if (ledger->kind == STREAM_POSITION_ORDER && operation->bytes > ATOMIC_WRITE_BYTES)
		ledger->region.has_long_write = true;
	if (order_is_open(ledger, side, operation) ||
	    (side->party.nr > 1 && ledger->region.has_long_write))
		stream_ledger_doubt(ledger);
	note_position(side, operation);
	note_first_position(ledger, 0, operation);
	segment.copied = segment.bytes;
	err = queue_push(&ledger->segments, &segment);
	if (!err)
		err = ledger_align(ledger);
	return err ? err : ledger_settle(ledger);
}

static int commit_receive(struct stream_ledger *ledger, const struct stream_operation *operation)
{
	struct side *side = &ledger->receiver;
	int err;

	if (order_is_open(ledger, side, operation))
		stream_ledger_doubt(ledger);
	note_position(side, operation);
	note_first_position(ledger, 1, operation);
	err = queue_push(&ledger->debts, operation);
	if (!err)
		err = ledger_align(ledger);
	if (!err)
		err = ledger_settle(ledger);
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

		if (operation.time_ns + HOLD_NS > time_ns)
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
	int err = party_add(&side->party, operation->process, messages, bytes,
			    operation->time_ns);

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
	int err = party_add(&side->party, total->process, messages, bytes, 0);

	ledger->truncated.bytes += is_send ? 0 : total->bytes - total->copied;
	return err ? err : party_add(&side->totals, total->process, messages, bytes, 0);
}

/* Levels -------------------------------------------------------------------------------- */

void stream_ledger_level_at_start(struct stream_ledger *ledger, uint64_t bytes)
{
	uint64_t in = ledger->receiver.party.bytes, out = ledger->sender.party.bytes;

	if (ledger->is_synchronised || ledger->kind == STREAM_POSITION_BYTES)
		return;
	bytes += in;
	if (ledger_add_before(ledger, bytes > out ? bytes - out : 0))
		return; /* stays unsynchronised: nothing will be claimed */
	ledger->is_whole = true;
	ledger->is_synchronised = true;
	ledger->is_aligned = true;
	region_begin(ledger);
}

void stream_ledger_level_at_end(struct stream_ledger *ledger, uint64_t bytes, uint64_t time_ns)
{
	ledger->has_end_level = true;
	ledger->end_level = bytes;
	ledger->end_level_ns = time_ns;
}

/* Closing ------------------------------------------------------------------------------- */

static int ledger_flush(struct stream_ledger *ledger)
{
	int err = side_release(ledger, &ledger->sender, UINT64_MAX);

	if (!err)
		err = side_release(ledger, &ledger->receiver, UINT64_MAX);
	ledger->is_aligned = true;
	return err ? err : ledger_settle(ledger);
}

/* What was received and nobody was seen sending. */
static int ledger_settle_debts(struct stream_ledger *ledger)
{
	uint64_t owed = 0;

	for (size_t i = 0; i < ledger->debts.nr; i++)
		owed += queue_at(&ledger->debts, i)->bytes;
	if (!owed)
		return 0;
	ledger->region.is_doubtful = true;
	if (ledger_add_before(ledger, owed))
		return -ENOMEM;
	return ledger_settle(ledger);
}

static void result_fill_unread(struct stream_ledger *ledger, struct stream_balance *unread)
{
	uint64_t sent = ledger->sender.party.bytes + ledger->before_bytes;
	uint64_t received = ledger->receiver.party.bytes + ledger->truncated.bytes;

	if (ledger->sender.totals.nr || ledger->receiver.totals.nr) {
		unread->bytes = sent > received ? sent - received : 0;
		return;
	}
	for (size_t i = 0; i < ledger->segments.nr; i++) {
		struct stream_operation *segment = queue_at(&ledger->segments, i);

		unread->bytes += segment->bytes;
		unread->messages += segment->bytes == segment->copied;
	}
}

static void result_fill(struct stream_ledger *ledger, struct stream_result *result)
{
	uint64_t newest = ledger->sender.newest_ns > ledger->receiver.newest_ns ?
				  ledger->sender.newest_ns : ledger->receiver.newest_ns;
	bool is_measured = ledger->has_end_level &&
			   newest + LEVEL_RACE_NS < ledger->end_level_ns;

	result->before.bytes = ledger->before_bytes;
	result->truncated = ledger->truncated;
	result_fill_unread(ledger, &result->unread);
	result->is_conserved = !is_measured || result->unread.bytes == ledger->end_level;
	result->is_unread_inferred = !is_measured;
	if (is_measured)
		result->unread.bytes = ledger->end_level;
}

/*
 * The least that `from` must have sent to `to`, whatever the order was: the rows and columns
 * of the table of edges are known.
 */
static uint64_t least_bytes(uint64_t sent, uint64_t received, uint64_t all_sent)
{
	uint64_t both = sent + received;

	return both > all_sent ? both - all_sent : 0;
}

struct verdict {
	bool is_claimable;    /* nothing is known to be missing */
	bool whole_is_known;  /* all that went through was seen, from the first byte on */
	bool one_to_one;      /* one sender, one receiver */
	bool all_to_one;      /* one receiver, and nothing was left */
	uint64_t all_sent;
};

static struct verdict ledger_judge(const struct stream_ledger *ledger, bool is_lossy,
				   const struct stream_result *result, bool had_debts)
{
	const struct side *sender = &ledger->sender, *receiver = &ledger->receiver;
	bool has_totals = sender->totals.nr || receiver->totals.nr;
	size_t senders = sender->party.nr + (ledger->before_bytes > 0);
	struct verdict verdict = { .all_sent = sender->party.bytes + ledger->before_bytes };

	verdict.is_claimable = !is_lossy && result->is_conserved;
	verdict.whole_is_known = verdict.is_claimable && ledger->is_whole && !had_debts;
	verdict.all_to_one = receiver->party.nr == 1 && !result->unread.bytes &&
			     !(has_totals && result->truncated.bytes);
	verdict.one_to_one = receiver->party.nr == 1 && senders == 1 && !has_totals &&
			     !sender->is_threaded;
	return verdict;
}

static void edge_judge(const struct stream_ledger *ledger, const struct verdict *verdict,
		       struct edge *edge)
{
	struct party_member *from = party_find(&ledger->sender.party, edge->key.from);
	struct party_member *to = party_find(&ledger->receiver.party, edge->key.to);
	uint64_t least = 0;

	if (verdict->is_claimable && !edge->is_suspect && edge->key.from != ledger->before &&
	    (!edge->is_doubtful || (verdict->whole_is_known &&
				    (verdict->one_to_one || verdict->all_to_one)))) {
		edge_set_exact(edge);
		return;
	}
	if (!verdict->is_claimable || edge->is_suspect) {
		edge_set_at_least(edge, 0, 0);
		return;
	}
	if (verdict->whole_is_known && from && to)
		least = least_bytes(from->bytes, to->bytes, verdict->all_sent);
	edge_set_at_least(edge, edge->certain_messages,
			  least > edge->certain_bytes ? least : edge->certain_bytes);
}

int stream_ledger_close(struct stream_ledger *ledger, bool is_lossy,
			struct stream_result *ret_result)
{
	bool had_debts, had_totals = ledger->sender.totals.nr || ledger->receiver.totals.nr;
	struct verdict verdict;
	struct edge *edge;
	int err = ledger_flush(ledger);

	*ret_result = (struct stream_result){};
	if (err)
		return err;
	had_debts = ledger->debts.nr > 0;
	if (had_totals)
		err = edge_spread(&ledger->edges, &ledger->sender.party, &ledger->receiver.party,
				  ledger->before);
	else
		err = ledger_settle_debts(ledger);
	if (err)
		return err;
	result_fill(ledger, ret_result);
	verdict = ledger_judge(ledger, is_lossy, ret_result, had_debts && !had_totals);
	for (edge = ledger->edges.edges; edge; edge = edge->hh.next)
		edge_judge(ledger, &verdict, edge);
	return 0;
}
