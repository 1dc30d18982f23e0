/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Shared memory: identity, names and sizes of what is mapped. */
#ifndef IPCTRACE_MEMORY_BPF_H
#define IPCTRACE_MEMORY_BPF_H

#include "ipc.bpf.h"

static __always_inline void memory_fill(const struct object *object, struct file *file,
					struct ipct_object *record)
{
	(void)object, (void)file, (void)record;
}

#endif
