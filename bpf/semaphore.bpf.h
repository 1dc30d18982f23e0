/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Semaphore sets, futex words, locked files: identity and names. */
#ifndef IPCTRACE_SEMAPHORE_BPF_H
#define IPCTRACE_SEMAPHORE_BPF_H

#include "ipc.bpf.h"

static __always_inline void semaphore_fill(const struct object *object, struct file *file,
					   struct ipct_object *record)
{
	(void)object, (void)file, (void)record;
}

#endif
