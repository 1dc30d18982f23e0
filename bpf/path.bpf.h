/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Path of a dentry in its mount namespace, written from the end of a buffer towards its
 * start: no d_path() is allowed in these programs.
 */
#ifndef IPCTRACE_PATH_BPF_H
#define IPCTRACE_PATH_BPF_H

#include "compat.bpf.h"

#include <ipctrace/event.h>

#define PATH_COMPONENTS_MAX 24
#define PATH_MOUNTS_STACKED 4
#define PATH_COMPONENT_MASK 0xff
#define PATH_SIZE IPCT_NAME_MAX

struct path_walk {
	struct dentry *dentry;
	struct mount *mount;
};

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (struct mount *)((char *)mnt - bpf_core_field_offset(struct mount, mnt));
}

/*
 * From the root of a mount to what that is mounted on, which may be the root of another one.
 * Returns false at the root of all, and where there is none.
 */
static __always_inline bool path_leave_mounts(struct path_walk *walk)
{
	for (int i = 0; i < PATH_MOUNTS_STACKED; i++) {
		/* locals: a chain that starts in a struct of ours would be relocated too */
		struct dentry *dentry = walk->dentry;
		struct mount *mount = walk->mount;
		struct mount *parent;

		if (dentry != BPF_CORE_READ(mount, mnt.mnt_root))
			return BPF_CORE_READ(dentry, d_parent) != dentry;
		parent = BPF_CORE_READ(mount, mnt_parent);
		if (parent == mount)
			return false;
		walk->dentry = BPF_CORE_READ(mount, mnt_mountpoint);
		walk->mount = parent;
	}
	return false;
}

/*
 * Writes the path into `buffer` (2 × PATH_SIZE bytes), ending at PATH_SIZE; returns the offset
 * where it begins. A path too long for the buffer lacks its beginning: it is not whole.
 */
static __always_inline __u32 path_write_whole(struct dentry *dentry, struct vfsmount *mnt,
					      char *buffer, bool *ret_is_whole)
{
	struct path_walk walk = { .dentry = dentry, .mount = mount_of(mnt) };
	__u32 offset = PATH_SIZE;

	*ret_is_whole = false;
	for (int i = 0; i < PATH_COMPONENTS_MAX; i++) {
		const unsigned char *name;
		struct dentry *here;
		__u32 len;

		if (!walk.dentry || !path_leave_mounts(&walk)) {
			*ret_is_whole = true;
			break;
		}
		here = walk.dentry;
		len = BPF_CORE_READ(here, d_name.len) & PATH_COMPONENT_MASK;
		if (!len || len + 1 > offset)
			break;
		name = BPF_CORE_READ(here, d_name.name);
		offset -= len + 1;
		buffer[offset & (PATH_SIZE - 1)] = '/';
		bpf_probe_read_kernel(&buffer[(offset + 1) & (PATH_SIZE - 1)],
				      len & PATH_COMPONENT_MASK, name);
		walk.dentry = BPF_CORE_READ(here, d_parent);
	}
	return offset;
}

static __always_inline __u32 path_write(struct dentry *dentry, struct vfsmount *mnt, char *buffer)
{
	bool is_whole;

	return path_write_whole(dentry, mnt, buffer, &is_whole);
}

/* Inode number of the mount namespace that a mount belongs to; 0: none, it is detached. */
static __always_inline __u32 path_namespace(struct vfsmount *mnt)
{
	return BPF_CORE_READ(mount_of(mnt), mnt_ns, ns.inum);
}

#endif
