/* SPDX-License-Identifier: GPL-2.0-only */
/* Semaphores, futexes and file locks: posts and the waits that they end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "model/mechanism_model.h"
#include "model/undo_table.h"
#include "model/unit_ledger.h"
#include "model/user_word.h"
#include "model/wake_ledger.h"

/* A record or a total of such, in the same words. */
struct step {
	struct ipct_key key;
	enum ipct_mechanism mechanism;
	enum ipct_role role;
	uint32_t process;
	uint32_t waker; /* PROCESS_NONE: not seen */
	uint64_t offset;
	uint32_t unit;
	uint16_t flags; /* enum ipct_sync_flags */
	int32_t error;
	uint64_t operations;
	uint64_t amount; /* of all of them */
	uint64_t wait_ns;
	uint64_t time_ns;
	bool is_total;
	bool is_level; /* what was there before the capture */
	bool is_zero;  /* a wait for zero */
};

/* One semaphore of a set. */
struct unit {
	uint32_t number;
	struct channel *channel;
	struct unit_ledger *ledger;
	UT_hash_handle hh;
};

/* One futex in a memory object. */
struct word {
	uint64_t offset;
	struct channel *channel;
	struct user_word user; /* what uprobes saw of it */
	UT_hash_handle hh;
};

struct sync_key {
	struct ipct_key key;
	uint64_t mechanism;
};

/* A semaphore set, memory that holds futexes, a locked file. */
struct sync_object {
	struct sync_key key;
	struct channel *channel;    /* of a set or file */
	struct wake_ledger *ledger; /* of memory or a file */
	struct unit *units;	    /* uthash */
	struct word *words;	    /* uthash */
	char *name;		    /* NULL: none is known */
	bool is_created;	    /* in the capture: nothing was in it before */
	struct sync_object *next;   /* of all, also of those that are no more */
	UT_hash_handle hh;
};

struct sync_table {
	struct sync_object *by_key; /* uthash */
	struct sync_object *all;
	struct undo_table undos;
};

/* Objects and their channels ------------------------------------------------------------- */

static struct sync_table *table_get(struct world *world)
{
	if (!world->syncs)
		world->syncs = calloc(1, sizeof(*world->syncs));
	return world->syncs;
}

static struct sync_object *object_find(const struct sync_table *table, const struct ipct_key *key,
				       enum ipct_mechanism mechanism)
{
	struct sync_key wanted = { .key = *key, .mechanism = mechanism };
	struct sync_object *object;

	HASH_FIND(hh, table->by_key, &wanted, sizeof(wanted), object);
	return object;
}

/* NULL without memory, as for the following. */
static struct sync_object *object_get(struct world *world, const struct ipct_key *key,
				      enum ipct_mechanism mechanism)
{
	struct sync_table *table = table_get(world);
	struct sync_object *object = table ? object_find(table, key, mechanism) : NULL;

	if (!table || object)
		return object;
	object = calloc(1, sizeof(*object));
	if (!object)
		return NULL;
	object->key = (struct sync_key){ .key = *key, .mechanism = mechanism };
	if (mechanism != IPCT_SYSV_SEM) {
		object->ledger = wake_ledger_new(mechanism == IPCT_FUTEX ? WAKE_PROOF_COUNT :
									   WAKE_PROOF_USE);
		if (!object->ledger) {
			free(object);
			return NULL;
		}
	}
	HASH_ADD(hh, table->by_key, key, sizeof(object->key), object);
	LL_PREPEND(table->all, object);
	return object;
}

static void channel_identify(struct channel *channel, const struct sync_object *object,
			     uint64_t offset)
{
	unsigned long long number = object->key.key.inode;

	if (channel->mechanism == IPCT_SYSV_SEM)
		snprintf(channel->object, sizeof(channel->object), "sysv-sem:[%llu]", number);
	else if (channel->mechanism == IPCT_FUTEX)
		snprintf(channel->object, sizeof(channel->object), "futex:[%llu+0x%llx]", number,
			 (unsigned long long)offset);
	else
		snprintf(channel->object, sizeof(channel->object), "file-lock:[%llu]", number);
}

static struct channel *object_new_channel(struct world *world, const struct sync_object *object,
					  uint64_t offset)
{
	struct channel *channel = channel_new(object->key.mechanism);

	if (!channel)
		return NULL;
	channel_identify(channel, object, offset);
	if (object->name && channel_set_name(channel, object->name, strlen(object->name))) {
		channel_free(channel);
		return NULL;
	}
	return world_add_channel(world, channel) ? NULL : channel;
}

static struct word *object_word(struct world *world, struct sync_object *object, uint64_t offset)
{
	struct word *word;

