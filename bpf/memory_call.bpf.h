/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that map shared memory, or unmap it. */
#ifndef IPCTRACE_MEMORY_CALL_BPF_H
#define IPCTRACE_MEMORY_CALL_BPF_H

#include "transfer.bpf.h"

/* Takes state->call. Global: the verifier walks it once. */
__noinline int memory_call(void)
{
	struct task_state *state = task_state_get(current_task());

	if (!state)
		return 0;
	return 0;
}

#endif
