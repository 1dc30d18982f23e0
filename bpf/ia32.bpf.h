/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The two calls of ia32 that stand for many: socketcall and ipc. They are turned into the call
 * that is meant, so that nobody else need know them.
 */
#ifndef IPCTRACE_IA32_BPF_H
#define IPCTRACE_IA32_BPF_H

#include "syscall.bpf.h"

#define SOCKETCALL_ARGUMENTS_MAX 6
#define SOCKETCALLS_NR 32
#define IPC_CALL_MASK 0xffff /* above it the version of the interface */
#define IPC_VERSION_SHIFT 16

/* include/uapi/linux/net.h: shape and number of arguments of each. */
struct socketcall {
	__u8 shape;
	__u8 arguments;
};

static const struct socketcall socketcalls[SOCKETCALLS_NR] = {
	[1] = { SHAPE_SOCKET, 3 },    [2] = { SHAPE_BIND, 3 },	    [3] = { SHAPE_CONNECT, 3 },
	[4] = { SHAPE_LISTEN, 2 },    [5] = { SHAPE_ACCEPT, 3 },    [8] = { SHAPE_SOCKETPAIR, 4 },
	[9] = { SHAPE_SENDTO, 4 },    [10] = { SHAPE_RECVFROM, 4 }, [11] = { SHAPE_SENDTO, 6 },
	[12] = { SHAPE_RECVFROM, 6 }, [16] = { SHAPE_SENDMSG, 3 },  [17] = { SHAPE_RECVMSG, 3 },
	[18] = { SHAPE_ACCEPT, 4 },   [19] = { SHAPE_RECVMMSG, 5 }, [20] = { SHAPE_SENDMMSG, 4 },
};

static __always_inline __u32 ia32_word(__u64 address)
{
	__u32 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)address);
	return word;
}

static __always_inline __u8 ia32_decode_socketcall(__u64 *args)
{
	__u32 number = args[0];
	__u64 words = args[1];
	__u8 shape, arguments;

	if (number >= SOCKETCALLS_NR)
		return SHAPE_NONE;
	shape = socketcalls[number & (SOCKETCALLS_NR - 1)].shape;
	arguments = socketcalls[number & (SOCKETCALLS_NR - 1)].arguments;
	for (__u32 i = 0; i < SOCKETCALL_ARGUMENTS_MAX; i++)
		args[i] = i < arguments ? ia32_word(words + 4 * i) : 0;
	return shape;
}

/* The order of arguments: call, first, second, third, pointer, fifth. */
static __always_inline void ia32_arguments(__u64 *args, __u64 a, __u64 b, __u64 c, __u64 d)
{
	args[0] = a;
	args[1] = b;
	args[2] = c;
	args[3] = d;
	args[4] = args[5] = 0;
}

/* The old interface gives msgrcv a pointer to { buffer, type }. */
static __always_inline void ia32_decode_msgrcv(__u64 *args)
{
	__u64 id = args[1], size = args[2], flags = args[3], buffer = args[4], type = args[5];

	if (!((__u32)args[0] >> IPC_VERSION_SHIFT)) {
		type = (__s64)(__s32)ia32_word(buffer + 4);
		buffer = ia32_word(buffer);
	}
	ia32_arguments(args, id, buffer, size, type);
	args[4] = flags;
}

/* include/uapi/linux/ipc.h. `*ret` of shmat becomes the address, as in the call itself. */
static __always_inline __u8 ia32_decode_ipc(__u64 *args, __s64 *ret)
{
	__u64 first = args[1], second = args[2], third = args[3], pointer = args[4];

	switch ((__u32)args[0] & IPC_CALL_MASK) {
	case 1:
		ia32_arguments(args, first, pointer, second, 0);
		return SHAPE_SEMOP;
	case 2:
		ia32_arguments(args, first, second, third, 0);
		return SHAPE_SEMGET;
	case 3:
		ia32_arguments(args, first, second, third, ia32_word(pointer));
		return SHAPE_SEMCTL;
	case 4:
		ia32_arguments(args, first, pointer, second, args[5]);
		return SHAPE_SEMOP;
	case 11:
		ia32_arguments(args, first, pointer, second, third);
		return SHAPE_MSGSND;
	case 12:
		ia32_decode_msgrcv(args);
		return SHAPE_MSGRCV;
	case 13:
		ia32_arguments(args, first, second, 0, 0);
		return SHAPE_MSGGET;
	case 14:
		ia32_arguments(args, first, second, pointer, 0);
		return SHAPE_MSGCTL;
	case 21:
		if (!*ret)
			*ret = ia32_word(third);
		ia32_arguments(args, first, pointer, second, 0);
		return SHAPE_SHMAT;
	case 22:
		ia32_arguments(args, pointer, 0, 0, 0);
		return SHAPE_SHMDT;
	case 23:
		ia32_arguments(args, first, second, third, 0);
		return SHAPE_SHMGET;
	default:
		return SHAPE_NONE;
	}
}

/* The shape of a call whose arguments may hold the call itself; replaces these, and *ret. */
static __always_inline __u8 ia32_decode(__u8 shape, __u64 *args, __s64 *ret)
{
	if (shape == SHAPE_SOCKETCALL)
		return ia32_decode_socketcall(args);
	if (shape == SHAPE_IPC)
		return ia32_decode_ipc(args, ret);
	return shape;
}

#endif
