/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pseudo-terminals: two directions. Raw, they are byte streams. Otherwise the line discipline
 * adds bytes (echo, carriage returns) and takes some (line editing): what is received is counted
 * for as much as senders have put in, whatever is more was sent by nobody, and nothing is exact.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mechanism_model.h"

#define FLUSH_NS 10000000ULL /* a transfer this close to a flush may have been thrown away */

enum pty_direction {
	PTY_DOWN, /* master to slave */
	PTY_UP,
};

/* A direction whose bytes the line discipline changed at some time. */
struct cooked {
	bool is_cooked;
	uint64_t pending; /* bytes sent and not received */
	/* the last receive that got more than was sent: its send may not be reported yet */
	struct stream_operation credit;
	/* the same of older ones: sends that were only added up may be told of much later */
	struct stream_total owed;
	bool has_totals;
};

struct pty_entry {
	struct ipct_key key;
	struct channel *channel; /* of the present generation */
	struct cooked cooked[2]; /* by enum pty_direction */
	uint64_t flushed_ns;	 /* when somebody threw away what waited in it */
	UT_hash_handle hh;
};

static struct channel *pty_channel_new(struct world *world, const struct ipct_key *key)
{
	struct channel *channel = channel_new(IPCT_PTY);
	char name[32];

	if (!channel)
		return NULL;
	snprintf(channel->object, sizeof(channel->object), "pty:[%llu]", key->inode - 1);
	snprintf(name, sizeof(name), "/dev/pts/%llu", key->inode - 1);
	if (channel_open_directions(channel, 2, world->before) ||
	    channel_set_name(channel, name, strlen(name))) {
		channel_free(channel);
		return NULL;
	}
	return world_add_channel(world, channel) ? NULL : channel;
}

static struct channel *pty_find(const struct world *world, const struct ipct_key *key)
{
	struct pty_entry *entry;

	HASH_FIND(hh, world->ptys, key, sizeof(*key), entry);
	return entry ? entry->channel : NULL;
}

static struct pty_entry *pty_get(struct world *world, const struct ipct_key *key)
{
	struct pty_entry *entry;

	HASH_FIND(hh, world->ptys, key, sizeof(*key), entry);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = *key;
	entry->channel = pty_channel_new(world, key);
	if (!entry->channel) {
		free(entry);
		return NULL;
	}
	HASH_ADD(hh, world->ptys, key, sizeof(entry->key), entry);
	return entry;
}

static void pty_note_level(const struct ipct_object *object, struct stream_ledger *ledger,
			   uint64_t level)
{
	if (object->origin == IPCT_ORIGIN_CREATE)
		stream_ledger_created(ledger);
	if (level == IPCT_LEVEL_UNKNOWN)
		return;
	if (object->origin == IPCT_ORIGIN_START)
		stream_ledger_level_at_start(ledger, level);
	else if (object->origin == IPCT_ORIGIN_END)
		stream_ledger_level_at_end(ledger, level, object->event.time_ns);
}

/* What was sent and is not received is received by nobody, and nobody knows how much it is. */
static void pty_flush(struct pty_entry *entry, uint64_t time_ns)
{
	entry->flushed_ns = time_ns;
	for (int i = 0; i < 2; i++) {
		struct direction *direction = &entry->channel->directions[i];

		direction->is_suspect |= stream_ledger_party(direction->stream, true)->bytes !=
					 stream_ledger_party(direction->stream, false)->bytes;
	}
}

