/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/counter_ledger.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "model/party.h"

#define DEBT_NS 10000000ULL	  /* a write is reported this much after its read, at most */
#define LEVEL_RACE_NS 10000000ULL /* a level measured this close to an operation proves nothing */
#define NOBODY UINT32_MAX	  /* wrote the value that a counter was made with */
#define KERNEL_MESSAGES_MAX (1u << 20) /* more than that were no writes of 1 */

/* A write of which units are left, or a read that waits for units. */
struct counter_node {
	struct counter_operation operation;
	uint64_t left; /* units */
	struct counter_node *prev, *next;
};

struct counter_ledger {
	uint32_t before, kernel;
	struct counter_node *pending; /* written, not taken; oldest first */
	struct counter_node *debts;   /* taken, not seen written */
	struct party writers, readers;
	struct party write_totals, read_totals; /* of these, only added up; bytes: their values */
	uint64_t spread_left;			/* writes of these that nobody read */
	struct edge_set edges;
	struct stream_balance before_taken;
	uint64_t uniform_value; /* of every write, 0: none yet */
	uint64_t newest_ns;
	bool is_uniform;
	bool is_semaphore;
	bool is_whole;	  /* what was in it when the capture began is known */
	bool has_initial; /* it was made with a value */
	bool is_guessed;  /* some value is not known, or does not fit */
	bool is_threaded;
	bool has_end_level;
	uint64_t end_level, end_level_ns;
};

struct counter_ledger *counter_ledger_new(uint32_t before, uint32_t kernel)
{
	struct counter_ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->before = before;
	ledger->kernel = kernel;
	ledger->is_uniform = true;
	return ledger;
}

static void nodes_free(struct counter_node *head)
{
	struct counter_node *node, *next;

	DL_FOREACH_SAFE(head, node, next)
	free(node);
}

void counter_ledger_free(struct counter_ledger *ledger)
{
	if (!ledger)
		return;
	nodes_free(ledger->pending);
	nodes_free(ledger->debts);
	party_fini(&ledger->writers);
	party_fini(&ledger->readers);
	party_fini(&ledger->write_totals);
	party_fini(&ledger->read_totals);
	edge_set_fini(&ledger->edges);
	free(ledger);
}

struct edge_set *counter_ledger_edges(struct counter_ledger *ledger)
{
	return &ledger->edges;
}

/* NULL without memory. */
static struct counter_node *node_new(const struct counter_operation *operation)
{
	struct counter_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->operation = *operation;
	node->left = operation->value;
	return node;
}

static void node_drop(struct counter_node **head, struct counter_node *node)
{
	DL_DELETE(*head, node);
	free(node);
}

/* Units that were there before anything that is in the ledger. */
static void level_put(struct counter_ledger *ledger, uint32_t process, uint64_t value)
{
	const struct counter_operation operation = { .process = process, .value = value };
	struct counter_node *node;

	if (ledger->is_whole)
		return;
	ledger->is_whole = true;
	if (!value)
		return;
	node = node_new(&operation);
	if (node)
		DL_PREPEND(ledger->pending, node);
	else
		ledger->is_whole = false; /* nothing will be claimed */
	/* what was taken already was part of it, perhaps */
	ledger->is_guessed |= ledger->writers.nr || ledger->readers.nr;
}

void counter_ledger_created(struct counter_ledger *ledger, uint64_t value)
{
	ledger->has_initial |= value != 0;
	level_put(ledger, NOBODY, value);
}

void counter_ledger_level_at_start(struct counter_ledger *ledger, uint64_t value)
{
	level_put(ledger, ledger->before, value);
}

void counter_ledger_level_at_end(struct counter_ledger *ledger, uint64_t value, uint64_t time_ns)
{
	ledger->has_end_level = true;
	ledger->end_level = value;
	ledger->end_level_ns = time_ns;
}

/* `messages` writes of `from`, whose first units `read` took. */
static int ledger_match(struct counter_ledger *ledger, const struct counter_operation *write,
			const struct counter_operation *read, uint64_t messages)
{
	struct match match = {
		.from = write->process,
		.to = read->process,
		.messages = messages,
		.bytes = messages * COUNTER_WRITE_BYTES,
		.sent_ns = write->time_ns ?: TIME_UNKNOWN,
		.received_ns = read->time_ns,
		.is_suspect = write->is_doubtful || read->is_doubtful,
	};

	if (write->process == NOBODY || !messages)
		return 0;
	if (write->process == ledger->before) {
		ledger->before_taken.messages += messages;
		ledger->before_taken.bytes += match.bytes;
	}
	return edge_set_add(&ledger->edges, &match);
}

/* The read takes what it can of the write. 0 or -ENOMEM. */
static int ledger_take(struct counter_ledger *ledger, struct counter_node *write,
		       struct counter_node *read)
{
	bool is_first = write->left == write->operation.value;
	uint64_t units = write->left < read->left ? write->left : read->left;

