// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The maps and the one program at the exit of every system call: it looks the call up in the
 * table, resolves the objects of its descriptors and hands them to transfer().
 */
#define IPCT_CORE
#include "access_call.bpf.h"
#include "ia32.bpf.h"
#include "call.bpf.h"
#include "libc_call.bpf.h"
#include "made.bpf.h"
#include "memory_call.bpf.h"
#include "message.bpf.h"
#include "queue_call.bpf.h"
#include "signal_call.bpf.h"
#include "sync_call.bpf.h"
#include "syscall.bpf.h"
#include "terminal_call.bpf.h"
#include "transfer.bpf.h"
#include "uring.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ERROR_IN_PROGRESS 115
#define OPEN_CREATE 0100 /* O_CREAT */

/* In the table of the native ABI, or -1. */
static __always_inline __s16 call_number(const struct call *call)
{
	return call->is_ia32 ? -1 : call->nr;
}

static __always_inline bool task_has_threads(void)
{
	return CURRENT_READ(signal->nr_threads, signal, nr_threads) > 1;
}

/*
 * Data moved but the descriptor is closed: another thread did that during the call. The
 * record lets user space mark what this process does on that descriptor as inexact.
 */
static __noinline int report_unresolved(const struct task_state *state, const struct call *call,
					__s32 fd, __u8 role)
{
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	struct ipct_transfer *t;

	if (!scratch || !task_is_inside(state))
		return 0;
	t = &scratch->transfer;
	transfer_init(t, fd, role, call->ret);
	event_init_current(&t->event, IPCT_EVENT_TRANSFER, sizeof(*t));
	t->flags = IPCT_TRANSFER_UNRESOLVED | IPCT_TRANSFER_THREADED;
	t->syscall = call_number(call);
	count_seen();
	if (!transfer_output(t))
		count_loss(IPCT_LOSS_AGGREGATE_FULL);
	return 0;
}

/* Returned 0: an end of file, if the channel turns out to be empty? */
static __always_inline bool may_be_end(const struct task_state *state, const struct object *object,
				       const struct ipct_transfer *t)
{
	struct sock *sk = (struct sock *)object->kernel;

	if (t->role != IPCT_ROLE_RECEIVE || t->result)
		return false;
	if (object->mechanism == IPCT_UDP)
		return BPF_CORE_READ_BITFIELD_PROBED(sk, sk_shutdown) & RECEIVE_SHUTDOWN;
	/* a zero-length datagram passes the hook that names its sender, an end of file does not */
	return t->part >= state->peers_nr;
}

/* Did the hooks name the other end of every message of a call that moves several? */
static __always_inline bool call_peers_fit(const struct task_state *state, const struct call *call)
{
	if (call->shape != SHAPE_RECVMMSG && call->shape != SHAPE_SENDMMSG)
		return true;
	return state->peers_nr == call->ret;
}

/* scratch->transfer, the `part`th message that the call moved through the object. */
static __always_inline void report(const struct task_state *state, const struct call *call,
				   const struct object *object, struct scratch *scratch)
{
	struct ipct_transfer *t = &scratch->transfer;
	__u32 part = t->part;

	/* a hook that was skipped leaves the others in the wrong places */
	if (part < TASK_PEERS && part < state->peers_nr && call_peers_fit(state, call)) {
		barrier_var(part); /* else clang drops the mask, which the verifier needs */
		t->peer = state->peers[part & (TASK_PEERS - 1)];
	}
	if (object->mechanism == IPCT_NETLINK && t->role == IPCT_ROLE_RECEIVE && !t->peer)
		return; /* from the kernel */
	if (may_be_end(state, object, t))
		t->flags |= IPCT_TRANSFER_END;
	else if (!t->result && !model_is_message(object->mechanism))
		return;
	if (!t->part)
		t->wait_ns = state->wait_ns;
	t->syscall = call_number(call);
	transfer(object, scratch);
}

#include "queue_move.bpf.h"

/*
 * Descriptor `index` of state->call sent or received call.ret bytes. Global: the verifier walks
 * it once, not once per shape and role.
 */
