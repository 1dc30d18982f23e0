/* SPDX-License-Identifier: GPL-2.0-only */
#include "store/merge.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct merge_entry {
	__u64 time_ns;
	__u64 sequence;
	struct ipct_event *event;
};

/* A binary heap, the oldest entry at 0. */
struct merge {
	struct merge_entry *entries;
	size_t nr, cap;
	__u64 sequence;
	__u64 popped_ns;
	__u64 late;
	__u64 bytes;		 /* of the records in it */
	struct ipct_event *lent; /* what merge_pop() returned last */
};

struct merge *merge_new(void)
{
	return calloc(1, sizeof(struct merge));
}

void merge_free(struct merge *merge)
{
	if (!merge)
		return;
	for (size_t i = 0; i < merge->nr; i++)
		free(merge->entries[i].event);
	free(merge->entries);
	free(merge->lent);
	free(merge);
}

static bool entry_is_older(const struct merge_entry *a, const struct merge_entry *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	return a->sequence < b->sequence;
}

static void entry_swap(struct merge_entry *a, struct merge_entry *b)
{
	struct merge_entry saved = *a;

	*a = *b;
	*b = saved;
}

static int merge_grow(struct merge *merge)
{
	size_t cap = merge->cap ? merge->cap * 2 : 1024;
	struct merge_entry *entries;

	if (merge->nr < merge->cap)
		return 0;
	entries = reallocarray(merge->entries, cap, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	merge->entries = entries;
	merge->cap = cap;
	return 0;
}

int merge_push(struct merge *merge, const struct ipct_event *event)
{
	struct ipct_event *copy;
	size_t at;

	if (merge_grow(merge))
		return -ENOMEM;
	copy = malloc(event->size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, event, event->size);
	if (event->time_ns < merge->popped_ns)
		merge->late++;
	merge->bytes += event->size;
	at = merge->nr++;
	merge->entries[at] = (struct merge_entry){ event->time_ns, merge->sequence++, copy };
	while (at && entry_is_older(&merge->entries[at], &merge->entries[(at - 1) / 2])) {
		entry_swap(&merge->entries[at], &merge->entries[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	return 0;
}

__u64 merge_oldest(const struct merge *merge)
{
	return merge->nr ? merge->entries[0].time_ns : UINT64_MAX;
}

static void merge_sink(struct merge *merge, size_t at)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= merge->nr)
			return;
		if (child + 1 < merge->nr &&
		    entry_is_older(&merge->entries[child + 1], &merge->entries[child]))
			child++;
		if (!entry_is_older(&merge->entries[child], &merge->entries[at]))
			return;
		entry_swap(&merge->entries[child], &merge->entries[at]);
		at = child;
	}
}

const struct ipct_event *merge_pop(struct merge *merge, __u64 watermark_ns)
{
	free(merge->lent);
	merge->lent = NULL;
	if (!merge->nr || merge->entries[0].time_ns > watermark_ns)
		return NULL;
	merge->lent = merge->entries[0].event;
	merge->bytes -= merge->lent->size;
	if (merge->entries[0].time_ns > merge->popped_ns)
		merge->popped_ns = merge->entries[0].time_ns;
	merge->entries[0] = merge->entries[--merge->nr];
	merge_sink(merge, 0);
	return merge->lent;
}

__u64 merge_bytes(const struct merge *merge)
{
	return merge->bytes + merge->nr * sizeof(*merge->entries);
}

size_t merge_records(const struct merge *merge)
{
	return merge->nr;
}

__u64 merge_late(const struct merge *merge)
{
	return merge->late;
}
