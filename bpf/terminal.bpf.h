/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pseudo-terminals: names, positions, what the line discipline does. */
#ifndef IPCTRACE_TERMINAL_BPF_H
#define IPCTRACE_TERMINAL_BPF_H

#include "path.bpf.h"

static __always_inline void terminal_fill(const struct object *object, struct file *file,
					  struct ipct_object *record)
{
	(void)object, (void)file, (void)record;
}

#endif
