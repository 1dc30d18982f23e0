/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared memory: who maps it, with what rights. What was written through it is not seen, so
 * that a channel has no edges. It is made at the end, when the rights of all are known.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mechanism_model.h"
#include "model/memory_table.h"

/* NULL without memory. */
static struct memory_table *table_get(struct world *world)
{
	if (!world->memory)
		world->memory = memory_table_new();
	return world->memory;
}

static int map_apply(struct memory_table *table, const struct ipct_mapping *mapping,
		     uint32_t process)
{
	struct memory_object *object = memory_table_object(table, &mapping->key);
	struct memory_range range = {
		.start = mapping->start,
		.end = mapping->end,
		.offset = mapping->offset,
		.object = object,
		.is_writable = mapping->rights & IPCT_MAPPING_WRITE,
		.stays = mapping->rights & IPCT_MAPPING_NO_FORK,
	};

	if (!object)
		return -ENOMEM;
	if (!object->mechanism)
		object->mechanism = mapping->mechanism;
	if (mapping->origin == IPCT_ORIGIN_START || mapping->origin == IPCT_ORIGIN_END)
		return memory_found(table, process, &range, mapping->event.time_ns);
	return memory_map(table, process, &range, mapping->event.time_ns);
}

int model_memory_apply(struct world *world, const struct ipct_mapping *mapping)
{
	struct memory_table *table = table_get(world);
	uint32_t process = world_actor(world, &mapping->event);
	uint64_t time_ns = mapping->event.time_ns;

	if (!table || process == PROCESS_NONE)
		return -ENOMEM;
	switch (mapping->kind) {
	case IPCT_MAPPING_MAP:
		return map_apply(table, mapping, process);
	case IPCT_MAPPING_UNMAP:
		if (mapping->start == mapping->end)
			return memory_detach(table, process, mapping->start, time_ns);
		return memory_unmap(table, process, mapping->start, mapping->end, time_ns);
	case IPCT_MAPPING_PROTECT:
		return memory_protect(table, process, mapping->start, mapping->end,
				      mapping->rights & IPCT_MAPPING_WRITE);
	case IPCT_MAPPING_ADVISE:
		return memory_advise(table, process, mapping->start, mapping->end,
				     mapping->rights & IPCT_MAPPING_NO_FORK);
	case IPCT_MAPPING_MOVE:
		return memory_move(table, process, mapping->offset, mapping->old_len,
				   mapping->start, mapping->end, time_ns);
	default:
		return 0;
	}
}

#define SHM_PREFIX "/dev/shm" /* what is behind it is the name of a POSIX object, slash and all */

/* The memory of that name has the new one now: glibc's sem_open() maps before it names. */
int model_memory_link(struct world *world, const struct ipct_link *link)
{
	const size_t prefix = strlen(SHM_PREFIX);
	struct memory_object *object;
	char *name;

	if (!world->memory || link->old_len <= prefix || link->new_len <= prefix)
		return 0;
	for (object = world->memory->objects; object; object = object->hh.next) {
		if (object->mechanism != IPCT_POSIX_SHM || !object->name ||
		    strlen(object->name) != link->old_len - prefix ||
		    memcmp(object->name, link->old_path + prefix, link->old_len - prefix))
			continue;
		name = strndup(link->new_path + prefix, link->new_len - prefix);
		if (!name)
			return -ENOMEM;
		free(object->name);
		object->name = name;
	}
	return 0;
}

int model_memory_fork(struct world *world, const struct ipct_fork *fork)
{
	uint32_t parent = world_actor(world, &fork->event);
	uint32_t child = process_table_get(world->processes, fork->child_pid, fork->child_start_ns);

	if (!world->memory)
		return 0;
	return memory_fork(world->memory, parent, child, fork->flags & IPCT_FORK_SAME_MEMORY,
			   fork->event.time_ns);
}

int model_memory_exec(struct world *world, const struct ipct_event *event)
{
	return model_memory_exit(world, event);
}

int model_memory_exit(struct world *world, const struct ipct_event *event)
{
	if (world->memory)
		memory_leave(world->memory, world_actor(world, event), event->time_ns);
	return 0;
}