__noinline int move(__u32 index, __u32 role)
{
	struct task_state *state = task_state_get(current_task());
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	const struct call *call;
	struct ipct_transfer *t;
	struct object object;
	__s32 fds[CALL_OBJECTS];
	bool is_stashed;

	if (!state || !scratch)
		return 0;
	call = &state->call;
	t = &scratch->transfer;
	shape_descriptors(call->shape, call->args, fds);
	is_stashed = call_object(state, call, index, fds[index & 1], &object);
	if (!mechanism_is_wanted(object.mechanism)) {
		if (object.is_closed && call->ret > 0 && task_has_threads())
			report_unresolved(state, call, fds[index & 1], role);
		if (object.is_signalfd && call->ret > 0 && role == IPCT_ROLE_RECEIVE)
			signalfd_read();
		return 0;
	}
	/* to read the descriptor of a queue gives a text about it */
	if (object.mechanism == IPCT_POSIX_MQ || call_peeks(call) ||
	    !call_is_ipc(state, call, &object, role))
		return 0;
	if (object.mechanism == IPCT_PROCESS_VM) {
		move_memory(state, call, &object, role);
		return 0;
	}
	if (!transfer_begin(&object, state, fds[index & 1], role, call_peer(state, call, &object)))
		return 0;
	if (call->shape == SHAPE_VMSPLICE && !pipe_end_is_writable(&object))
		role = IPCT_ROLE_RECEIVE;
	transfer_init(t, fds[index & 1], role, call->ret);
	if (is_stashed)
		t->flags |= IPCT_TRANSFER_STASHED;
	if (object.mechanism == IPCT_EVENTFD)
		fill_eventfd(call, &object, t);
	else
		fill_message(call, &object, t);
	report(state, call, &object, scratch);
	return 0;
}

/*
 * Message `part` of the sendmmsg or recvmmsg that state->call describes, on state->object.
 * Global: the verifier need not walk it for each round of the loop.
 */
__noinline int move_part(__u32 part, __u32 role)
{
	struct task_state *state = task_state_get(current_task());
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);
	struct message_header header;
	const struct object *object;
	const struct call *call;
	struct ipct_transfer *t;
	__u64 element;

	if (!state || !scratch)
		return 0;
	call = &state->call;
	object = &state->object;
	t = &scratch->transfer;
	element = message_element(call->args[1], part, call->is_ia32);
	transfer_init(t, call->args[0], role, message_element_len(element, call->is_ia32));
	t->part = part;
	message_read_header(element, call->is_ia32, &header);
	if (object->mechanism == IPCT_UDP && message_read_address(header.name, &t->address))
		t->flags |= IPCT_TRANSFER_ADDRESS;
	if (role == IPCT_ROLE_RECEIVE && (call->args[3] & FLAG_TRUNC) &&
	    model_is_message(object->mechanism)) {
		__u64 room = message_room(&header, call->is_ia32);

		if (room < t->copied)
			t->copied = room;
	}
	report(state, call, object, scratch);
	return 0;
}

/* sendmmsg, recvmmsg: call->ret messages. */
static __noinline int move_many(struct task_state *state, const struct call *call, __u8 role)
{
	struct object *object = &state->object;

	call_object(state, call, 0, call->args[0], object);
	if (!mechanism_is_wanted(object->mechanism)) {
		if (object->is_closed && call->ret > 0 && task_has_threads())
			report_unresolved(state, call, call->args[0], role);
		return 0;
	}
	if (role == IPCT_ROLE_RECEIVE && flags_move_nothing(call->args[3]))
		return 0;
	if (!call_is_ipc(state, call, object, role))
		return 0;
	if (!transfer_begin(object, state, call->args[0], role, call_peer(state, call, object)))
		return 0;
	for (__u32 i = 0; i < MESSAGES_MAX; i++) {
		if (i >= call->ret)
			return 0;
		move_part(i, role);
	}
	if (call->ret > MESSAGES_MAX)
		count_unseen_loss(IPCT_LOSS_DECODE, call->ret - MESSAGES_MAX);
	return 0;
}

