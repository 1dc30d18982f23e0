/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that a call makes and that outlive the process: sockets bound to a path, FIFOs. */
#ifndef IPCTRACE_MADE_BPF_H
#define IPCTRACE_MADE_BPF_H

#include "object.bpf.h"
#include "path.bpf.h"
#include "syscall.bpf.h"

#define DESCRIPTOR_CWD -100 /* AT_FDCWD */

/* False: the path is too long. */
static __always_inline bool made_fill_path(struct ipct_made *record, struct dentry *dentry,
					   struct vfsmount *mnt)
{
	bool is_whole;
	__u32 offset = path_write_whole(dentry, mnt, record->name, &is_whole);

	record->mount_namespace = path_namespace(mnt);
	record->name_offset = offset;
	record->name_len = is_whole ? PATH_SIZE - offset : 0;
	return is_whole;
}

/* state->object was bound; to an abstract name: nothing. Global: the verifier walks it once. */
__noinline int socket_made(void)
{
	struct task_state *state = task_state_get(current_task());
	struct ipct_made *record;
	struct unix_sock *sk;
	struct dentry *dentry;

	if (!state)
		return 0;
	sk = (struct unix_sock *)state->object.kernel;
	dentry = BPF_CORE_READ(sk, path.dentry);
	record = dentry ? control_reserve(sizeof(*record)) : NULL;
	if (!record)
		return 0;
	event_init_current(&record->event, IPCT_EVENT_MADE, sizeof(*record));
	record->key = state->object.key;
	record->mechanism = state->object.mechanism;
	record->inode = BPF_CORE_READ(dentry, d_inode, i_ino);
	made_fill_path(record, dentry, BPF_CORE_READ(sk, path.mnt));
	control_submit(record);
	return 0;
}

/* Where the path that a call names begins: `first` is its first byte. */
static __always_inline void made_directory(const struct call *call, char first, struct path *ret)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	__s32 fd = call->shape == SHAPE_MKNODAT ? (__s32)call->args[0] : DESCRIPTOR_CWD;

	if (first == '/')
		BPF_CORE_READ_INTO(ret, task, fs, root);
	else if (fd == DESCRIPTOR_CWD)
		BPF_CORE_READ_INTO(ret, task, fs, pwd);
	else
		BPF_CORE_READ_INTO(ret, task_file(task, fd), f_path);
}

/* Appends the path of the call to that of its directory. */
static __always_inline void made_append_path(struct ipct_made *record, __u64 user, char first)
{
	__u32 begin = PATH_SIZE;
	long len;

	if (first != '/')
		record->name[begin++] = '/';
	len = bpf_probe_read_user_str(&record->name[begin], PATH_SIZE - 1, (void *)user);
	if (len > 1 && len < PATH_SIZE - 1)
		record->name_len = begin - record->name_offset + len - 1;
	else
		record->name_len = 0;
}

/* state->call made a file of some kind. Global for the same reason. */
__noinline int fifo_made(void)
{
	struct task_state *state = task_state_get(current_task());
	struct path directory = {};
	struct ipct_made *record;
	__u64 user, mode;
	char first = 0;

	if (!state || !task_is_inside(state) || !mechanism_is_wanted(IPCT_FIFO))
		return 0;
	user = state->call.shape == SHAPE_MKNODAT ? state->call.args[1] : state->call.args[0];
	mode = state->call.shape == SHAPE_MKNODAT ? state->call.args[2] : state->call.args[1];
	if ((mode & MODE_TYPE) != MODE_FIFO)
		return 0;
	bpf_probe_read_user(&first, sizeof(first), (void *)user);
	made_directory(&state->call, first, &directory);
	record = control_reserve(sizeof(*record));
	if (!record)
		return 0;
	event_init_current(&record->event, IPCT_EVENT_MADE, sizeof(*record));
	record->mechanism = IPCT_FIFO;
	if (made_fill_path(record, directory.dentry, directory.mnt))
		made_append_path(record, user, first);
	control_submit(record);
	return 0;
}

#endif
