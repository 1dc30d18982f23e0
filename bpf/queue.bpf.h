/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Message queues, POSIX and SysV: names and what waits in them. */
#ifndef IPCTRACE_QUEUE_BPF_H
#define IPCTRACE_QUEUE_BPF_H

#include "ipc.bpf.h"

static __always_inline void queue_fill(const struct object *object, struct file *file,
				       struct ipct_object *record)
{
	(void)object, (void)file, (void)record;
}

#endif
