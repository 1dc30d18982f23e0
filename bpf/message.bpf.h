/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * User memory of the message calls: msghdr, mmsghdr, iovec, sockaddr. Read at the exit of the
 * call, when the kernel has touched or written it. Hints only: another thread may change it.
 */
#ifndef IPCTRACE_MESSAGE_BPF_H
#define IPCTRACE_MESSAGE_BPF_H

#include "ipctrace.bpf.h"

#define FLAG_PEEK 0x2
#define FLAG_TRUNC 0x20
#define FLAG_ERRQUEUE 0x2000
#define MESSAGES_MAX 64 /* of one sendmmsg or recvmmsg; what is beyond is counted as lost */
#define MESSAGE_VECTORS_MAX 16
#define MESSAGE_CONTROLS_MAX 8
#define CONTROL_SOCKET 1 /* SOL_SOCKET */
#define CONTROL_RIGHTS 1 /* SCM_RIGHTS */

struct message_header {
	__u64 name;    /* user address of a sockaddr, or 0 */
	__u64 vectors; /* user address of an iovec array */
	__u64 vectors_nr;
};

/* What a call with these flags returned is no data. */
static __always_inline bool flags_move_nothing(__u32 flags)
{
	return flags & (FLAG_PEEK | FLAG_ERRQUEUE);
}

static __always_inline __u64 user_word(__u64 address, bool is_ia32)
{
	__u64 word = 0;

	if (is_ia32)
		bpf_probe_read_user(&word, 4, (void *)address);
	else
		bpf_probe_read_user(&word, 8, (void *)address);
	return word;
}

static __always_inline void message_read_header(__u64 address, bool is_ia32,
						struct message_header *ret)
{
	__u64 word = is_ia32 ? 4 : 8;

	ret->name = user_word(address, is_ia32);
	ret->vectors = user_word(address + 2 * word, is_ia32);
	ret->vectors_nr = user_word(address + 3 * word, is_ia32);
}

/* The descriptors in the control data of a message (SCM_RIGHTS), in user memory. */
struct message_rights {
	__u64 fds; /* of the first */
	__u32 nr;
};

/* After a receive: those that were received; the kernel has shortened the control data. */
static __always_inline void message_read_rights(__u64 address, bool is_ia32,
						struct message_rights *ret)
{
	__u64 word = is_ia32 ? 4 : 8, len;
	__u64 at = user_word(address + 4 * word, is_ia32);
	__u64 left = user_word(address + 5 * word, is_ia32);
	__u32 kind[2];

	ret->fds = ret->nr = 0;
	for (__u32 i = 0; i < MESSAGE_CONTROLS_MAX; i++) {
		if (!at || left < word + sizeof(kind))
			return;
		len = user_word(at, is_ia32);
		if (len < word + sizeof(kind) || len > left ||
		    bpf_probe_read_user(kind, sizeof(kind), (void *)(at + word)))
			return;
		if (kind[0] == CONTROL_SOCKET && kind[1] == CONTROL_RIGHTS) {
			if (!ret->fds)
				ret->fds = at + word + sizeof(kind);
			ret->nr += (len - word - sizeof(kind)) / sizeof(__s32);
		}
		len = (len + word - 1) & ~(word - 1);
		if (len >= left)
			return;
		at += len;
		left -= len;
	}
}

/* User address of element `i` of an array of struct mmsghdr, and of its msg_len. */
static __always_inline __u64 message_element(__u64 array, __u32 i, bool is_ia32)
{
	return array + (__u64)i * (is_ia32 ? 32 : 64);
}

static __always_inline __u32 message_element_len(__u64 element, bool is_ia32)
{
	__u32 len = 0;

	bpf_probe_read_user(&len, sizeof(len), (void *)(element + (is_ia32 ? 28 : 56)));
	return len;
}

/* Room in the buffers of a message; with more vectors than are read: any. */
static __always_inline __u64 message_room(const struct message_header *header, bool is_ia32)
{
	__u64 word = is_ia32 ? 4 : 8;
	__u64 room = 0;

	if (header->vectors_nr > MESSAGE_VECTORS_MAX)
		return ~0ULL;
	for (__u32 i = 0; i < MESSAGE_VECTORS_MAX; i++) {
		if (i >= header->vectors_nr)
			break;
		room += user_word(header->vectors + (2 * i + 1) * word, is_ia32);
	}
	return room;
}

/* A sockaddr_in or sockaddr_in6; anything else leaves family 0. */
static __always_inline bool message_read_address(__u64 user, struct ipct_address *ret)
{
	struct sockaddr_in6 in6 = {};
	struct sockaddr_in *in = (struct sockaddr_in *)&in6;

	if (!user || bpf_probe_read_user(&in6, sizeof(*in), (void *)user))
		return false;
	ret->port = bpf_ntohs(in->sin_port);
	if (in->sin_family == AF_INET) {
		ret->family = AF_INET;
		ret->ip[10] = 0xff;
		ret->ip[11] = 0xff;
		__builtin_memcpy(&ret->ip[12], &in->sin_addr, 4);
		return true;
	}
	if (in->sin_family != AF_INET6 || bpf_probe_read_user(&in6, sizeof(in6), (void *)user))
		return false;
	ret->family = AF_INET6;
	ret->scope = in6.sin6_scope_id;
	__builtin_memcpy(ret->ip, &in6.sin6_addr, sizeof(ret->ip));
	return true;
}

#endif
