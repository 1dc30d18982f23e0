/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The VMA of a user address of the current task, found by hand: bpf_find_vma() wants a
 * callback, which 5.10 refuses at load even in dead code, and fails with -EBUSY where the
 * mmap lock is contended. Since 6.1 (524e00b36e8c) the VMAs of an mm are in a maple tree,
 * before in a red-black tree.
 *
 * Nothing is locked, so another thread may change the tree meanwhile: reads cannot fault, what
 * is found must be a VMA of this mm that holds the address, else the walk is tried again. The
 * walk may still miss a VMA, never take a wrong one for that address; what the VMA points to
 * (vm_file) is read the same way.
 */
#ifndef IPCTRACE_VMA_BPF_H
#define IPCTRACE_VMA_BPF_H

#include "ipctrace.bpf.h"

#define VMA_TRIES 3

#define VM_READ 0x00000001UL
#define VM_WRITE 0x00000002UL
#define VM_SHARED 0x00000008UL
/*
 * MAP_SHARED was asked for; the kernel takes VM_SHARED away where the file is not open for
 * writing.
 */
#define VM_MAYSHARE 0x00000080UL
#define VM_DONTCOPY 0x00020000UL /* not inherited by fork */
#define PAGE_SHIFT 12		 /* unit of vm_pgoff on x86-64 and, as configured by all, arm64 */

/* The maple tree (include/linux/maple_tree.h), which the vmlinux.h of 5.10 lacks. */
struct maple_tree___walk {
	void *ma_root;
} __attribute__((preserve_access_index));

struct mm_struct___maple {
	struct maple_tree___walk mm_mt;
} __attribute__((preserve_access_index));

#define MAPLE_RANGE_PIVOTS 15
#define MAPLE_ARANGE_PIVOTS 9

struct maple_range_64___walk {
	unsigned long pivot[MAPLE_RANGE_PIVOTS];
	void *slot[MAPLE_RANGE_PIVOTS + 1];
} __attribute__((preserve_access_index));

struct maple_arange_64___walk {
	unsigned long pivot[MAPLE_ARANGE_PIVOTS];
	void *slot[MAPLE_ARANGE_PIVOTS + 1];
} __attribute__((preserve_access_index));

/* A node is aligned to 256 bytes; the low bits of a pointer to one say what it is. */
#define MAPLE_NODE_MASK 255ULL
#define MAPLE_TYPE_SHIFT 3
#define MAPLE_TYPE_MASK 15
#define MAPLE_LEAF_64 1
#define MAPLE_RANGE_64 2
#define MAPLE_ARANGE_64 3
#define MAPLE_ROOT_MIN 4096 /* below: no node, xa_is_node() */
#define MAPLE_DEPTH_MAX 12  /* a node is at least a third full: 3^12 leaves */

/* Before: the red-black tree. */
struct mm_struct___rb {
	struct rb_root mm_rb;
} __attribute__((preserve_access_index));

struct vm_area_struct___rb {
	struct rb_node vm_rb;
} __attribute__((preserve_access_index));

#define RB_DEPTH_MAX 40

/* What is in the slot of `node` whose range holds `index`; as mtree_lookup_walk(). */
static __always_inline __u64 maple_slot(__u64 node, __u32 type, __u64 index)
{
	__u64 pivot_at = bpf_core_field_offset(struct maple_range_64___walk, pivot);
	__u64 slot_at = bpf_core_field_offset(struct maple_range_64___walk, slot);
	__u32 pivots_nr = MAPLE_RANGE_PIVOTS;
	__u64 pivots[MAPLE_RANGE_PIVOTS] = {};
	__u64 entry = 0;
	__u32 i;

	if (type == MAPLE_ARANGE_64) {
		pivot_at = bpf_core_field_offset(struct maple_arange_64___walk, pivot);
		slot_at = bpf_core_field_offset(struct maple_arange_64___walk, slot);
		pivots_nr = MAPLE_ARANGE_PIVOTS;
	}
	bpf_probe_read_kernel(pivots, sizeof(pivots), (void *)(node + pivot_at));
	for (i = 0; i < MAPLE_RANGE_PIVOTS; i++)
		if (i >= pivots_nr || pivots[i] >= index)
			break;
	bpf_probe_read_kernel(&entry, sizeof(entry), (void *)(node + slot_at + i * sizeof(entry)));
	return entry;
}

