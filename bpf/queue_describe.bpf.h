/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A queue comes into sight: what waits in it was sent before anything of it is recorded. Where
 * the first call that is seen moves a message itself, the level is that before the call.
 */
#ifndef IPCTRACE_QUEUE_DESCRIBE_BPF_H
#define IPCTRACE_QUEUE_DESCRIBE_BPF_H

#include "queue.bpf.h"
#include "syscall.bpf.h"

#define QUEUE_RUNS 64 /* that a description has, at most */

/* What the present call did to the level. */
struct queue_change {
	__u64 type;
	__u64 bytes;
	__s32 messages; /* 1: it took one out, -1: put one in, 0: nothing */
};

static __always_inline __u64 queue_user_type(const struct call *call, bool *ret_is_read)
{
	__s32 type = 0;
	__u64 long_type = 0;

	if (call->is_ia32) {
		*ret_is_read = !bpf_probe_read_user(&type, sizeof(type), (void *)call->args[1]);
		return type;
	}
	*ret_is_read = !bpf_probe_read_user(&long_type, sizeof(long_type), (void *)call->args[1]);
	return long_type;
}

static __always_inline bool queue_last_sender_is_current(struct msg_queue *queue)
{
	struct pid *sender = BPF_CORE_READ(queue, q_lspid);

	return sender == BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), signal,
				       pids[1]); /* PIDTYPE_TGID */
}

/*
 * The message that the present call sent: the last one of the queue, unless somebody took it.
 * False: another process sent too, and it may be anywhere.
 */
static __always_inline bool queue_change_of_send(struct msg_queue *queue, const struct call *call,
						 struct queue_change *ret)
{
	struct msg_msg *last = (struct msg_msg *)BPF_CORE_READ(queue, q_messages.prev);
	bool is_read;

	if (!queue_last_sender_is_current(queue))
		return false;
	ret->type = queue_user_type(call, &is_read);
	ret->bytes = call->args[2];
	if (!is_read)
		return false;
	if (!BPF_CORE_READ(queue, q_qnum) || (__u64)BPF_CORE_READ(last, m_type) != ret->type ||
	    BPF_CORE_READ(last, m_ts) != ret->bytes)
		return true;
	ret->messages = -1;
	return true;
}

/* False: nobody can tell. Only SysV queues are met by a call that moves something. */
static __always_inline bool queue_change_find(const struct object *object, const struct call *call,
					      __u8 origin, struct queue_change *ret)
{
	bool is_read = true;

	if (origin != IPCT_ORIGIN_TRANSFER)
		return true;
	if (!object->kernel || object->mechanism != IPCT_SYSV_MSG)
		return false;
	if (call->ret < 0)
		return true;
	if (call->shape == SHAPE_MSGSND)
		return queue_change_of_send((struct msg_queue *)object->kernel, call, ret);
	if (call->shape != SHAPE_MSGRCV)
		return false;
	ret->type = queue_user_type(call, &is_read);
	ret->bytes = call->ret;
	ret->messages = 1;
	return is_read;
}

/* The next run of state->walk; 0: there is none. Global: the verifier walks its loop once. */
__noinline int queue_next_run(void)
{
	struct task_state *state = task_state_get(current_task());

	return state ? queue_walk_run(&state->walk) : 0;
}

/* state->walk's run of state->object as a record. Global for the same reason. */
__noinline int queue_report_run(__u64 time_ns, __u32 origin)
{
	struct task_state *state = task_state_get(current_task());
	struct ipct_object *record;

	if (!state)
		return 0;
	record = control_reserve(QUEUE_RECORD_SHORT_SIZE);
	if (!record)
		return 0;
	event_init_current(&record->event, IPCT_EVENT_OBJECT, QUEUE_RECORD_SHORT_SIZE);
	record->event.time_ns = time_ns;
	queue_fill_run(&state->object, &state->walk, origin, record);
	control_submit(record);
	return 0;
}

static __always_inline void queue_report_runs(struct task_state *state, const struct object *object,
					      __u8 origin, __u64 time_ns,
					      struct queue_change *change)
{
	struct queue_walk *walk = &state->walk;

	if (change->messages > 0) {
		walk->type = change->type;
		walk->bytes = change->bytes;
		walk->messages = 1;
		queue_report_run(time_ns, origin);
	}
	queue_walk_begin(walk, object);
	for (int i = 0; i < QUEUE_RUNS; i++) {
		if (!queue_next_run())
			return;
		if (change->messages < 0 && walk->type == change->type &&
		    walk->bytes == walk->messages * change->bytes) {
			walk->messages--;
			walk->bytes -= change->bytes;
			change->messages = 0;
		}
		queue_report_run(time_ns, origin);
	}
}

/* Describes state->object; 0: there was no room for it. */
__noinline int queue_describe(__s32 fd, __u32 origin)
{
	struct task_state *state = task_state_get(current_task());
	struct queue_change change = {};
	const struct object *object;
	struct ipct_object *record;
	__u64 time_ns;
	bool is_known;

	if (!state)
		return 0;
	object = &state->object;
	is_known = queue_change_find(object, &state->call, origin, &change);
	record = control_reserve(sizeof(*record));
	if (!record)
		return 0;
	event_init_current(&record->event, IPCT_EVENT_OBJECT, sizeof(*record));
	time_ns = record->event.time_ns;
	record->key = object->key;
	record->mechanism = object->mechanism;
	record->origin = origin;
	queue_fill(object, task_file((struct task_struct *)bpf_get_current_task(), fd), record);
	record->queued_messages += change.messages;
	record->queued_bytes += change.messages * change.bytes;
	is_known = is_known && object->kernel;
	if (!is_known)
		record->queued_bytes = IPCT_LEVEL_UNKNOWN;
	control_submit(record);
	if (is_known)
		queue_report_runs(state, object, origin, time_ns, &change);
	return 1;
}

#endif
