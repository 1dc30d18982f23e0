// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is older than the capture, and what is left at its end: all tasks, and the channels
 * behind their descriptors. User space reads the rows of the iterators as records.
 */
#include "fill.bpf.h"
#include "memory.bpf.h"
#include "pipe.bpf.h"
#include "scope.bpf.h"
#include "snapshot.bpf.h"
#include "socket.bpf.h"
#include "task.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define QUEUE_RUNS_WALKED 256 /* of messages of one type, in a POSIX queue */

__u8 snapshot_origin = IPCT_ORIGIN_START;
__u8 snapshot_mode = IPCT_SNAPSHOT_WRITE; /* enum ipct_snapshot_mode */

static __always_inline __u8 task_find_scope(struct task_struct *task, __u32 pid)
{
	if (pid == capture_config.command_pid)
		return TASK_PENDING;
	if (pid == capture_config.self_pid)
		return TASK_OUTSIDE;
	return capture_config.is_system_wide || task_has_root(task) ? TASK_INSIDE : TASK_OUTSIDE;
}

static __always_inline void write_process(struct seq_file *seq, struct task_struct *task,
					  bool is_traced)
{
	struct ipct_process record = {};

	event_init(&record.event, IPCT_EVENT_PROCESS, sizeof(record), task);
	BPF_CORE_READ_INTO(&record.comm, task, comm);
	record.parent_pid = BPF_CORE_READ(task, real_parent, tgid);
	record.parent_start_ns = BPF_CORE_READ(task, real_parent, group_leader, start_boottime);
	record.uid = BPF_CORE_READ(task, cred, uid.val);
	record.cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	record.pid_namespace = BPF_CORE_READ(task, nsproxy, pid_ns_for_children, ns.inum);
	record.is_traced = is_traced;
	record.is_kernel_thread = !!(BPF_CORE_READ(task, flags) & COMPAT_PF_KTHREAD);
	bpf_seq_write(seq, &record, sizeof(record));
}

SEC("?iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seq_file *seq = ctx->meta->seq;
	struct task_state *state;
	__u32 pid;

	if (!task)
		return 0;
	pid = BPF_CORE_READ(task, tgid);
	state = task_state_create(task);
	if (!state) {
		task_state_postpone(task, task_find_scope(task, pid) == TASK_INSIDE);
		return 0;
	}
	if (state->scope == TASK_OUTSIDE)
		state->scope = task_find_scope(task, pid);
	if (pid == BPF_CORE_READ(task, pid) && pid != capture_config.self_pid) {
		state->is_described = 1;
		write_process(seq, task, state->scope != TASK_OUTSIDE);
	}
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline void write_pipe(struct seq_file *seq, struct task_struct *task,
				       struct file *file, const struct object *object,
				       struct ipct_pipe *record)
{
	event_init(&record->event, IPCT_EVENT_PIPE, sizeof(*record), task);
	pipe_fill(object, snapshot_origin, record);
	pipe_fill_level((struct pipe_inode_info *)object->kernel, record);
	if (object->mechanism == IPCT_FIFO)
		pipe_fill_name(file, record);
	bpf_seq_write(seq, record, sizeof(*record));
}

static __always_inline void write_socket(struct seq_file *seq, struct task_struct *task,
					 const struct object *object, struct ipct_socket *record)
{
	struct sock *sk = (struct sock *)object->kernel;

	event_init(&record->event, IPCT_EVENT_SOCKET, sizeof(*record), task);
	if (mechanism_is_unix(object->mechanism)) {
		unix_fill(sk, object, snapshot_origin, record);
		unix_fill_name(sk, record);
	} else {
		nameless_fill(sk, object, snapshot_origin, record);
	}
	socket_fill_level(sk, record);
	bpf_seq_write(seq, record, sizeof(*record));
}

#define FILE_READ 1 /* FMODE_READ, FMODE_WRITE */
#define FILE_WRITE 2

static __always_inline void write_hold(struct seq_file *seq, struct task_struct *task,
				       struct file *file, __u32 fd, const struct object *object)
{
	struct ipct_hold record = { .key = object->key, .fd = fd, .mechanism = object->mechanism };
	__u32 mode = BPF_CORE_READ(file, f_mode);

	event_init(&record.event, IPCT_EVENT_HOLD, sizeof(record), task);
	if (mode & FILE_READ)
		record.flags |= IPCT_HOLD_READ;
	if (mode & FILE_WRITE)
		record.flags |= IPCT_HOLD_WRITE;
	if (object->mechanism == IPCT_PTY && object->key.object == object->kernel)
		record.flags |= IPCT_HOLD_MASTER;
	bpf_seq_write(seq, &record, sizeof(record));
}

static __always_inline void write_object(struct seq_file *seq, struct task_struct *task,
					 struct file *file, const struct object *object,
					 struct ipct_object *record)
{
	event_init(&record->event, IPCT_EVENT_OBJECT, sizeof(*record), task);
	object_fill(object, file, snapshot_origin, record);
	if (object->mechanism == IPCT_PTY)
		terminal_fill_level(object, record);
	bpf_seq_write(seq, record, sizeof(*record));
}

/* The next run of the walk in the scratch; 0: there is none. Global: walked once. */
__noinline int snapshot_next_run(void)
{
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);

	return scratch ? queue_walk_run(&scratch->walk) : 0;
}

