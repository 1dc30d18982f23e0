/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * io_uring moves data without a system call for each transfer: a completion names the request,
 * its file, what it did and what came of it. The completing task is the submitter, or a thread
 * of the same process (io-wq worker, SQPOLL). A request that completes many times (multishot)
 * is named by its last completion only: the others have its user_data, which finds it in a map.
 */
#ifndef IPCTRACE_URING_BPF_H
#define IPCTRACE_URING_BPF_H

#include "eventfd.bpf.h"
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

#define URING_RECV_MULTISHOT (1 << 1) /* IORING_RECV_MULTISHOT */

struct uring_key {
	__u64 ring;
	__u64 user_data;
};

/* Requests that complete more than once. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct uring_key);
	__type(value, __u64); /* struct io_kiocb * */
} uring_multishots SEC(".maps");

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
	bool is_left = false;
	__u64 found = 0;

	if (!mechanism_is_unix(object->mechanism))
		return 0;
	if (role == IPCT_ROLE_SEND)
		return (__u64)unix_peer(sk);
	if (state->peers_mover != MOVER_URING)
		return 0;
	for (__u32 i = 0; i < TASK_PEERS; i++) {
		__u64 peer = state->peers[i];
		struct sock *back;

		if (i >= state->peers_nr)
			break;
		back = peer ? unix_peer((struct sock *)peer) : sk;
		if (peer && !found && (!back || back == sk)) {
			state->peers[i] = 0;
			found = peer;
		} else if (peer) {
			is_left = true;
		}
	}
	if (!is_left)
		state->peers_nr = state->passes_nr = 0;
	return found;
}

/* The value that was written to an eventfd, or read; the worker has the memory of the process. */
static __always_inline void uring_fill_eventfd(struct io_kiocb *request,
					       const struct object *object, struct ipct_transfer *t)
{
	struct io_rw___uring *rw = (void *)request;
	__u8 operation = BPF_CORE_READ(request, opcode);

	if (eventfd_is_semaphore(object))
		t->flags |= IPCT_TRANSFER_SEMAPHORE;
	if ((operation != URING_READ && operation != URING_WRITE) || t->result <= 0 ||
	    !bpf_core_field_exists(rw->addr))
		return;
	if (!bpf_probe_read_user(&t->position, sizeof(t->position),
				 (void *)BPF_CORE_READ(rw, addr)))
		t->flags |= IPCT_TRANSFER_POSITION;
}

static __always_inline __s32 uring_splice_descriptor(struct io_kiocb *request)
{
	struct io_splice___uring *splice = (void *)request;

	return bpf_core_field_exists(splice->splice_fd_in) ? BPF_CORE_READ(splice, splice_fd_in) :
							     -1;
}

/* One end of a request: `result` bytes through what `file` names. */
static __noinline int uring_move(struct task_state *state, struct io_kiocb *request,
				 struct file *file, __u8 role, __s64 result)
{
	struct scratch *scratch = scratch_get(SCRATCH_URING);
	struct ipct_transfer *t;
	struct object object = {};
	__u64 peer;

