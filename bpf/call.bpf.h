/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a call that moves data says itself: whom it names, and whether that is IPC at all. */
#ifndef IPCTRACE_CALL_BPF_H
#define IPCTRACE_CALL_BPF_H

#include "eventfd.bpf.h"
#include "message.bpf.h"
#include "pass.bpf.h"
#include "socket.bpf.h"
#include "syscall.bpf.h"

/* The socket at the other end of the first message, where a hook inside the call named it. */
static __always_inline __u64 first_peer(const struct task_state *state)
{
	return state->peers_nr ? state->peers[0] : 0;
}

/* User address of the sockaddr of state->call, or 0. */
static __always_inline __u64 call_name(const struct call *call)
{
	struct message_header header = {};
	__u64 message = call->args[1];

	switch (call->shape) {
	case SHAPE_SENDTO:
	case SHAPE_RECVFROM:
		return call->args[4];
	case SHAPE_SENDMSG:
	case SHAPE_RECVMSG:
	case SHAPE_SENDMMSG:
	case SHAPE_RECVMMSG:
		message_read_header(message, call->is_ia32, &header);
		return header.name;
	default:
		return 0;
	}
}

/* The port that state->call names. Global: the verifier walks it once. */
__noinline int named_port(void)
{
	struct task_state *state = task_state_get(current_task());
	struct ipct_address address = {};

	if (state)
		message_read_address(call_name(&state->call), &address);
	return address.port;
}

/*
 * The other end as far as the scope wants to know it: a struct sock, or for UDP, where the
 * socket itself may not be connected, the port that the call names.
 */
static __always_inline __u64 call_peer(struct task_state *state, const struct call *call,
				       const struct object *object)
{
	if (object->mechanism == IPCT_NETLINK) /* peers[] has port ids */
		return state->netlink_peer;
	if (object->mechanism != IPCT_UDP || capture_config.is_system_wide)
		return first_peer(state);
	state->call = *call;
	return (__u16)named_port();
}

/*
 * Does state->call move something on state->object, a netlink socket, between processes? What
 * goes to the kernel and comes from it is frequent, and no IPC. Global: the verifier walks it
 * once.
 */
__noinline int netlink_is_ipc(__u32 role)
{
	struct task_state *state = task_state_get(current_task());

	if (!state)
		return 0;
	if (role == IPCT_ROLE_RECEIVE)
		return state->call.ret >= 0 && first_peer(state);
	return netlink_send_is_ipc((struct sock *)state->object.kernel, call_name(&state->call));
}

static __always_inline bool call_is_ipc(struct task_state *state, const struct call *call,
					const struct object *object, __u8 role)
{
	if (object->mechanism != IPCT_NETLINK)
		return true;
	state->call = *call;
	state->object = *object;
	return netlink_is_ipc(role);
}

/* The value that state->call wrote to or read from the counter state->object, into `t`. */
static __always_inline void fill_eventfd(const struct call *call, const struct object *object,
					 struct ipct_transfer *t)
{
	bool is_vector = call->shape == SHAPE_READ_VECTOR || call->shape == SHAPE_WRITE_VECTOR;

	if (t->result <= 0)
		return;
	if (eventfd_value(call, is_vector, &t->position))
		t->flags |= IPCT_TRANSFER_POSITION;
	if (eventfd_is_semaphore(object))
		t->flags |= IPCT_TRANSFER_SEMAPHORE;
}

/* The receive or send of a call that moves one message or bytes. */
static __always_inline void fill_message(const struct call *call, const struct object *object,
					 struct ipct_transfer *t)
{
	struct message_header header = {};
	__u32 flags = 0;
	__u64 name = 0, room = 0;

	switch (call->shape) {
	case SHAPE_SENDTO:
		name = call->args[4];
		break;
	case SHAPE_RECVFROM:
		name = call->args[4];
		flags = call->args[3];
		room = call->args[2];
		break;
	case SHAPE_SENDMSG:
	case SHAPE_RECVMSG:
		message_read_header(call->args[1], call->is_ia32, &header);
		name = header.name;
		flags = call->shape == SHAPE_RECVMSG ? call->args[2] : 0;
		if (flags & FLAG_TRUNC)
			room = message_room(&header, call->is_ia32);
		break;
	default:
		return;
	}
	if (object->mechanism == IPCT_UDP && t->result >= 0 &&
	    message_read_address(name, &t->address))
		t->flags |= IPCT_TRANSFER_ADDRESS;
	if (!(flags & FLAG_TRUNC) || t->result < 0)
		return;
	if (object->mechanism == IPCT_TCP) {
		t->copied = 0;
		t->flags |= IPCT_TRANSFER_DISCARD;
	} else if (model_is_message(object->mechanism) && room < t->copied) {
		t->copied = room;
	}
}

#endif
