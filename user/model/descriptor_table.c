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
	struct place place;     /* of the last transfer */
	uint64_t used_ns;
	uint32_t used_by;       /* thread */
	bool was_stashed;
	uint64_t replaced_ns;
	uint32_t replaced_by;
	UT_hash_handle hh;
};

struct descriptor_table {
	struct descriptor *descriptors;
};

struct descriptor_table *descriptor_table_new(void)
{
	return calloc(1, sizeof(struct descriptor_table));
}

void descriptor_table_free(struct descriptor_table *table)
{
	struct descriptor *descriptor, *next;

	if (!table)
		return;
	HASH_ITER(hh, table->descriptors, descriptor, next) {
		HASH_DEL(table->descriptors, descriptor);
		free(descriptor);
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

bool descriptor_is_doubtful(struct descriptor_table *table, const struct ipct_transfer *transfer,
			    uint32_t process)
{
	struct descriptor *descriptor;

	if (!(transfer->flags & IPCT_TRANSFER_THREADED) ||
	    (transfer->flags & IPCT_TRANSFER_STASHED))
		return false;
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

static int place_suspect(const struct place *place, uint32_t process)
{
	if (!place->channel)
		return 0;
	return direction_suspect(&place->channel->directions[place->direction], process);
}

static int descriptor_replace(struct descriptor *descriptor, const struct ipct_descriptor *record,
			      uint32_t process)
{
	int err = 0;

	if (descriptor->used_by != record->event.tid && !descriptor->was_stashed &&
	    times_are_close(descriptor->used_ns, record->event.time_ns))
		err = place_suspect(&descriptor->place, process);
	descriptor->replaced_ns = record->event.time_ns;
	descriptor->replaced_by = record->event.tid;
	return err;
}

int descriptor_replaced(struct descriptor_table *table, const struct ipct_descriptor *record,
			uint32_t process)
{
	struct descriptor *descriptor, *next;
	int err = 0;

	if (record->first == record->last) {
		descriptor = descriptor_get(table, process, record->first);
		return descriptor ? descriptor_replace(descriptor, record, process) : -ENOMEM;
	}
	HASH_ITER(hh, table->descriptors, descriptor, next) {
		if (descriptor->key.process != process || descriptor->key.fd < record->first ||
		    descriptor->key.fd > record->last)
			continue;
		err = descriptor_replace(descriptor, record, process);
		if (err)
			break;
	}
	return err;
}

int descriptor_unresolved(struct descriptor_table *table, const struct ipct_transfer *transfer,
			  uint32_t process)
{
	struct descriptor *descriptor = descriptor_find(table, process, transfer->fd);

	return descriptor ? place_suspect(&descriptor->place, process) : 0;
}
