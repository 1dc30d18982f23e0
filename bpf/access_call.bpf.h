/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that touch another process: its memory, its control, its descriptors. */
#ifndef IPCTRACE_ACCESS_CALL_BPF_H
#define IPCTRACE_ACCESS_CALL_BPF_H

#include "pass.bpf.h"

#define PTRACE_TRACEME 0
#define PTRACE_PEEK_FIRST 1
#define PTRACE_PEEK_LAST 3
#define PTRACE_POKE_LAST 6

/* Counts scratch->access. */
static __always_inline void access_aggregate(struct scratch *scratch)
{
	const struct ipct_access *record = &scratch->access;
	struct ipct_aggregate_key *key = &scratch->key;
	struct ipct_aggregate_value *value;

	__builtin_memset(key, 0, sizeof(*key));
	key->start_ns = record->event.start_ns;
	key->key.inode = record->target_pid;
	key->key.object = record->target_start_ns;
	key->pid = record->event.pid;
	key->mechanism = IPCT_PROCESS_VM;
	key->role = record->kind == IPCT_ACCESS_READ ? IPCT_ROLE_RECEIVE : IPCT_ROLE_SEND;
	value = aggregate_get(key, record->event.time_ns);
	if (!value) {
		count_loss(IPCT_LOSS_AGGREGATE_FULL);
		return;
	}
	__sync_fetch_and_add(&value->operations, 1);
	__sync_fetch_and_add(&value->messages, 1);
	__sync_fetch_and_add(&value->bytes, record->bytes);
	__sync_fetch_and_add(&value->copied, record->bytes);
	value->last_ns = record->event.time_ns;
}

/* A target outside the tree, which no other hook describes. Said once. */
static __always_inline void target_describe(struct task_struct *target,
					    const struct ipct_access *record)
{
	struct ipct_key key = { record->target_pid, record->target_start_ns };
	__u8 one = 1;

	if (bpf_map_lookup_elem(&described, &key))
		return;
	process_describe((__u64)target);
	bpf_map_update_elem(&described, &key, &one, BPF_ANY);
}

/*
 * The current task did this to the task `address`, 0: to somebody who is gone by now. Global:
 * the verifier walks it once.
 */
__noinline int access_report(__u64 address, __u64 bytes, __u32 kind, __u32 request)
{
	struct task_state *state = task_state_get(current_task());
	struct task_struct *target = (struct task_struct *)address;
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	bool has_root = !capture_config.is_system_wide && target && task_has_root(target);
	struct ipct_access *record;

	if (!state || !scratch || state->scope == TASK_PENDING ||
	    (!task_is_inside(state) && !has_root))
		return 0;
	record = &scratch->access;
	__builtin_memset(record, 0, sizeof(*record));
	record->kind = kind;
	record->bytes = bytes;
	record->request = request;
	if (target) {
		record->target_pid = BPF_CORE_READ(target, tgid);
		record->target_start_ns = BPF_CORE_READ(target, group_leader, start_boottime);
	}
	if (record->target_pid == capture_config.self_pid)
		return 0;
	actor_describe(state);
	if (target && !capture_config.is_system_wide && !has_root)
		target_describe(target, record);
	event_init_current(&record->event, IPCT_EVENT_ACCESS, sizeof(*record));
	count_seen();
	if (!data_output(record, sizeof(*record)))
		access_aggregate(scratch);
	return 0;
}

static __always_inline void memory_moved(struct task_state *state, struct pid *pid, __u8 kind)
{
	access_report((__u64)task_of_pid(pid), state->call.ret, kind, 0);
}

/* The raw call to peek stores the word and returns 0. */
static __always_inline void ptrace_done(struct task_state *state)
{
	__u32 request = state->call.args[0];
	__u8 kind = IPCT_ACCESS_CONTROL;
	struct task_struct *target;
	__u64 bytes = 0;

	if (request == PTRACE_TRACEME) {
		target = (struct task_struct *)bpf_get_current_task();
		target = BPF_CORE_READ(target, real_parent);
	} else {
		target = task_of_pid(pid_of_number(state->call.args[1]));
	}
	if (request >= PTRACE_PEEK_FIRST && request <= PTRACE_POKE_LAST) {
		kind = request <= PTRACE_PEEK_LAST ? IPCT_ACCESS_READ : IPCT_ACCESS_WRITE;
		bytes = state->call.is_ia32 ? 4 : 8;
	}
	access_report((__u64)target, bytes, kind, request);
}

/* Takes state->call. Global: the verifier walks it once. */
__noinline int access_call(void)
{
	struct task_state *state = task_state_get(current_task());

	if (!state || state->call.ret < 0)
		return 0;
	if (state->call.shape == SHAPE_PIDFD_GETFD) {
		pass_taken(state);
		return 0;
	}
	if (!mechanism_is_wanted(IPCT_PROCESS_VM))
		return 0;
	if (state->call.shape == SHAPE_PTRACE)
		ptrace_done(state);
	else if (state->call.ret)
		memory_moved(state, pid_of_number(state->call.args[0]),
			     state->call.shape == SHAPE_VM_READ ? IPCT_ACCESS_READ :
								  IPCT_ACCESS_WRITE);
	return 0;
}

/* state->call read or wrote /proc/PID/mem, whose struct pid state->object names. */
__noinline int access_file(__u32 role)
{
	struct task_state *state = task_state_get(current_task());

	if (!state || state->call.ret <= 0)
		return 0;
	memory_moved(state, (struct pid *)state->object.kernel,
		     role == IPCT_ROLE_RECEIVE ? IPCT_ACCESS_READ : IPCT_ACCESS_WRITE);
	return 0;
}

/* /proc/PID/mem: no transfer. */
static __always_inline void move_memory(struct task_state *state, const struct call *call,
					const struct object *object, __u8 role)
{
	state->call = *call;
	state->object = *object;
	access_file(role);
}

#endif
