/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * io_uring moves data without a system call for each transfer: a completion names the request,
 * its file, what it did and what came of it. The completing task is the submitter, or a thread
 * of the same process (io-wq worker, SQPOLL).
 */
#ifndef IPCTRACE_URING_BPF_H
#define IPCTRACE_URING_BPF_H

#include "transfer.bpf.h"

/* enum io_uring_op of the user API: numbers never change; not all are in every vmlinux.h. */
enum uring_operation {
	URING_READV = 1,
	URING_WRITEV = 2,
	URING_READ_FIXED = 4,
	URING_WRITE_FIXED = 5,
	URING_SENDMSG = 9,
	URING_RECVMSG = 10,
	URING_READ = 22,
	URING_WRITE = 23,
	URING_SEND = 26,
	URING_RECV = 27,
	URING_SPLICE = 30,
	URING_TEE = 33,
	URING_SEND_ZC = 47,
	URING_SENDMSG_ZC = 48,
	URING_READ_MULTISHOT = 49,
};

#define URING_PEEK 0x2			 /* MSG_PEEK */
#define URING_NOTIFICATION (1u << 3)	 /* IORING_CQE_F_NOTIF: the buffer of a SEND_ZC is free */
#define URING_SPLICE_FD_FIXED (1u << 31) /* SPLICE_F_FD_IN_FIXED: no descriptor */

static __always_inline __u8 uring_role(__u8 operation)
{
	switch (operation) {
	case URING_READV:
	case URING_READ_FIXED:
	case URING_RECVMSG:
	case URING_READ:
	case URING_RECV:
	case URING_READ_MULTISHOT:
		return IPCT_ROLE_RECEIVE;
	case URING_WRITEV:
	case URING_WRITE_FIXED:
	case URING_SENDMSG:
	case URING_WRITE:
	case URING_SEND:
	case URING_SEND_ZC:
	case URING_SENDMSG_ZC:
	case URING_SPLICE:
	case URING_TEE:
		return IPCT_ROLE_SEND;
	default:
		return IPCT_ROLE_NONE;
	}
}

static __always_inline bool uring_peeks(struct io_kiocb *request, __u8 operation)
{
	struct io_sr_msg___uring *message = (void *)request;

	if (operation != URING_RECV && operation != URING_RECVMSG)
		return false;
	return bpf_core_field_exists(message->msg_flags) &&
	       BPF_CORE_READ(message, msg_flags) & URING_PEEK;
}

/*
 * Hooks inside the operations noted the other ends of several requests before the first of
 * them completes: the note that points back to this socket is of this one, else the oldest
 * of an unconnected sender.
 */
static __always_inline __u64 uring_peer(struct task_state *state, const struct object *object,
					__u8 role)
{
	struct sock *sk = (struct sock *)object->kernel;

	if (!mechanism_is_unix(object->mechanism))
		return 0;
	if (role == IPCT_ROLE_SEND)
		return (__u64)unix_peer(sk);
	for (__u32 i = 0; i < TASK_PEERS; i++) {
		__u64 peer = state->peers[i];
		struct sock *back;

		if (i >= state->peers_nr)
			break;
		back = peer ? unix_peer((struct sock *)peer) : sk;
		if (!peer || (back && back != sk))
			continue;
		state->peers[i] = 0;
		return peer;
	}
	return 0;
}

/* One end of a request: `result` bytes through what `file` names. */
static __noinline int uring_move(struct task_state *state, struct file *file, __u8 role,
				 __s64 result)
{
	struct ipct_transfer t = {};
	struct object object = {};
	__u64 peer;

	if (file)
		object_of_file(file, &object);
	if (!mechanism_is_wanted(object.mechanism) || object.mechanism == IPCT_PROCESS_VM)
		return 0;
	peer = uring_peer(state, &object, role);
	if (!transfer_begin(&object, state, -1, role, peer))
		return 0;
	t.fd = -1;
	t.role = role;
	t.result = result;
	t.copied = result > 0 ? result : 0;
	t.peer = peer;
	t.syscall = -1;
	t.flags = IPCT_TRANSFER_URING | IPCT_TRANSFER_STASHED; /* the request holds its file */
	if (!result) {
		if (role == IPCT_ROLE_RECEIVE)
			t.flags |= IPCT_TRANSFER_END;
		else if (!model_is_message(object.mechanism))
			return 0;
	}
	transfer(&object, &t);
	return 0;
}

/* A splice takes from a descriptor, or from a registered file that cannot be told here. */
static __always_inline struct file *uring_splice_source(struct io_kiocb *request)
{
	struct io_splice___uring *splice = (void *)request;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	if (!bpf_core_field_exists(splice->splice_fd_in) ||
	    BPF_CORE_READ(splice, flags) & URING_SPLICE_FD_FIXED)
		return NULL;
	return task_file(task, BPF_CORE_READ(splice, splice_fd_in));
}

/* A worker is made without the hook of fork: its scope is that of its process. */
static __always_inline struct task_state *uring_state(void)
{
	struct task_state *state = task_state_create(current_task());
	struct task_state *leader;

	if (!state) {
		count_unseen_loss(IPCT_LOSS_TASK_STATE, 1);
		return NULL;
	}
	if (state->is_checked || capture_config.is_system_wide)
		return state;
	leader = task_state_of_leader();
	if (leader && state->scope == TASK_OUTSIDE)
		state->scope = leader->scope;
	return state;
}

static __noinline int uring_completed(struct io_kiocb *request, __s64 result)
{
	struct task_state *state;
	struct file *file;
	__u8 operation, role;

	if (bpf_get_current_pid_tgid() >> 32 == capture_config.self_pid)
		return 0;
	operation = BPF_CORE_READ(request, opcode);
	role = uring_role(operation);
	if (!role || is_restart(result) || uring_peeks(request, operation))
		return 0;
	state = uring_state();
	if (!state)
		return 0;
	if (operation == URING_SPLICE)
		uring_move(state, uring_splice_source(request), IPCT_ROLE_RECEIVE, result);
	file = BPF_CORE_READ(request, file);
	uring_move(state, file, role, result);
	return 0;
}

SEC("?tp_btf/io_uring_complete")
int BPF_PROG(uring_complete_cqe, void *ring, void *request, struct io_uring_cqe *cqe)
{
	if (request && !(BPF_CORE_READ(cqe, flags) & URING_NOTIFICATION))
		uring_completed(request, BPF_CORE_READ(cqe, res));
	return 0;
}

/* The parts of the completion were arguments until 6.12; 6.18 passes the completion. */
SEC("?tp_btf/io_uring_complete")
int BPF_PROG(uring_complete_parts, void *ring, void *request, __u64 user_data, int result,
	     unsigned int flags)
{
	if (request && !(flags & URING_NOTIFICATION))
		uring_completed(request, result);
	return 0;
}

#endif
