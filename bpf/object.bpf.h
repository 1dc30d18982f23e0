/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Descriptor to file to the identity of the channel behind it. Same paths on 5.10 … 7.3. */
#ifndef IPCTRACE_OBJECT_BPF_H
#define IPCTRACE_OBJECT_BPF_H

#include "ipctrace.bpf.h"

#define MODE_TYPE 0170000
#define MODE_FIFO 0010000
#define MODE_REGULAR 0100000
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

#define MAGIC_MQUEUE 0x19800202
#define MAGIC_ANON_INODE 0x09041934
#define MAGIC_PROC 0x9fa0
#define MODE_CHARACTER 0020000
#define TTY_MAJOR_PTY_MASTER 128
#define TTY_MAJOR_PTY_SLAVE 136
#define TTY_MAJOR_PTY_LAST 143
#define TTY_MAJOR_AUX 5 /* /dev/tty, /dev/ptmx */
#define DEVICE_MINOR_BITS 20

static __always_inline bool mechanism_is_inet(__u8 mechanism)
{
	return mechanism == IPCT_TCP || mechanism == IPCT_UDP;
}

static __always_inline bool mechanism_is_pipe(__u8 mechanism)
{
	return mechanism == IPCT_PIPE || mechanism == IPCT_FIFO;
}

static __always_inline bool mechanism_is_queue(__u8 mechanism)
{
	return mechanism == IPCT_POSIX_MQ || mechanism == IPCT_SYSV_MSG;
}

static __always_inline bool model_is_message(__u8 mechanism)
{
	return mechanism == IPCT_UNIX_DGRAM || mechanism == IPCT_UNIX_SEQPACKET ||
	       mechanism == IPCT_UDP || mechanism == IPCT_NETLINK;
}

static __always_inline bool mechanism_is_unix(__u8 mechanism)
{
	return mechanism >= IPCT_UNIX_STREAM && mechanism <= IPCT_UNIX_SEQPACKET;
}

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
	if (family == AF_NETLINK)
		return IPCT_NETLINK;
	if (family == AF_VSOCK)
		return BPF_CORE_READ(sk, sk_type) == SOCKET_STREAM ? IPCT_VSOCK :
								     IPCT_MECHANISM_NONE;
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

/* The first bytes of a name as two words, so that they are compared without a call. */
struct name_head {
	__u64 words[2];
};

#define NAME_WORD(text)                                                                            \
	((__u64)(text)[0] | (__u64)(text)[1] << 8 | (__u64)(text)[2] << 16 |                       \
	 (__u64)(text)[3] << 24 | (__u64)(text)[4] << 32 | (__u64)(text)[5] << 40 |                \
	 (__u64)(text)[6] << 48 | (__u64)(text)[7] << 56)
/* Of names up to 15 bytes, padded with NUL. */
#define NAME_IS(head, first, second)                                                               \
	((head).words[0] == NAME_WORD(first) && (head).words[1] == NAME_WORD(second))

static __always_inline void name_read(struct dentry *dentry, struct name_head *ret)
{
	ret->words[0] = ret->words[1] = 0;
	bpf_probe_read_kernel_str(ret, sizeof(*ret), BPF_CORE_READ(dentry, d_name.name));
}

/* All anonymous inodes are one: the name of its dentry tells the kind, private_data is it. */
static __always_inline void object_of_anonymous(struct file *file, struct object *ret)
{
	struct eventfd_ctx *context;
	struct name_head name;

	name_read(BPF_CORE_READ(file, f_path.dentry), &name);
	ret->is_signalfd = NAME_IS(name, "[signalf", "d]\0\0\0\0\0\0");
	if (!NAME_IS(name, "[eventfd", "]\0\0\0\0\0\0\0"))
		return;
	context = BPF_CORE_READ(file, private_data);
	ret->kernel = ret->key.object = (__u64)context;
	ret->key.inode = (__u32)BPF_CORE_READ(context, id);
	ret->mechanism = IPCT_EVENTFD;
}

/* An end of a pseudo-terminal; other terminals are devices, not channels. */
static __always_inline void object_of_terminal(struct file *file, struct inode *inode,
					       struct object *ret)
{
	__u32 major = BPF_CORE_READ(inode, i_rdev) >> DEVICE_MINOR_BITS;
	struct tty_file_private *private;
	struct tty_struct *tty, *link;

	if (major != TTY_MAJOR_AUX && (major < TTY_MAJOR_PTY_MASTER || major > TTY_MAJOR_PTY_LAST))
		return;
	private = BPF_CORE_READ(file, private_data);
	tty = BPF_CORE_READ(private, tty);
	link = BPF_CORE_READ(tty, link);
	if (!link)
		return;
	major = BPF_CORE_READ(tty, driver, major);
	ret->kernel = (__u64)tty;
	ret->key.object = major == TTY_MAJOR_PTY_MASTER ? (__u64)tty : (__u64)link;
	ret->key.inode = BPF_CORE_READ(tty, index) + 1;
	ret->mechanism = IPCT_PTY;
}

static __always_inline void object_of_queue(struct inode *inode, struct super_block *sb,
					    struct object *ret)
{
	ret->kernel = (__u64)inode;
	ret->key.inode = BPF_CORE_READ(inode, i_ino);
	ret->key.object = BPF_CORE_READ(sb, s_dev);
	ret->mechanism = IPCT_POSIX_MQ;
}

/* /proc/PID/mem. There is no channel: `kernel` is its struct pid, see access.bpf.h. */
static __always_inline void object_of_proc(struct file *file, struct inode *inode,
					   struct object *ret)
{
	struct proc_inode *proc;
	struct name_head name;

	name_read(BPF_CORE_READ(file, f_path.dentry), &name);
	if (!NAME_IS(name, "mem\0\0\0\0\0", "\0\0\0\0\0\0\0\0"))
		return;
	proc = (void *)inode - bpf_core_field_offset(struct proc_inode, vfs_inode);
	ret->kernel = (__u64)BPF_CORE_READ(proc, pid);
	ret->mechanism = ret->kernel ? IPCT_PROCESS_VM : IPCT_MECHANISM_NONE;
}

/* No file with content of its own, although its inode may look like that of one. */
static __always_inline void object_of_regular(struct file *file, struct inode *inode,
					      struct object *ret)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	unsigned long magic = BPF_CORE_READ(sb, s_magic);

	if (magic == MAGIC_ANON_INODE)
		object_of_anonymous(file, ret);
	else if (magic == MAGIC_MQUEUE)
		object_of_queue(inode, sb, ret);
	else if (magic == MAGIC_PROC)
		object_of_proc(file, inode, ret);
}

static __always_inline void object_of_file(struct file *file, struct object *ret)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u16 type = BPF_CORE_READ(inode, i_mode) & MODE_TYPE;

	if (type == MODE_FIFO)
		object_of_pipe(file, inode, ret);
	else if (type == MODE_SOCKET)
		object_of_socket(file, inode, ret);
	else if (type == MODE_CHARACTER)
		object_of_terminal(file, inode, ret);
	else if (!type || type == MODE_REGULAR) /* an anonymous inode has no type, or since 6.16 */
		object_of_regular(file, inode, ret);
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
