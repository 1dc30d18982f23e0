/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Notes that hooks inside a call make for its exit: who is at the other end. */
#ifndef IPCTRACE_NOTE_BPF_H
#define IPCTRACE_NOTE_BPF_H

#include "scope.bpf.h"
#include "socket.bpf.h"
#include "syscall.bpf.h"

/*
 * `passed`: descriptors in the message. Notes of io_uring, which a completion takes, and those
 * of a call do not go together.
 */
static __always_inline void peer_note(enum mover mover, __u64 peer, __u8 passed)
{
	/* a worker of io_uring may have none yet */
	struct task_state *state = task_state_create(current_task());

	if (!state)
		return;
	if (state->peers_mover != mover) {
		state->peers_mover = mover;
		state->peers_nr = 0;
		state->passes_nr = 0;
	}
	if (state->peers_nr < TASK_PEERS) {
		state->peers[state->peers_nr & (TASK_PEERS - 1)] = peer;
		state->passes[state->peers_nr & (TASK_PEERS - 1)] = passed;
	}
	state->peers_nr++;
	if (passed) {
		state->passes_nr++;
		state->passed = passed;
	}
}

/* A multicast has many receivers: one that is followed brings the send into the scope. */
static __always_inline void netlink_receiver_note(struct sock *sk)
{
	struct task_state *state = task_state_get(current_task());

	if (state && !peer_is_followed(state->netlink_peer))
		state->netlink_peer = (__u64)sk;
}

/*
 * sk_data_ready: in the sender's context for unix and netlink sockets: the socket that will
 * receive, also of a sendto() without a connection. Since 6.3 (40e0b0908142); where it is missing,
 * the receiver tells.
 */
static __always_inline void receiver_note(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	/* a completion of io_uring could not tell this note from that of a receive */
	if ((family != AF_UNIX && family != AF_NETLINK) || current_mover() != MOVER_CALL)
		return;
	if (family == AF_NETLINK && !capture_config.is_system_wide)
		netlink_receiver_note(sk);
	else if (socket_mechanism(sk) == IPCT_UNIX_DGRAM)
		peer_note(MOVER_CALL, (__u64)sk, 0);
}

#endif
