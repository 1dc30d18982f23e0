/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that throw away what waits in a terminal: its bytes are received by nobody. */
#ifndef IPCTRACE_TERMINAL_CALL_BPF_H
#define IPCTRACE_TERMINAL_CALL_BPF_H

#include "transfer.bpf.h"

/* Takes state->call. Global: the verifier walks it once. */
__noinline int terminal_call(void)
{
	struct task_state *state = task_state_get(current_task());
	struct object object;
	__s32 fd;

	if (!state || state->call.ret < 0)
		return 0;
	fd = state->call.args[0];
	object_of_current_fd(fd, &object);
	if (object.mechanism != IPCT_PTY || !mechanism_is_wanted(IPCT_PTY) ||
	    !object_in_scope(&object, state, 0))
		return 0;
	object_describe(state, &object, fd, IPCT_ORIGIN_FLUSH);
	return 0;
}

#endif
