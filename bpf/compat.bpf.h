/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kernel differences from 5.10 to 7.3: every CO-RE flavour that the programs use, and what a
 * vmlinux.h of one kernel may lack, with the kernel commit or release that made it needed.
 */
#ifndef IPCTRACE_COMPAT_BPF_H
#define IPCTRACE_COMPAT_BPF_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* task_struct.state became __state in 5.14 (2f064a59a11f). */
struct task_struct___old_state {
	long state;
} __attribute__((preserve_access_index));

struct task_struct___new_state {
	unsigned int __state;
} __attribute__((preserve_access_index));

static __always_inline long compat_task_state(struct task_struct *task)
{
	struct task_struct___new_state *now = (void *)task;
	struct task_struct___old_state *old = (void *)task;

	if (bpf_core_field_exists(now->__state))
		return BPF_CORE_READ(now, __state);
	return BPF_CORE_READ(old, state);
}

/*
 * PF_USER_WORKER came with 6.4 (54e6842d0775); before, io_uring's workers alone were marked,
 * by the bit PF_IO_WORKER that is still theirs.
 */
#define COMPAT_PF_IO_WORKER 0x00000010
#define COMPAT_PF_USER_WORKER 0x00004000
#define COMPAT_PF_KTHREAD 0x00200000

/* Private to io_uring: their members moved, and 5.10 has other structs. */
struct io_cqe___uring {
	__u64 user_data;
} __attribute__((preserve_access_index));

struct io_kiocb___cqe {
	struct io_cqe___uring cqe;
} __attribute__((preserve_access_index));

struct io_kiocb___user_data {
	__u64 user_data;
} __attribute__((preserve_access_index));

struct io_sr_msg___uring {
	unsigned int msg_flags;
	__u16 flags;
} __attribute__((preserve_access_index));

struct io_rw___uring {
	__u64 addr;
} __attribute__((preserve_access_index));

struct io_splice___uring {
	int splice_fd_in;
	unsigned int flags;
} __attribute__((preserve_access_index));

/* bpf_task_pt_regs() came with 5.15 (dd6e10fbd9fb), on 5.10 the registers are found by hand. */
#if defined(__TARGET_ARCH_x86)
#define COMPAT_THREAD_SIZE (4UL << 12)
#elif defined(__TARGET_ARCH_arm64)
#define COMPAT_THREAD_SIZE (4UL << 12)
#endif

/* Task storage came with 5.11 (4cf1bc1f1045). */
#define COMPAT_BPF_MAP_TYPE_TASK_STORAGE 29
#define COMPAT_BPF_FUNC_task_storage_get 156
#define COMPAT_BPF_FUNC_get_current_task_btf 158
#define COMPAT_BPF_FUNC_task_pt_regs 175

static long (*compat_task_pt_regs)(struct task_struct *task) = (void *)COMPAT_BPF_FUNC_task_pt_regs;

enum bpf_func_id___compat {
	BPF_FUNC_task_pt_regs___compat = COMPAT_BPF_FUNC_task_pt_regs,
};

static __always_inline struct pt_regs *compat_task_regs(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___compat, BPF_FUNC_task_pt_regs___compat))
		return (struct pt_regs *)compat_task_pt_regs(task);
	return (struct pt_regs *)((unsigned long)BPF_CORE_READ(task, stack) + COMPAT_THREAD_SIZE) -
	       1;
}

/* dentry.d_alias was in a union called d_u, which has no name any more in 7.3. */
union dentry_union___named {
	struct hlist_node d_alias;
} __attribute__((preserve_access_index));

struct dentry___named_union {
	union dentry_union___named d_u;
} __attribute__((preserve_access_index));

struct dentry___alias {
	struct hlist_node d_alias;
} __attribute__((preserve_access_index));

/* The dentry that holds this node of its inode's list. */
static __always_inline struct dentry *compat_alias_dentry(struct hlist_node *node)
{
	if (bpf_core_field_exists(((struct dentry___alias *)0)->d_alias))
		return (void *)node - bpf_core_field_offset(struct dentry___alias, d_alias);
	return (void *)node - bpf_core_field_offset(struct dentry___named_union, d_u.d_alias);
}

/* A socket's inode: the file's while one holds it; the parts are the same on all kernels. */
static __always_inline __u64 compat_socket_inode(struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);

	if (!socket)
		return 0;
	/* struct socket is the first member of struct socket_alloc */
	return BPF_CORE_READ((struct socket_alloc *)socket, vfs_inode.i_ino);
}

/*
 * System-call registers. ia32 calls, also those made with int $0x80 by a 64-bit program, are
 * told by the state of the thread (TS_COMPAT), per call.
 */
