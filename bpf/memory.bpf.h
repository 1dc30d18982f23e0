/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shared memory: identity, names and sizes of what is mapped. The identity is always that of
 * the inode behind the VMA (number, device, generation), for SysV segments too, whose inode
 * number is the shmid: so shmget, shmat, fork and the snapshot agree, and equal ids in two ipc
 * namespaces differ by the generation, which is random for every shmem inode. hugetlbfs has
 * no generations: there the number alone tells reuse.
 */
#ifndef IPCTRACE_MEMORY_BPF_H
#define IPCTRACE_MEMORY_BPF_H

#include "ipc.bpf.h"
#include "path.bpf.h"
#include "vma.bpf.h"

#define MAGIC_TMPFS 0x01021994
#define MAGIC_HUGETLBFS 0x958458f6
#define MAGIC_SECRETMEM 0x5345434d
#define MAGIC_SYSFS 0x62656572

#define SB_KERNMOUNT (1UL << 22) /* mounted by the kernel for itself: no path leads there */

#define MEMFD_PREFIX_LEN 6 /* memfd: */
#define SYSV_PREFIX_LEN 4  /* SYSV and the key in eight hexadecimal digits */
#define SYSV_DIGITS 8

static __always_inline bool memory_is_internal(struct file *file)
{
	return BPF_CORE_READ(file, f_inode, i_sb, s_flags) & SB_KERNMOUNT;
}

/* In /dev/shm, wherever that is: a mount point, maybe mounted over, or a directory called shm. */
static __always_inline bool memory_is_in_shm(struct file *file)
{
	struct path_walk walk = {
		.dentry = BPF_CORE_READ(file, f_path.dentry, d_parent),
		.mount = mount_of(BPF_CORE_READ(file, f_path.mnt)),
	};
	struct name_head name;

	path_leave_mounts(&walk);
	name_read(walk.dentry, &name);
	return NAME_IS(name, "shm\0\0\0\0\0", "\0\0\0\0\0\0\0\0");
}

/* On the kernel's own mounts the names are the kernel's. */
static __always_inline __u8 memory_mechanism_internal(struct file *file)
{
	struct name_head name;

	name_read(BPF_CORE_READ(file, f_path.dentry), &name);
	if ((__u32)name.words[0] == (__u32)NAME_WORD("SYSV\0\0\0\0"))
		return IPCT_SYSV_SHM;
	if ((name.words[0] & 0xffffffffffffULL) == NAME_WORD("memfd:\0\0"))
		return IPCT_MEMFD;
	if (NAME_IS(name, "dev/zero", "\0\0\0\0\0\0\0\0") ||
	    NAME_IS(name, "anon_hug", "epage\0\0\0"))
		return IPCT_SHARED_MAPPING;
	return IPCT_MECHANISM_NONE; /* a driver's */
}

static __always_inline __u8 memory_mechanism(struct file *file, unsigned long magic)
{
	switch (magic) {
	case MAGIC_ANON_INODE:
	case MAGIC_MQUEUE:
	case MAGIC_PROC:
	case MAGIC_SYSFS:
		return IPCT_MECHANISM_NONE; /* devices, rings, … */
	case MAGIC_SECRETMEM:
		return IPCT_MEMFD;
	case MAGIC_TMPFS:
		if (memory_is_internal(file))
			return memory_mechanism_internal(file);
		return memory_is_in_shm(file) ? IPCT_POSIX_SHM : IPCT_SHARED_MAPPING;
	case MAGIC_HUGETLBFS:
		if (memory_is_internal(file))
			return memory_mechanism_internal(file);
		return IPCT_SHARED_MAPPING;
	default:
		return IPCT_SHARED_MAPPING;
	}
}

/*
 * The file of a shared mapping. `kernel` is the file, which gives the description. Devices and
 * the kernel's own files are none of ours.
 */
static __noinline int object_of_memory(struct file *file, struct object *ret)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);

	__builtin_memset(ret, 0, sizeof(*ret));
	if ((BPF_CORE_READ(inode, i_mode) & MODE_TYPE) != MODE_REGULAR)
		return 0;
	ret->kernel = (__u64)file;
	ret->key.inode = BPF_CORE_READ(inode, i_ino);
	ret->key.object = BPF_CORE_READ(sb, s_dev) | (__u64)BPF_CORE_READ(inode, i_generation)
							     << 32;
	ret->mechanism = memory_mechanism(file, BPF_CORE_READ(sb, s_magic));
	return 0;
}

