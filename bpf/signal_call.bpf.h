/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls that take signals: sigwaitinfo and its kin, reads of a signalfd. Who sent them is told by
 * signal_generate; these say when the process took them, and that it waited.
 */
#ifndef IPCTRACE_SIGNAL_CALL_BPF_H
#define IPCTRACE_SIGNAL_CALL_BPF_H

#include "syscall.bpf.h"
#include "transfer.bpf.h"

#define SIGNALFD_INFO_SIZE 128 /* of struct signalfd_siginfo, whose first word is the signal */
#define SIGNALFD_INFOS_MAX 16  /* of one read; what is beyond is counted as lost */
#define SIGNAL_LAST 64

/* The current process took the signal; `part`: the how manieth of this call. */
static __always_inline void signal_taken(const struct task_state *state, __u32 signal, __u32 part)
{
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	struct ipct_transfer *t;

	if (!scratch || !signal || signal > SIGNAL_LAST)
		return;
	t = &scratch->transfer;
	transfer_init(t, -1, IPCT_ROLE_RECEIVE, 0);
	event_init_current(&t->event, IPCT_EVENT_TRANSFER, sizeof(*t));
	t->mechanism = IPCT_SIGNAL;
	t->key.inode = t->event.pid;
	t->key.object = t->event.start_ns;
	t->position = signal;
	t->flags = IPCT_TRANSFER_POSITION;
	t->syscall = state->call.nr;
	t->part = part;
	if (!part)
		t->wait_ns = state->wait_ns;
	count_seen();
	if (!transfer_output(t))
		aggregate(scratch);
}

/* state->call read a signalfd. Global: the verifier walks it once. */
__noinline int signalfd_read(void)
{
	struct task_state *state = task_state_get(current_task());
	const struct call *call;
	__u64 address;
	__u32 nr;

	if (!state || !task_is_inside(state) || !mechanism_is_wanted(IPCT_SIGNAL))
		return 0;
	call = &state->call;
	if (call->shape != SHAPE_READ) { /* several vectors: rare enough */
		count_unseen_loss(IPCT_LOSS_DECODE, 1);
		return 0;
	}
	address = call->args[1];
	nr = (__u64)call->ret / SIGNALFD_INFO_SIZE;
	for (__u32 i = 0; i < SIGNALFD_INFOS_MAX; i++) {
		__u32 signal = 0;

		if (i >= nr)
			return 0;
		bpf_probe_read_user(&signal, sizeof(signal),
				    (void *)(address + i * SIGNALFD_INFO_SIZE));
		signal_taken(state, signal, i);
	}
	if (nr > SIGNALFD_INFOS_MAX)
		count_unseen_loss(IPCT_LOSS_DECODE, nr - SIGNALFD_INFOS_MAX);
	return 0;
}

/* Takes state->call. Global: the verifier walks it once. */
__noinline int signal_call(void)
{
	struct task_state *state = task_state_get(current_task());

	if (!state || state->call.ret <= 0 || !task_is_inside(state) ||
	    !mechanism_is_wanted(IPCT_SIGNAL))
		return 0;
	signal_taken(state, state->call.ret, 0);
	return 0;
}

#endif
