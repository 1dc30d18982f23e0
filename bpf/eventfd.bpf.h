/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* eventfd: the value of a write or read, and what the counter holds. */
#ifndef IPCTRACE_EVENTFD_BPF_H
#define IPCTRACE_EVENTFD_BPF_H

#include "message.bpf.h"
#include "object.bpf.h"

#define EVENTFD_SEMAPHORE 1 /* EFD_SEMAPHORE */

static __always_inline void eventfd_fill(const struct object *object, struct ipct_object *record)
{
	struct eventfd_ctx *context = (struct eventfd_ctx *)object->kernel;

	record->id = object->key.inode;
	record->queued_bytes = BPF_CORE_READ(context, count);
}

static __always_inline bool eventfd_is_semaphore(const struct object *object)
{
	struct eventfd_ctx *context = (struct eventfd_ctx *)object->kernel;

	return BPF_CORE_READ(context, flags) & EVENTFD_SEMAPHORE;
}

/* What the call wrote or read: 8 bytes of user memory, of the first vector that is not empty. */
static __always_inline bool eventfd_value(const struct call *call, bool is_vector, __u64 *ret)
{
	__u64 address = call->args[1];
	__u64 word = call->is_ia32 ? 4 : 8;

	if (is_vector && !user_word(address + word, call->is_ia32))
		address += 2 * word;
	if (is_vector)
		address = user_word(address, call->is_ia32);
	return !bpf_probe_read_user(ret, sizeof(*ret), (void *)address);
}

#endif
