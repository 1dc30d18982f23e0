/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Descriptors that go from process to process: SCM_RIGHTS over unix sockets, pidfd_getfd(). */
#ifndef IPCTRACE_PASS_BPF_H
#define IPCTRACE_PASS_BPF_H

#include "message.bpf.h"
#include "syscall.bpf.h"
#include "task.bpf.h"
#include "transfer.bpf.h"

#define MAGIC_PIDFS                                                                                \
	0x50494446   /* pidfds have a file system of their own since 6.9 (cb12fd8e0dab)            \
		      */
#define PASS_MAX 253 /* SCM_MAX_FD */

/* What the current task got as `fd`; a channel joins the scope, and is described. */
static __always_inline void passed_read(struct task_state *state, __s32 fd, struct ipct_pass *pass)
{
	struct object passed;
	struct ipct_key key;

	object_of_current_fd(fd, &passed);
	if (!passed.mechanism || passed.mechanism == IPCT_PROCESS_VM)
		return;
	pass->passed_mechanism = passed.mechanism;
	pass->passed = passed.key;
	if (!mechanism_is_wanted(passed.mechanism))
		return;
	key = described_key(&passed);
	if (object_in_scope(&passed, state, 0) && !bpf_map_lookup_elem(&described, &key))
		object_describe(state, &passed, fd, IPCT_ORIGIN_TRANSFER);
}

static __always_inline void pass_output(const struct ipct_pass *pass)
{
	struct ipct_pass *record = control_reserve_raw(sizeof(*record));

	if (!record)
		return;
	*record = *pass;
	event_init_current(&record->event, IPCT_EVENT_PASS, sizeof(*record));
	control_submit(record);
}

static __always_inline void pass_init(const struct object *carrier, __u8 kind, __u16 count,
				      __u16 index, struct ipct_pass *pass)
{
	__builtin_memset(pass, 0, sizeof(*pass));
	pass->key = carrier->key;
	pass->mechanism = carrier->mechanism;
	pass->kind = kind;
	pass->count = count;
	pass->index = index;
}

/* Descriptor `index` of a message, which state->call received through scratch->carrier. */
__noinline int pass_receive(__u32 index, __u32 count, __s32 fd, __u64 peer)
{
	struct task_state *state = task_state_get(current_task());
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	struct ipct_pass *pass;

	if (!state || !scratch)
		return 0;
	pass = &scratch->pass;
	pass_init(&scratch->carrier, IPCT_PASS_RECEIVE, count, index, pass);
	pass->peer = peer;
	passed_read(state, fd, pass);
	pass_output(pass);
	return 0;
}

static __always_inline bool call_has_parts(const struct call *call)
{
	return call->shape == SHAPE_SENDMMSG || call->shape == SHAPE_RECVMMSG;
}

static __always_inline bool call_has_controls(const struct call *call)
{
	return call_has_parts(call) || call->shape == SHAPE_SENDMSG || call->shape == SHAPE_RECVMSG;
}

static __always_inline __u64 call_message(const struct call *call, __u32 part)
{
	if (call_has_parts(call))
		return message_element(call->args[1], part, call->is_ia32);
	return call->args[1];
}

static __always_inline bool call_peeks(const struct call *call)
{
	if (call->shape == SHAPE_RECVFROM || call->shape == SHAPE_RECVMMSG)
		return flags_move_nothing(call->args[3]);
	if (call->shape == SHAPE_RECVMSG)
		return flags_move_nothing(call->args[2]);
	return false;
}

/* The unix socket of state->call, into scratch->carrier; false: it is none, or out of scope. */
static __noinline int carrier_read(struct task_state *state, struct scratch *scratch)
{
	__u64 peer = state->peers_nr ? state->peers[0] : 0;
	struct object *carrier = &scratch->carrier;

	call_object(state, &state->call, 0, state->call.args[0], carrier);
	if (!mechanism_is_unix(carrier->mechanism) || !object_in_scope(carrier, state, peer))
		return 0;
	actor_describe(state);
	return 1;
}

/* Message `part` was sent: with descriptors? Of a stream, they go with its first byte. */
static __noinline int pass_sent(const struct task_state *state, const struct object *carrier,
				__u32 part, __u32 nr)
{
	__s64 bytes = state->call.ret;
	struct ipct_pass pass;

	if (call_has_parts(&state->call))
		bytes = message_element_len(call_message(&state->call, part), state->call.is_ia32);
	if (!bytes && carrier->mechanism == IPCT_UNIX_STREAM)
		return 0;
	pass_init(carrier, IPCT_PASS_SEND, nr, 0, &pass);
	pass_output(&pass);
	return 0;
}