	write->left -= units;
	read->left -= units;
	return ledger_match(ledger, &write->operation, &read->operation, is_first);
}

/* Can the read have taken from this write? Without a semaphore it takes a write whole. */
static bool fits(const struct counter_node *write, const struct counter_node *read)
{
	return read->operation.is_semaphore || write->left <= read->left;
}

/* Is the write so much later than the read that it cannot have fed it? */
static bool is_too_late(const struct counter_node *write, const struct counter_node *read)
{
	return write->operation.time_ns > read->operation.time_ns + DEBT_NS;
}

static void note_operation(struct counter_ledger *ledger, const struct counter_operation *operation)
{
	if (operation->time_ns > ledger->newest_ns)
		ledger->newest_ns = operation->time_ns;
	ledger->is_guessed |= !operation->has_value;
	ledger->is_semaphore |= operation->is_semaphore;
	ledger->is_threaded |= operation->is_threaded;
}

static void note_value(struct counter_ledger *ledger, uint64_t value)
{
	if (!ledger->uniform_value)
		ledger->uniform_value = value;
	ledger->is_uniform &= ledger->uniform_value == value;
}

int counter_ledger_write(struct counter_ledger *ledger, const struct counter_operation *operation)
{
	struct counter_node *write, *read, *next;
	int err;

	note_operation(ledger, operation);
	if (operation->has_value && !operation->value)
		return 0;
	write = node_new(operation);
	err = write ? party_add(&ledger->writers, operation->process, 1, COUNTER_WRITE_BYTES,
				operation->time_ns) :
		      -ENOMEM;
	if (err) {
		free(write);
		return err;
	}
	if (!operation->has_value)
		write->operation.value = write->left = 1;
	note_value(ledger, write->left);
	DL_FOREACH_SAFE(ledger->debts, read, next)
	{
		if (err || !write->left)
			break;
		if (is_too_late(write, read) || !fits(write, read))
			continue;
		err = ledger_take(ledger, write, read);
		if (!read->left)
			node_drop(&ledger->debts, read);
	}
	if (write->left)
		DL_APPEND(ledger->pending, write);
	else
		free(write);
	return err;
}

int counter_ledger_read(struct counter_ledger *ledger, const struct counter_operation *operation)
{
	struct counter_node *read, *write, *next;
	int err = party_add(&ledger->readers, operation->process, 0, 0, operation->time_ns);

	if (err)
		return err;
	note_operation(ledger, operation);
	read = node_new(operation);
	if (!read)
		return -ENOMEM;
	if (operation->is_semaphore || !operation->has_value)
		read->left = 1;
	DL_FOREACH_SAFE(ledger->pending, write, next)
	{
		if (err || !read->left)
			break;
		if (!fits(write, read))
			continue;
		err = ledger_take(ledger, write, read);
		if (!write->left)
			node_drop(&ledger->pending, write);
	}
	if (read->left)
		DL_APPEND(ledger->debts, read);
	else
		free(read);
	return err;
}

int counter_ledger_add_total(struct counter_ledger *ledger, bool is_write,
			     const struct counter_total *total)
{
	uint64_t messages = is_write ? total->count : 0;
	struct party *totals = is_write ? &ledger->write_totals : &ledger->read_totals;
	int err = party_add(is_write ? &ledger->writers : &ledger->readers, total->process,
			    messages, messages * COUNTER_WRITE_BYTES, total->time_ns);

	if (total->time_ns > ledger->newest_ns)
		ledger->newest_ns = total->time_ns;
	if (err)
		return err;
	return party_add(totals, total->process, total->count, total->value, total->time_ns);
}

/* The end ---------------------------------------------------------------------------------- */

/* What is left on both sides belongs together, whatever does not fit. */
static int ledger_reconcile(struct counter_ledger *ledger)
{
	int err = 0;

	while (ledger->pending && ledger->debts && !err) {
		struct counter_node *write = ledger->pending, *read = ledger->debts;

		ledger->is_guessed |= !fits(write, read);
		err = ledger_take(ledger, write, read);
		if (!write->left)
			node_drop(&ledger->pending, write);
		if (!read->left)
			node_drop(&ledger->debts, read);
	}
	return err;
}

/*
 * What was taken and no process wrote: the kernel did (io_uring, AIO, KVM add 1 for each of
 * their events), or, if nobody knows what was in the counter, whoever wrote before.
 */
static int ledger_settle_debts(struct counter_ledger *ledger)
{
	const struct counter_operation nobody = {
		.process = ledger->is_whole ? ledger->kernel : ledger->before,
	};
	struct counter_node *read;
	int err = 0;

	DL_FOREACH(ledger->debts, read)
	{
		uint64_t messages = read->left <= KERNEL_MESSAGES_MAX ? read->left : 1;

		err = ledger_match(ledger, &nobody, &read->operation, messages);
		if (err)
			return err;
	}
	return 0;
}

