/* SPDX-License-Identifier: GPL-2.0-only */
/* A queue of operations, kept in one array. */
#ifndef IPCTRACE_QUEUE_H
#define IPCTRACE_QUEUE_H

#include <stddef.h>

#include "model/stream_ledger.h"

struct queue {
	struct stream_operation *items;
	size_t head, nr, cap; /* items[head .. head + nr) */
};

/* Appends; 0 or -ENOMEM. */
int queue_push(struct queue *queue, const struct stream_operation *operation);
/* Inserts in front of index `at` (0 … nr); 0 or -ENOMEM. */
int queue_insert(struct queue *queue, size_t at, const struct stream_operation *operation);
/* Item `at`, borrowed until the next change. */
struct stream_operation *queue_at(struct queue *queue, size_t at);
void queue_drop_first(struct queue *queue);
void queue_fini(struct queue *queue);

#endif
