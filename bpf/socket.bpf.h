/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets: addresses, content, description. */
#ifndef IPCTRACE_SOCKET_BPF_H
#define IPCTRACE_SOCKET_BPF_H

#include "object.bpf.h"
#include "path.bpf.h"

#define SOCKET_QUEUE_WALKED 128
#define RECEIVE_SHUTDOWN 1
#define UNIX_NAME_MAX 108
#define SOCKET_SHORT_SIZE __builtin_offsetof(struct ipct_socket, name)
#define UDP_HEADER_SIZE 8
#define STATE_TIME_WAIT 6
#define STATE_NEW_SYN_RECV 12

static __always_inline void address_from_v4(struct ipct_address *address, __be32 ip, __u16 port)
{
	address->family = AF_INET;
	address->port = port;
	address->ip[10] = 0xff;
	address->ip[11] = 0xff;
	__builtin_memcpy(&address->ip[12], &ip, sizeof(ip));
}

static __always_inline void socket_fill_inet(struct sock *sk, struct ipct_socket *record)
{
	__u16 local = BPF_CORE_READ(sk, __sk_common.skc_num);
	__u16 remote = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));

	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET) {
		address_from_v4(&record->local, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr),
				local);
		address_from_v4(&record->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr), remote);
		return;
	}
	record->local.family = AF_INET6;
	record->local.port = local;
	record->local.scope = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	BPF_CORE_READ_INTO(&record->local.ip, sk, __sk_common.skc_v6_rcv_saddr);
	record->remote.family = AF_INET6;
	record->remote.port = remote;
	record->remote.scope = record->local.scope;
	BPF_CORE_READ_INTO(&record->remote.ip, sk, __sk_common.skc_v6_daddr);
}

/* The port id has 32 bits, so it does not go into an address; see event.h. */
static __always_inline void socket_fill_netlink(struct sock *sk, struct ipct_socket *record)
{
	record->sequence_local = BPF_CORE_READ((struct netlink_sock *)sk, portid);
	record->sequence_remote = BPF_CORE_READ(sk, sk_protocol);
}

static __always_inline void address_from_vsock(struct ipct_address *address, __u32 cid, __u32 port)
{
	address->family = AF_VSOCK;
	address->scope = port;
	__builtin_memcpy(address->ip, &cid, sizeof(cid));
}

static __always_inline void socket_fill_vsock(struct sock *sk, struct ipct_socket *record)
{
	struct vsock_sock___compat *vsock = (void *)sk;

	if (!bpf_core_type_exists(struct vsock_sock___compat))
		return;
	address_from_vsock(&record->local, BPF_CORE_READ(vsock, local_addr.svm_cid),
			   BPF_CORE_READ(vsock, local_addr.svm_port));
	address_from_vsock(&record->remote, BPF_CORE_READ(vsock, remote_addr.svm_cid),
			   BPF_CORE_READ(vsock, remote_addr.svm_port));
}

static __always_inline void socket_fill_unix(struct sock *sk, struct ipct_socket *record)
{
	struct sock *peer = BPF_CORE_READ((struct unix_sock *)sk, peer);

	if (!peer)
		return;
	record->peer.object = (__u64)peer;
	record->peer.inode = compat_socket_inode(peer);
}

static __always_inline bool unix_has_name(struct sock *sk)
{
	return BPF_CORE_READ((struct unix_sock *)sk, addr);
}

static __always_inline void unix_fill_name(struct sock *sk, struct ipct_socket *record)
{
	struct unix_sock *unix_sk = (struct unix_sock *)sk;
	struct unix_address *address = BPF_CORE_READ(unix_sk, addr);
	char *name;
	__u32 len;

	if (!address)
		return;
	len = BPF_CORE_READ(address, len) - sizeof(short);
	if (len > UNIX_NAME_MAX)
		return;
	barrier_var(len); /* else clang drops the mask, which the verifier needs */
	name = (char *)address + bpf_core_field_offset(struct unix_address, name) + sizeof(short);
	bpf_probe_read_kernel(record->name, len & 0x7f, name);
	record->name_len = len;
	if (!record->name[0] || record->name[0] == '/')
		return;
	/* bound to a relative path: take that of the inode */
	record->name_offset = path_write(BPF_CORE_READ(unix_sk, path.dentry),
					 BPF_CORE_READ(unix_sk, path.mnt), record->name);
	record->name_len = PATH_SIZE - record->name_offset;
}

/* Counts and sums the sk_buffs of a queue; more than are walked leaves the bytes unknown. */
static __always_inline void socket_walk_queue(struct sk_buff_head *queue, __u32 header,
					      bool is_unix, struct ipct_socket *record)
{
	struct sk_buff *skb = BPF_CORE_READ(queue, next);
	__u64 bytes = 0;
	__u32 messages = 0, passes = 0;

	for (int i = 0; i < SOCKET_QUEUE_WALKED; i++) {
		if (!skb || skb == (struct sk_buff *)queue)
			break;
		bytes += BPF_CORE_READ(skb, len) - header;
		if (is_unix) {
			struct unix_skb_parms *parms =
				(struct unix_skb_parms *)((char *)skb +
							  bpf_core_field_offset(struct sk_buff,
										cb));
			bytes -= BPF_CORE_READ(parms, consumed);
			passes += !!BPF_CORE_READ(parms, fp);
		}
		messages++;
		skb = BPF_CORE_READ(skb, next);
	}
	record->queued_messages += messages;
	record->queued_passes = passes;
	if (skb && skb != (struct sk_buff *)queue) {
		record->queued_bytes = IPCT_LEVEL_UNKNOWN;
		record->queued_passes = is_unix ? 255 : 0;
	}
	if (record->queued_bytes != IPCT_LEVEL_UNKNOWN)
		record->queued_bytes += bytes;
}

