/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* SysV objects: an id of the caller's ipc namespace to the object, and its description. */
#ifndef IPCTRACE_IPC_BPF_H
#define IPCTRACE_IPC_BPF_H

#include "object.bpf.h"

/* Indices of ipc_namespace.ids (include/linux/ipc_namespace.h). */
enum ipc_ids_index {
	IPC_IDS_SEM = 0,
	IPC_IDS_MSG = 1,
	IPC_IDS_SHM = 2,
};

/* An id is a sequence number above the index; ipcmni_extend makes the index wider. */
#define IPC_INDEX_MASK 0x7fff
#define IPC_INDEX_MASK_EXTENDED 0xffffff
#define XARRAY_DEPTH_MAX 6
#define XARRAY_SLOT_MASK 63
#define XARRAY_NODE_FLAG 2
#define XARRAY_NODE_MIN 4096

static __always_inline bool xarray_is_node(__u64 entry)
{
	return (entry & 3) == XARRAY_NODE_FLAG && entry > XARRAY_NODE_MIN;
}

/* What an xarray holds at the index: the pointer, or 0. Entries of an IDR are such. */
static __always_inline __u64 xarray_entry(struct xarray *array, __u64 index)
{
	__u64 entry = (__u64)BPF_CORE_READ(array, xa_head);

	if (!xarray_is_node(entry))
		return index ? 0 : entry;
	for (int i = 0; i < XARRAY_DEPTH_MAX; i++) {
		struct xa_node *node = (struct xa_node *)(entry - XARRAY_NODE_FLAG);
		__u64 *slots = (void *)node + bpf_core_field_offset(struct xa_node, slots);
		__u8 shift = BPF_CORE_READ(node, shift);

		if (!i && shift < 64 - 6 && index >> shift >> 6)
			return 0; /* beyond the last */
		entry = 0;
		bpf_probe_read_kernel(&entry, sizeof(entry),
				      slots + (index >> (shift & 63) & XARRAY_SLOT_MASK));
		if (!xarray_is_node(entry))
			return entry;
	}
	return 0;
}

static __always_inline struct ipc_ids *ipc_ids_of(struct ipc_namespace *space,
						  enum ipc_ids_index which)
{
	return (void *)space + bpf_core_field_offset(struct ipc_namespace, ids) +
	       which * bpf_core_type_size(struct ipc_ids);
}

static __always_inline struct xarray *ipc_table(struct ipc_namespace *space,
						enum ipc_ids_index which)
{
	return (void *)ipc_ids_of(space, which) + bpf_core_field_offset(struct ipc_ids, ipcs_idr) +
	       bpf_core_field_offset(struct idr, idr_rt);
}

/* Does the object with this id still live? The slot may have a later one. */
static __always_inline struct kern_ipc_perm *ipc_find(struct ipc_namespace *space,
						      enum ipc_ids_index which, __s32 id)
{
	struct xarray *array = ipc_table(space, which);
	struct kern_ipc_perm *perm = (void *)xarray_entry(array, id & IPC_INDEX_MASK);

	if (perm && BPF_CORE_READ(perm, id) == id)
		return perm;
	perm = (void *)xarray_entry(array, id & IPC_INDEX_MASK_EXTENDED);
	return perm && BPF_CORE_READ(perm, id) == id ? perm : NULL;
}

static __always_inline __u64 ipc_key_object(struct ipc_namespace *space, enum ipc_ids_index which)
{
	return (__u64)(which + 1) << 32 | BPF_CORE_READ(space, ns.inum);
}

/*
 * The object that the current task knows by this id. Its key is good also when it is gone
 * (then `kernel` is 0): an id is not given again before its sequence numbers are used up.
 */
static __noinline __attribute__((unused)) int object_of_ipc(enum ipc_ids_index which, __s32 id,
							    struct object *ret)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct ipc_namespace *space = BPF_CORE_READ(task, nsproxy, ipc_ns);

	__builtin_memset(ret, 0, sizeof(*ret));
	if (id < 0 || !space)
		return 0;
	ret->kernel = (__u64)ipc_find(space, which, id);
	ret->key.inode = id;
	/* the same id may be that of a queue, a set of semaphores and a segment */
	ret->key.object = ipc_key_object(space, which);
	ret->mechanism = which == IPC_IDS_SEM ? IPCT_SYSV_SEM :
			 which == IPC_IDS_MSG ? IPCT_SYSV_MSG :
						IPCT_SYSV_SHM;
	return 0;
}

/* Inode number of the ipc namespace of the current task. */
static __always_inline __u32 ipc_current_space(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, nsproxy, ipc_ns, ns.inum);
}

/* include/uapi/linux/ipc.h */
#define IPC_FLAG_CREATE 01000
#define IPC_FLAG_EXCLUSIVE 02000
#define IPC_KEY_PRIVATE 0

/* Did a call with this key and these flags make what it got, which nobody may have used yet? */
static __always_inline bool ipc_is_made(__u32 key, __u64 flags, bool is_untouched)
{
	if (key == IPC_KEY_PRIVATE)
		return true;
	return (flags & IPC_FLAG_CREATE) && ((flags & IPC_FLAG_EXCLUSIVE) || is_untouched);
}

static __always_inline void ipc_fill(const struct object *object, struct ipct_object *record)
{
	struct kern_ipc_perm *perm = (struct kern_ipc_perm *)object->kernel;

	record->id = object->key.inode;
	record->name_space = object->key.object;
	if (perm)
		record->ipc_key = BPF_CORE_READ(perm, key);
}

#endif
