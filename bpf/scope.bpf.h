/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which channels are followed when the scope is a process tree: every channel that a task of
 * the tree touches, so that the process at its other end shows too. Not used system-wide.
 */
#ifndef IPCTRACE_SCOPE_BPF_H
#define IPCTRACE_SCOPE_BPF_H

#include "object.bpf.h"

#define VSOCK_PORT_ANY 0xffffffffULL /* VMADDR_PORT_ANY: not bound, or not connected */

SHARED_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPCT_FOLLOWED_MAX);
	__type(key, struct ipct_follow_key);
	__type(value, __u64);
} followed SEC(".maps");

static __always_inline void follow_add(struct ipct_follow_key *key, __u64 inode)
{
	__u64 *known = bpf_map_lookup_elem(&followed, key);

	if (known) {
		if (inode && *known != inode)
			*known = inode;
		return;
	}
	if (bpf_map_update_elem(&followed, key, &inode, BPF_ANY))
		count_unseen_loss(IPCT_LOSS_FOLLOWED_FULL, 1);
}

static __always_inline bool follow_has(struct ipct_follow_key *key, __u64 inode)
{
	__u64 *known = bpf_map_lookup_elem(&followed, key);

	if (!known)
		return false;
	if (!*known && inode) /* an embryo was followed; accept gave it its inode */
		*known = inode;
	return *known == inode;
}

static __always_inline void follow_key_socket(struct ipct_follow_key *key, __u64 sk)
{
	key->id = sk;
	key->space = 0;
	key->kind = IPCT_FOLLOW_SOCKET;
}

static __always_inline void follow_key_port(struct ipct_follow_key *key, struct sock *sk,
					    __u16 port)
{
	key->id = (__u64)port << 8 | BPF_CORE_READ(sk, sk_protocol);
	key->space = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	key->kind = IPCT_FOLLOW_PORT;
}

static __always_inline __u16 socket_local_port(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_num);
}

static __always_inline __u16 socket_remote_port(struct sock *sk)
{
	return bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
}

static __always_inline struct sock *unix_peer(struct sock *sk)
{
	return BPF_CORE_READ((struct unix_sock *)sk, peer);
}

static __always_inline void follow_port(struct sock *sk, __u16 port)
{
	struct ipct_follow_key key = {};

	if (!port)
		return;
	follow_key_port(&key, sk, port);
	follow_add(&key, 0);
}

/* An address in 32 bits; IPv4 and the same mapped into IPv6 are alike. */
static __always_inline __u32 fold_v6(const struct in6_addr *address)
{
	const __u32 *words = address->in6_u.u6_addr32;

	if (!words[0] && !words[1] && words[2] == bpf_htonl(0xffff))
		return words[3];
	return words[0] ^ words[1] ^ words[2] ^ words[3];
}

/* Both ends of a connection have the same key, because nothing in it tells them apart. */
static __always_inline void follow_key_connection(struct ipct_follow_key *key, struct sock *sk)
{
	__u16 local = socket_local_port(sk), remote = socket_remote_port(sk);
	__u32 addresses;

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		addresses = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr) ^
			    BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else {
		struct in6_addr mine, other;

		BPF_CORE_READ_INTO(&mine, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&other, sk, __sk_common.skc_v6_daddr);
		addresses = fold_v6(&mine) ^ fold_v6(&other);
	}
	key->id = (__u64)addresses << 32 |
		  (local < remote ? (__u32)local << 16 | remote : (__u32)remote << 16 | local);
	key->space = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	key->kind = IPCT_FOLLOW_CONNECTION;
}

static __always_inline void follow_key_vsock(struct ipct_follow_key *key, __u32 port)
{
	key->id = port;
	key->space = AF_VSOCK; /* no network namespace has so low a number */
	key->kind = IPCT_FOLLOW_PORT;
}

/* Both ports, as of UDP: whoever connects to a listener of the tree, and its connections. */
static __always_inline void follow_vsock(struct sock *sk)
{
	struct vsock_sock___compat *vsock = (void *)sk;
	struct ipct_follow_key key = {};

	if (!bpf_core_type_exists(struct vsock_sock___compat))
		return;
	follow_key_vsock(&key, BPF_CORE_READ(vsock, local_addr.svm_port));
	if (key.id != VSOCK_PORT_ANY)
		follow_add(&key, 0);
	follow_key_vsock(&key, BPF_CORE_READ(vsock, remote_addr.svm_port));
	if (key.id != VSOCK_PORT_ANY)
		follow_add(&key, 0);
}

static __always_inline bool vsock_is_followed(struct sock *sk)
{
	struct vsock_sock___compat *vsock = (void *)sk;
	struct ipct_follow_key key = {};

	if (!bpf_core_type_exists(struct vsock_sock___compat))
		return false;
	follow_key_vsock(&key, BPF_CORE_READ(vsock, local_addr.svm_port));
	if (follow_has(&key, 0))
		return true;
	follow_key_vsock(&key, BPF_CORE_READ(vsock, remote_addr.svm_port));
	return follow_has(&key, 0);
}

/* A listener of the tree: whoever connects to it. Else this connection alone. */
static __always_inline void follow_tcp(struct sock *sk)
{
	struct ipct_follow_key key = {};

	if (BPF_CORE_READ(sk, __sk_common.skc_state) == IPCT_STATE_LISTEN) {
		follow_port(sk, socket_local_port(sk));
		return;
	}
	if (!socket_remote_port(sk))
		return;
	follow_key_connection(&key, sk);
	follow_add(&key, 0);
}

