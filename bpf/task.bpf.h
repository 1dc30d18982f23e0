/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Other tasks than the current one: from a struct pid or a number to the task, and its scope. */
#ifndef IPCTRACE_TASK_BPF_H
#define IPCTRACE_TASK_BPF_H

#include "ipc.bpf.h"

#define ANCESTORS_WALKED 64

/* The thread with this pid; NULL: it is gone. */
static __always_inline struct task_struct *task_of_pid(struct pid *pid)
{
	/* PIDTYPE_PID is the first of the lists: at most one task, leader or not */
	struct hlist_head *tasks = (void *)pid + bpf_core_field_offset(struct pid, tasks);
	struct hlist_node *node = pid ? BPF_CORE_READ(tasks, first) : NULL;

	if (!node)
		return NULL;
	return (void *)node - bpf_core_field_offset(struct task_struct, pid_links);
}

/* What the current task calls `number`, in its own pid namespace; NULL: nobody. */
static __always_inline struct pid *pid_of_number(__u32 number)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct pid *own = BPF_CORE_READ(task, thread_pid);
	/* the array has one element, or none, or it is flexible: by hand */
	struct upid *upid = (void *)own + bpf_core_field_offset(struct pid, numbers) +
			    BPF_CORE_READ(own, level) * bpf_core_type_size(struct upid);
	struct pid_namespace *space = BPF_CORE_READ(upid, ns);
	struct xarray *array = (void *)space + bpf_core_field_offset(struct pid_namespace, idr) +
			       bpf_core_field_offset(struct idr, idr_rt);

	return space ? (struct pid *)xarray_entry(array, number) : NULL;
}

/*
 * Does the task descend from one of the roots, or from CMD, or is it one? Who lost his parents of
 * the tree and was given to another one is not found.
 */
static __always_inline bool task_has_root(struct task_struct *task)
{
	for (int i = 0; i < ANCESTORS_WALKED; i++) {
		__u32 pid = BPF_CORE_READ(task, tgid);

		if (!pid)
			return false;
		if (pid == capture_config.command_pid || bpf_map_lookup_elem(&roots, &pid))
			return true;
		task = BPF_CORE_READ(task, real_parent);
	}
	return false;
}

#endif