/* `nr` writes of a process, with a total of `written` by all, to each reader as it read. */
static int writes_spread(struct counter_ledger *ledger, uint32_t process, uint64_t nr,
			 uint64_t written)
{
	const struct counter_operation write = { .process = process };
	uint64_t given = 0, value = 0;
	int err = 0;

	for (struct party_member *member = ledger->read_totals.members; member && !err;
	     member = member->hh.next) {
		struct counter_operation read = { .process = member->process,
						  .time_ns = member->last_ns };
		uint64_t until;

		value += member->bytes;
		until = value >= written ? nr : (unsigned __int128)nr * value / written;
		if (until < given) /* the sum of the values is beyond 64 bits */
			until = given;
		err = ledger_match(ledger, &write, &read, until - given);
		given = until;
	}
	ledger->spread_left += nr - given;
	return err;
}

/* What waits on either side becomes part of the totals. */
static int nodes_total(struct counter_node **nodes, struct party *totals)
{
	struct counter_node *node, *next;
	int err = 0;

	DL_FOREACH_SAFE(*nodes, node, next)
	{
		bool is_whole = node->left == node->operation.value;

		if (!err)
			err = party_add(totals, node->operation.process, is_whole, node->left,
					node->operation.time_ns);
		node_drop(nodes, node);
	}
	return err;
}

/* Some operations were only added up: as much of the writes as was read went to its readers. */
static int ledger_spread(struct counter_ledger *ledger)
{
	int err = nodes_total(&ledger->debts, &ledger->read_totals);

	if (!err)
		err = nodes_total(&ledger->pending, &ledger->write_totals);
	for (struct party_member *member = ledger->write_totals.members; member && !err;
	     member = member->hh.next)
		err = writes_spread(ledger, member->process, member->messages,
				    ledger->write_totals.bytes);
	return err;
}

static bool end_is_measured(const struct counter_ledger *ledger)
{
	return ledger->has_end_level && ledger->newest_ns + LEVEL_RACE_NS < ledger->end_level_ns;
}

static void result_fill(const struct counter_ledger *ledger, struct counter_result *result)
{
	const struct counter_node *node;

	result->before = ledger->before_taken;
	result->is_unread_inferred = !end_is_measured(ledger);
	DL_FOREACH(ledger->pending, node)
	if (node->operation.process != NOBODY && node->left == node->operation.value)
		result->unread.messages++;
	result->unread.messages += ledger->spread_left;
	result->unread.bytes = result->unread.messages * COUNTER_WRITE_BYTES;
}

struct verdict {
	bool is_claimable;
	bool all_to_one;     /* one reader, and nothing was left */
	bool one_to_one;     /* one writer, one reader, and the order of the writes is certain */
	bool is_order_alike; /* one writer, and in any order each reader got as many */
};

static struct verdict ledger_judge(const struct counter_ledger *ledger, bool is_lossy)
{
	bool has_totals = ledger->write_totals.nr || ledger->read_totals.nr;
	bool is_empty = end_is_measured(ledger) && !ledger->end_level;
	bool is_alike = ledger->is_uniform && (!ledger->is_semaphore || ledger->uniform_value == 1);
	bool is_balanced = ledger->is_whole && !ledger->debts && !ledger->is_guessed && !has_totals;
	bool one_reader = ledger->readers.nr == 1, one_writer = ledger->writers.nr == 1;

	return (struct verdict){
		.is_claimable = !is_lossy,
		.all_to_one = one_reader && (is_empty || (is_balanced && !ledger->pending)),
		.one_to_one = is_balanced && one_reader && one_writer &&
			      (ledger->is_uniform || !ledger->is_threaded),
		.is_order_alike = is_balanced && one_writer && is_alike && !ledger->has_initial &&
				  !ledger->before_taken.messages,
	};
}

static bool edge_is_proven(const struct counter_ledger *ledger, const struct verdict *verdict,
			   const struct edge *edge)
{
	const struct party_member *writer = party_find(&ledger->writers, edge->key.from);

	if (!verdict->is_claimable || edge->is_suspect || !writer)
		return false;
	if (verdict->all_to_one && edge->messages == writer->messages)
		return true;
	return verdict->one_to_one || verdict->is_order_alike;
}

int counter_ledger_close(struct counter_ledger *ledger, bool is_lossy,
			 struct counter_result *ret_result)
{
	struct verdict verdict;
	int err;

	*ret_result = (struct counter_result){};
	if (ledger->write_totals.nr || ledger->read_totals.nr)
		err = ledger_spread(ledger);
	else
		err = ledger_reconcile(ledger);
	if (!err)
		err = ledger_settle_debts(ledger);
	if (err)
		return err;
	result_fill(ledger, ret_result);
	verdict = ledger_judge(ledger, is_lossy);
	for (struct edge *edge = ledger->edges.edges; edge; edge = edge->hh.next) {
		if (edge_is_proven(ledger, &verdict, edge))
			edge_set_exact(edge);
		else
			edge_set_at_least(edge, 0, 0);
	}
	return 0;
}