	HASH_FIND(hh, object->words, &offset, sizeof(offset), word);
	if (word)
		return word;
	word = calloc(1, sizeof(*word));
	if (!word)
		return NULL;
	word->offset = offset;
	word->channel = object_new_channel(world, object, offset);
	if (!word->channel) {
		free(word);
		return NULL;
	}
	HASH_ADD(hh, object->words, offset, sizeof(word->offset), word);
	return word;
}

/* Of a set or a file. */
static struct channel *object_channel(struct world *world, struct sync_object *object)
{
	if (!object->channel)
		object->channel = object_new_channel(world, object, 0);
	return object->channel;
}

static struct unit *object_unit(struct world *world, struct sync_object *object, uint32_t number)
{
	struct channel *channel = object_channel(world, object);
	struct unit *unit;

	HASH_FIND(hh, object->units, &number, sizeof(number), unit);
	if (unit || !channel)
		return channel ? unit : NULL;
	unit = calloc(1, sizeof(*unit));
	if (!unit)
		return NULL;
	unit->number = number;
	unit->channel = channel;
	unit->ledger = unit_ledger_new(&channel->directions[0].direct, world->before);
	if (!unit->ledger) {
		free(unit);
		return NULL;
	}
	HASH_ADD(hh, object->units, number, sizeof(unit->number), unit);
	return unit;
}

int model_sync_exit(struct world *world, const struct ipct_exit *exit)
{
	uint32_t process = world_actor(world, &exit->event);

	return world->syncs ? undo_table_exit(&world->syncs->undos, process, exit->event.time_ns) :
			      0;
}

/* Steps ---------------------------------------------------------------------------------- */

static int semaphore_enter(struct world *world, struct unit *unit, const struct step *step)
{
	struct unit_operation operation = {
		.process = step->process,
		.waker = step->waker,
		.units = step->amount,
		.count = step->operations,
		.time_ns = step->time_ns,
		.is_last = step->flags & IPCT_SYNC_LAST,
		.is_blocked = step->flags & IPCT_SYNC_BLOCKED,
		.is_several = step->flags & IPCT_SYNC_SEVERAL,
		.is_total = step->is_total,
	};

	if (step->flags & IPCT_SYNC_SET) {
		undo_table_clear(&world->syncs->undos, unit->ledger);
		return unit_ledger_set(unit->ledger, &operation);
	}
	if (step->role == IPCT_ROLE_POST)
		return unit_ledger_put(unit->ledger, &operation);
	if (step->is_zero)
		return unit_ledger_await_zero(unit->ledger, &operation);
	return unit_ledger_take(unit->ledger, &operation);
}

static int user_step(struct world *world, struct word *word, const struct step *step)
{
	struct user_operation operation = {
		.role = step->role,
		.process = step->process,
		.flags = step->flags,
		.operations = step->operations,
		.amount = step->amount,
		.time_ns = step->time_ns,
		.is_total = step->is_total,
		.is_level = step->is_level,
	};

	return user_word_apply(&word->user, &word->channel->directions[0].direct, world->before,
			       &operation);
}

static int semaphore_step(struct world *world, struct sync_object *object, const struct step *step)
{
	struct unit *unit = object_unit(world, object, step->unit);
	int64_t amount = step->amount;
	int err;

	if (!unit)
		return -ENOMEM;
	if (step->is_level)
		return object->is_created ? 0 :
					    unit_ledger_level(unit->ledger, step->amount,
							      step->flags & IPCT_SYNC_LAST);
	err = semaphore_enter(world, unit, step);
	if (err || !(step->flags & IPCT_SYNC_UNDO))
		return err;
	return undo_table_add(&world->syncs->undos, step->process, unit->ledger,
			      step->role == IPCT_ROLE_POST ? -amount : amount);
}

/* Futexes and locks. */
static int wake_step(struct sync_object *object, struct channel *channel, const struct step *step)
{
	struct wake_operation operation = {
		.process = step->process,
		.waker = step->waker,
		.count = step->role == IPCT_ROLE_POST ? step->amount : step->operations,
		.time_ns = step->time_ns,
		.is_exiting = step->flags & IPCT_SYNC_EXITING,
		.edges = &channel->directions[0].direct,
	};
	int err = 0;

	if (step->role == IPCT_ROLE_POST)
		return wake_ledger_post(object->ledger, &operation);
	if (step->flags & IPCT_SYNC_BLOCKED)
		err = wake_ledger_wait(object->ledger, &operation);
	if (err || object->key.mechanism == IPCT_FUTEX)
		return err;
	return wake_ledger_post(object->ledger, &operation); /* it has the lock now */
}