	if (!scratch)
		return 0;
	if (file)
		object_of_file(file, &object);
	/* a read of a queue gives a text about it; who sends netlink is not told here */
	if (!mechanism_is_wanted(object.mechanism) || object.mechanism == IPCT_PROCESS_VM ||
	    object.mechanism == IPCT_POSIX_MQ || object.mechanism == IPCT_NETLINK)
		return 0;
	peer = uring_peer(state, &object, role);
	if (!transfer_begin(&object, state, -1, role, peer))
		return 0;
	t = &scratch->transfer;
	transfer_init(t, -1, role, result);
	t->peer = peer;
	t->syscall = -1;
	t->flags = IPCT_TRANSFER_URING;
	if (role == IPCT_ROLE_RECEIVE && BPF_CORE_READ(request, opcode) == URING_SPLICE)
		t->fd = uring_splice_descriptor(request); /* it may name another file by now */
	else
		t->flags |= IPCT_TRANSFER_STASHED; /* the request holds its file */
	if (!result) {
		if (!model_is_message(object.mechanism)) {
			if (role != IPCT_ROLE_RECEIVE)
				return 0;
			t->flags |= IPCT_TRANSFER_END;
		} else if (role == IPCT_ROLE_RECEIVE && !peer && object.mechanism != IPCT_UDP) {
			t->flags |= IPCT_TRANSFER_END; /* a message has a sender */
		}
	}
	if (object.mechanism == IPCT_EVENTFD)
		uring_fill_eventfd(request, &object, t);
	transfer(&object, scratch);
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

static __always_inline bool uring_is_multishot(struct io_kiocb *request)
{
	struct io_sr_msg___uring *message = (void *)request;
	__u8 operation = BPF_CORE_READ(request, opcode);

	if (operation == URING_READ_MULTISHOT)
		return true;
	if (operation != URING_RECV && operation != URING_RECVMSG)
		return false;
	return bpf_core_field_exists(message->flags) &&
	       BPF_CORE_READ(message, flags) & URING_RECV_MULTISHOT;
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
	/* the result counts a header, the name and the control data too, and does not say them */
	if (operation == URING_RECVMSG && result > 0 && uring_is_multishot(request)) {
		count_unseen_loss(IPCT_LOSS_DECODE, 1);
		return 0;
	}
	state = uring_state();
	if (!state)
		return 0;
	if (operation == URING_SPLICE)
		uring_move(state, request, uring_splice_source(request), IPCT_ROLE_RECEIVE, result);
	file = BPF_CORE_READ(request, file);
	uring_move(state, request, file, role, result);
	return 0;
}

/* Its user_data, where it is on this kernel: in a completion of its own since 5.19. */
static __always_inline __u64 uring_user_data(struct io_kiocb *request)
{
	struct io_kiocb___cqe *now = (void *)request;
	struct io_kiocb___user_data *old = (void *)request;

	if (bpf_core_field_exists(now->cqe.user_data))
		return BPF_CORE_READ(now, cqe.user_data);
	return bpf_core_field_exists(old->user_data) ? BPF_CORE_READ(old, user_data) : 0;
}

static __always_inline int uring_submitted(struct io_kiocb *request)
{
	struct uring_key key = {};
	__u64 value = (__u64)request;

	if (!uring_is_multishot(request))
		return 0;
	key.ring = (__u64)BPF_CORE_READ(request, ctx);
	key.user_data = uring_user_data(request);
	bpf_map_update_elem(&uring_multishots, &key, &value, BPF_ANY);
	return 0;
}

SEC("?tp_btf/io_uring_submit_req")
int BPF_PROG(uring_submit_req, struct io_kiocb *request)
{
	return uring_submitted(request);
}

/* Its name until 6.3. */
SEC("?tp_btf/io_uring_submit_sqe")
int BPF_PROG(uring_submit_sqe, struct io_kiocb *request)
{
	return uring_submitted(request);
}

/* The request of a completion that names none. */
static __always_inline struct io_kiocb *uring_find(void *ring, __u64 user_data)
{
	struct uring_key key = { .ring = (__u64)ring, .user_data = user_data };
	__u64 *value = bpf_map_lookup_elem(&uring_multishots, &key);
	struct io_kiocb *request = value ? (struct io_kiocb *)*value : NULL;

	/* it may have ended, and its memory be another one's */
	if (!request || uring_user_data(request) != user_data ||
	    (void *)BPF_CORE_READ(request, ctx) != ring || !uring_is_multishot(request))
		return NULL;
	return request;
}

static __always_inline int uring_complete(void *ring, void *request, __u64 user_data, int result,
					  unsigned int flags)
{
	if (flags & URING_NOTIFICATION)
		return 0;
	if (!request)
		request = uring_find(ring, user_data);
	if (request)
		uring_completed(request, result);
	return 0;
}

SEC("?tp_btf/io_uring_complete")
int BPF_PROG(uring_complete_cqe, void *ring, void *request, struct io_uring_cqe *cqe)
{
	return uring_complete(ring, request, BPF_CORE_READ(cqe, user_data), BPF_CORE_READ(cqe, res),
			      BPF_CORE_READ(cqe, flags));
}

/* The parts of the completion were arguments until 6.12; 6.18 passes the completion. */
SEC("?tp_btf/io_uring_complete")
int BPF_PROG(uring_complete_parts, void *ring, void *request, __u64 user_data, int result,
	     unsigned int flags)
{
	return uring_complete(ring, request, user_data, result, flags);
}

/* Where tracepoints can be preempted (7.3), see held.bpf.c. */
SEC("?tp/io_uring/io_uring_submit_req")
int uring_submit_req_classic(struct trace_event_raw_io_uring_submit_req___compat *ctx)
{
	return uring_submitted(ctx->req);
}

SEC("?tp/io_uring/io_uring_complete")
int uring_complete_classic(struct trace_event_raw_io_uring_complete___compat *ctx)
{
	return uring_complete(ctx->ctx, ctx->req, ctx->user_data, ctx->res, ctx->cflags);
}

#endif
