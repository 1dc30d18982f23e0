/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/memory_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How many ranges of a space are of one object. */
struct memory_held {
	struct memory_object *object;
	size_t ranges_nr;
	UT_hash_handle hh;
};

struct memory_space {
	struct memory_range *ranges; /* by address, not overlapping */
	size_t ranges_nr, ranges_cap;
	struct memory_held *held; /* uthash */
	uint32_t *processes;
	size_t processes_nr;
};

struct memory_member {
	uint32_t process;
	struct memory_space *space;
	UT_hash_handle hh;
};

struct memory_table *memory_table_new(void)
{
	return calloc(1, sizeof(struct memory_table));
}

static void space_free(struct memory_space *space)
{
	struct memory_held *held, *next;

	if (!space)
		return;
	HASH_ITER (hh, space->held, held, next) {
		HASH_DEL(space->held, held);
		free(held);
	}
	free(space->ranges);
	free(space->processes);
	free(space);
}

static void object_free(struct memory_object *object)
{
	struct memory_mapper *mapper, *next;

	HASH_ITER (hh, object->mappers, mapper, next) {
		HASH_DEL(object->mappers, mapper);
		free(mapper);
	}
	free(object->name);
	free(object);
}

/* The last member frees the space. */
static void member_remove(struct memory_table *table, struct memory_member *member)
{
	struct memory_space *space = member->space;

	for (size_t i = 0; i < space->processes_nr; i++) {
		if (space->processes[i] != member->process)
			continue;
		space->processes[i] = space->processes[--space->processes_nr];
		break;
	}
	if (!space->processes_nr)
		space_free(space);
	HASH_DEL(table->members, member);
	free(member);
}

void memory_table_free(struct memory_table *table)
{
	struct memory_object *object, *next_object;
	struct memory_member *member, *next_member;

	if (!table)
		return;
	HASH_ITER (hh, table->members, member, next_member)
		member_remove(table, member);
	HASH_ITER (hh, table->objects, object, next_object) {
		HASH_DEL(table->objects, object);
		object_free(object);
	}
	free(table);
}

struct memory_object *memory_table_object(struct memory_table *table, const struct ipct_key *key)
{
	struct memory_object *object;

	HASH_FIND(hh, table->objects, key, sizeof(*key), object);
	if (object)
		return object;
	object = calloc(1, sizeof(*object));
	if (!object)
		return NULL;
	object->key = *key;
	HASH_ADD(hh, table->objects, key, sizeof(object->key), object);
	return object;
}

static struct memory_member *member_find(struct memory_table *table, uint32_t process)
{
	struct memory_member *member;

	HASH_FIND(hh, table->members, &process, sizeof(process), member);
	return member;
}

static int member_add(struct memory_table *table, uint32_t process, struct memory_space *space)
{
	struct memory_member *member = calloc(1, sizeof(*member));
	uint32_t *processes =
		reallocarray(space->processes, space->processes_nr + 1, sizeof(*processes));

	if (processes)
		space->processes = processes;
	if (!member || !processes) {
		free(member);
		return -ENOMEM;
	}
	processes[space->processes_nr++] = process;
	member->process = process;
	member->space = space;
	HASH_ADD(hh, table->members, process, sizeof(member->process), member);
	return 0;
}

/* The space of the process, made if it has none. NULL without memory. */
static struct memory_space *space_get(struct memory_table *table, uint32_t process)
{
	struct memory_member *member = member_find(table, process);
	struct memory_space *space;

	if (member)
		return member->space;
	space = calloc(1, sizeof(*space));
	if (!space || !member_add(table, process, space))
		return space;
	space_free(space);
	return NULL;
}

static struct memory_mapper *mapper_find(struct memory_object *object, uint32_t process)
{
	struct memory_mapper *mapper;

	HASH_FIND(hh, object->mappers, &process, sizeof(process), mapper);
	return mapper;
}

