/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Merge of the rings' records by time. Within a ring records are almost in order, between
 * rings not at all: a record may be popped once no ring can bring an older one, which is what
 * the caller's watermark says.
 */
#ifndef IPCTRACE_MERGE_H
#define IPCTRACE_MERGE_H

#include <stddef.h>

#include <linux/types.h>

#include <ipctrace/event.h>

struct merge;

/* Owned by the caller; NULL without memory. */
struct merge *merge_new(void);
void merge_free(struct merge *merge);

/* Copies the record in. 0 or -ENOMEM. */
int merge_push(struct merge *merge, const struct ipct_event *event);

/* Time of the oldest record, or UINT64_MAX when there is none. */
__u64 merge_oldest(const struct merge *merge);

/*
 * The oldest record if it is not younger than `watermark_ns`, else NULL. Borrowed until the
 * next call of merge_pop() or merge_free(). Records of equal time leave in the order they came.
 */
const struct ipct_event *merge_pop(struct merge *merge, __u64 watermark_ns);

/* Bytes that the records in it take, about, and how many they are. */
__u64 merge_bytes(const struct merge *merge);
size_t merge_records(const struct merge *merge);

/* Records that were pushed after a younger one had been popped. */
__u64 merge_late(const struct merge *merge);

#endif
