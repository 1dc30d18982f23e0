/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that map shared memory, or unmap it. */
#ifndef IPCTRACE_MEMORY_CALL_BPF_H
#define IPCTRACE_MEMORY_CALL_BPF_H

#include "syscall.bpf.h"
#include "transfer.bpf.h"

#define SHM_PATH_HEAD NAME_WORD("/dev/shm")

#define PAGE_MASK (~((1ULL << PAGE_SHIFT) - 1))
#define PROTECT_READ 1
#define PROTECT_WRITE 2
#define MREMAP_DONTUNMAP 4

/* A change in the scratch; nothing more is known of it. NULL never. */
static __always_inline struct ipct_mapping *mapping_init(__u8 kind, __u64 start)
{
	struct scratch *scratch = scratch_get(SCRATCH_SYS_EXIT);

	if (!scratch)
		return NULL;
	__builtin_memset(&scratch->mapping, 0, sizeof(scratch->mapping));
	scratch->mapping.kind = kind;
	scratch->mapping.start = start;
	return &scratch->mapping;
}

/* The record of a change to the mappings of the current process. */
static __noinline int mapping_report(const struct ipct_mapping *what)
{
	struct ipct_mapping *record = control_reserve_raw(sizeof(*record));

	if (!record)
		return 0;
	*record = *what;
	event_init_current(&record->event, IPCT_EVENT_MAPPING, sizeof(*record));
	control_submit(record);
	return 0;
}

/*
 * Is what the current task does with the memory to be recorded? As transfer_begin(), for what
 * no descriptor names.
 */
static __noinline int memory_begin(struct task_state *state, const struct object *object,
				   __u8 origin)
{
	struct ipct_key key = described_key(object);

	if (!mechanism_is_wanted(object->mechanism))
		return 0;
	if (!object_in_scope(object, state, 0)) {
		count_filtered();
		return 0;
	}
	actor_describe(state);
	/* who made it may not be the first to map it */
	if (origin == IPCT_ORIGIN_CREATE || !bpf_map_lookup_elem(&described, &key))
		object_describe(state, object, -1, origin);
	return 1;
}

#define FILE_CREATED 0x100000 /* FMODE_CREATED: the open() behind it made the file */

static __always_inline __u8 mapped_origin(struct file *file, const struct object *object)
{
	if (object->mechanism == IPCT_POSIX_SHM && (BPF_CORE_READ(file, f_mode) & FILE_CREATED))
		return IPCT_ORIGIN_CREATE;
	return IPCT_ORIGIN_TRANSFER;
}

static __always_inline __u64 page_end(__u64 address)
{
	return (address + ~PAGE_MASK) & PAGE_MASK;
}

/*
 * Something shared was mapped at call->ret. A segment goes to the end of its VMA, and so does
 * what consists of huge pages; a file only as far as was asked for, since its VMA may have
 * been merged with the one behind it.
 */
static __always_inline void mapped(struct task_state *state, const struct call *call, __u64 len)
{
	struct vm_area_struct *vma = vma_at(call->ret);
	struct ipct_mapping *m = mapping_init(IPCT_MAPPING_MAP, call->ret);
	struct object object;
	struct file *file;

	if (!m)
		return;
	if (!vma) { /* another thread has unmapped it, or changes mappings all the while */
		if (task_is_inside(state))
			count_unseen_loss(IPCT_LOSS_DECODE, 1);
		return;
	}
	file = BPF_CORE_READ(vma, vm_file);
	if (!file || !(BPF_CORE_READ(vma, vm_flags) & VM_MAYSHARE))
		return;
	object_of_memory(file, &object);
	if (!memory_begin(state, &object, mapped_origin(file, &object)))
		return;
	m->key = object.key;
	m->mechanism = object.mechanism;
	m->rights = memory_rights(BPF_CORE_READ(vma, vm_flags));
	m->offset = (BPF_CORE_READ(vma, vm_pgoff) << PAGE_SHIFT) + m->start -
		    BPF_CORE_READ(vma, vm_start);
	m->end = BPF_CORE_READ(vma, vm_end);
	if (len && BPF_CORE_READ(file, f_inode, i_sb, s_magic) != MAGIC_HUGETLBFS)
		m->end = page_end(m->start + len);
	mapper_add(bpf_get_current_pid_tgid() >> 32);
	mapping_report(m);
}

/* The change is reported for what this process may have mapped there, see mapper_has(). */
static __always_inline void unmapped(__u64 start, __u64 end)
{
	struct ipct_mapping *m = mapping_init(IPCT_MAPPING_UNMAP, start);

	if (!m)
		return;
	m->end = end;
	mapping_report(m);
}

static __always_inline void protected(const struct call *call)
{
	struct ipct_mapping *m = mapping_init(IPCT_MAPPING_PROTECT, call->args[0]);

	if (!m || !call->args[1])
		return;
	m->end = page_end(call->args[0] + call->args[1]);
	m->rights = (call->args[2] & PROTECT_READ ? IPCT_MAPPING_READ : 0) |
		    (call->args[2] & PROTECT_WRITE ? IPCT_MAPPING_WRITE : 0);
	mapping_report(m);
}

