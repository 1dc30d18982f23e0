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
	SHAPE_WRITE_VECTOR,
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
	SHAPE_MQ_SEND,
	SHAPE_MQ_RECEIVE,
	SHAPE_MOVE_LAST = SHAPE_MQ_RECEIVE,
	/* may block as well, on objects that no descriptor names, or on locks */
	SHAPE_MSGSND,
	SHAPE_MSGRCV,
	SHAPE_SEMOP,
	SHAPE_FUTEX,
	SHAPE_FUTEX_WAITV,
	SHAPE_FUTEX2_WAKE,
	SHAPE_FUTEX2_WAIT,
	SHAPE_FUTEX2_REQUEUE,
	SHAPE_FLOCK,
	SHAPE_FCNTL,
	SHAPE_SIGWAIT,
	SHAPE_BLOCK_LAST = SHAPE_SIGWAIT,
	/* make or name channels */
	SHAPE_PIPE,
	SHAPE_OPEN,
	SHAPE_MQ_OPEN,
	SHAPE_MKNOD,
	SHAPE_MKNODAT,
	SHAPE_SOCKET,
	SHAPE_SOCKETPAIR,
	SHAPE_BIND,
	SHAPE_LISTEN,
	SHAPE_CONNECT,
	SHAPE_ACCEPT,
	SHAPE_EVENTFD,
	SHAPE_INTRODUCE_LAST = SHAPE_EVENTFD,
	/* SysV objects */
	SHAPE_MSGGET,
	SHAPE_MSGCTL,
	SHAPE_SEMGET,
	SHAPE_SEMCTL,
	SHAPE_SHMGET,
	/* change the mappings of the process */
	SHAPE_MMAP,
	SHAPE_MUNMAP,
	SHAPE_MREMAP,
	SHAPE_MPROTECT,
	SHAPE_MADVISE,
	SHAPE_SHMAT,
	SHAPE_SHMDT,
	/* give files names */
	SHAPE_LINK,
	SHAPE_LINKAT,
	/* touch another process */
	SHAPE_VM_READ,
	SHAPE_VM_WRITE,
	SHAPE_PTRACE,
	SHAPE_PIDFD_GETFD,
	/* 32-bit multiplexers: the call is in their arguments */
	SHAPE_SOCKETCALL,
	SHAPE_IPC,
	SHAPE_URING_ENTER,
	SHAPE_URING_SETUP,
	SHAPE_IOCTL, /* only those that throw away what waits in a terminal */
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

static __always_inline bool shape_is_posix_mq(__u8 shape)
{
	return shape == SHAPE_MQ_SEND || shape == SHAPE_MQ_RECEIVE;
}

static __always_inline bool shape_introduces(__u8 shape)
{
	return shape >= SHAPE_PIPE && shape <= SHAPE_INTRODUCE_LAST;
}

static __always_inline bool shape_replaces(__u8 shape)
{
	return shape >= SHAPE_CLOSE && shape <= SHAPE_DUP2;
}

/* May a task block in this call, in a way that says who waits for whom? */
static __always_inline bool shape_blocks(__u8 shape)
{
	return shape >= SHAPE_READ && shape <= SHAPE_BLOCK_LAST;
}

#define FUTEX_PRIVATE 128
#define FUTEX2_PRIVATE 128
#define MAP_TYPE_MASK 0xf
#define MAP_TYPE_SHARED 1
#define MAP_TYPE_SHARED_VALIDATE 3
#define MAP_FIXED 0x10 /* replaces what is mapped there */
#define ADVICE_DONTFORK 10
#define ADVICE_DOFORK 11
#define FCNTL_SETLK 6
#define FCNTL_SETLKW 7
#define FCNTL_SETLK64 13 /* of ia32; so is 14 */
#define FCNTL_SETLKW64 14
#define FCNTL_OFD_SETLK 37
#define FCNTL_OFD_SETLKW 38

static __always_inline bool fcntl_locks(__u32 command)
{
	return command == FCNTL_SETLK || command == FCNTL_SETLKW || command == FCNTL_SETLK64 ||
	       command == FCNTL_SETLKW64 || command == FCNTL_OFD_SETLK ||
	       command == FCNTL_OFD_SETLKW;
}

#define MEMORY_MECHANISMS                                                                          \
	(1ULL << IPCT_SYSV_SHM | 1ULL << IPCT_POSIX_SHM | 1ULL << IPCT_MEMFD |                     \
	 1ULL << IPCT_SHARED_MAPPING)

