/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * transfer(): one successful or failed operation on a channel becomes a record, or, where the
 * ring has no room, a count at its endpoint. What a transfer means is written here once; it
 * does not know which hook saw it.
 */
#ifndef IPCTRACE_TRANSFER_BPF_H
#define IPCTRACE_TRANSFER_BPF_H

#include "describe.bpf.h"
#include "scope.bpf.h"
#include "scratch.bpf.h"

#define TRANSFER_SHORT_SIZE 96 /* without `address` */
#define RESULT_MAX 0x7fffffff  /* MAX_RW_COUNT is below */
#define ERRNO_MAX 4095

static __always_inline bool is_restart(__s64 ret)
{
	return ret <= -ERESTARTSYS && ret >= -ERESTART_RESTARTBLOCK;
}

static __always_inline bool stash_fits(const struct stash *stash, const struct call *call)
{
	return stash->is_valid && stash->nr == call->nr && stash->args[0] == call->args[0] &&
	       stash->args[1] == call->args[1] && stash->args[2] == call->args[2];
}

/* The object of descriptor `index` of the call; true if it was resolved when the task blocked. */
static __always_inline bool call_object(const struct task_state *state, const struct call *call,
					__u32 index, __s32 fd, struct object *ret)
{
	if (stash_fits(&state->stash, call)) {
		*ret = state->stash.objects[index & 1];
		return true;
	}
	object_of_current_fd(fd, ret);
	return false;
}

static __always_inline void aggregate_add(struct ipct_aggregate_value *value,
					  const struct ipct_transfer *t)
{
	__u64 moved = t->result > 0 ? t->result : 0;

	__sync_fetch_and_add(&value->operations, 1);
	if (t->result >= 0 && !(t->flags & IPCT_TRANSFER_END))
		__sync_fetch_and_add(&value->messages, 1);
	__sync_fetch_and_add(&value->bytes, moved);
	__sync_fetch_and_add(&value->copied, t->copied);
	__sync_fetch_and_add(&value->wait_ns, t->wait_ns);
	value->last_ns = t->event.time_ns;
	if (t->mechanism == IPCT_EVENTFD)
		__sync_fetch_and_add(&value->values, t->position);
}

/* Counts scratch->transfer. */
static __noinline int aggregate(struct scratch *scratch)
{
	const struct ipct_transfer *t = &scratch->transfer;
	struct ipct_aggregate_key *key = &scratch->key;
	struct ipct_aggregate_value *value;

	__builtin_memset(key, 0, sizeof(*key));
	key->start_ns = t->event.start_ns;
	key->key = t->key;
	key->peer = t->peer;
	key->pid = t->event.pid;
	key->error = t->result < 0 ? (__s32)t->result : 0;
	key->mechanism = t->mechanism;
	key->role = t->role;
	if (t->flags & IPCT_TRANSFER_ADDRESS)
		key->address = t->address;
	if (t->mechanism == IPCT_PTY)
		key->signal = !(t->flags & IPCT_TRANSFER_RAW);
	else if (t->mechanism == IPCT_SIGNAL)
		key->signal = t->position;
	value = aggregate_get(key, t->event.time_ns);
	if (value)
		aggregate_add(value, t);
	else
		count_loss(IPCT_LOSS_AGGREGATE_FULL);
	return 0;
}

static __always_inline void transfer_init(struct ipct_transfer *t, __s32 fd, __u8 role,
					  __s64 result)
{
	__builtin_memset(t, 0, sizeof(*t));
	t->fd = fd;
	t->role = role;
	t->result = result;
	t->copied = result > 0 ? result : 0;
}

static __always_inline bool transfer_output(struct ipct_transfer *t)
{
	if (t->flags & IPCT_TRANSFER_ADDRESS) {
		t->event.size = sizeof(*t);
		return data_output(t, sizeof(*t));
	}
	t->event.size = TRANSFER_SHORT_SIZE;
	return data_output(t, TRANSFER_SHORT_SIZE);
}