/* What descriptors 0 and 1 of a call that moves data do (enum ipct_role). */
static __always_inline void shape_roles(__u8 shape, __u8 *ret_roles)
{
	ret_roles[0] = IPCT_ROLE_RECEIVE;
	ret_roles[1] = IPCT_ROLE_NONE;
	switch (shape) {
	case SHAPE_WRITE:
	case SHAPE_WRITE_VECTOR:
	case SHAPE_SENDTO:
	case SHAPE_SENDMSG:
	case SHAPE_SENDMMSG:
	case SHAPE_VMSPLICE:
		ret_roles[0] = IPCT_ROLE_SEND;
		return;
	case SHAPE_SPLICE:
		ret_roles[1] = IPCT_ROLE_SEND;
		return;
	case SHAPE_TEE: /* takes nothing out of its source */
		ret_roles[0] = IPCT_ROLE_NONE;
		ret_roles[1] = IPCT_ROLE_SEND;
		return;
	case SHAPE_SENDFILE:
		ret_roles[0] = IPCT_ROLE_SEND;
		ret_roles[1] = IPCT_ROLE_RECEIVE;
		return;
	}
}

static __always_inline void call_moves(struct task_state *state, const struct call *call)
{
	__u8 roles[CALL_OBJECTS];

	if (is_restart(call->ret) || (call->shape == SHAPE_READ && !call->args[2]))
		return;
	state->call = *call;
	if (shape_is_posix_mq(call->shape)) {
		move_posix_mq();
		return;
	}
	shape_roles(call->shape, roles);
	if (call_has_parts(call) && call->ret >= 0) {
		move_many(state, call, roles[0]);
	} else {
		if (roles[0])
			move(0, roles[0]);
		if (roles[1])
			move(1, roles[1]);
	}
	call_passes(state, call);
}

/* A call gave or named the object behind `fd`: into the scope, and describe it. */
static __noinline int introduce(struct task_state *state, const struct call *call, __s32 fd,
				__u8 origin)
{
	struct object object;

	object_of_current_fd(fd, &object);
	if (!mechanism_is_wanted(object.mechanism) || object.mechanism == IPCT_PROCESS_VM)
		return 0;
	if (!object_in_scope(&object, state, 0) || object.mechanism == IPCT_NETLINK)
		return 0; /* most netlink sockets never talk to a process */
	if (call->shape == SHAPE_BIND && mechanism_is_unix(object.mechanism)) {
		state->call = *call;
		state->object = object;
		file_made();
	}
	if (object.mechanism == IPCT_PTY && terminal_is_master(&object))
		origin = IPCT_ORIGIN_CREATE; /* each open of /dev/ptmx makes one */
	/* of a TCP connection inet_sock_set_state tells more */
	if (object.mechanism != IPCT_TCP || call->shape != SHAPE_CONNECT)
		object_describe(state, &object, fd, origin);
	return 0;
}

static __always_inline void introduce_pair(struct task_state *state, const struct call *call,
					   __u64 user)
{
	__s32 fds[2];

	if (bpf_probe_read_user(fds, sizeof(fds), (void *)user))
		return;
	introduce(state, call, fds[0], IPCT_ORIGIN_CREATE);
	if (call->shape == SHAPE_SOCKETPAIR)
		introduce(state, call, fds[1], IPCT_ORIGIN_CREATE);
}

/* socket(): only those that need no connection to carry data. */
static __always_inline void introduce_socket(struct task_state *state, const struct call *call)
{
	if ((call->args[1] & 0xf) == SOCKET_DGRAM)
		introduce(state, call, call->ret, IPCT_ORIGIN_CREATE);
}

static __always_inline void call_introduces(struct task_state *state, const struct call *call)
{
	if (call->ret < 0 && !(call->shape == SHAPE_CONNECT && call->ret == -ERROR_IN_PROGRESS))
		return;
	switch (call->shape) {
	case SHAPE_PIPE:
		introduce_pair(state, call, call->args[0]);
		return;
	case SHAPE_SOCKETPAIR:
		introduce_pair(state, call, call->args[3]);
		return;
	case SHAPE_OPEN:
		introduce(state, call, call->ret, IPCT_ORIGIN_OPEN);
		return;
	case SHAPE_EVENTFD:
		introduce(state, call, call->ret, IPCT_ORIGIN_CREATE);
		return;
	case SHAPE_SOCKET:
		introduce_socket(state, call);
		return;
	case SHAPE_ACCEPT: /* the connection may be older than the capture */
		introduce(state, call, call->ret, IPCT_ORIGIN_OPEN);
		return;
	case SHAPE_MQ_OPEN:
		introduce(state, call, call->ret,
			  call->args[1] & OPEN_CREATE ? IPCT_ORIGIN_CREATE : IPCT_ORIGIN_OPEN);
		return;
	case SHAPE_MKNOD:
	case SHAPE_MKNODAT:
		state->call = *call;
		file_made();
		return;
	case SHAPE_BIND:
	case SHAPE_LISTEN:
		introduce(state, call, call->args[0], IPCT_ORIGIN_OPEN);
		return;
	case SHAPE_CONNECT:
		introduce(state, call, call->args[0], IPCT_ORIGIN_CREATE);
		return;
	}
}