#if defined(__TARGET_ARCH_x86)
#define COMPAT_TS_COMPAT 0x0002
#define COMPAT_ENOSYS 38

#define COMPAT_IS_IA32_BIT COMPAT_TS_COMPAT
#define COMPAT_IA32_FIELD status

#define COMPAT_SYSCALL_NR(regs) ((__s64)(regs)->orig_ax)
#define COMPAT_SYSCALL_NR_READ(regs) ((__s64)BPF_CORE_READ(regs, orig_ax))
#define COMPAT_IN_SYSCALL_READ(regs) ((__s64)BPF_CORE_READ(regs, ax) == -COMPAT_ENOSYS)
/* The number is loaded with -ENOSYS until the call's body has returned. */
#define COMPAT_IN_SYSCALL(regs) ((__s64)(regs)->ax == -COMPAT_ENOSYS)

static __always_inline void compat_syscall_args(struct pt_regs *regs, bool is_ia32, __u64 *args)
{
	if (is_ia32) {
		args[0] = (__u32)regs->bx;
		args[1] = (__u32)regs->cx;
		args[2] = (__u32)regs->dx;
		args[3] = (__u32)regs->si;
		args[4] = (__u32)regs->di;
		args[5] = (__u32)regs->bp;
		return;
	}
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->r10;
	args[4] = regs->r8;
	args[5] = regs->r9;
}
#elif defined(__TARGET_ARCH_arm64)
#define COMPAT_TIF_32BIT (1 << 22)

#define COMPAT_IS_IA32_BIT COMPAT_TIF_32BIT
#define COMPAT_IA32_FIELD flags

#define COMPAT_SYSCALL_NR(regs) ((__s64)(regs)->syscallno)
#define COMPAT_SYSCALL_NR_READ(regs) ((__s64)BPF_CORE_READ(regs, syscallno))
/*
 * The number stays until user space runs again. The first register holds the first argument until
 * the body has returned; where the result is the same, this cannot tell. Workers of io_uring never
 * were in user space: their registers are zero, and zero is a number.
 */
#define COMPAT_IN_SYSCALL(at)                                                                      \
	((__s64)(at)->syscallno >= 0 && (at)->pc && (at)->regs[0] == (at)->orig_x0)
#define COMPAT_IN_SYSCALL_READ(at)                                                                 \
	(COMPAT_SYSCALL_NR_READ(at) >= 0 && BPF_CORE_READ(at, pc) &&                               \
	 BPF_CORE_READ(at, regs[0]) == BPF_CORE_READ(at, orig_x0))

static __always_inline void compat_syscall_args(struct pt_regs *regs, bool is_ia32, __u64 *args)
{
	(void)is_ia32;
	args[0] = regs->orig_x0;
	args[1] = regs->regs[1];
	args[2] = regs->regs[2];
	args[3] = regs->regs[3];
	args[4] = regs->regs[4];
	args[5] = regs->regs[5];
}
#endif

static __always_inline bool compat_is_ia32(struct task_struct *task)
{
	return BPF_CORE_READ(task, thread_info.COMPAT_IA32_FIELD) & COMPAT_IS_IA32_BIT;
}

/* What classic tracepoints pass on 7.x, which alone needs them. */
struct trace_event_raw_io_uring_submit_req___compat {
	void *req;
} __attribute__((preserve_access_index));

struct trace_event_raw_io_uring_complete___compat {
	void *ctx;
	void *req;
	__u64 user_data;
	int res;
	unsigned int cflags;
} __attribute__((preserve_access_index));

struct trace_event_raw_sched_process_fork___compat {
	pid_t child_pid;
} __attribute__((preserve_access_index));

struct trace_event_raw_inet_sock_set_state___compat {
	const void *skaddr;
	int oldstate;
	int newstate;
} __attribute__((preserve_access_index));

struct trace_event_raw_sk_data_ready___compat {
	const void *skaddr;
} __attribute__((preserve_access_index));

/* Private to drivers/tty/n_tty.c, so that no header promises it. */
struct n_tty_data___compat {
	size_t read_head;
	size_t read_tail;
} __attribute__((preserve_access_index));

/* Of a module on many kernels, and then not in vmlinux.h; nowhere where modules have no BTF. */
struct sockaddr_vm___compat {
	unsigned int svm_port;
	unsigned int svm_cid;
} __attribute__((preserve_access_index));

struct vsock_sock___compat {
	struct sockaddr_vm___compat local_addr;
	struct sockaddr_vm___compat remote_addr;
} __attribute__((preserve_access_index));

#endif