static int pty_describe(struct world *world, const struct ipct_object *object)
{
	struct pty_entry *entry = pty_get(world, &object->key);
	uint64_t levels[2] = { object->queued_bytes, object->size };

	if (!entry)
		return -ENOMEM;
	if (object->origin == IPCT_ORIGIN_CREATE && entry->channel->endpoints) {
		entry->channel = pty_channel_new(world, &object->key);
		if (!entry->channel)
			return -ENOMEM;
		memset(entry->cooked, 0, sizeof(entry->cooked));
		entry->flushed_ns = 0;
	}
	if (object->origin == IPCT_ORIGIN_FLUSH)
		pty_flush(entry, object->event.time_ns);
	for (int i = 0; i < 2; i++)
		/* what waits is not what was sent */
		if (!entry->cooked[i].is_cooked)
			pty_note_level(object, entry->channel->directions[i].stream, levels[i]);
	return 0;
}

/* Which way it went: the other end of a slave is the master, whose address is in the key. */
static enum pty_direction pty_direction(const struct ipct_key *key, uint64_t peer,
					enum ipct_role role)
{
	bool is_slave = peer == key->object;

	return is_slave == (role == IPCT_ROLE_SEND) ? PTY_UP : PTY_DOWN;
}

/* From now on the bytes of this direction are not those that were sent. */
static void pty_cook(struct pty_entry *entry, enum pty_direction way)
{
	struct direction *direction = &entry->channel->directions[way];
	struct cooked *cooked = &entry->cooked[way];
	const struct party *sent, *received;

	if (cooked->is_cooked)
		return;
	cooked->is_cooked = true;
	direction->is_suspect = true;
	sent = stream_ledger_party(direction->stream, true);
	received = stream_ledger_party(direction->stream, false);
	cooked->pending = sent->bytes > received->bytes ? sent->bytes - received->bytes : 0;
}

/* Gives what older receives got to sends that were not told of then, if there are such. */
static int cooked_give_total(struct cooked *cooked, struct stream_ledger *ledger)
{
	struct stream_total part = cooked->owed;

	if (part.bytes > cooked->pending)
		part.bytes = cooked->pending;
	if (!part.bytes || !cooked->has_totals)
		return 0;
	part.copied = part.bytes;
	cooked->pending -= part.bytes;
	cooked->owed.bytes -= part.bytes;
	return stream_ledger_add_total(ledger, false, &part);
}

/* Gives a receive what was sent for it. 0 or -ENOMEM. */
static int cooked_receive(struct cooked *cooked, struct stream_ledger *ledger,
			  const struct stream_operation *receive, uint64_t *ret_left)
{
	struct stream_operation part = *receive;

	if (part.bytes > cooked->pending)
		part.bytes = cooked->pending;
	part.copied = part.bytes;
	cooked->pending -= part.bytes;
	*ret_left = receive->bytes - part.bytes;
	return part.bytes ? stream_ledger_receive(ledger, &part) : 0;
}

static void cooked_owe(struct cooked *cooked, uint32_t process, uint64_t bytes, uint64_t time_ns)
{
	cooked->owed.process = process;
	cooked->owed.bytes += bytes;
	cooked->owed.last_ns = time_ns;
	if (!cooked->owed.first_ns)
		cooked->owed.first_ns = time_ns;
}

/* A send: what was received too early is given to it. */
static int cooked_send(struct cooked *cooked, struct stream_ledger *ledger,
		       const struct stream_operation *operation)
{
	uint64_t left;
	int err;

	cooked->pending += operation->bytes;
	err = stream_ledger_send(ledger, operation);
	if (!err)
		err = cooked_give_total(cooked, ledger);
	if (err || operation->time_ns > cooked->credit.time_ns + REPORT_DELAY_NS)
		return err;
	err = cooked_receive(cooked, ledger, &cooked->credit, &left);
	cooked->credit.bytes = left;
	return err;
}

/*
 * `is_down`: the line discipline adds nothing on the way to the slave, so that several receives
 * may be parts of a send that is not reported yet.
 */