/*
 * `peer`: the other end as a hook or the call named it, or 0: a struct sock, for UDP its port.
 */
static __always_inline void follow_socket(const struct object *object, __u64 peer)
{
	struct sock *sk = (struct sock *)object->kernel;
	struct ipct_follow_key key = {};

	follow_key_socket(&key, object->kernel);
	follow_add(&key, object->key.inode);
	if (object->mechanism == IPCT_TCP) {
		follow_tcp(sk);
		return;
	}
	if (object->mechanism == IPCT_VSOCK) {
		follow_vsock(sk);
		return;
	}
	if (object->mechanism == IPCT_UDP) {
		follow_port(sk, socket_local_port(sk));
		follow_port(sk, socket_remote_port(sk));
		follow_port(sk, peer);
		return;
	}
	if (!peer && mechanism_is_unix(object->mechanism))
		peer = (__u64)unix_peer(sk);
	if (!peer)
		return;
	follow_key_socket(&key, peer);
	follow_add(&key, compat_socket_inode((struct sock *)peer));
}

static __always_inline void follow_key_pipe(struct ipct_follow_key *key,
					    const struct object *object)
{
	key->id = object->key.inode;
	key->space = object->key.object;
	key->kind = IPCT_FOLLOW_PIPE;
}

/* Of what has one identity for all its users. */
static __always_inline void follow_key_object(struct ipct_follow_key *key,
					      const struct object *object)
{
	key->id = object->key.object;
	key->space = object->key.inode;
	key->kind = IPCT_FOLLOW_OBJECT + object->mechanism;
}

/* A task of the tree touched the object: both its ends are in scope from now on. */
static __noinline int follow(const struct object *object, __u64 peer)
{
	struct ipct_follow_key key = {};

	if (ipct_is_socket(object->mechanism)) {
		follow_socket(object, peer);
		return 0;
	}
	if (mechanism_is_pipe(object->mechanism))
		follow_key_pipe(&key, object);
	else
		follow_key_object(&key, object);
	follow_add(&key, 0);
	return 0;
}

static __always_inline bool port_is_followed(struct sock *sk, __u16 port)
{
	struct ipct_follow_key key = {};

	if (!port)
		return false;
	follow_key_port(&key, sk, port);
	return follow_has(&key, 0);
}

static __always_inline bool connection_is_followed(struct sock *sk)
{
	struct ipct_follow_key key = {};

	follow_key_connection(&key, sk);
	return follow_has(&key, 0) || port_is_followed(sk, socket_local_port(sk)) ||
	       port_is_followed(sk, socket_remote_port(sk));
}

static __always_inline bool peer_is_followed(__u64 peer)
{
	struct ipct_follow_key key = {};

	if (!peer)
		return false;
	follow_key_socket(&key, peer);
	return follow_has(&key, compat_socket_inode((struct sock *)peer));
}

static __always_inline bool socket_is_followed(const struct object *object, __u64 peer)
{
	struct sock *sk = (struct sock *)object->kernel;
	struct ipct_follow_key key = {};

	follow_key_socket(&key, object->kernel);
	if (follow_has(&key, object->key.inode))
		return true;
	if (object->mechanism == IPCT_TCP)
		return connection_is_followed(sk);
	if (object->mechanism == IPCT_VSOCK)
		return vsock_is_followed(sk);
	if (object->mechanism == IPCT_UDP)
		return port_is_followed(sk, socket_local_port(sk)) ||
		       port_is_followed(sk, socket_remote_port(sk)) || port_is_followed(sk, peer);
	if (peer_is_followed(peer))
		return true;
	return mechanism_is_unix(object->mechanism) && peer_is_followed((__u64)unix_peer(sk));
}

/* Does an outside task's call on this object belong to the scope? */
static __noinline int object_is_followed(const struct object *object, __u64 peer)
{
	struct ipct_follow_key key = {};

	if (ipct_is_socket(object->mechanism))
		return socket_is_followed(object, peer);
	if (mechanism_is_pipe(object->mechanism))
		follow_key_pipe(&key, object);
	else
		follow_key_object(&key, object);
	return follow_has(&key, 0);
}

#ifdef IPCT_CORE
/*
 * The part of the test below that takes the verifier long, for state->object. Global, so that
 * it is walked once and not for each call that may touch an object.
 */
__noinline int scope_has_object(__u64 peer)
{
	struct task_state *state = task_state_get(current_task());
	struct object object;

	if (!state)
		return 0;
	object = state->object;
	if (state->scope != TASK_INSIDE)
		return object_is_followed(&object, peer);
	follow(&object, peer);
	return 1;
}
#endif

/*
 * The one test of scope for a call on an object: true if it is to be recorded. Makes the
 * object followed when the caller belongs to the tree.
 */
static __always_inline bool object_in_scope(const struct object *object, struct task_state *state,
					    __u64 peer)
{
	if (capture_config.is_system_wide)
		return !state || state->scope != TASK_PENDING;
	if (state && state->scope == TASK_PENDING)
		return false;
#ifdef IPCT_CORE
	if (!state)
		return false;
	state->object = *object;
	return scope_has_object(peer);
#else
	if (state && state->scope == TASK_INSIDE) {
		follow(object, peer);
		return true;
	}
	return object_is_followed(object, peer);
#endif
}

#endif