static __always_inline void transfer_position(const struct object *object, struct ipct_transfer *t)
{
	struct pipe_inode_info *pipe = (struct pipe_inode_info *)object->kernel;
	struct sock *sk = (struct sock *)object->kernel;
	bool is_send = t->role == IPCT_ROLE_SEND;
	bool is_empty = false;

	if (object->mechanism == IPCT_PIPE || object->mechanism == IPCT_FIFO) {
		t->position = is_send ? pipe_send_position(pipe) :
					pipe_receive_position(pipe, &is_empty);
		t->flags |= IPCT_TRANSFER_POSITION;
		if (is_send && (object->file_flags & FILE_FLAG_DIRECT))
			t->flags |= IPCT_TRANSFER_PACKET;
	} else if (object->mechanism == IPCT_TCP) {
		struct tcp_sock *tcp = (struct tcp_sock *)sk;
		__u32 copied = BPF_CORE_READ(tcp, copied_seq);

		t->position = is_send ? BPF_CORE_READ(tcp, write_seq) : copied;
		t->flags |= IPCT_TRANSFER_POSITION;
		is_empty = !is_send && copied == BPF_CORE_READ(tcp, rcv_nxt);
	} else if (object->mechanism == IPCT_PTY) {
		t->peer = (__u64)terminal_other_end(object);
		if (terminal_is_raw(object, is_send != terminal_is_master(object)))
			t->flags |= IPCT_TRANSFER_RAW;
	} else if (!is_send && ipct_is_socket(object->mechanism) &&
		   object->mechanism != IPCT_VSOCK) { /* whose queue its transport has */
		is_empty = !BPF_CORE_READ(sk, sk_receive_queue.qlen);
	}
	if (is_empty)
		t->flags |= IPCT_TRANSFER_EMPTY;
	else
		t->flags &= ~IPCT_TRANSFER_END; /* nothing was asked for */
}

__noinline int process_describe(__u64 address)
{
	struct ipct_process *record = control_reserve(sizeof(*record));
	struct task_struct *task = (struct task_struct *)address;

	if (!record)
		return 0;
	event_init(&record->event, IPCT_EVENT_PROCESS, sizeof(*record), task);
	BPF_CORE_READ_INTO(&record->comm, task, group_leader, comm);
	record->parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	record->parent_start_ns = BPF_CORE_READ(task, real_parent, group_leader, start_boottime);
	record->uid = BPF_CORE_READ(task, cred, uid.val);
	record->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	record->pid_namespace = BPF_CORE_READ(task, nsproxy, pid_ns_for_children, ns.inum);
	control_submit(record);
	return 0;
}

/* The current task does something in scope: if it is outside itself, who is it? Said once. */
static __always_inline void actor_describe(struct task_state *state)
{
	if (capture_config.is_system_wide || state->scope != TASK_OUTSIDE || state->is_described)
		return;
	state->is_described = 1;
	process_describe(bpf_get_current_task());
}

/*
 * Is what the current task does with the object to be recorded? Brings the object into the
 * scope, and describes it, and the process, at first sight. Once per call, before transfer().
 */
static __noinline int transfer_begin(const struct object *object, struct task_state *state,
				     __s32 fd, __u8 role, __u64 peer)
{
	struct ipct_key *last = &state->described[role & 1];
	struct ipct_key key = described_key(object);

	if (!object_in_scope(object, state, peer)) {
		count_filtered();
		return 0;
	}
	actor_describe(state);
	if (last->inode == key.inode && last->object == key.object)
		return 1;
	if (bpf_map_lookup_elem(&described, &key))
		*last = key;
	else
		object_describe(state, object, fd, IPCT_ORIGIN_TRANSFER);
	return 1;
}

/*
 * Records scratch->transfer: the current task moved `result` bytes through `object`, or failed
 * to. What returned 0 and may be an end of file (IPCT_TRANSFER_END) is one if the channel is empty,
 * and else nothing. The caller has set role, result, copied, fd, syscall, part, and what it knows
 * of flags, address, wait and peer.
 */
static __noinline int transfer(const struct object *object, struct scratch *scratch)
{
	struct ipct_transfer *t = &scratch->transfer;
	bool may_be_end;

	/* no call returns this; a length that was read from user memory may say anything */
	if (t->result > RESULT_MAX || t->result < -ERRNO_MAX) {
		count_unseen_loss(IPCT_LOSS_DECODE, 1);
		return 0;
	}
	t->key = object->key;
	t->mechanism = object->mechanism;
	may_be_end = t->flags & IPCT_TRANSFER_END;
	/* the time first: what is found empty later holds nothing that was sent until then */
	event_init_current(&t->event, IPCT_EVENT_TRANSFER, sizeof(*t));
	transfer_position(object, t);
	if (may_be_end && !(t->flags & IPCT_TRANSFER_END))
		return 0;
	if (CURRENT_READ(signal->nr_threads, signal, nr_threads) > 1)
		t->flags |= IPCT_TRANSFER_THREADED;
	count_seen();
	if (!transfer_output(t))
		aggregate(scratch);
	return 0;
}

#endif
