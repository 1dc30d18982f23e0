/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that a call makes and that outlive the process: sockets bound to a path, FIFOs. */
#ifndef IPCTRACE_MADE_BPF_H
#define IPCTRACE_MADE_BPF_H

#include "object.bpf.h"
#include "path.bpf.h"
#include "syscall.bpf.h"

#define DESCRIPTOR_CWD -100 /* AT_FDCWD */

/* Where the path of what state->call made begins: at the socket's file, or at a directory. */
static __always_inline void made_begin(const struct task_state *state, char first, struct path *ret)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	/* a local: a chain that starts in a struct of ours would be relocated too */
	struct unix_sock *sk = (struct unix_sock *)state->object.kernel;
	const struct call *call = &state->call;
	__s32 fd = call->shape == SHAPE_MKNODAT ? (__s32)call->args[0] : DESCRIPTOR_CWD;

	if (call->shape == SHAPE_BIND)
		BPF_CORE_READ_INTO(ret, sk, path);
	else if (first == '/')
		BPF_CORE_READ_INTO(ret, task, fs, root);
	else if (fd == DESCRIPTOR_CWD)
		BPF_CORE_READ_INTO(ret, task, fs, pwd);
	else
		BPF_CORE_READ_INTO(ret, task_file(task, fd), f_path);
}

/* Appends the path that a call names to that of its directory. */
static __always_inline void made_append(struct ipct_made *record, __u64 user, char first)
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

static __always_inline void made_fill(const struct task_state *state, const struct path *path,
				      struct ipct_made *record)
{
	struct dentry *dentry = path->dentry;
	bool is_whole;

	record->name_offset = path_write_whole(dentry, path->mnt, record->name, &is_whole);
	record->name_len = is_whole ? PATH_SIZE - record->name_offset : 0;
	record->mount_namespace = path_namespace(path->mnt);
	record->mechanism = IPCT_FIFO;
	if (state->call.shape != SHAPE_BIND)
		return;
	record->key = state->object.key;
	record->mechanism = state->object.mechanism;
	record->inode = BPF_CORE_READ(dentry, d_inode, i_ino);
}

/* Did a mknod of state->call make a FIFO that is to be recorded? */
static __always_inline bool made_fifo(const struct task_state *state, __u32 path_index)
{
	__u64 mode = state->call.args[path_index + 1];

	return (mode & MODE_TYPE) == MODE_FIFO && mechanism_is_wanted(IPCT_FIFO) &&
	       task_is_inside(state);
}

/*
 * state->call has made a file, or bound state->object, to a file or to an abstract name. Global:
 * the verifier walks it once.
 */
__noinline int file_made(void)
{
	struct task_state *state = task_state_get(current_task());
	struct path path = {};
	struct ipct_made *record;
	bool is_socket;
	__u64 user;
	char first = 0;

	if (!state)
		return 0;
	is_socket = state->call.shape == SHAPE_BIND;
	user = state->call.shape == SHAPE_MKNODAT ? state->call.args[1] : state->call.args[0];
	if (!is_socket && !made_fifo(state, state->call.shape == SHAPE_MKNODAT))
		return 0;
	if (!is_socket)
		bpf_probe_read_user(&first, sizeof(first), (void *)user);
	made_begin(state, first, &path);
	record = path.dentry ? control_reserve(sizeof(*record)) : NULL;
	if (!record)
		return 0;
	event_init_current(&record->event, IPCT_EVENT_MADE, sizeof(*record));
	made_fill(state, &path, record);
	if (!is_socket && record->name_offset + record->name_len == PATH_SIZE)
		made_append(record, user, first);
	control_submit(record);
	return 0;
}

#endif
