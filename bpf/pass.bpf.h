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
	struct object carrier = state->object;
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
	state->object = carrier; /* both took its place */
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

static __always_inline void pass_init(const struct task_state *state, __u8 kind, __u16 count,
				      __u16 index, struct ipct_pass *pass)
{
	__builtin_memset(pass, 0, sizeof(*pass));
	pass->key = state->object.key;
	pass->mechanism = state->object.mechanism;
	pass->kind = kind;
	pass->count = count;
	pass->index = index;
}

/* Descriptor `index` of a message, which state->call received through state->object. */
__noinline int pass_receive(__u32 index, __u32 count, __s32 fd, __u64 peer)
{
	struct task_state *state = task_state_get(current_task());
	struct ipct_pass pass;

	if (!state)
		return 0;
	pass_init(state, IPCT_PASS_RECEIVE, count, index, &pass);
	pass.peer = peer;
	passed_read(state, fd, &pass);
	pass_output(&pass);
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

/* The unix socket of state->call, into state->object; false: it is none, or out of scope. */
static __always_inline bool carrier_read(struct task_state *state)
{
	__u64 peer = state->peers_nr ? state->peers[0] : 0;
	struct object carrier;

	call_object(state, &state->call, 0, state->call.args[0], &carrier);
	if (!mechanism_is_unix(carrier.mechanism) || !object_in_scope(&carrier, state, peer))
		return false;
	state->object = carrier;
	actor_describe(state);
	return true;
}

/* Message `part` was sent: with descriptors? Of a stream, they go with its first byte. */
static __always_inline void pass_sent(struct task_state *state, __u32 part,
				      const struct message_rights *rights)
{
	__s64 bytes = state->call.ret;
	struct ipct_pass pass;

	if (call_has_parts(&state->call))
		bytes = message_element_len(call_message(&state->call, part), state->call.is_ia32);
	if (!bytes && state->object.mechanism == IPCT_UNIX_STREAM)
		return;
	pass_init(state, IPCT_PASS_SEND, rights->nr, 0, &pass);
	pass_output(&pass);
}

/*
 * Message `part` was received. The hook inside the call has counted its descriptors; those that
 * the caller made room for are in its control data.
 */
static __always_inline void pass_received(struct task_state *state, __u32 part,
					  const struct message_rights *rights)
{
	__u32 index = part & (TASK_PEERS - 1);
	__u32 count = state->passed;
	__u64 peer = state->peers[0];
	struct ipct_pass pass;
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
	if (rights->nr >= count)
		return;
	pass_init(state, IPCT_PASS_DROP, count, rights->nr, &pass);
	pass.peer = peer;
	pass_output(&pass);
}

/* Message `part` of state->call. Global: the verifier walks it once. */
__noinline int pass_message(__u32 part, __u32 role)
{
	struct task_state *state = task_state_get(current_task());
	struct message_rights rights = {};

	if (!state)
		return 0;
	if (call_has_controls(&state->call))
		message_read_rights(call_message(&state->call, part), state->call.is_ia32, &rights);
	if (role == IPCT_ROLE_RECEIVE) {
		if (carrier_read(state))
			pass_received(state, part, &rights);
	} else if (rights.nr && carrier_read(state)) {
		pass_sent(state, part, &rights);
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
	struct ipct_pass pass = { .kind = IPCT_PASS_TAKE, .count = 1 };

	if ((__s64)state->call.ret < 0 || !mechanism_is_wanted(IPCT_FD_PASS))
		return;
	if (!task_is_inside(state) && !(source && task_has_root(source)))
		return;
	actor_describe(state);
	if (source) {
		pass.source_pid = BPF_CORE_READ(source, tgid);
		pass.source_start_ns = BPF_CORE_READ(source, group_leader, start_boottime);
	}
	passed_read(state, state->call.ret, &pass);
	pass_output(&pass);
}

#endif
