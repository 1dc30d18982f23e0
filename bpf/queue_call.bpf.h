/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls on SysV message queues. */
#ifndef IPCTRACE_QUEUE_CALL_BPF_H
#define IPCTRACE_QUEUE_CALL_BPF_H

#include "ipc.bpf.h"
#include "transfer.bpf.h"

#define MESSAGE_COPY 040000    /* MSG_COPY: takes nothing out of the queue */
#define MESSAGE_NOERROR 010000 /* MSG_NOERROR: cuts off what there is no room for */
#define ERROR_INVALID 22

static __always_inline bool queue_call_moves_nothing(const struct call *call)
{
	if (call->ret <= -ERESTARTSYS && call->ret >= -ERESTART_RESTARTBLOCK)
		return true;
	return call->shape == SHAPE_MSGRCV && (call->args[4] & MESSAGE_COPY);
}

static __always_inline void queue_move(struct task_state *state, const struct call *call)
{
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	bool is_send = call->shape == SHAPE_MSGSND;
	__u8 role = is_send ? IPCT_ROLE_SEND : IPCT_ROLE_RECEIVE;
	struct ipct_transfer *t;
	struct object object;
	bool is_read;

	if (!scratch)
		return;
	t = &scratch->transfer;

	object_of_ipc(IPC_IDS_MSG, call->args[0], &object);
	/* an id that never was is no queue; of one that is gone the key is good */
	if (!mechanism_is_wanted(object.mechanism) ||
	    (!object.kernel && call->ret == -ERROR_INVALID))
		return;
	if (!transfer_begin(&object, state, -1, role, 0))
		return;
	transfer_init(t, -1, role, is_send && !call->ret ? call->args[2] : call->ret);
	t->flags = IPCT_TRANSFER_STASHED;
	t->wait_ns = state->wait_ns;
	t->syscall = call->nr;
	if (t->result >= 0) {
		t->position = queue_user_type(call, &is_read);
		if (is_read)
			t->flags |= IPCT_TRANSFER_POSITION;
		if (!is_send && (call->args[4] & MESSAGE_NOERROR) && t->result == call->args[2])
			t->flags |= IPCT_TRANSFER_CUT;
	}
	transfer(&object, scratch);
}

static __always_inline bool queue_is_untouched(const struct object *object)
{
	struct msg_queue *queue = (struct msg_queue *)object->kernel;

	return queue && !BPF_CORE_READ(queue, q_lspid) && !BPF_CORE_READ(queue, q_lrpid);
}

/* Whoever gets a queue by its key is going to use it. */
static __always_inline void queue_get(struct task_state *state, const struct call *call)
{
	struct object object;
	struct ipct_key key;

	if (call->ret < 0)
		return;
	object_of_ipc(IPC_IDS_MSG, call->ret, &object);
	if (!mechanism_is_wanted(object.mechanism) || !object_in_scope(&object, state, 0))
		return;
	key = described_key(&object);
	if (!bpf_map_lookup_elem(&described, &key))
		object_describe(state, &object, -1,
				ipc_is_made(call->args[0], call->args[1],
					    queue_is_untouched(&object)) ?
					IPCT_ORIGIN_CREATE :
					IPCT_ORIGIN_OPEN);
}

/* Takes state->call. Global: the verifier walks it once. */
__noinline int queue_call(void)
{
	struct task_state *state = task_state_get(current_task());
	const struct call *call;

	if (!state)
		return 0;
	call = &state->call;
	if (call->shape == SHAPE_MSGGET)
		queue_get(state, call);
	else if (call->shape != SHAPE_MSGCTL && !queue_call_moves_nothing(call))
		queue_move(state, call);
	return 0;
}

#endif
