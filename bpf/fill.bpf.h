/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Descriptions of what is neither a pipe nor a socket, for the hooks and for the snapshot: no
 * global functions here, which two objects of one skeleton cannot both have.
 */
#ifndef IPCTRACE_FILL_BPF_H
#define IPCTRACE_FILL_BPF_H

#include "eventfd.bpf.h"
#include "memory.bpf.h"
#include "queue.bpf.h"
#include "semaphore.bpf.h"
#include "terminal.bpf.h"

/* All but the head. `file` gives it a name where it has one; may be NULL. */
static __always_inline void object_fill(const struct object *object, struct file *file, __u8 origin,
					struct ipct_object *record)
{
	record->key = object->key;
	record->mechanism = object->mechanism;
	record->origin = origin;
	record->queued_bytes = IPCT_LEVEL_UNKNOWN;
	switch (object->mechanism) {
	case IPCT_POSIX_MQ:
	case IPCT_SYSV_MSG:
		queue_fill(object, file, record);
		return;
	case IPCT_SYSV_SEM:
	case IPCT_FUTEX:
	case IPCT_FILE_LOCK:
		semaphore_fill(object, file, record);
		return;
	case IPCT_SYSV_SHM:
	case IPCT_POSIX_SHM:
	case IPCT_MEMFD:
	case IPCT_SHARED_MAPPING:
		memory_fill(object, file, record);
		return;
	case IPCT_PTY:
		terminal_fill(object, record);
		return;
	case IPCT_EVENTFD:
		eventfd_fill(object, record);
		return;
	}
}

#endif