/* A queue, and at the start how many messages of which type wait in it. */
static __noinline int write_queue(struct seq_file *seq, struct file *file,
				  const struct object *object, struct scratch *scratch)
{
	struct ipct_object *record = &scratch->object;

	scratch_queue(scratch, object, file);
	bpf_seq_write(seq, record, sizeof(*record));
	if (!scratch_begin_runs(scratch, object))
		return 0;
	for (int i = 0; i < QUEUE_RUNS_WALKED; i++) {
		if (!snapshot_next_run())
			break;
		queue_fill_run(object, &scratch->walk, snapshot_origin, record);
		bpf_seq_write(seq, record, QUEUE_RECORD_SHORT_SIZE);
	}
	return 0;
}

/* The state of the leader, which shares its files with every thread that is listed. */
static __always_inline bool file_in_scope(struct task_struct *task, const struct object *object)
{
	struct task_state *state = task_state_get(task);

	if (BPF_CORE_READ(task, tgid) == capture_config.self_pid)
		return false;
	/* what CMD inherits is in scope although CMD itself is still pending */
	if (!capture_config.is_system_wide && state && state->scope != TASK_OUTSIDE) {
		follow(object, 0);
		return true;
	}
	return capture_config.is_system_wide || object_is_followed(object, 0);
}

SEC("?iter/task_file")
int task_files(struct bpf_iter__task_file *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct object object = {};
	struct scratch *scratch;
	__u32 zero = 0;

	if (!task || !file)
		return 0;
	object_of_file(file, &object);
	if (!mechanism_is_wanted(object.mechanism) || object.mechanism == IPCT_PROCESS_VM)
		return 0;
	if (snapshot_mode != IPCT_SNAPSHOT_LIST && !file_in_scope(task, &object))
		return 0;
	scratch = bpf_map_lookup_elem(&scratches, &zero);
	if (!scratch || snapshot_mode == IPCT_SNAPSHOT_FOLLOW)
		return 0;
	if (snapshot_mode == IPCT_SNAPSHOT_HOLD)
		write_hold(seq, task, file, ctx->fd, &object);
	__builtin_memset(scratch, 0, sizeof(*scratch));
	if (mechanism_is_pipe(object.mechanism))
		write_pipe(seq, task, file, &object, &scratch->pipe);
	else if (mechanism_is_queue(object.mechanism))
		write_queue(seq, file, &object, scratch);
	else if (ipct_is_socket(object.mechanism))
		write_socket(seq, task, &object, &scratch->socket);
	else
		write_object(seq, task, file, &object, &scratch->object);
	return 0;
}

/* Shared memory --------------------------------------------------------------------------- */

/*
 * Nobody maps with rights of its own what a task borrows from its parent until it execs
 * (vfork), and what CMD has mapped before its exec is none of its life.
 */