/* Messages that the endpoint sees: what may be a release, or was one. */
static uint64_t step_messages(const struct step *step)
{
	if (step->error || step->is_zero)
		return 0;
	if (step->flags & IPCT_SYNC_USER)
		return step->amount;
	if (step->mechanism == IPCT_SYSV_SEM)
		return step->operations;
	if (step->role == IPCT_ROLE_POST)
		return step->mechanism == IPCT_FUTEX ? step->amount : 0;
	return step->flags & IPCT_SYNC_BLOCKED ? step->operations : 0;
}

static int step_count(struct channel *channel, const struct step *step)
{
	struct endpoint_count count = {
		.process = step->process,
		.role = step->role,
		.error = step->error,
		.operations = step->operations,
		.messages = step_messages(step),
		.wait_ns = step->wait_ns,
	};

	return step->is_level ? 0 : channel_count(channel, &count);
}

/* How long a wait took whose end another record tells. */
static int wait_count(struct channel *channel, const struct step *step)
{
	struct endpoint_count count = {
		.process = step->process,
		.role = step->role,
		.wait_ns = step->wait_ns,
	};

	return channel_count(channel, &count);
}

/* A word of memory. */
static int futex_step(struct world *world, struct sync_object *object, const struct step *step)
{
	struct word *word = object_word(world, object, step->offset);
	bool is_user;
	int err;

	if (!word)
		return -ENOMEM;
	is_user = step->flags & IPCT_SYNC_USER;
	if (is_user && (step->flags & IPCT_SYNC_MUTEX) && (step->flags & IPCT_SYNC_SET))
		return user_step(world, word, step); /* releases nobody, and is no use of it */
	if (!is_user && user_word_is_used(&word->user) && !step->error)
		return step->role == IPCT_ROLE_WAIT ? wait_count(word->channel, step) : 0;
	err = step_count(word->channel, step);
	if (err || step->error)
		return err;
	return is_user ? user_step(world, word, step) : wake_step(object, word->channel, step);
}

static int step_apply(struct world *world, const struct step *step)
{
	struct sync_object *object = object_get(world, &step->key, step->mechanism);
	struct channel *channel;
	int err;

	if (!object || step->process == PROCESS_NONE)
		return -ENOMEM;
	if (step->mechanism == IPCT_FUTEX)
		return futex_step(world, object, step);
	channel = object_channel(world, object);
	if (!channel)
		return -ENOMEM;
	err = step_count(channel, step);
	if (err || step->error)
		return err;
	if (step->mechanism == IPCT_SYSV_SEM)
		return semaphore_step(world, object, step);
	return wake_step(object, channel, step);
}

static bool is_synchronizing(enum ipct_mechanism mechanism)
{
	return mechanism == IPCT_SYSV_SEM || mechanism == IPCT_FUTEX || mechanism == IPCT_FILE_LOCK;
}

int model_sync_apply(struct world *world, const struct ipct_sync *sync)
{
	struct step step = {
		.key = sync->key,
		.mechanism = sync->mechanism,
		.role = sync->role,
		.process = world->before,
		.waker = PROCESS_NONE,
		.offset = sync->offset,
		.unit = sync->unit,
		.flags = sync->flags,
		.error = sync->result,
		.operations = 1,
		.amount = sync->amount,
		.wait_ns = sync->wait_ns,
		.time_ns = sync->event.time_ns,
		.is_level = !sync->event.pid,
		.is_zero = sync->role == IPCT_ROLE_WAIT && !sync->amount,
	};

	if (!is_synchronizing(sync->mechanism)) {
		world->rejected++;
		return 0;
	}
	if (sync->event.pid)
		step.process = world_actor(world, &sync->event);
	if (sync->waker_pid)
		step.waker =
			process_table_get(world->processes, sync->waker_pid, sync->waker_start_ns);
	return step_apply(world, &step);
}

static int sync_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			  uint32_t process)
{
	struct step step = {
		.key = aggregate->key,
		.mechanism = aggregate->mechanism,
		.role = aggregate->role,
		.process = aggregate->event.pid ? process : world->before,
		.waker = PROCESS_NONE,
		.unit = aggregate->signal,
		.flags = aggregate->address.port,
		.error = aggregate->error,
		.operations = aggregate->operations,
		.amount = aggregate->bytes,
		.wait_ns = aggregate->wait_ns,
		.time_ns = aggregate->event.time_ns,
		.is_total = true,
		.is_level = !aggregate->event.pid,
		.is_zero = aggregate->role == IPCT_ROLE_WAIT && !aggregate->bytes,
	};

	if (aggregate->role != IPCT_ROLE_POST && aggregate->role != IPCT_ROLE_WAIT) {
		world->rejected++;
		return 0;
	}
	memcpy(&step.offset, aggregate->address.ip, sizeof(step.offset));
	if (aggregate->address.scope)
		step.waker = process_table_get(world->processes, aggregate->address.scope,
					       aggregate->peer);
	return step_apply(world, &step);
}