static __always_inline struct vm_area_struct *vma_in_maple_tree(struct mm_struct *mm, __u64 address)
{
	struct mm_struct___maple *maple = (void *)mm;
	__u64 entry = (__u64)BPF_CORE_READ(maple, mm_mt.ma_root);

	if ((entry & 3) != 2 || entry <= MAPLE_ROOT_MIN)
		return NULL;
	for (int i = 0; i < MAPLE_DEPTH_MAX; i++) {
		__u32 type = entry >> MAPLE_TYPE_SHIFT & MAPLE_TYPE_MASK;

		if (type < MAPLE_LEAF_64 || type > MAPLE_ARANGE_64)
			return NULL;
		entry = maple_slot(entry & ~MAPLE_NODE_MASK, type, address);
		if (type == MAPLE_LEAF_64)
			return (struct vm_area_struct *)entry;
		if (!entry)
			return NULL;
	}
	return NULL;
}

static __always_inline struct vm_area_struct *vma_in_rb_tree(struct mm_struct *mm, __u64 address)
{
	struct mm_struct___rb *old = (void *)mm;
	struct rb_node *node = BPF_CORE_READ(old, mm_rb.rb_node);

	for (int i = 0; i < RB_DEPTH_MAX && node; i++) {
		struct vm_area_struct *vma =
			(void *)node - bpf_core_field_offset(struct vm_area_struct___rb, vm_rb);

		if (address < BPF_CORE_READ(vma, vm_start))
			node = BPF_CORE_READ(node, rb_left);
		else if (address < BPF_CORE_READ(vma, vm_end))
			return vma;
		else
			node = BPF_CORE_READ(node, rb_right);
	}
	return NULL;
}

static __always_inline bool vma_holds(struct vm_area_struct *vma, struct mm_struct *mm,
				      __u64 address)
{
	return BPF_CORE_READ(vma, vm_start) <= address && address < BPF_CORE_READ(vma, vm_end) &&
	       BPF_CORE_READ(vma, vm_mm) == mm;
}

/* Not inlined: clang would move their relocations, which one kernel lacks, out of the branch. */
static __noinline __u64 vma_find_now(struct mm_struct *mm, __u64 address)
{
	for (int i = 0; i < VMA_TRIES; i++) {
		struct vm_area_struct *vma = vma_in_maple_tree(mm, address);

		if (vma && vma_holds(vma, mm, address))
			return (__u64)vma;
	}
	return 0;
}

static __noinline __u64 vma_find_old(struct mm_struct *mm, __u64 address)
{
	for (int i = 0; i < VMA_TRIES; i++) {
		struct vm_area_struct *vma = vma_in_rb_tree(mm, address);

		if (vma && vma_holds(vma, mm, address))
			return (__u64)vma;
	}
	return 0;
}

/* Address of the struct vm_area_struct of `mm` that holds the user address, or 0. */
static __always_inline __u64 vma_find_in(struct mm_struct *mm, __u64 address)
{
	struct mm_struct___maple *maple = (void *)mm;

	if (!mm)
		return 0;
	if (bpf_core_field_exists(maple->mm_mt))
		return vma_find_now(mm, address);
	return vma_find_old(mm, address);
}

/*
 * The same for the current task. Global, so that the verifier walks it once, and
 * weak, so that several objects may have it.
 */
__weak __noinline __u64 vma_find(__u64 address)
{
	return vma_find_in(CURRENT_READ(mm, mm), address);
}

/*
 * The VMA that holds a user address of the current task; NULL: none, or not found because
 * other threads changed the mappings all the while. Read it with BPF_CORE_READ only.
 */
static __always_inline struct vm_area_struct *vma_at(__u64 address)
{
	return (struct vm_area_struct *)vma_find(address);
}

#endif