static __always_inline bool mapping_in_scope(struct task_struct *task, struct mm_struct *mm,
					     const struct object *object)
{
	struct task_state *state = task_state_get(task);
	__u32 pid = BPF_CORE_READ(task, tgid);

	if (pid == capture_config.self_pid || (state && state->scope == TASK_PENDING))
		return false;
	if (BPF_CORE_READ(task, real_parent, mm) == mm &&
	    BPF_CORE_READ(task, real_parent, tgid) != pid)
		return false;
	return object_in_scope(object, state, 0);
}

/* A process that came after the first snapshot, and is outside. */
static __always_inline void write_stranger(struct seq_file *seq, struct task_struct *task)
{
	struct task_state *state = task_state_get(task);

	if (capture_config.is_system_wide || !state || state->scope != TASK_OUTSIDE ||
	    state->is_described)
		return;
	state->is_described = 1;
	write_process(seq, task, false);
}

static __always_inline void write_memory(struct seq_file *seq, struct task_struct *task,
					 const struct object *object, struct ipct_object *record)
{
	event_init(&record->event, IPCT_EVENT_OBJECT, sizeof(*record), task);
	record->key = object->key;
	record->mechanism = object->mechanism;
	record->origin = snapshot_origin;
	record->queued_bytes = IPCT_LEVEL_UNKNOWN;
	memory_fill(object, NULL, record);
	bpf_seq_write(seq, record, sizeof(*record));
}

static __always_inline void write_mapping(struct seq_file *seq, struct task_struct *task,
					  struct vm_area_struct *vma, const struct object *object)
{
	struct ipct_mapping record = {
		.key = object->key,
		.start = BPF_CORE_READ(vma, vm_start),
		.end = BPF_CORE_READ(vma, vm_end),
		.offset = BPF_CORE_READ(vma, vm_pgoff) << PAGE_SHIFT,
		.mechanism = object->mechanism,
		.kind = IPCT_MAPPING_MAP,
		.rights = memory_rights(BPF_CORE_READ(vma, vm_flags)),
		.origin = snapshot_origin,
	};

	event_init(&record.event, IPCT_EVENT_MAPPING, sizeof(record), task);
	bpf_seq_write(seq, &record, sizeof(record));
}

static __noinline int take_vma(struct seq_file *seq, struct task_struct *task,
			       struct vm_area_struct *vma)
{
	struct file *file = BPF_CORE_READ(vma, vm_file);
	struct scratch *scratch;
	struct object object;
	__u32 zero = 0;

	if (!file || !(BPF_CORE_READ(vma, vm_flags) & VM_MAYSHARE))
		return 0;
	object_of_memory(file, &object);
	if (!mechanism_is_wanted(object.mechanism))
		return 0;
	if (snapshot_mode != IPCT_SNAPSHOT_LIST &&
	    !mapping_in_scope(task, BPF_CORE_READ(vma, vm_mm), &object))
		return 0;
	scratch = bpf_map_lookup_elem(&scratches, &zero);
	if (!scratch || snapshot_mode == IPCT_SNAPSHOT_FOLLOW)
		return 0;
	__builtin_memset(scratch, 0, sizeof(*scratch));
	write_stranger(seq, task);
	write_memory(seq, task, &object, &scratch->object);
	if (snapshot_mode == IPCT_SNAPSHOT_LIST)
		return 0;
	mapper_add(BPF_CORE_READ(task, tgid));
	write_mapping(seq, task, vma, &object);
	return 0;
}

/* The context of iter/task_vma (5.12, 3d8b8c1a7a0d), which the vmlinux.h of 5.10 lacks. */
struct iter_task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

SEC("?iter/task_vma")
int task_vmas(struct iter_task_vma *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;

	if (!task || !vma)
		return 0;
	return take_vma(seq, task, vma);
}

/*
 * Without iter/task_vma user space finds the mappings in /proc/PID/maps, which says nothing of
 * generations, and has each looked up here.
 */
__u32 snapshot_pid = 0;
__u64 snapshot_address = 0;

SEC("?iter/task")
int task_vma_at(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct vm_area_struct *vma;

	if (!task || BPF_CORE_READ(task, pid) != snapshot_pid)
		return 0;
	vma = (struct vm_area_struct *)vma_find_in(BPF_CORE_READ(task, mm), snapshot_address);
	if (!vma)
		return 0;
	return take_vma(seq, task, vma);
}