/* Descriptors first … last of a process with several threads name other files now. */
static __noinline int replaced(const struct task_state *state, const struct call *call, __u32 first,
			       __u32 last)
{
	struct ipct_descriptor *record;

	if (call->ret < 0 || !task_has_threads() || !task_is_inside(state))
		return 0;
	record = control_reserve(sizeof(*record));
	if (!record)
		return 0;
	event_init_current(&record->event, IPCT_EVENT_DESCRIPTOR, sizeof(*record));
	record->first = first;
	record->last = last;
	control_submit(record);
	return 0;
}

static __always_inline void call_replaces(const struct task_state *state, const struct call *call)
{
	if (call->shape == SHAPE_CLOSE)
		replaced(state, call, call->args[0], call->args[0]);
	else if (call->shape == SHAPE_DUP2)
		replaced(state, call, call->args[1], call->args[1]);
	else if (call->shape == SHAPE_CLOSE_RANGE)
		replaced(state, call, call->args[0], call->args[1]);
}

/* Without the hook of io_uring (before 5.12), a ring is a hole: made, or as much as it was given.
 */
static __always_inline void uring_call(const struct task_state *state, const struct call *call)
{
	bool is_setup = call->shape == SHAPE_URING_SETUP;

	if (capture_config.has_uring || !task_is_inside(state))
		return;
	if (is_setup ? call->ret >= 0 : call->ret > 0)
		count_unseen_loss(IPCT_LOSS_URING_UNSEEN, is_setup ? 1 : call->ret);
}

/* Calls on what no descriptor names, or that move nothing. */
static __always_inline void call_of_family(struct task_state *state, const struct call *call)
{
	state->call = *call;
	switch (call->shape) {
	case SHAPE_MSGSND:
	case SHAPE_MSGRCV:
	case SHAPE_MSGGET:
	case SHAPE_MSGCTL:
		queue_call();
		return;
	case SHAPE_SEMOP:
	case SHAPE_SEMGET:
	case SHAPE_SEMCTL:
	case SHAPE_FUTEX:
	case SHAPE_FUTEX_WAITV:
	case SHAPE_FUTEX2_WAKE:
	case SHAPE_FUTEX2_WAIT:
	case SHAPE_FUTEX2_REQUEUE:
	case SHAPE_FLOCK:
	case SHAPE_FCNTL:
		sync_call(call);
		return;
	case SHAPE_MMAP:
	case SHAPE_MUNMAP:
	case SHAPE_MREMAP:
	case SHAPE_MPROTECT:
	case SHAPE_SHMGET:
	case SHAPE_SHMAT:
	case SHAPE_LINK:
	case SHAPE_LINKAT:
	case SHAPE_SHMDT:
	case SHAPE_MADVISE:
		memory_call();
		return;
	case SHAPE_VM_READ:
	case SHAPE_VM_WRITE:
	case SHAPE_PTRACE:
	case SHAPE_PIDFD_GETFD:
		access_call();
		return;
	case SHAPE_SIGWAIT:
		signal_call();
		return;
	case SHAPE_URING_ENTER:
	case SHAPE_URING_SETUP:
		uring_call(state, call);
		return;
	case SHAPE_IOCTL:
		terminal_call();
		return;
	}
}

/* For the call of a task whose own state cannot be made just now. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct task_state);
} spare_states SEC(".maps");

/*
 * The current task's state. It cannot be made while an iterator that makes one is switched out on
 * this CPU; then all that is known of the task is whether it was left to be adopted.
 */