static __always_inline __u32 netlink_sender(const struct sk_buff *skb)
{
	struct netlink_skb_parms *parms =
		(struct netlink_skb_parms *)((char *)skb +
					     bpf_core_field_offset(struct sk_buff, cb));

	return BPF_CORE_READ(parms, portid);
}

/* Only what processes sent. */
static __always_inline void netlink_walk_queue(struct sk_buff_head *queue,
					       struct ipct_socket *record)
{
	struct sk_buff *skb = BPF_CORE_READ(queue, next);

	for (int i = 0; i < SOCKET_QUEUE_WALKED; i++) {
		if (!skb || skb == (struct sk_buff *)queue)
			return;
		if (netlink_sender(skb)) {
			record->queued_messages++;
			record->queued_bytes += BPF_CORE_READ(skb, len);
		}
		skb = BPF_CORE_READ(skb, next);
	}
	if (skb && skb != (struct sk_buff *)queue)
		record->queued_bytes = IPCT_LEVEL_UNKNOWN;
}

static __always_inline struct sk_buff_head *socket_receive_queue(struct sock *sk)
{
	return (struct sk_buff_head *)((char *)sk +
				       bpf_core_field_offset(struct sock, sk_receive_queue));
}

static __always_inline void socket_fill_tcp_level(struct sock *sk, struct ipct_socket *record)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	__u32 copied = BPF_CORE_READ(tcp, copied_seq);
	__u32 queued = BPF_CORE_READ(tcp, rcv_nxt) - copied;

	/* a FIN counts one in the sequence, and is no data; tcp_fin() sets SOCK_DONE */
	if (queued && (BPF_CORE_READ(sk, __sk_common.skc_flags) >>
			       bpf_core_enum_value(enum sock_flags, SOCK_DONE) &
		       1))
		queued--;
	record->queued_bytes = queued;
	record->send_position = BPF_CORE_READ(tcp, write_seq);
	record->receive_position = copied;
	record->sequence_local = BPF_CORE_READ(tcp, snd_una);
	record->sequence_remote = BPF_CORE_READ(tcp, rcv_nxt);
}

/* What waits in the receive queue: for the snapshot, too long for a hook. */
static __always_inline void socket_fill_level(struct sock *sk, struct ipct_socket *record)
{
	if (record->state == IPCT_STATE_LISTEN || record->mechanism == IPCT_TCP ||
	    record->mechanism == IPCT_VSOCK)
		return;
	record->queued_bytes = 0;
	if (record->mechanism == IPCT_NETLINK) {
		netlink_walk_queue(socket_receive_queue(sk), record);
		return;
	}
	if (record->mechanism == IPCT_UDP) {
		struct udp_sock *udp = (struct udp_sock *)sk;
		struct sk_buff_head *early =
			(struct sk_buff_head *)((char *)udp + bpf_core_field_offset(struct udp_sock,
										    reader_queue));

		socket_walk_queue(early, UDP_HEADER_SIZE, false, record);
	}
	socket_walk_queue(socket_receive_queue(sk),
			  record->mechanism == IPCT_UDP ? UDP_HEADER_SIZE : 0,
			  record->mechanism != IPCT_UDP, record);
}

static __always_inline void socket_fill_common(struct sock *sk, const struct object *object,
					       __u8 origin, struct ipct_socket *record)
{
	record->key = object->key;
	record->mechanism = object->mechanism;
	record->origin = origin;
	record->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	record->network = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	record->drops = (__u64)BPF_CORE_READ(sk, sk_drops.counter);
	record->queued_bytes = IPCT_LEVEL_UNKNOWN;
}

/* All but the head and what is queued. Not for unix sockets, whose record is longer. */
static __always_inline void nameless_fill(struct sock *sk, const struct object *object, __u8 origin,
					  struct ipct_socket *record)
{
	socket_fill_common(sk, object, origin, record);
	if (object->mechanism == IPCT_NETLINK) {
		socket_fill_netlink(sk, record);
		return;
	}
	if (object->mechanism == IPCT_VSOCK) {
		socket_fill_vsock(sk, record);
		return;
	}
	socket_fill_inet(sk, record);
	if (object->mechanism == IPCT_TCP && record->state != IPCT_STATE_LISTEN)
		socket_fill_tcp_level(sk, record);
}

/* The same for a unix socket; its name is not in a short record. */
static __always_inline void unix_fill(struct sock *sk, const struct object *object, __u8 origin,
				      struct ipct_socket *record)
{
	socket_fill_common(sk, object, origin, record);
	socket_fill_unix(sk, record);
}

#define NETLINK_ADDRESS_SIZE 12

/*
 * Does what is sent to the sockaddr_nl at `name`, or without one to whom the socket is connected,
 * go to a process? A group may have members; port 0 is the kernel.
 */
static __always_inline bool netlink_send_is_ipc(struct sock *sk, __u64 name)
{
	struct netlink_sock *netlink = (struct netlink_sock *)sk;
	__u32 address[NETLINK_ADDRESS_SIZE / 4] = {}; /* family and padding, port, groups */

	if (!name)
		return BPF_CORE_READ(netlink, dst_portid) || BPF_CORE_READ(netlink, dst_group);
	if (bpf_probe_read_user(address, sizeof(address), (void *)name))
		return false;
	return address[1] || address[2];
}

#endif
