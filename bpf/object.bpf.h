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
#define FILE_MODE_WRITE 2
#define FILE_FLAG_DIRECT 040000 /* x86-64; arm64 has 0200000 */

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

static __always_inline void object_of_pipe(struct inode *inode, struct object *ret)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);

	ret->kernel = (__u64)BPF_CORE_READ(inode, i_pipe);
	if (!ret->kernel) /* opened with O_PATH */
		return;
	ret->key.inode = BPF_CORE_READ(inode, i_ino);
	ret->key.object = BPF_CORE_READ(sb, s_dev);
	ret->mechanism = BPF_CORE_READ(sb, s_magic) == MAGIC_PIPEFS ? IPCT_PIPE : IPCT_FIFO;
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
		object_of_pipe(inode, ret);
	else if (type == MODE_SOCKET)
		object_of_socket(file, inode, ret);
	ret->file = (__u64)file;
}

/* Valid while the call runs that was given the descriptor. */
static __always_inline bool file_is_writable(const struct object *object)
{
	struct file *file = (struct file *)object->file;

	return (__u32)BPF_CORE_READ(file, f_mode) & FILE_MODE_WRITE;
}

static __always_inline bool file_is_direct(const struct object *object)
{
	struct file *file = (struct file *)object->file;

	return BPF_CORE_READ(file, f_flags) & FILE_FLAG_DIRECT;
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
	struct file **files = CURRENT_READ(files->fdt->fd, files, fdt, fd);
	struct file *file = NULL;

	__builtin_memset(ret, 0, sizeof(*ret));
	if (fd < CURRENT_READ(files->fdt->max_fds, files, fdt, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	if (file)
		object_of_file(file, ret);
	else
		ret->is_closed = 1;
}

#endif
