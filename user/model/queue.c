/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more item behind the last. */
static int queue_make_room(struct queue *queue)
{
	struct stream_operation *items;
	size_t cap;

	if (queue->head + queue->nr < queue->cap)
		return 0;
	if (queue->head > queue->cap / 2) {
		memmove(queue->items, queue->items + queue->head,
			queue->nr * sizeof(*queue->items));
		queue->head = 0;
		return 0;
	}
	cap = queue->cap ? queue->cap * 2 : 8;
	items = reallocarray(queue->items, cap, sizeof(*items));
	if (!items)
		return -ENOMEM;
	queue->items = items;
	queue->cap = cap;
	return 0;
}

int queue_insert(struct queue *queue, size_t at, const struct stream_operation *operation)
{
	struct stream_operation *place;

	if (queue_make_room(queue))
		return -ENOMEM;
	place = queue->items + queue->head + at;
	memmove(place + 1, place, (queue->nr - at) * sizeof(*place));
	*place = *operation;
	queue->nr++;
	return 0;
}

int queue_push(struct queue *queue, const struct stream_operation *operation)
{
	return queue_insert(queue, queue->nr, operation);
}

struct stream_operation *queue_at(struct queue *queue, size_t at)
{
	return &queue->items[queue->head + at];
}

void queue_drop_first(struct queue *queue)
{
	queue->head++;
	queue->nr--;
	if (!queue->nr)
		queue->head = 0;
}

void queue_fini(struct queue *queue)
{
	free(queue->items);
	*queue = (struct queue){};
}