static __always_inline bool mmap_is_shared(const __u64 *args)
{
	__u32 type = args[3] & MAP_TYPE_MASK;

	return type == MAP_TYPE_SHARED || type == MAP_TYPE_SHARED_VALIDATE;
}

/* Calls that change mappings matter where there are shared ones. */
static __always_inline bool memory_matters(__u8 shape, const __u64 *args)
{
	if (!(capture_config.mechanisms & MEMORY_MECHANISMS))
		return false;
	if (shape == SHAPE_SHMGET || shape == SHAPE_SHMAT)
		return true;
	if (shape == SHAPE_MMAP && mmap_is_shared(args))
		return true;
	if (shape == SHAPE_MMAP && !(args[3] & MAP_FIXED))
		return false;
	if (shape == SHAPE_MADVISE && args[2] != ADVICE_DONTFORK && args[2] != ADVICE_DOFORK)
		return false;
	return mapper_has(bpf_get_current_pid_tgid() >> 32);
}

#define IOCTL_TCSETSF 0x5404 /* include/uapi/asm-generic/ioctls.h; alike on x86 and arm64 */
#define IOCTL_TCSETAF 0x5408
#define IOCTL_TCFLSH 0x540b
#define IOCTL_TCSETSF2 0x402c542d

static __always_inline bool ioctl_flushes(__u32 command)
{
	return command == IOCTL_TCFLSH || command == IOCTL_TCSETSF || command == IOCTL_TCSETAF ||
	       command == IOCTL_TCSETSF2;
}

/*
 * Is a call of this shape one of ours, by its arguments? Most futexes are private to their
 * process, most mappings too, and few calls of fcntl lock: they end here.
 */
static __always_inline bool arguments_matter(__u8 shape, const __u64 *args)
{
	switch (shape) {
	case SHAPE_FUTEX:
		return !(args[1] & FUTEX_PRIVATE);
	case SHAPE_FUTEX2_WAKE:
		return !(args[3] & FUTEX2_PRIVATE);
	case SHAPE_FUTEX2_WAIT:
		return !(args[3] & FUTEX2_PRIVATE);
	case SHAPE_SHMGET:
	case SHAPE_SHMAT:
	case SHAPE_SHMDT:
	case SHAPE_MMAP:
	case SHAPE_MUNMAP:
	case SHAPE_MREMAP:
	case SHAPE_MPROTECT:
	case SHAPE_MADVISE:
		return memory_matters(shape, args);
	case SHAPE_FCNTL:
		return fcntl_locks(args[1]);
	case SHAPE_IOCTL:
		return ioctl_flushes(args[1]);
	default:
		return true;
	}
}

enum mover {
	MOVER_NONE,
	MOVER_CALL,
	MOVER_URING,
};

/*
 * What the current task moves data for: the call whose body it is in, or io_uring: in
 * io_uring_enter, on the way out of any call (task work), in a worker.
 */
static __always_inline enum mover current_mover(void)
{
	struct pt_regs *regs = compat_task_regs(current_task());
	__s64 nr = COMPAT_SYSCALL_NR_READ(regs);
	__u8 native, ia32;

	if (!COMPAT_IN_SYSCALL_READ(regs))
		return MOVER_URING;
	if (!syscall_is_known(nr))
		return MOVER_NONE;
	native = shapes_native[nr & (SYSCALLS_NR - 1)];
	ia32 = shapes_ia32[nr & (SYSCALLS_NR - 1)];
	if (native == SHAPE_URING_ENTER)
		return MOVER_URING;
	return shape_moves_data(native) || shape_moves_data(ia32) || ia32 == SHAPE_SOCKETCALL ?
		       MOVER_CALL :
		       MOVER_NONE;
}

/* Descriptors of a call that moves data: where it takes from or puts to; -1: none. */
static __always_inline void shape_descriptors(__u8 shape, const __u64 *args, __s32 *ret_fds)
{
	ret_fds[0] = shape_moves_data(shape) ? (__s32)args[0] : -1;
	ret_fds[1] = -1;
	if (shape == SHAPE_SPLICE)
		ret_fds[1] = (__s32)args[2];
	else if (shape == SHAPE_TEE || shape == SHAPE_SENDFILE)
		ret_fds[1] = (__s32)args[1];
}

#endif
