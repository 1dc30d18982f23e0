/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls on POSIX message queues, which have descriptors: a part of core.bpf.c. */
#ifndef IPCTRACE_QUEUE_MOVE_BPF_H
#define IPCTRACE_QUEUE_MOVE_BPF_H

/* mq_timedsend returns 0, and what it sent is in its arguments. */
static __always_inline void fill_posix_mq(const struct call *call, struct ipct_transfer *t)
{
	__u32 priority = call->args[3];

	if (t->result < 0)
		return;
	if (call->shape == SHAPE_MQ_SEND)
		t->result = t->copied = call->args[2];
	else if (!call->args[3] ||
		 bpf_probe_read_user(&priority, sizeof(priority), (void *)call->args[3]))
		return;
	t->position = priority;
	t->flags |= IPCT_TRANSFER_POSITION;
}

/* The message of mq_timedsend or mq_timedreceive in state->call. Global: walked once. */
__noinline int move_posix_mq(void)
{
	struct task_state *state = task_state_get(current_task());
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	const struct call *call;
	struct ipct_transfer *t;
	struct object object;
	bool is_stashed;
	__u8 role;

	if (!state || !scratch)
		return 0;
	call = &state->call;
	t = &scratch->transfer;
	role = call->shape == SHAPE_MQ_SEND ? IPCT_ROLE_SEND : IPCT_ROLE_RECEIVE;
	is_stashed = call_object(state, call, 0, call->args[0], &object);
	if (object.is_closed && call->ret >= 0 && task_has_threads())
		report_unresolved(state, call, call->args[0], role);
	if (object.mechanism != IPCT_POSIX_MQ || !mechanism_is_wanted(IPCT_POSIX_MQ) ||
	    !transfer_begin(&object, state, call->args[0], role, 0))
		return 0;
	transfer_init(t, call->args[0], role, call->ret);
	if (is_stashed)
		t->flags |= IPCT_TRANSFER_STASHED;
	fill_posix_mq(call, t);
	t->wait_ns = state->wait_ns;
	t->syscall = call->nr;
	transfer(&object, scratch);
	return 0;
}

#endif
