/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/descriptor_table.h"

#include <errno.h>
#include <stdlib.h>

/* Longest time that a call which does not block may span a change by another thread. */
#define RACE_NS 10000000ULL

struct descriptor_key {
	uint32_t process;
	uint32_t fd;
};

struct descriptor {
	struct descriptor_key key;
	struct place place; /* of the last transfer */
	uint64_t used_ns;
	uint32_t used_by; /* thread */
	bool was_stashed;
	uint64_t replaced_ns;
	uint32_t replaced_by;
	UT_hash_handle hh;
};

/* A close_range() that may concern descriptors which were not used yet. */
struct range {
	uint32_t process;
	uint32_t first, last;
	uint32_t by; /* thread */
	uint64_t time_ns;
	UT_hash_handle hh;
};

struct descriptor_table {
	struct descriptor *descriptors;
	struct range *ranges; /* the last of each process */
};

struct descriptor_table *descriptor_table_new(void)
{
	return calloc(1, sizeof(struct descriptor_table));
}

void descriptor_table_free(struct descriptor_table *table)
{
	struct descriptor *descriptor, *next;
	struct range *range, *next_range;

	if (!table)
		return;
	HASH_ITER (hh, table->descriptors, descriptor, next) {
		HASH_DEL(table->descriptors, descriptor);
		free(descriptor);
	}
	HASH_ITER (hh, table->ranges, range, next_range) {
		HASH_DEL(table->ranges, range);
		free(range);
	}
	free(table);
}

static struct descriptor *descriptor_find(struct descriptor_table *table, uint32_t process,
					  uint32_t fd)
{
	struct descriptor_key key = { .process = process, .fd = fd };
	struct descriptor *descriptor;

	HASH_FIND(hh, table->descriptors, &key, sizeof(key), descriptor);
	return descriptor;
}

static struct descriptor *descriptor_get(struct descriptor_table *table, uint32_t process,
					 uint32_t fd)
{
	struct descriptor *descriptor = descriptor_find(table, process, fd);

	if (descriptor)
		return descriptor;
	descriptor = calloc(1, sizeof(*descriptor));
	if (!descriptor)
		return NULL;
	descriptor->key.process = process;
	descriptor->key.fd = fd;
	HASH_ADD(hh, table->descriptors, key, sizeof(descriptor->key), descriptor);
	return descriptor;
}

static bool times_are_close(uint64_t a, uint64_t b)
{
	return a && b && (a > b ? a - b : b - a) < RACE_NS;
}

static struct range *range_find(struct descriptor_table *table, uint32_t process)
{
	struct range *range;

	HASH_FIND(hh, table->ranges, &process, sizeof(process), range);
	return range;
}

static bool range_spans(struct descriptor_table *table, const struct ipct_transfer *transfer,
			uint32_t process)
{
	struct range *range = range_find(table, process);

	return range && range->by != transfer->event.tid &&
	       (uint32_t)transfer->fd >= range->first && (uint32_t)transfer->fd <= range->last &&
	       times_are_close(range->time_ns, transfer->event.time_ns);
}

bool descriptor_is_doubtful(struct descriptor_table *table, const struct ipct_transfer *transfer,
			    uint32_t process)
{
	struct descriptor *descriptor;

	if (!(transfer->flags & IPCT_TRANSFER_THREADED) ||
	    (transfer->flags & IPCT_TRANSFER_STASHED))
		return false;
	if (range_spans(table, transfer, process))
		return true;
	descriptor = descriptor_find(table, process, transfer->fd);
	return descriptor && descriptor->replaced_by != transfer->event.tid &&
	       times_are_close(descriptor->replaced_ns, transfer->event.time_ns);
}

int descriptor_used(struct descriptor_table *table, const struct ipct_transfer *transfer,
		    uint32_t process, const struct place *place)
{
	struct descriptor *descriptor;

	if (!(transfer->flags & IPCT_TRANSFER_THREADED) || !place->channel)
		return 0;
	descriptor = descriptor_get(table, process, transfer->fd);
	if (!descriptor)
		return -ENOMEM;
	descriptor->place = *place;
	descriptor->used_ns = transfer->event.time_ns;
	descriptor->used_by = transfer->event.tid;
	descriptor->was_stashed = transfer->flags & IPCT_TRANSFER_STASHED;
	return 0;
}

static bool place_suspect(const struct place *place)
{
	if (!place->channel)
		return false;
	place->channel->directions[place->direction].is_suspect = true;
	return true;
}

static void descriptor_replace(struct descriptor *descriptor, const struct ipct_descriptor *record)
{
	if (descriptor->used_by != record->event.tid && !descriptor->was_stashed &&
	    times_are_close(descriptor->used_ns, record->event.time_ns))
		place_suspect(&descriptor->place);
	descriptor->replaced_ns = record->event.time_ns;
	descriptor->replaced_by = record->event.tid;
}

static int range_note(struct descriptor_table *table, const struct ipct_descriptor *record,
		      uint32_t process)
{
	struct range *range = range_find(table, process);

	if (!range) {
		range = calloc(1, sizeof(*range));
		if (!range)
			return -ENOMEM;
		range->process = process;
		HASH_ADD(hh, table->ranges, process, sizeof(range->process), range);
	}
	range->first = record->first;
	range->last = record->last;
	range->by = record->event.tid;
	range->time_ns = record->event.time_ns;
	return 0;
}

int descriptor_replaced(struct descriptor_table *table, const struct ipct_descriptor *record,
			uint32_t process)
{
	struct descriptor *descriptor, *next;

	if (record->first == record->last) {
		descriptor = descriptor_get(table, process, record->first);
		if (!descriptor)
			return -ENOMEM;
		descriptor_replace(descriptor, record);
		return 0;
	}
	HASH_ITER (hh, table->descriptors, descriptor, next) {
		if (descriptor->key.process == process && descriptor->key.fd >= record->first &&
		    descriptor->key.fd <= record->last)
			descriptor_replace(descriptor, record);
	}
	return range_note(table, record, process);
}

bool descriptor_unresolved(struct descriptor_table *table, const struct ipct_transfer *transfer,
			   uint32_t process)
{
	struct descriptor *descriptor = descriptor_find(table, process, transfer->fd);

	return descriptor && place_suspect(&descriptor->place);
}