static __always_inline bool mechanism_is_memory(__u8 mechanism)
{
	return mechanism >= IPCT_SYSV_SHM && mechanism <= IPCT_SHARED_MAPPING;
}

static __always_inline __u32 sysv_key_of_name(const unsigned char *name)
{
	char digits[SYSV_DIGITS] = {};
	__u32 key = 0;

	bpf_probe_read_kernel(digits, sizeof(digits), name + SYSV_PREFIX_LEN);
	for (int i = 0; i < SYSV_DIGITS; i++) {
		__u32 digit = digits[i];

		key = key << 4 | (digit >= 'a' ? digit - 'a' + 10 : digit - '0');
	}
	return key;
}

/* `prefix` bytes of the record's name are there already; the first `skip` of `name` are not. */
static __always_inline void memory_fill_name(const unsigned char *name, __u32 skip, __u32 prefix,
					     struct ipct_object *record)
{
	long len = bpf_probe_read_kernel_str(record->name + prefix, IPCT_NAME_MAX, name + skip);

	if (len > 0)
		record->name_len = prefix + len - 1;
}

/* A file without a name (O_TMPFILE) has its number as one. */
static __always_inline void memory_fill_path(struct file *file, const unsigned char *name,
					     struct ipct_object *record)
{
	__u32 offset;
	char first = 0;

	bpf_probe_read_kernel(&first, sizeof(first), name);
	if (memory_is_internal(file) || (first == '#' && !BPF_CORE_READ(file, f_inode, i_nlink)))
		return;
	offset = path_write(BPF_CORE_READ(file, f_path.dentry), BPF_CORE_READ(file, f_path.mnt),
			    record->name);
	record->name_offset = offset;
	record->name_len = PATH_SIZE - offset;
}

#define ALIASES_WALKED 4

/*
 * The name of the file: sem_open() makes it under another one, links it to its own and removes
 * the first, which the mapping has still.
 */
static __always_inline const unsigned char *memory_linked_name(struct file *file)
{
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct hlist_node *node;

	if (BPF_CORE_READ(dentry, d_hash.pprev))
		return BPF_CORE_READ(dentry, d_name.name);
	node = BPF_CORE_READ(file, f_inode, i_dentry.first);
	for (int i = 0; i < ALIASES_WALKED && node; i++) {
		struct dentry *alias = compat_alias_dentry(node);

		if (BPF_CORE_READ(alias, d_hash.pprev))
			return BPF_CORE_READ(alias, d_name.name);
		node = BPF_CORE_READ(node, next);
	}
	return BPF_CORE_READ(dentry, d_name.name);
}

/* All but the head, the identity and the origin. `unused`: memory has its file with it. */
static __always_inline void memory_fill(const struct object *object, struct file *unused,
					struct ipct_object *record)
{
	struct file *file = (struct file *)object->kernel;
	const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);

	(void)unused;
	record->size = BPF_CORE_READ(file, f_inode, i_size);
	switch (object->mechanism) {
	case IPCT_SYSV_SHM:
		record->id = object->key.inode;
		record->ipc_key = sysv_key_of_name(name);
		return;
	case IPCT_MEMFD:
		if (memory_is_internal(file))
			memory_fill_name(name, MEMFD_PREFIX_LEN, 0, record);
		return;
	case IPCT_POSIX_SHM:
		record->name[0] = '/';
		memory_fill_name(memory_linked_name(file), 0, 1, record);
		return;
	default:
		memory_fill_path(file, name, record);
	}
}

static __always_inline __u8 memory_rights(unsigned long vm_flags)
{
	return (vm_flags & VM_READ ? IPCT_MAPPING_READ : 0) |
	       (vm_flags & VM_WRITE ? IPCT_MAPPING_WRITE : 0) |
	       (vm_flags & VM_DONTCOPY ? IPCT_MAPPING_NO_FORK : 0);
}

#endif
