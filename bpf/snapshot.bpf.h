/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the iterators share: their orders, room for a record, queues. */
#ifndef IPCTRACE_SNAPSHOT_BPF_H
#define IPCTRACE_SNAPSHOT_BPF_H

#include "queue.bpf.h"

/* Set by user space before each run; in snapshot.bpf.c. */
extern __u8 snapshot_origin; /* enum ipct_origin: START or END */
extern __u8 snapshot_mode;   /* enum ipct_snapshot_mode */

/* Records with names are too long for the stack; only the recorder runs the iterators. */
struct scratch {
	union {
		struct ipct_pipe pipe;
		struct ipct_socket socket;
		struct ipct_object object;
		struct ipct_standing standing;
	};
	struct queue_walk walk;
	/* spaces.bpf.c: the object that is walked, its table and the index to go on with */
	struct object sysv;
	__u64 begun_ns; /* with the namespace */
	__u32 index;
	__u8 table;  /* enum ipc_ids_index */
	__u8 is_new; /* just described */
	__u8 has_runs;
};

static __always_inline void scratch_queue(struct scratch *scratch, const struct object *object,
					  struct file *file)
{
	struct ipct_object *record = &scratch->object;

	event_init(&record->event, IPCT_EVENT_OBJECT, sizeof(*record),
		   (struct task_struct *)bpf_get_current_task());
	record->key = object->key;
	record->mechanism = object->mechanism;
	record->origin = snapshot_origin;
	queue_fill(object, file, record);
}

/* The scratch holds the description of a queue; true if runs of messages are to follow. */
static __always_inline bool scratch_begin_runs(struct scratch *scratch, const struct object *object)
{
	struct ipct_object *record = &scratch->object;

	if (snapshot_origin != IPCT_ORIGIN_START || !record->queued_messages)
		return false;
	record->event.size = QUEUE_RECORD_SHORT_SIZE;
	record->name_len = 0;
	queue_walk_begin(&scratch->walk, object);
	return true;
}

#endif
