/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/standing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "model/mechanism_model.h"
#include "model/provenance.h"

#define RACE_NS 10000000 /* records of what follows each other may be in the wrong order */

struct standing_key {
	struct ipct_key key;
	uint64_t mechanism;
};

/* A queue, a semaphore set, a segment. */
struct standing {
	struct standing_key id;
	struct ipct_key key; /* as its channel's */
	uint32_t space;
	bool is_before;	  /* it was there at the start */
	bool is_there;	  /* at the end */
	uint32_t maker;	  /* PROCESS_NONE: nobody in the capture, as far as is known */
	uint64_t seen_ns; /* when it was first described, 0: it was not */
	uint64_t made_ns; /* 0: not seen */
	UT_hash_handle hh;
};

struct space_key {
	uint32_t mechanism;
	uint32_t space;
};

/* A namespace or device whose objects were listed at the end. */
struct listed_space {
	struct space_key id;
	uint64_t begun_ns;
	UT_hash_handle hh;
};

/* A file that a process of the capture made, at the end: there, or not known. */
struct standing_file {
	uint32_t maker;
	uint64_t made_ns;
	struct ipct_key key;
	enum ipct_mechanism mechanism;
	enum channel_left left;
	char *path;
	struct standing_file *next;
};

struct standing_table {
	struct standing *objects;    /* uthash */
	struct listed_space *spaces; /* uthash */
	struct standing_file *files;
	bool is_told;
};

struct standing_table *standing_table_new(void)
{
	return calloc(1, sizeof(struct standing_table));
}

void standing_table_free(struct standing_table *table)
{
	struct standing *object, *next_object;
	struct listed_space *space, *next_space;

	if (!table)
		return;
	HASH_ITER (hh, table->objects, object, next_object) {
		HASH_DEL(table->objects, object);
		free(object);
	}
	HASH_ITER (hh, table->spaces, space, next_space) {
		HASH_DEL(table->spaces, space);
		free(space);
	}
	while (table->files) {
		struct standing_file *file = table->files;

		table->files = file->next;
		free(file->path);
		free(file);
	}
	free(table);
}

bool standing_is_told(const struct world *world)
{
	return world->standing->is_told;
}

/* Objects ----------------------------------------------------------------------------------- */

static bool is_standing(enum ipct_mechanism mechanism)
{
	switch (mechanism) {
	case IPCT_POSIX_MQ:
	case IPCT_SYSV_MSG:
	case IPCT_SYSV_SEM:
	case IPCT_SYSV_SHM:
	case IPCT_POSIX_SHM:
		return true;
	default:
		return false;
	}
}

/* NULL without memory. */
static struct standing *standing_get(struct standing_table *table, const struct ipct_key *key,
				     enum ipct_mechanism mechanism)
{
	struct standing_key id = { .key = *key, .mechanism = mechanism };
	struct standing *standing;

	if (mechanism == IPCT_POSIX_SHM) /* who lists the files knows no generations */
		id.key.object = (uint32_t)id.key.object;
	HASH_FIND(hh, table->objects, &id, sizeof(id), standing);
	if (standing)
		return standing;
	standing = calloc(1, sizeof(*standing));
	if (!standing)
		return NULL;
	standing->id = id;
	standing->key = *key;
	standing->maker = PROCESS_NONE;
	HASH_ADD(hh, table->objects, id, sizeof(standing->id), standing);
	return standing;
}

/* Of a segment's key nobody can tell the namespace. */
static uint32_t space_of(const struct ipct_object *object)
{
	return object->mechanism == IPCT_SYSV_SHM ? object->name_space :
						    (uint32_t)object->key.object;
}

/* Did the call that describes it make it? It may have done so shortly before another met it. */
static bool may_be_made(const struct standing *standing, const struct ipct_object *object)
{
	if (standing->is_before || standing->made_ns)
		return false;
	/* the file of a mapping says whether it was opened by who made it */
	return object->mechanism == IPCT_POSIX_SHM ||
	       object->event.time_ns - standing->seen_ns < RACE_NS;
}

int standing_describe(struct world *world, const struct ipct_object *object,
		      enum ipct_origin *ret_origin)
{
	struct standing *standing;

	*ret_origin = object->origin;
	if (!is_standing(object->mechanism))
		return 0;
	standing = standing_get(world->standing, &object->key, object->mechanism);
	if (!standing)
		return -ENOMEM;
	if (!standing->seen_ns)
		standing->seen_ns = object->event.time_ns;
	if (object->origin != IPCT_ORIGIN_CREATE || !object->event.pid)
		return 0;
	if (!may_be_made(standing, object)) {
		*ret_origin = IPCT_ORIGIN_OPEN;
		return 0;
	}
	standing->key = object->key;
	standing->space = space_of(object);
	standing->made_ns = object->event.time_ns;
	standing->maker = world_actor(world, &object->event);
	return standing->maker == PROCESS_NONE ? -ENOMEM : 0;
}

static int apply_object(struct world *world, const struct ipct_standing *record)
{
	struct standing *standing = standing_get(world->standing, &record->key, record->mechanism);

	if (!standing)
		return -ENOMEM;
	if (record->origin == IPCT_ORIGIN_END)
		standing->is_there = true;
	else if (!standing->made_ns) /* else it was made while the recorder was about to look */
		standing->is_before = true;
	return 0;
}

