// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hooks of sockets: who sent what a unix socket receives, and the life of TCP connections. */
#include "note.bpf.h"
#include "scope.bpf.h"
#include "socket.bpf.h"
#include "syscall.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define STATE_ESTABLISHED 1
#define STATE_CLOSE 7

/* Descriptors that the message carries; the first receive, not a peek, takes them out of it. */
static __always_inline __u8 message_passes(const struct sk_buff *skb)
{
	struct unix_skb_parms *parms = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	struct scm_fp_list *files = BPF_CORE_READ(parms, fp);

	return files ? BPF_CORE_READ(files, count) : 0; /* at most 253: SCM_MAX_FD */
}

/*
 * In the reader's context; the skb of a unix socket belongs to the socket that sent it. That of a
 * netlink socket has the port id of the sender: 0 is the kernel.
 */
static __always_inline int skb_note(const struct sk_buff *skb)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);
	enum mover mover;
	__u16 family;

	if (!sk)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_UNIX && family != AF_NETLINK)
		return 0;
	mover = current_mover();
	if (mover == MOVER_NONE)
		return 0;
	if (family == AF_UNIX)
		peer_note(mover, (__u64)sk, message_passes(skb));
	else if (mover == MOVER_CALL)
		peer_note(mover, netlink_sender(skb), 0);
	return 0;
}

SEC("?tp_btf/skb_copy_datagram_iovec")
int BPF_PROG(skb_copied, const struct sk_buff *skb, int len)
{
	return skb_note(skb);
}

/* Where the program above could be preempted and then be skipped for others (7.3). */
SEC("?tp/skb/skb_copy_datagram_iovec")
int skb_copied_classic(struct trace_event_raw_skb_copy_datagram_iovec *ctx)
{
	return skb_note(ctx->skbaddr);
}

static __always_inline bool connection_in_scope(struct sock *sk, const struct object *object)
{
	return capture_config.is_system_wide || socket_is_followed(object, 0);
}

/*
 * A connection came to be or ends. Often in softirq: the record has no actor. The two
 * sequence numbers pair both ends, also across address translation.
 */
static __always_inline int state_changed(struct sock *sk, int old, int new)
{
	struct object object = { .kernel = (__u64)sk, .mechanism = IPCT_TCP };
	struct ipct_socket *record;

	if (new != STATE_ESTABLISHED &&new != STATE_CLOSE)
		return 0;
	if (old == IPCT_STATE_LISTEN || socket_mechanism(sk) != IPCT_TCP)
		return 0;
	object.key.object = (__u64)sk;
	object.key.inode = compat_socket_inode(sk);
	if (!connection_in_scope(sk, &object))
		return 0;
	record = control_reserve(SOCKET_SHORT_SIZE);
	if (!record)
		return 0;
	event_init_actorless(&record->event, IPCT_EVENT_SOCKET, SOCKET_SHORT_SIZE);
	nameless_fill(sk, &object, new == STATE_CLOSE ? IPCT_ORIGIN_CLOSE : IPCT_ORIGIN_ESTABLISH,
		      record);
	control_submit(record);
	return 0;
}

SEC("?tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *sk, int old, int new)
{
	struct ipct_counters *here = counters_get();

	if (!here)
		return 0;
	here->in_tcp_state++;
	state_changed(sk, old, new);
	here->in_tcp_state--;
	return 0;
}

/*
 * Stands in where that program is skipped, a task having been switched out inside it (7.3). It
 * cannot take its place: it is skipped itself in interrupts that meet any classic program.
 */
SEC("?tp/sock/inet_sock_set_state")
int tcp_state_classic(struct trace_event_raw_inet_sock_set_state___compat *ctx)
{
	struct ipct_counters *here = counters_get();

	if (!here || !here->in_tcp_state)
		return 0;
	here->stood_in++;
	return state_changed((struct sock *)ctx->skaddr, ctx->oldstate, ctx->newstate);
}
