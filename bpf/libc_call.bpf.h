/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What functions of the C library did to a semaphore or a mutex in shared memory, whether or not
 * they had to call the kernel. The programs are in libc.bpf.c, which call what is here by name.
 */
#ifndef IPCTRACE_LIBC_CALL_BPF_H
#define IPCTRACE_LIBC_CALL_BPF_H

#include "sync_call.bpf.h"

#define LIBC_NO_CALL -1			      /* as the number of a system call */
#define LIBC_OFFSET_MIX 0x9e3779b97f4a7c15ULL /* spreads offsets over keys of the described map */

/* Key of the described map for one semaphore in the memory that is state->object. */
static __always_inline struct ipct_key libc_semaphore_key(const struct task_state *state,
							  __u64 offset)
{
	struct ipct_key key = described_key(&state->object);

	key.inode ^= (offset + 1) * LIBC_OFFSET_MIX;
	return key;
}

/*
 * First sight of a semaphore: what was in it before this operation. Nothing was if a post finds
 * it empty: a wait that has taken something and is about to tell lacks a unit then. Others may be
 * about to tell of what they put there, too.
 */
static __noinline int libc_semaphore_level(const struct task_state *state, __u64 address,
					   __u64 offset, __u8 role)
{
	struct ipct_key key = libc_semaphore_key(state, offset);
	bool is_known = true;
	struct ipct_sync s;
	__u32 value = 0;
	__u8 one = 1;

	if (bpf_map_lookup_elem(&described, &key))
		return 0;
	bpf_map_update_elem(&described, &key, &one, BPF_ANY);
	/* a page that this process has not touched yet cannot be read */
	if (bpf_probe_read_user(&value, sizeof(value), (void *)address))
		is_known = false;
	else if (role == IPCT_ROLE_WAIT)
		value++;
	sync_init(&s, state, IPCT_ROLE_POST);
	s.event.pid = 0;
	s.event.start_ns = 0;
	s.flags = IPCT_SYNC_SET | IPCT_SYNC_USER | (is_known && !value ? IPCT_SYNC_LAST : 0);
	s.offset = offset;
	s.amount = value & 0x7fffffff;
	sync_output(&s);
	return 0;
}

/* The shared memory at `address` becomes state->object; as futex_begin(). */
static __always_inline struct task_state *libc_begin(__u64 address, __u8 role, __u64 *ret_offset)
{
	struct task_state *state;

	if (!mechanism_is_wanted(IPCT_FUTEX) ||
	    bpf_get_current_pid_tgid() >> 32 == capture_config.self_pid)
		return NULL;
	state = task_state_create(current_task());
	if (!state) {
		count_unseen_loss(IPCT_LOSS_TASK_STATE, 1);
		return NULL;
	}
	task_state_adopt(state);
	state->call.nr = LIBC_NO_CALL;
	state->call.ret = 0;
	return futex_begin(state, address, role, ret_offset) ? state : NULL;
}

static __noinline int libc_output(const struct task_state *state, __u64 offset, __u8 role,
				  __s32 amount, __u32 flags)
{
	struct ipct_sync s;

	sync_init(&s, state, role);
	s.offset = offset;
	s.amount = amount < 0 ? 0 : amount;
	s.flags = flags | IPCT_SYNC_USER;
	sync_output(&s);
	return 0;
}

/* The current task put `amount` units into what is at `address`, or took them. */
__noinline int libc_report(__u64 address, __u32 role, __s32 amount, __u32 flags)
{
	struct task_state *state;
	__u64 offset = 0;

	state = libc_begin(address, role, &offset);
	if (!state)
		return 0;
	if (!(flags & (IPCT_SYNC_MUTEX | IPCT_SYNC_SET)))
		libc_semaphore_level(state, address, offset, role);
	if ((flags & IPCT_SYNC_SET) && !(flags & IPCT_SYNC_MUTEX)) {
		struct ipct_key key = libc_semaphore_key(state, offset);
		__u8 one = 1;

		bpf_map_update_elem(&described, &key, &one, BPF_ANY);
	}
	libc_output(state, offset, role, amount, flags);
	return 0;
}

/*
 * sem_open(O_CREAT) returned `address`. Did it make the semaphore? Then its file was made under
 * another name, which is gone: the semaphore's own name is a second link.
 */
__noinline int libc_opened(__u64 address, __s32 value)
{
	struct vm_area_struct *vma = vma_at(address);
	struct task_state *state;
	struct hlist_bl_node **pprev;
	struct ipct_key key;
	struct file *file;
	__u64 offset = 0;

	file = vma ? BPF_CORE_READ(vma, vm_file) : NULL;
	if (!file)
		return 0;
	pprev = BPF_CORE_READ(file, f_path.dentry, d_hash.pprev);
	if (pprev) /* it has its name */
		return 0;
	state = libc_begin(address, IPCT_ROLE_POST, &offset);
	if (!state)
		return 0;
	key = libc_semaphore_key(state, offset);
	if (!bpf_map_lookup_elem(&described, &key)) /* else this process had it open already */
		libc_report(address, IPCT_ROLE_POST, value, IPCT_SYNC_SET);
	return 0;
}

#endif