/* Lists ------------------------------------------------------------------------------------- */

static struct listed_space *space_find(const struct standing_table *table, uint32_t mechanism,
				       uint32_t space)
{
	struct space_key id = { mechanism, space };
	struct listed_space *listed;

	HASH_FIND(hh, table->spaces, &id, sizeof(id), listed);
	return listed;
}

static int apply_listed(struct standing_table *table, const struct ipct_standing *record)
{
	struct listed_space *listed;

	if (record->origin != IPCT_ORIGIN_END)
		return 0;
	if (!record->mechanism) {
		table->is_told = true;
		return 0;
	}
	listed = space_find(table, record->mechanism, record->space);
	if (!listed) {
		listed = calloc(1, sizeof(*listed));
		if (!listed)
			return -ENOMEM;
		listed->id = (struct space_key){ record->mechanism, record->space };
		HASH_ADD(hh, table->spaces, id, sizeof(listed->id), listed);
	}
	listed->begun_ns = record->event.time_ns;
	return 0;
}

/* Files ------------------------------------------------------------------------------------- */

static int apply_file(struct world *world, const struct ipct_standing *record)
{
	struct standing_file *file;

	if (record->kind == IPCT_STANDING_GONE || !record->event.pid)
		return 0;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	*file = (struct standing_file){
		.maker = world_actor(world, &record->event),
		.made_ns = record->made_ns,
		.key = record->key,
		.mechanism = record->mechanism,
		.left = record->kind == IPCT_STANDING_THERE ? CHANNEL_LEFT_YES :
							      CHANNEL_LEFT_UNKNOWN,
		.path = strndup(record->name_len ? record->name + record->name_offset : "",
				record->name_len),
		.next = world->standing->files,
	};
	world->standing->files = file;
	return file->path && file->maker != PROCESS_NONE ? 0 : -ENOMEM;
}

int standing_apply(struct world *world, const struct ipct_standing *record)
{
	if (record->kind == IPCT_STANDING_LISTED)
		return apply_listed(world->standing, record);
	if (is_standing(record->mechanism))
		return record->kind == IPCT_STANDING_THERE ? apply_object(world, record) : 0;
	return apply_file(world, record);
}

/* At the end -------------------------------------------------------------------------------- */

static bool is_of_capture(const struct world *world, uint32_t maker)
{
	return maker != PROCESS_NONE &&
	       (world->is_system_wide || process_table_at(world->processes, maker)->is_traced);
}

static enum channel_left object_left(const struct standing_table *table,
				     const struct standing *standing)
{
	struct listed_space *listed = space_find(table, standing->id.mechanism, standing->space);

	if (standing->is_there)
		return CHANNEL_LEFT_YES;
	return listed && listed->begun_ns > standing->made_ns ? CHANNEL_LEFT_NO :
								CHANNEL_LEFT_UNKNOWN;
}

/* A channel that is left, or may be, and who made it. */
static int left_mark(struct world *world, const struct channel_keep *keep, enum channel_left left,
		     uint32_t maker, uint64_t time_ns)
{
	const struct mechanism_model *model = mechanism_model_find(keep->mechanism);
	struct channel *channel = NULL;
	int err = 0;

	/* where nobody told of all, most are unknown: what was not used need not show */
	if (left == CHANNEL_LEFT_UNKNOWN && !world->standing->is_told)
		return 0;
	if (model && model->keep)
		err = model->keep(world, keep, &channel);
	if (err || !channel)
		return err;
	channel->left = left;
	return provenance_create(world, maker, channel, time_ns);
}

static int object_finish(struct world *world, const struct standing *standing)
{
	struct channel_keep keep = { .key = standing->key, .mechanism = standing->id.mechanism };
	enum channel_left left = object_left(world->standing, standing);

	if (!is_of_capture(world, standing->maker) || left == CHANNEL_LEFT_NO)
		return 0;
	return left_mark(world, &keep, left, standing->maker, standing->made_ns);
}

static int file_finish(struct world *world, const struct standing_file *file)
{
	struct channel_keep keep = { .key = file->key,
				     .mechanism = file->mechanism,
				     .path = file->path };

	if (!is_of_capture(world, file->maker))
		return 0;
	return left_mark(world, &keep, file->left, file->maker, file->made_ns);
}

int standing_finish(struct world *world)
{
	struct standing_table *table = world->standing;
	struct standing *standing;
	struct standing_file *file;
	int err = 0;

	for (standing = table->objects; standing && !err; standing = standing->hh.next)
		err = object_finish(world, standing);
	for (file = table->files; file && !err; file = file->next)
		err = file_finish(world, file);
	return err;
}

enum channel_left standing_left(const struct channel *channel, bool is_told)
{
	if (channel->left || is_told)
		return channel->left;
	switch (channel->mechanism) {
	case IPCT_FIFO:
	case IPCT_UNIX_STREAM:
	case IPCT_UNIX_DGRAM:
	case IPCT_UNIX_SEQPACKET:
		return CHANNEL_LEFT_UNKNOWN;
	default:
		return is_standing(channel->mechanism) ? CHANNEL_LEFT_UNKNOWN : CHANNEL_LEFT_NO;
	}
}