/* Descriptions --------------------------------------------------------------------------- */

static int object_set_name(struct sync_object *object, const char *bytes, size_t len)
{
	struct word *word, *next;

	if (object->name || !len)
		return 0;
	object->name = strndup(bytes, len);
	if (!object->name)
		return -ENOMEM;
	if (object->channel && channel_set_name(object->channel, bytes, len))
		return -ENOMEM;
	HASH_ITER (hh, object->words, word, next)
		if (channel_set_name(word->channel, bytes, len))
			return -ENOMEM;
	return 0;
}

/* The numbers of what was removed are used again one day. */
static void object_retire(struct world *world, const struct ipct_object *record)
{
	struct sync_table *table = table_get(world);
	struct sync_object *object = table ? object_find(table, &record->key, record->mechanism) :
					     NULL;

	if (object && object->channel)
		HASH_DEL(table->by_key, object);
}

static int sync_describe(struct world *world, const struct ipct_object *record)
{
	bool is_created = record->origin == IPCT_ORIGIN_CREATE &&
			  record->mechanism == IPCT_SYSV_SEM;
	struct sync_object *object;
	char name[CHANNEL_KEY_NAME_MAX];

	if (is_created)
		object_retire(world, record);
	object = object_get(world, &record->key, record->mechanism);
	if (!object)
		return -ENOMEM;
	object->is_created |= is_created;
	if (record->mechanism != IPCT_SYSV_SEM)
		return object_set_name(object, record->name + record->name_offset,
				       record->name_len);
	channel_key_name(record->ipc_key, name);
	return object_set_name(object, name, strlen(name));
}

static int sync_keep(struct world *world, const struct channel_keep *keep,
		     struct channel **ret_channel)
{
	struct sync_object *object = object_get(world, &keep->key, keep->mechanism);

	*ret_channel = object ? object_channel(world, object) : NULL;
	return *ret_channel ? 0 : -ENOMEM;
}

/* At the end ----------------------------------------------------------------------------- */

static int object_close(struct sync_object *object)
{
	int err = object->ledger ? wake_ledger_close(object->ledger) : 0;

	for (struct unit *unit = object->units; unit && !err; unit = unit->hh.next)
		err = unit_ledger_close(unit->ledger);
	for (struct word *word = object->words; word && !err; word = word->hh.next)
		err = user_word_close(&word->user);
	return err;
}

int model_sync_finish(struct world *world)
{
	struct sync_object *object;
	int err = 0;

	if (!world->syncs)
		return 0;
	LL_FOREACH(world->syncs->all, object)
	{
		err = object_close(object);
		if (err)
			return err;
	}
	return 0;
}

static void object_free(struct sync_object *object)
{
	struct unit *unit, *next_unit;
	struct word *word, *next_word;

	HASH_ITER (hh, object->units, unit, next_unit) {
		HASH_DEL(object->units, unit);
		unit_ledger_free(unit->ledger);
		free(unit);
	}
	HASH_ITER (hh, object->words, word, next_word) {
		HASH_DEL(object->words, word);
		user_word_fini(&word->user);
		free(word);
	}
	wake_ledger_free(object->ledger);
	free(object->name);
	free(object);
}

void model_sync_fini(struct world *world)
{
	struct sync_table *table = world->syncs;
	struct sync_object *object, *next;

	if (!table)
		return;
	undo_table_fini(&table->undos);
	HASH_CLEAR(hh, table->by_key);
	LL_FOREACH_SAFE(table->all, object, next)
	object_free(object);
	free(table);
	world->syncs = NULL;
}

const struct mechanism_model model_sysv_sem = {
	.mechanism = IPCT_SYSV_SEM,
	.transfer = model_no_transfer,
	.aggregate = sync_aggregate,
	.describe = sync_describe,
	.keep = sync_keep,
};

const struct mechanism_model model_futex = {
	.mechanism = IPCT_FUTEX,
	.transfer = model_no_transfer,
	.aggregate = sync_aggregate,
	.describe = sync_describe,
};

const struct mechanism_model model_file_lock = {
	.mechanism = IPCT_FILE_LOCK,
	.transfer = model_no_transfer,
	.aggregate = sync_aggregate,
	.describe = sync_describe,
};