/* The caller made no room for what is behind the first `index` of the message's descriptors. */
static __noinline int pass_dropped(const struct object *carrier, __u32 count, __u32 index,
				   __u64 peer)
{
	struct ipct_pass pass;

	pass_init(carrier, IPCT_PASS_DROP, count, index, &pass);
	pass.peer = peer;
	pass_output(&pass);
	return 0;
}

/*
 * Message `part` was received. The hook inside the call has counted its descriptors; those that
 * the caller made room for are in its control data.
 */
static __always_inline void pass_received(struct task_state *state, const struct object *carrier,
					  __u32 part, const struct message_rights *rights)
{
	__u32 index = part & (TASK_PEERS - 1);
	__u32 count = state->passed;
	__u64 peer = state->peers[0];
	__s32 fd = -1;

	if (state->call.shape == SHAPE_RECVMMSG) {
		bool is_noted = part < TASK_PEERS && state->peers_nr == state->call.ret;

		count = is_noted ? state->passes[index] : rights->nr;
		peer = is_noted ? state->peers[index] : 0;
	}
	for (__u32 i = 0; i < PASS_MAX; i++) {
		if (i >= count || i >= rights->nr)
			break;
		bpf_probe_read_user(&fd, sizeof(fd), (void *)(rights->fds + i * sizeof(fd)));
		pass_receive(i, count, fd, peer);
	}
	if (rights->nr < count)
		pass_dropped(carrier, count, rights->nr, peer);
}

/* Message `part` of state->call. Global: the verifier walks it once. */
__noinline int pass_message(__u32 part, __u32 role)
{
	struct task_state *state = task_state_get(current_task());
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	struct message_rights rights = {};

	if (!state || !scratch)
		return 0;
	if (call_has_controls(&state->call))
		message_read_rights(call_message(&state->call, part), state->call.is_ia32, &rights);
	if (role == IPCT_ROLE_RECEIVE) {
		if (carrier_read(state, scratch))
			pass_received(state, &scratch->carrier, part, &rights);
	} else if (rights.nr && carrier_read(state, scratch)) {
		pass_sent(state, &scratch->carrier, part, rights.nr);
	}
	return 0;
}

/*
 * Looks for descriptors in the messages of a call that moved some. On its own, not from within
 * what records the transfer: the verifier would walk that several times.
 */
static __always_inline void call_passes(struct task_state *state, const struct call *call)
{
	__u32 nr = call_has_parts(call) ? call->ret : 1;
	bool is_send = call->shape == SHAPE_SENDMSG || call->shape == SHAPE_SENDMMSG;

	if (call->ret < 0 || !mechanism_is_wanted(IPCT_FD_PASS) || call_peeks(call) ||
	    !(is_send || state->passes_nr))
		return;
	state->call = *call;
	for (__u32 i = 0; i < MESSAGES_MAX; i++) {
		if (i >= nr)
			return;
		pass_message(i, is_send ? IPCT_ROLE_SEND : IPCT_ROLE_RECEIVE);
	}
}

/* The process of a pidfd of the current task; NULL: it is none, or the process is gone. */
static __always_inline struct task_struct *task_of_pidfd(__s32 fd)
{
	struct file *file = task_file((struct task_struct *)bpf_get_current_task(), fd);
	struct inode *inode;
	struct name_head name;

	if (!file)
		return NULL;
	inode = BPF_CORE_READ(file, f_inode);
	if (BPF_CORE_READ(inode, i_sb, s_magic) == MAGIC_PIDFS)
		return task_of_pid(BPF_CORE_READ(inode, i_private));
	name_read(BPF_CORE_READ(file, f_path.dentry), &name);
	if (!NAME_IS(name, "[pidfd]\0", "\0\0\0\0\0\0\0\0"))
		return NULL;
	return task_of_pid(BPF_CORE_READ(file, private_data));
}

/* pidfd_getfd() gave state->call.ret. Nothing is said of who gave it nor of what it does. */
static __always_inline void pass_taken(struct task_state *state)
{
	struct task_struct *source = task_of_pidfd(state->call.args[0]);
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	struct ipct_pass *pass;

	if (!scratch || (__s64)state->call.ret < 0 || !mechanism_is_wanted(IPCT_FD_PASS))
		return;
	if (!task_is_inside(state) && !(source && task_has_root(source)))
		return;
	actor_describe(state);
	pass = &scratch->pass;
	__builtin_memset(pass, 0, sizeof(*pass));
	pass->kind = IPCT_PASS_TAKE;
	pass->count = 1;
	if (source) {
		pass->source_pid = BPF_CORE_READ(source, tgid);
		pass->source_start_ns = BPF_CORE_READ(source, group_leader, start_boottime);
	}
	passed_read(state, state->call.ret, pass);
	pass_output(pass);
}

#endif