/* RDMA and the like keep their memory from their children. */
static __always_inline void advised(const struct call *call)
{
	struct ipct_mapping *m = mapping_init(IPCT_MAPPING_ADVISE, call->args[0]);

	if (!m || !call->args[1])
		return;
	m->end = page_end(call->args[0] + call->args[1]);
	m->rights = call->args[2] == ADVICE_DONTFORK ? IPCT_MAPPING_NO_FORK : 0;
	mapping_report(m);
}

/* With an old length of 0 it is another mapping of the same memory. */
static __always_inline void moved(struct task_state *state, const struct call *call)
{
	struct ipct_mapping *m;

	if (!call->args[1] || (call->args[3] & MREMAP_DONTUNMAP)) {
		mapped(state, call, call->args[2]);
		return;
	}
	m = mapping_init(IPCT_MAPPING_MOVE, call->ret);
	if (!m)
		return;
	m->end = page_end(call->ret + call->args[2]);
	m->offset = call->args[0];
	m->old_len = page_end(call->args[1]);
	mapping_report(m);
}

/* By a thread of this process: by this call, or by an earlier one that did the same. */
static __always_inline bool segment_is_made(struct shmid_kernel *segment, const struct call *call)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct pid *process = BPF_CORE_READ(task, signal, pids[1]); /* PIDTYPE_TGID */

	return ipc_is_made(call->args[0], call->args[2], true) &&
	       BPF_CORE_READ(segment, shm_cprid) == process;
}

/* shmget: the segment is touched, so that whoever attaches it belongs to the scope. */
static __always_inline void segment_got(struct task_state *state, const struct call *call)
{
	struct shmid_kernel *segment;
	struct object object;

	object_of_ipc(IPC_IDS_SHM, call->ret, &object);
	segment = (struct shmid_kernel *)object.kernel; /* begins with its kern_ipc_perm */
	if (!bpf_core_field_exists(segment->shm_file) || !segment) /* CONFIG_SYSVIPC */
		return;
	object_of_memory(BPF_CORE_READ(segment, shm_file), &object);
	memory_begin(state, &object,
		     segment_is_made(segment, call) ? IPCT_ORIGIN_CREATE : IPCT_ORIGIN_TRANSFER);
}

/* Of a path in /dev/shm its length, else 0. */
static __always_inline __u16 shm_path_read(__u64 user, char *path)
{
	long len = bpf_probe_read_user_str(path, IPCT_NAME_MAX, (void *)user);

	return len > 1 && *(__u64 *)path == SHM_PATH_HEAD ? len - 1 : 0;
}

/* sem_open() makes and maps a file with a name that nobody asked for, and renames it then. */
static __always_inline void linked(struct task_state *state, __u64 old_path, __u64 new_path)
{
	struct ipct_link *record;
	__u64 head = 0;

	bpf_probe_read_user(&head, sizeof(head), (void *)old_path);
	if (head != SHM_PATH_HEAD || !task_is_inside(state))
		return;
	record = control_reserve(sizeof(*record));
	if (!record)
		return;
	event_init_current(&record->event, IPCT_EVENT_LINK, sizeof(*record));
	record->old_len = shm_path_read(old_path, record->old_path);
	record->new_len = shm_path_read(new_path, record->new_path);
	control_submit(record);
}

/* Takes state->call. Global: the verifier walks it once. */
__noinline int memory_call(void)
{
	struct task_state *state = task_state_get(current_task());
	const struct call *call;

	if (!state)
		return 0;
	call = &state->call;
	/* addresses may look negative, errors are the last 4095 */
	if (call->ret < 0 && call->ret >= -4095)
		return 0;
	switch (call->shape) {
	case SHAPE_SHMGET:
		segment_got(state, call);
		return 0;
	case SHAPE_SHMAT:
		mapped(state, call, 0);
		return 0;
	case SHAPE_MMAP:
		if (mmap_is_shared(call->args))
			mapped(state, call, call->args[1]);
		else
			unmapped(call->ret, page_end(call->ret + call->args[1]));
		return 0;
	case SHAPE_LINK:
		linked(state, call->args[0], call->args[1]);
		return 0;
	case SHAPE_LINKAT:
		linked(state, call->args[1], call->args[3]);
		return 0;
	case SHAPE_SHMDT:
		unmapped(call->args[0], call->args[0]);
		return 0;
	case SHAPE_MUNMAP:
		unmapped(call->args[0], page_end(call->args[0] + call->args[1]));
		return 0;
	case SHAPE_MPROTECT:
		protected
		(call);
		return 0;
	case SHAPE_MADVISE:
		advised(call);
		return 0;
	case SHAPE_MREMAP:
		moved(state, call);
		return 0;
	}
	return 0;
}

#endif