/* A later description knows a later size. */
static int memory_describe(struct world *world, const struct ipct_object *record)
{
	struct memory_table *table = table_get(world);
	struct memory_object *object = table ? memory_table_object(table, &record->key) : NULL;
	char key[CHANNEL_KEY_NAME_MAX];

	if (!object)
		return -ENOMEM;
	object->size = record->size;
	if (object->is_described)
		return 0;
	object->is_described = true;
	object->mechanism = record->mechanism;
	if (record->mechanism == IPCT_SYSV_SHM) {
		channel_key_name(record->ipc_key, key);
		object->name = strdup(key);
	} else {
		object->name = strndup(record->name_len ? record->name + record->name_offset : "",
				       record->name_len);
	}
	return object->name ? 0 : -ENOMEM;
}

/* The channels ----------------------------------------------------------------------------- */

/* A mapped file that nobody can write carries nothing. */
static bool object_is_channel(const struct memory_object *object)
{
	if (object->mechanism != IPCT_SHARED_MAPPING)
		return object->mappers;
	for (struct memory_mapper *mapper = object->mappers; mapper; mapper = mapper->hh.next)
		if (mapper->is_writable)
			return true;
	return false;
}

static const char *object_label(enum ipct_mechanism mechanism)
{
	switch (mechanism) {
#define MECHANISM(symbol, number, name, group, model)                                              \
	case IPCT_##symbol:                                                                        \
		return name;
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	default:
		return "memory";
	}
}

static int endpoints_add(struct channel *channel, const struct memory_object *object)
{
	int err = 0;

	for (struct memory_mapper *mapper = object->mappers; mapper && !err;
	     mapper = mapper->hh.next) {
		struct endpoint_count count = {
			.process = mapper->process,
			.role = mapper->is_writable ? IPCT_ROLE_MAP_RW : IPCT_ROLE_MAP_RO,
			.operations = mapper->operations,
			.attached_ns = mapper->attached_ns,
			.detached_ns = mapper->detached_ns,
		};

		err = channel_count(channel, &count);
	}
	return err;
}

static int object_finish(struct world *world, struct memory_object *object)
{
	struct channel *channel = channel_new(object->mechanism);
	int err;

	if (!channel)
		return -ENOMEM;
	channel->size = object->size;
	snprintf(channel->object, sizeof(channel->object), "%s:[%" PRIu64 "]",
		 object_label(object->mechanism), (uint64_t)object->key.inode);
	err = world_add_channel(world, channel);
	if (!err)
		object->channel = channel;
	if (!err && object->name)
		err = channel_set_name(channel, object->name, strlen(object->name));
	return err ? err : endpoints_add(channel, object);
}

int model_memory_finish(struct world *world)
{
	struct memory_object *object = world->memory ? world->memory->objects : NULL;
	int err = 0;

	for (; object && !err; object = object->hh.next)
		if (object_is_channel(object))
			err = object_finish(world, object);
	return err;
}

/* After model_memory_finish(). */
static int memory_keep(struct world *world, const struct channel_keep *keep,
		       struct channel **ret_channel)
{
	struct memory_table *table = table_get(world);
	struct memory_object *object = table ? memory_table_object(table, &keep->key) : NULL;
	int err;

	if (!object)
		return -ENOMEM;
	err = object->channel ? 0 : object_finish(world, object);
	*ret_channel = object->channel;
	return err;
}

void model_memory_fini(struct world *world)
{
	memory_table_free(world->memory);
}

const struct mechanism_model model_sysv_shm = {
	.mechanism = IPCT_SYSV_SHM,
	.transfer = model_no_transfer,
	.aggregate = model_no_aggregate,
	.describe = memory_describe,
	.keep = memory_keep,
};

const struct mechanism_model model_posix_shm = {
	.mechanism = IPCT_POSIX_SHM,
	.transfer = model_no_transfer,
	.aggregate = model_no_aggregate,
	.describe = memory_describe,
	.keep = memory_keep,
};

const struct mechanism_model model_memfd = {
	.mechanism = IPCT_MEMFD,
	.transfer = model_no_transfer,
	.aggregate = model_no_aggregate,
	.describe = memory_describe,
};

const struct mechanism_model model_shared_mapping = {
	.mechanism = IPCT_SHARED_MAPPING,
	.transfer = model_no_transfer,
	.aggregate = model_no_aggregate,
	.describe = memory_describe,
};
