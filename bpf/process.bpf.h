/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lives of processes: fork, exec, exit; and the state of their tasks. */
#ifndef IPCTRACE_PROCESS_BPF_H
#define IPCTRACE_PROCESS_BPF_H

#include "ipctrace.bpf.h"

static __always_inline void report_fork(struct task_struct *parent, struct task_struct *child)
{
	struct ipct_fork *record = control_reserve(sizeof(*record));

	if (!record)
		return;
	event_init(&record->event, IPCT_EVENT_FORK, sizeof(*record), parent);
	record->child_pid = BPF_CORE_READ(child, tgid);
	record->child_start_ns = BPF_CORE_READ(child, start_boottime);
	if (BPF_CORE_READ(child, mm) == BPF_CORE_READ(parent, mm))
		record->flags = IPCT_FORK_SAME_MEMORY;
	control_submit(record);
}

static __always_inline void forked(struct task_struct *parent, struct task_struct *child)
{
	struct task_state *mine = task_state_get(parent);
	struct task_state *state = task_state_create(child);
	bool is_ours = BPF_CORE_READ(parent, tgid) == capture_config.self_pid;

	if (!state) {
		task_state_postpone(child, task_is_inside(mine));
		goto report;
	}
	state->scope = mine ? mine->scope : TASK_OUTSIDE;
	if (is_ours)
		state->scope = TASK_PENDING; /* for ever: CMD was there before */
report:
	if (is_ours)
		return;
	if (BPF_CORE_READ(child, tgid) == BPF_CORE_READ(parent, tgid))
		return;
	if (mapper_has(BPF_CORE_READ(parent, tgid)))
		mapper_add(BPF_CORE_READ(child, tgid));
	if (task_is_inside(mine))
		report_fork(parent, child);
}

/* A record this long is too much for an inline memset. */
static const char no_text[IPCT_TEXT_MAX] = {};

static __always_inline void fill_text(struct task_struct *task, struct linux_binprm *bprm,
				      struct ipct_exec *record)
{
	__u64 start = BPF_CORE_READ(task, mm, arg_start);
	__u64 len = BPF_CORE_READ(task, mm, arg_end) - start;
	long file_len;

	file_len = bpf_probe_read_kernel_str(record->text, IPCT_NAME_MAX - 1,
					     BPF_CORE_READ(bprm, filename));
	if (file_len < 1 || file_len >= IPCT_NAME_MAX)
		file_len = 1;
	record->file_len = file_len;
	if (len > IPCT_TEXT_MAX - IPCT_NAME_MAX - 1)
		len = IPCT_TEXT_MAX - IPCT_NAME_MAX - 1;
	/* the kernel has just written the arguments: they are in memory */
	if (bpf_probe_read_user(&record->text[file_len & (IPCT_NAME_MAX - 1)],
				len & (IPCT_TEXT_MAX - 1), (void *)start))
		len = 0;
	record->text_len = file_len + len;
}

static __always_inline void executed(struct task_struct *task, struct linux_binprm *bprm)
{
	struct task_state *state = task_state_get(task);
	struct ipct_exec *record;

	mapper_drop(BPF_CORE_READ(task, tgid));
	if (state && state->scope == TASK_PENDING)
		state->scope = TASK_INSIDE; /* CMD begins its life */
	if (!task_is_inside(state) || BPF_CORE_READ(task, tgid) == capture_config.self_pid)
		return;
	record = control_reserve_raw(sizeof(*record));
	if (!record)
		return;
	event_init(&record->event, IPCT_EVENT_EXEC, sizeof(*record), task);
	bpf_probe_read_kernel(record->text, sizeof(record->text), no_text);
	BPF_CORE_READ_INTO(&record->comm, task, comm);
	record->uid = BPF_CORE_READ(task, cred, uid.val);
	record->cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	fill_text(task, bprm, record);
	control_submit(record);
}

static __always_inline void exited(struct task_struct *task)
{
	struct task_state *state = task_state_get(task);
	bool is_known = task_is_inside(state) || (state && state->is_described);
	struct ipct_exit *record;

	task_state_drop(task);
	/* the leader may be gone while threads go on: the process ends with its last thread */
	if (BPF_CORE_READ(task, signal, live.counter))
		return;
	mapper_drop(BPF_CORE_READ(task, tgid));
	if (!is_known)
		return;
	if (BPF_CORE_READ(task, tgid) == capture_config.self_pid)
		return;
	record = control_reserve(sizeof(*record));
	if (!record)
		return;
	event_init(&record->event, IPCT_EVENT_EXIT, sizeof(*record), task);
	record->status = BPF_CORE_READ(task, exit_code);
	control_submit(record);
}

#endif
