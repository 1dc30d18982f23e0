/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Descriptor to file to the identity of the channel behind it. Same paths on 5.10 … 7.3. */
#ifndef IPCTRACE_OBJECT_BPF_H
#define IPCTRACE_OBJECT_BPF_H

#include "ipctrace.bpf.h"

#define MODE_TYPE 0170000
#define MODE_FIFO 0010000
#define MODE_SOCKET 0140000
#define MAGIC_PIPEFS 0x50495045
#define MAGIC_SOCKFS 0x534F434B
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define SOCKET_STREAM 1
#define SOCKET_DGRAM 2
#define SOCKET_SEQPACKET 5
/* f_flags: how the file was opened */
#define FILE_ACCESS_MASK 03
#define FILE_ACCESS_READ_ONLY 00
#if defined(__TARGET_ARCH_arm64)
#define FILE_FLAG_DIRECT 0200000
#else
#define FILE_FLAG_DIRECT 040000
#endif

/* Which mechanism a socket belongs to, or IPCT_MECHANISM_NONE. */
static __always_inline __u8 socket_mechanism(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u16 protocol;

	if (family == AF_UNIX) {
		__u16 type = BPF_CORE_READ(sk, sk_type);

		if (type == SOCKET_STREAM)
			return IPCT_UNIX_STREAM;
		if (type == SOCKET_DGRAM)
			return IPCT_UNIX_DGRAM;
		return type == SOCKET_SEQPACKET ? IPCT_UNIX_SEQPACKET : IPCT_MECHANISM_NONE;
	}
	if (family != AF_INET && family != AF_INET6)
		return IPCT_MECHANISM_NONE;
	protocol = BPF_CORE_READ(sk, sk_protocol);
	if (protocol == PROTOCOL_TCP)
		return IPCT_TCP;
	return protocol == PROTOCOL_UDP ? IPCT_UDP : IPCT_MECHANISM_NONE;
}

static __always_inline void object_of_pipe(struct file *file, struct inode *inode,
					   struct object *ret)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);

	ret->kernel = (__u64)BPF_CORE_READ(inode, i_pipe);
	if (!ret->kernel) /* opened with O_PATH */
		return;
	ret->key.inode = BPF_CORE_READ(inode, i_ino);
	ret->key.object = BPF_CORE_READ(sb, s_dev);
	ret->mechanism = BPF_CORE_READ(sb, s_magic) == MAGIC_PIPEFS ? IPCT_PIPE : IPCT_FIFO;
	ret->file_flags = BPF_CORE_READ(file, f_flags);
}

static __always_inline void object_of_socket(struct file *file, struct inode *inode,
					     struct object *ret)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk;

	/* a bound path opened with O_PATH is S_ISSOCK too, and has no private_data */
	if (!socket || BPF_CORE_READ(inode, i_sb, s_magic) != MAGIC_SOCKFS)
		return;
	sk = BPF_CORE_READ(socket, sk);
	if (!sk)
		return;
	ret->kernel = (__u64)sk;
	ret->key.inode = BPF_CORE_READ(inode, i_ino);
	ret->key.object = (__u64)sk;
	ret->mechanism = socket_mechanism(sk);
}

static __always_inline void object_of_file(struct file *file, struct object *ret)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u16 type = BPF_CORE_READ(inode, i_mode) & MODE_TYPE;

	if (type == MODE_FIFO)
		object_of_pipe(file, inode, ret);
	else if (type == MODE_SOCKET)
		object_of_socket(file, inode, ret);
}

/* An end of a pipe. */
static __always_inline bool pipe_end_is_writable(const struct object *object)
{
	return (object->file_flags & FILE_ACCESS_MASK) != FILE_ACCESS_READ_ONLY;
}

static __always_inline struct file *task_file(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;
	struct file **files;

	if (!table || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

/* Fills `ret`: mechanism is IPCT_MECHANISM_NONE for what is not ours or not open. */
static __always_inline void object_of_fd(struct task_struct *task, __u32 fd, struct object *ret)
{
	struct file *file = task_file(task, fd);

	__builtin_memset(ret, 0, sizeof(*ret));
	if (file)
		object_of_file(file, ret);
	else
		ret->is_closed = 1;
}

/* The same for the current task, cheaper. */
static __always_inline void object_of_current_fd(__u32 fd, struct object *ret)
{
	struct task_struct *task = current_task();
	struct file *file = NULL;

	__builtin_memset(ret, 0, sizeof(*ret));
	if (capture_config.has_task_storage) {
		struct fdtable *table = task->files->fdt; /* once: it may grow meanwhile */

		if (table && fd < table->max_fds)
			bpf_probe_read_kernel(&file, sizeof(file), table->fd + fd);
	} else {
		file = task_file(task, fd);
	}
	if (file)
		object_of_file(file, ret);
	else
		ret->is_closed = 1;
}

#endif