/* Made if it is new, with the time. NULL without memory. */
static struct memory_mapper *mapper_get(struct memory_object *object, uint32_t process,
					uint64_t attached_ns)
{
	struct memory_mapper *mapper = mapper_find(object, process);

	if (mapper)
		return mapper;
	mapper = calloc(1, sizeof(*mapper));
	if (!mapper)
		return NULL;
	mapper->process = process;
	mapper->attached_ns = attached_ns;
	HASH_ADD(hh, object->mappers, process, sizeof(mapper->process), mapper);
	return mapper;
}

/* Ranges ---------------------------------------------------------------------------------- */

/* Index of the first range that ends behind the address. */
static size_t range_at(const struct memory_space *space, uint64_t address)
{
	size_t low = 0, high = space->ranges_nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (space->ranges[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static struct memory_held *held_find(struct memory_space *space, const struct memory_object *object)
{
	struct memory_held *held;

	HASH_FIND_PTR(space->held, &object, held);
	return held;
}

static int held_add(struct memory_space *space, struct memory_object *object)
{
	struct memory_held *held = held_find(space, object);

	if (!held) {
		held = calloc(1, sizeof(*held));
		if (!held)
			return -ENOMEM;
		held->object = object;
		HASH_ADD_PTR(space->held, object, held);
	}
	held->ranges_nr++;
	return 0;
}

/* The space has one range of the object less: maybe nobody in it maps it any more. */
static void held_remove(struct memory_space *space, struct memory_object *object, uint64_t time_ns)
{
	struct memory_held *held = held_find(space, object);

	if (--held->ranges_nr)
		return;
	for (size_t i = 0; i < space->processes_nr; i++) {
		struct memory_mapper *mapper = mapper_find(object, space->processes[i]);

		if (mapper && !mapper->detached_ns)
			mapper->detached_ns = time_ns;
	}
	HASH_DEL(space->held, held);
	free(held);
}

/* Nothing else is in the range. */
static int range_insert(struct memory_space *space, const struct memory_range *range)
{
	size_t at = range_at(space, range->start);
	struct memory_range *ranges = space->ranges;

	if (space->ranges_nr == space->ranges_cap) {
		size_t cap = space->ranges_cap ? space->ranges_cap * 2 : 4;

		ranges = reallocarray(ranges, cap, sizeof(*ranges));
		if (!ranges)
			return -ENOMEM;
		space->ranges = ranges;
		space->ranges_cap = cap;
	}
	if (held_add(space, range->object))
		return -ENOMEM;
	memmove(&ranges[at + 1], &ranges[at], (space->ranges_nr - at) * sizeof(*ranges));
	ranges[at] = *range;
	space->ranges_nr++;
	return 0;
}

/* A range that goes over the address becomes two. */
static int range_split(struct memory_space *space, uint64_t address)
{
	size_t at = range_at(space, address);
	struct memory_range rest;

	if (at == space->ranges_nr || space->ranges[at].start >= address)
		return 0;
	rest = space->ranges[at];
	rest.offset += address - rest.start;
	rest.start = address;
	space->ranges[at].end = address;
	return range_insert(space, &rest);
}

/* Splits at both ends: ranges *ret_first … *ret_end - 1 are those within. */
static int range_cut_out(struct memory_space *space, uint64_t start, uint64_t end,
			 size_t *ret_first, size_t *ret_end)
{
	int err = range_split(space, start);

	if (!err)
		err = range_split(space, end);
	*ret_first = range_at(space, start);
	*ret_end = *ret_first;
	while (*ret_end < space->ranges_nr && space->ranges[*ret_end].start < end)
		++*ret_end;
	return err;
}

static void range_remove(struct memory_space *space, size_t first, size_t end, uint64_t time_ns)
{
	for (size_t i = first; i < end; i++)
		held_remove(space, space->ranges[i].object, time_ns);
	memmove(&space->ranges[first], &space->ranges[end],
		(space->ranges_nr - end) * sizeof(*space->ranges));
	space->ranges_nr -= end - first;
}

static int space_unmap(struct memory_space *space, uint64_t start, uint64_t end, uint64_t time_ns)
{
	size_t first, last;
	int err = range_cut_out(space, start, end, &first, &last);

	if (!err && first < last)
		range_remove(space, first, last, time_ns);
	return err;
}

/* What processes do ------------------------------------------------------------------------ */

int memory_map(struct memory_table *table, uint32_t process, const struct memory_range *range,
	       uint64_t time_ns)
{
	struct memory_space *space = space_get(table, process);
	struct memory_mapper *mapper = mapper_get(range->object, process, time_ns);
	int err;

	if (!space || !mapper)
		return -ENOMEM;
	err = space_unmap(space, range->start, range->end, time_ns);
	if (!err)
		err = range_insert(space, range);
	if (err)
		return err;
	mapper->operations++;
	mapper->is_writable |= range->is_writable;
	mapper->detached_ns = 0;
	return 0;
}

int memory_found(struct memory_table *table, uint32_t process, const struct memory_range *range,
		 uint64_t time_ns)
{
	struct memory_space *space = space_get(table, process);
	struct memory_mapper *mapper = mapper_get(range->object, process, 0);
	size_t at;
	int err;

	if (!space || !mapper)
		return -ENOMEM;
	mapper->is_writable |= range->is_writable;
	at = range_at(space, range->start);
	if (at < space->ranges_nr && space->ranges[at].start <= range->start &&
	    space->ranges[at].object == range->object)
		return 0;
	err = space_unmap(space, range->start, range->end, time_ns);
	if (!err)
		err = range_insert(space, range);
	if (err)
		return err;
	if (mapper->attached_ns || !mapper->operations)
		mapper->operations++;
	mapper->attached_ns = 0;
	mapper->detached_ns = 0;
	return 0;
}

int memory_unmap(struct memory_table *table, uint32_t process, uint64_t start, uint64_t end,
		 uint64_t time_ns)
{
	struct memory_member *member = member_find(table, process);

	return member ? space_unmap(member->space, start, end, time_ns) : 0;
}

int memory_detach(struct memory_table *table, uint32_t process, uint64_t address, uint64_t time_ns)
{
	struct memory_member *member = member_find(table, process);
	struct memory_space *space = member ? member->space : NULL;

	/* a segment is attached from its beginning: what is left of it has kept its distance */
	for (size_t i = space ? range_at(space, address) : 0; space && i < space->ranges_nr;) {
		const struct memory_range *range = &space->ranges[i];

		if (range->object->mechanism == IPCT_SYSV_SHM &&
		    range->start - range->offset == address)
			range_remove(space, i, i + 1, time_ns);
		else
			i++;
	}
	return 0;
}

int memory_protect(struct memory_table *table, uint32_t process, uint64_t start, uint64_t end,
		   bool is_writable)
{
	struct memory_member *member = member_find(table, process);
	size_t first, last;
	int err;

	if (!member)
		return 0;
	err = range_cut_out(member->space, start, end, &first, &last);
	for (size_t i = first; !err && i < last; i++) {
		struct memory_range *range = &member->space->ranges[i];

		range->is_writable = is_writable;
		for (size_t p = 0; is_writable && p < member->space->processes_nr; p++) {
			struct memory_mapper *mapper =
				mapper_find(range->object, member->space->processes[p]);

			if (mapper)
				mapper->is_writable = true;
		}
	}
	return err;
}

int memory_advise(struct memory_table *table, uint32_t process, uint64_t start, uint64_t end,
		  bool stays)
{
	struct memory_member *member = member_find(table, process);
	size_t first, last;
	int err;

	if (!member)
		return 0;
	err = range_cut_out(member->space, start, end, &first, &last);
	for (size_t i = first; !err && i < last; i++)
		member->space->ranges[i].stays = stays;
	return err;
}

/* In place: shrinks, or lets the last range grow. */
static int space_resize(struct memory_space *space, uint64_t start, uint64_t old_len,
			uint64_t new_len, uint64_t time_ns)
{
	size_t at;

	if (new_len < old_len)
		return space_unmap(space, start + new_len, start + old_len, time_ns);
	at = range_at(space, start + old_len - 1);
	if (at < space->ranges_nr && space->ranges[at].start < start + old_len &&
	    space->ranges[at].end == start + old_len)
		space->ranges[at].end = start + new_len;
	return 0;
}

/* Ranges within `old_start` … `old_start` + `len` go to `start`. */
static int space_move(struct memory_space *space, uint64_t old_start, uint64_t len, uint64_t start,
		      uint64_t time_ns)
{
	struct memory_range *moving;
	size_t first, last;
	int err = range_cut_out(space, old_start, old_start + len, &first, &last);

	if (err || first == last)
		return err;
	moving = calloc(last - first, sizeof(*moving));
	if (!moving)
		return -ENOMEM;
	memcpy(moving, &space->ranges[first], (last - first) * sizeof(*moving));
	for (size_t i = 0; i < last - first && !err; i++) {
		moving[i].start += start - old_start;
		moving[i].end += start - old_start;
		err = range_insert(space, &moving[i]);
	}
	/* after the insertion, so that nobody is taken for detached */
	if (!err)
		err = space_unmap(space, old_start, old_start + len, time_ns);
	free(moving);
	return err;
}

int memory_move(struct memory_table *table, uint32_t process, uint64_t old_start, uint64_t old_len,
		uint64_t start, uint64_t end, uint64_t time_ns)
{
	struct memory_member *member = member_find(table, process);
	uint64_t new_len = end - start;
	int err;

	if (!member || !old_len)
		return 0;
	if (start == old_start)
		return space_resize(member->space, start, old_len, new_len, time_ns);
	err = space_unmap(member->space, start, end, time_ns);
	if (!err && new_len < old_len)
		err = space_unmap(member->space, old_start + new_len, old_start + old_len, time_ns);
	if (new_len < old_len)
		old_len = new_len;
	if (!err)
		err = space_move(member->space, old_start, old_len, start, time_ns);
	return err ? err : space_resize(member->space, start, old_len, new_len, time_ns);
}

/* Lives ------------------------------------------------------------------------------------ */

static int space_copy(struct memory_table *table, const struct memory_space *from, uint32_t child,
		      uint64_t time_ns)
{
	struct memory_space *space = space_get(table, child);
	int err = space ? 0 : -ENOMEM;

	for (size_t i = 0; i < from->ranges_nr && !err; i++) {
		const struct memory_range *range = &from->ranges[i];
		struct memory_mapper *mapper;

		if (range->stays)
			continue;
		mapper = mapper_get(range->object, child, time_ns);
		err = mapper ? range_insert(space, range) : -ENOMEM;
		if (err)
			break;
		mapper->operations = 1;
		mapper->is_writable |= range->is_writable;
	}
	return err;
}

int memory_fork(struct memory_table *table, uint32_t parent, uint32_t child, bool is_guest,
		uint64_t time_ns)
{
	struct memory_member *member = member_find(table, parent);

	if (!member || member_find(table, child))
		return 0;
	if (is_guest)
		return member_add(table, child, member->space);
	return space_copy(table, member->space, child, time_ns);
}

void memory_leave(struct memory_table *table, uint32_t process, uint64_t time_ns)
{
	struct memory_member *member = member_find(table, process);
	struct memory_held *held, *next;

	if (!member)
		return;
	HASH_ITER (hh, member->space->held, held, next) {
		struct memory_mapper *mapper = mapper_find(held->object, process);

		if (mapper && !mapper->detached_ns)
			mapper->detached_ns = time_ns;
	}
	member_remove(table, member);
}
