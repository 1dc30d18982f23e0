/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Words that the kernel side and the user side share. Fixed-width types, no libc, no
 * pointers. On the kernel side it goes after vmlinux.h.
 */
#ifndef IPCTRACE_TYPES_H
#define IPCTRACE_TYPES_H

#ifndef __bpf__ /* vmlinux.h has them */
#include <linux/types.h>
#endif

enum ipct_mechanism {
	IPCT_MECHANISM_NONE = 0,
#define MECHANISM(symbol, number, name, group, model) IPCT_##symbol = number,
#include "mechanisms.def"
#undef MECHANISM
	IPCT_MECHANISM_NR,
};

/* How receives are matched to sends. */
enum ipct_model {
	IPCT_MODEL_NONE = 0,
	IPCT_MODEL_STREAM,   /* bytes in order: a read may take parts of several writes */
	IPCT_MODEL_MESSAGE,  /* whole messages */
	IPCT_MODEL_SIGNAL,   /* both ends are named by the hook */
	IPCT_MODEL_TERMINAL, /* bytes in order, but the line discipline changes them */
	IPCT_MODEL_QUEUE,    /* whole messages, of the oldest of a type or priority */
	IPCT_MODEL_WAKE,     /* posts and the waits that they end */
	IPCT_MODEL_MAPPING,  /* no transfers: who maps it, and with what rights */
	IPCT_MODEL_COUNTER,  /* a read takes all writes since the one before */
	IPCT_MODEL_NAMED,    /* the receiving end names the sender */
};

/* Groups of mechanisms, a bit each. */
enum ipct_group {
	IPCT_GROUP_PIPE = 1 << 0,
	IPCT_GROUP_UNIX = 1 << 1,
	IPCT_GROUP_INET = 1 << 2,
	IPCT_GROUP_SIGNAL = 1 << 3,
	IPCT_GROUP_TERMINAL = 1 << 4,
	IPCT_GROUP_VSOCK = 1 << 5,
	IPCT_GROUP_NETLINK = 1 << 6,
	IPCT_GROUP_QUEUE = 1 << 7,
	IPCT_GROUP_SEMAPHORE = 1 << 8,
	IPCT_GROUP_MEMORY = 1 << 9,
	IPCT_GROUP_EVENTFD = 1 << 10,
	IPCT_GROUP_PROCESS_VM = 1 << 11,
	IPCT_GROUP_LOCK = 1 << 12,
};

/* What a process does with a channel. Numbers stand in capture files. */
enum ipct_role {
	IPCT_ROLE_NONE = 0,
	IPCT_ROLE_SEND = 1,
	IPCT_ROLE_RECEIVE = 2,
	IPCT_ROLE_MAP_RO = 3,
	IPCT_ROLE_MAP_RW = 4,
	IPCT_ROLE_POST = 5,
	IPCT_ROLE_WAIT = 6,
	IPCT_ROLE_HOLD = 7,
	IPCT_ROLE_NR,
};

/* Does a socket stand behind the channels of this mechanism? */
static inline __attribute__((always_inline)) int ipct_is_socket(__u32 mechanism)
{
	return (mechanism >= IPCT_UNIX_STREAM && mechanism <= IPCT_UDP) ||
	       mechanism == IPCT_VSOCK || mechanism == IPCT_NETLINK;
}

/* Does a process in this role map the channel? */
static inline __attribute__((always_inline)) int ipct_role_maps(__u32 role)
{
	return role == IPCT_ROLE_MAP_RO || role == IPCT_ROLE_MAP_RW;
}

#endif