static __always_inline struct task_state *state_of_call(void)
{
	struct task_state *state = task_state_create(current_task());
	__u32 zero = 0;

	if (state)
		return state;
	state = bpf_map_lookup_elem(&spare_states, &zero);
	if (state)
		bpf_probe_read_kernel(state, sizeof(*state), &empty_task_state);
	return state;
}

/* Consumes the state of the call, whatever came of it. */
static __always_inline int dispatch(struct call *call)
{
	struct task_state *state;

	if (call->is_ia32)
		call->shape = ia32_decode(call->shape, call->args, &call->ret);
	if (!arguments_matter(call->shape, call->args))
		return 0;
	state = state_of_call();
	if (!state)
		return 0; /* never */
	task_state_adopt(state);
	if (state->peers_mover != MOVER_CALL)
		state->peers_nr = state->passes_nr = 0;
	if (shape_moves_data(call->shape))
		call_moves(state, call);
	else if (shape_introduces(call->shape))
		call_introduces(state, call);
	else if (shape_replaces(call->shape))
		call_replaces(state, call);
	else
		call_of_family(state, call);
	state->stash.is_valid = 0;
	state->wait_ns = 0;
	state->peers_nr = 0;
	state->netlink_peer = 0;
	state->passes_nr = 0;
	state->waker_pid = 0;
	return 0;
}

static __noinline int call_read_args(struct call *call)
{
	struct pt_regs regs;

	bpf_probe_read_kernel(&regs, sizeof(regs), compat_task_regs(current_task()));
	compat_syscall_args(&regs, call->is_ia32, call->args);
	return 0;
}

/*
 * A call of the recorder: none is recorded, but for the marker of the barrier. It may use all of
 * the ring. Where there is no room, nothing is counted: the recorder makes it again.
 */
static __noinline int own_call(struct call *call)
{
	struct ipct_barrier *record;
	void *ring = ring_get();
	__u32 cpu = bpf_get_smp_processor_id();

	call_read_args(call);
	if ((__s32)call->args[0] != -1 || (__u32)call->args[1] != IPCT_BARRIER_COMMAND ||
	    call->args[2] != cpu || !ring)
		return 0;
	record = bpf_ringbuf_reserve(ring, sizeof(*record), 0);
	if (!record)
		return 0;
	count_seen();
	event_init_actorless(&record->event, IPCT_EVENT_BARRIER, sizeof(*record));
	record->cpu = cpu;
	record->_pad = 0;
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* False: not a call of ours, or the recorder's own. Leaves the arguments to the caller. */
static __always_inline bool call_init(__s64 nr, __s64 ret, struct call *call)
{
	call->is_ia32 =
		!!(CURRENT_READ(thread_info.COMPAT_IA32_FIELD, thread_info.COMPAT_IA32_FIELD) &
		   COMPAT_IS_IA32_BIT);
	call->shape = syscall_shape(nr, call->is_ia32);
	if (!call->shape)
		return false;
	if (bpf_get_current_pid_tgid() >> 32 == capture_config.self_pid) {
		if (call->shape == SHAPE_IOCTL)
			own_call(call);
		return false;
	}
	call->nr = nr;
	call->ret = ret;
	return true;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(sys_exit_btf, struct pt_regs *regs, long ret)
{
	__s64 nr = COMPAT_SYSCALL_NR(regs);
	struct call call = {};

	if (!syscall_is_known(nr) || !call_init(nr, ret, &call))
		return 0;
	compat_syscall_args(regs, call.is_ia32, call.args);
	dispatch(&call);
	return 0;
}

/*
 * Where tracepoints can be preempted (7.3), the program above is skipped when a task that runs
 * it was switched out on this CPU. A classic tracepoint runs with preemption off.
 */
SEC("?tp/raw_syscalls/sys_exit")
int sys_exit_classic(struct trace_event_raw_sys_exit *ctx)
{
	struct call call = {};

	if (!syscall_is_known(ctx->id) || !call_init(ctx->id, ctx->ret, &call))
		return 0;
	call_read_args(&call);
	dispatch(&call);
	return 0;
}
