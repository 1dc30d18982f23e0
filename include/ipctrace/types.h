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
	IPCT_MODEL_STREAM,  /* bytes in order: a read may take parts of several writes */
	IPCT_MODEL_MESSAGE, /* whole messages */
	IPCT_MODEL_SIGNAL,  /* both ends are named by the hook */
};

/* Groups of mechanisms, a bit each. */
enum ipct_group {
	IPCT_GROUP_PIPE = 1 << 0,
	IPCT_GROUP_UNIX = 1 << 1,
	IPCT_GROUP_INET = 1 << 2,
	IPCT_GROUP_SIGNAL = 1 << 3,
};

/* What a process does with a channel. Numbers stand in capture files. */
enum ipct_role {
	IPCT_ROLE_NONE = 0,
	IPCT_ROLE_SEND = 1,
	IPCT_ROLE_RECEIVE = 2,
	IPCT_ROLE_NR,
};

#endif
