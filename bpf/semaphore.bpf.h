/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Semaphore sets, futex words, locked files: identity and names. */
#ifndef IPCTRACE_SEMAPHORE_BPF_H
#define IPCTRACE_SEMAPHORE_BPF_H

#include "memory.bpf.h"

#define PID_OF_GROUP 1 /* enum pid_type: PIDTYPE_TGID */
#define SEMAPHORES_LOOKED_AT 16

/* Semaphore `number` of a set; NULL: it has no such. */
static __always_inline struct sem *semaphore_at(const struct object *object, __u32 number)
{
	struct sem_array *set = (struct sem_array *)object->kernel; /* sem_perm is its first */

	if (!set || number >= (__u32)BPF_CORE_READ(set, sem_nsems))
		return NULL;
	return (void *)set + bpf_core_field_offset(struct sem_array, sems) +
	       (__u64)number * bpf_core_type_size(struct sem);
}

/* Was the current process the last to operate on it? Then all others' operations come later. */
static __always_inline bool semaphore_is_last_mine(struct sem *semaphore)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(semaphore, sempid) == BPF_CORE_READ(task, signal, pids[PID_OF_GROUP]);
}

/* Has nobody ever put anything into the set? */
static __always_inline bool semaphores_are_untouched(const struct object *object)
{
	for (__u32 i = 0; i < SEMAPHORES_LOOKED_AT; i++) {
		struct sem *semaphore = semaphore_at(object, i);

		if (!semaphore)
			return i;
		if (BPF_CORE_READ(semaphore, sempid))
			return false;
	}
	return false;
}

static __always_inline void lock_fill_name(struct file *file, struct ipct_object *record)
{
	__u32 offset = path_write(BPF_CORE_READ(file, f_path.dentry),
				  BPF_CORE_READ(file, f_path.mnt), record->name);

	record->name_offset = offset;
	record->name_len = PATH_SIZE - offset;
}

/* As the memory that holds it. */
static __always_inline void futex_fill(const struct object *object, struct ipct_object *record)
{
	struct object memory = *object;

	memory.mechanism = object->memory;
	memory_fill(&memory, NULL, record);
}

static __always_inline void semaphore_fill(const struct object *object, struct file *file,
					   struct ipct_object *record)
{
	if (object->mechanism == IPCT_SYSV_SEM)
		ipc_fill(object, record);
	else if (object->mechanism == IPCT_FUTEX)
		futex_fill(object, record);
	else if (object->mechanism == IPCT_FILE_LOCK && file)
		lock_fill_name(file, record);
}

#endif
