/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The system-call table, and which arguments of a call are descriptors of what it moves. */
#ifndef IPCTRACE_SYSCALL_BPF_H
#define IPCTRACE_SYSCALL_BPF_H

#include "ipctrace.bpf.h"

enum shape {
	SHAPE_NONE,
	/* move data; a task that blocks in them has its objects resolved then */
	SHAPE_READ,
	SHAPE_READ_VECTOR,
	SHAPE_WRITE,
	SHAPE_SENDTO,
	SHAPE_SENDMSG,
	SHAPE_SENDMMSG,
	SHAPE_RECVFROM,
	SHAPE_RECVMSG,
	SHAPE_RECVMMSG,
	SHAPE_SPLICE,
	SHAPE_TEE,
	SHAPE_VMSPLICE,
	SHAPE_SENDFILE,
	SHAPE_MOVE_LAST = SHAPE_SENDFILE,
	/* make or name channels */
	SHAPE_PIPE,
	SHAPE_OPEN,
	SHAPE_SOCKET,
	SHAPE_SOCKETPAIR,
	SHAPE_BIND,
	SHAPE_CONNECT,
	SHAPE_ACCEPT,
	/* change the descriptor table */
	SHAPE_CLOSE,
	SHAPE_CLOSE_RANGE,
	SHAPE_DUP2,
};

#define SYSCALLS_NR 512
#define SYSCALL_NONE (SYSCALLS_NR - 1) /* where the rows of an ABI without the call go */

/* Shapes by number: the native ABI's in the low byte, ia32's in the high byte. */
#define NONE SYSCALL_NONE
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winitializer-overrides"
static const __u8 shapes_native[SYSCALLS_NR] = {
#if defined(__TARGET_ARCH_x86)
#define SYSCALL(name, x86_64, ia32, arm64, shape) [x86_64] = SHAPE_##shape,
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL(name, x86_64, ia32, arm64, shape) [arm64] = SHAPE_##shape,
#endif
#include "syscalls.def"
#undef SYSCALL
	[SYSCALL_NONE] = SHAPE_NONE,
};

/* 32-bit tasks of arm64 have the table of ARM, which is not here: they are not decoded. */
static const __u8 shapes_ia32[SYSCALLS_NR] = {
#if defined(__TARGET_ARCH_x86)
#define SYSCALL(name, x86_64, ia32, arm64, shape) [ia32] = SHAPE_##shape,
#include "syscalls.def"
#undef SYSCALL
#endif
	[SYSCALL_NONE] = SHAPE_NONE,
};
#pragma clang diagnostic pop
#undef NONE

/* Is there anything to do for this number in either ABI? For most calls this is all that runs. */
static __always_inline bool syscall_is_known(__s64 nr)
{
	if (nr < 0 || nr >= SYSCALLS_NR)
		return false;
	return shapes_native[nr & (SYSCALLS_NR - 1)] | shapes_ia32[nr & (SYSCALLS_NR - 1)];
}

static __always_inline __u8 syscall_shape(__s64 nr, bool is_ia32)
{
	return is_ia32 ? shapes_ia32[nr & (SYSCALLS_NR - 1)] :
			 shapes_native[nr & (SYSCALLS_NR - 1)];
}

static __always_inline bool shape_moves_data(__u8 shape)
{
	return shape >= SHAPE_READ && shape <= SHAPE_MOVE_LAST;
}

/* Is the current task inside the body of a call that moves data? */
static __always_inline bool current_moves_data(void)
{
	struct pt_regs *regs = compat_task_regs(current_task());
	__s64 nr = COMPAT_SYSCALL_NR_READ(regs);

	if (!syscall_is_known(nr) || !COMPAT_IN_SYSCALL_READ(regs))
		return false;
	return shape_moves_data(shapes_native[nr & (SYSCALLS_NR - 1)]) ||
	       shape_moves_data(shapes_ia32[nr & (SYSCALLS_NR - 1)]);
}

/* Descriptors of a call that moves data: where it takes from or puts to; -1: none. */
static __always_inline void shape_descriptors(__u8 shape, const __u64 *args, __s32 *ret_fds)
{
	ret_fds[0] = (__s32)args[0];
	ret_fds[1] = -1;
	if (shape == SHAPE_SPLICE)
		ret_fds[1] = (__s32)args[2];
	else if (shape == SHAPE_TEE || shape == SHAPE_SENDFILE)
		ret_fds[1] = (__s32)args[1];
}

#endif