static int cooked_transfer(struct cooked *cooked, struct stream_ledger *ledger,
			   const struct stream_operation *operation, bool is_send, bool is_down)
{
	uint64_t left;
	int err;

	if (is_send)
		return cooked_send(cooked, ledger, operation);
	err = cooked_receive(cooked, ledger, operation, &left);
	if (is_down && cooked->credit.process == operation->process)
		left += cooked->credit.bytes;
	else if (cooked->credit.bytes)
		cooked_owe(cooked, cooked->credit.process, cooked->credit.bytes,
			   cooked->credit.time_ns);
	cooked->credit = *operation;
	cooked->credit.bytes = left;
	return err;
}

static int cooked_total(struct cooked *cooked, struct direction *direction,
			const struct ipct_aggregate *aggregate, uint32_t process)
{
	bool is_send = aggregate->role == IPCT_ROLE_SEND;
	int err = 0;

	cooked->has_totals = true;
	cooked_owe(cooked, cooked->credit.process, cooked->credit.bytes, cooked->credit.time_ns);
	cooked->credit.bytes = 0;
	if (is_send) {
		cooked->pending += aggregate->bytes;
		err = model_stream_total(direction, aggregate, process);
	} else {
		cooked_owe(cooked, process, aggregate->bytes, aggregate->event.time_ns);
	}
	return err ? err : cooked_give_total(cooked, direction->stream);
}

static int pty_transfer(struct world *world, const struct ipct_transfer *transfer, uint32_t process,
			bool is_doubtful, struct place *ret_place)
{
	struct pty_entry *entry = pty_get(world, &transfer->key);
	bool is_send = transfer->role == IPCT_ROLE_SEND;
	struct stream_operation operation = {
		.process = process,
		.bytes = transfer->copied,
		.copied = transfer->copied,
		.time_ns = transfer->event.time_ns,
		.is_threaded = transfer->flags & IPCT_TRANSFER_THREADED,
		.is_doubtful = is_doubtful,
	};
	enum pty_direction way;
	struct direction *direction;
	int err;

	if (!entry)
		return -ENOMEM;
	way = pty_direction(&transfer->key, transfer->peer, transfer->role);
	ret_place->channel = entry->channel;
	ret_place->direction = way;
	err = model_count(entry->channel, transfer, process, is_send && transfer->result > 0);
	if (err || transfer->result <= 0)
		return err;
	if (!(transfer->flags & IPCT_TRANSFER_RAW))
		pty_cook(entry, way);
	direction = &entry->channel->directions[way];
	if (entry->flushed_ns && transfer->event.time_ns < entry->flushed_ns + FLUSH_NS)
		direction->is_suspect = true;
	if (entry->cooked[way].is_cooked)
		return cooked_transfer(&entry->cooked[way], direction->stream, &operation, is_send,
				       way == PTY_DOWN);
	return model_stream_transfer(direction, transfer, process, is_doubtful);
}

static int pty_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			 uint32_t process)
{
	struct pty_entry *entry = pty_get(world, &aggregate->key);
	struct direction *direction;
	enum pty_direction way;
	int err;

	if (!entry)
		return -ENOMEM;
	way = pty_direction(&aggregate->key, aggregate->peer, aggregate->role);
	err = model_count_total(entry->channel, aggregate, process,
				aggregate->role == IPCT_ROLE_SEND ? aggregate->messages : 0);
	if (err)
		return err;
	if (aggregate->error)
		return 0;
	if (aggregate->signal)
		pty_cook(entry, way);
	direction = &entry->channel->directions[way];
	if (entry->cooked[way].is_cooked)
		return cooked_total(&entry->cooked[way], direction, aggregate, process);
	return model_stream_total(direction, aggregate, process);
}

void model_pty_fini(struct world *world)
{
	struct pty_entry *entry, *next;

	HASH_ITER (hh, world->ptys, entry, next) {
		HASH_DEL(world->ptys, entry);
		free(entry);
	}
}

const struct mechanism_model model_pty = {
	.mechanism = IPCT_PTY,
	.transfer = pty_transfer,
	.aggregate = pty_aggregate,
	.describe = pty_describe,
	.find = pty_find,
};
