// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is older than the capture, and what is left at its end: all tasks, and the channels
 * behind their descriptors. User space reads the rows of the iterators as records.
 */
#include "fill.bpf.h"
#include "memory.bpf.h"
#include "pipe.bpf.h"
#include "queue.bpf.h"
#include "scope.bpf.h"
#include "socket.bpf.h"
#include "task.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define QUEUE_RUNS_WALKED 256 /* of messages of one type, in a POSIX queue */
#define SPACE_ROWS 256	      /* SysV queues and runs of messages: 32 kB is room for them */
#define SPACE_GAP 64	      /* indices without a queue, in a row */
#define PID_OF_PROCESS 1      /* PIDTYPE_TGID: index of pid.tasks and task_struct.pid_links */

/* Set by user space before each run. */
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

/* Records with names are too long for the stack; only the recorder runs the iterators. */
struct scratch {
	union {
		struct ipct_pipe pipe;
		struct ipct_socket socket;
		struct ipct_object object;
	};
	struct queue_walk walk;
	/* ipc_spaces(): the queue that is walked, and the index to go on with */
	struct object queue;
	__u32 index;
	__u8 is_new; /* just described */
	__u8 has_runs;
};

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

static __always_inline void scratch_queue(struct scratch *scratch, const struct object *object,
					  struct file *file)
{
	struct ipct_object *record = &scratch->object;

	event_init(&record->event, IPCT_EVENT_OBJECT, sizeof(*record),
		   (struct task_struct *)bpf_get_current_task());
	record->key = object->key;
	record->mechanism = object->mechanism;
	record->origin = snapshot_origin;
	queue_fill(object, file, record);
}

/* The scratch holds the description of a queue; true if runs of messages are to follow. */
static __always_inline bool scratch_begin_runs(struct scratch *scratch, const struct object *object)
{
	struct ipct_object *record = &scratch->object;

	if (snapshot_origin != IPCT_ORIGIN_START || !record->queued_messages)
		return false;
	record->event.size = QUEUE_RECORD_SHORT_SIZE;
	record->name_len = 0;
	queue_walk_begin(&scratch->walk, object);
	return true;
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

/* Namespaces whose queues this run has written. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u32);
} spaces SEC(".maps");

/* Set by user space before ipc_spaces() is run, again and again until nothing is left. */
__u32 snapshot_run;   /* grows with each snapshot */
__u32 spaces_left;    /* set by the program: a namespace was passed over */
__u64 snapshot_space; /* the namespace whose rows are being written */

static __always_inline bool space_is_done(__u64 space)
{
	__u32 *known = bpf_map_lookup_elem(&spaces, &space);

	return known && *known == snapshot_run;
}

/* Is this task the one whose turn it is to write rows of its namespace? */
static __always_inline bool space_begin(struct scratch *scratch, __u64 space)
{
	__u32 run = snapshot_run;

	if (snapshot_space == space)
		return true;
	if (space_is_done(space))
		return false;
	if (snapshot_space) {
		spaces_left = 1;
		return false;
	}
	if (bpf_map_update_elem(&spaces, &space, &run, BPF_ANY))
		return false;
	snapshot_space = space;
	scratch->index = 0;
	scratch->is_new = scratch->has_runs = 0;
	return true;
}

/* Does the process belong to the tree? */
static __always_inline bool pid_has_root(struct pid *pid)
{
	struct hlist_node *link;

	if (!pid)
		return false;
	link = BPF_CORE_READ(pid, tasks[PID_OF_PROCESS].first);
	if (!link)
		return false;
	return task_has_root((void *)link - bpf_core_field_offset(struct task_struct, pid_links) -
			     PID_OF_PROCESS * bpf_core_type_size(struct hlist_node));
}

/* A queue is held by nobody: it belongs to the scope if the tree used it last. */
static __always_inline bool queue_in_scope(const struct object *object)
{
	struct msg_queue *queue = (struct msg_queue *)object->kernel;

	if (capture_config.is_system_wide || object_is_followed(object, 0))
		return true;
	if (!pid_has_root(BPF_CORE_READ(queue, q_lspid)) &&
	    !pid_has_root(BPF_CORE_READ(queue, q_lrpid)))
		return false;
	follow(object, 0);
	return true;
}

/* The queue at the scratch's index, which it steps; 0: there is none. Global: as above. */
__noinline int space_queue(__u64 space)
{
	struct ipc_namespace *own = (struct ipc_namespace *)space;
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);
	struct kern_ipc_perm *perm;

	if (!scratch)
		return 0;
	perm = (void *)xarray_entry(ipc_table(own, IPC_IDS_MSG), scratch->index++);
	if (!perm)
		return 0;
	scratch->queue.kernel = (__u64)perm;
	scratch->queue.key.inode = BPF_CORE_READ(perm, id);
	scratch->queue.key.object = ipc_key_object(own, IPC_IDS_MSG);
	scratch->queue.mechanism = IPCT_SYSV_MSG;
	return 1;
}

enum space_row { SPACE_ROW_END, SPACE_ROW_NONE, SPACE_ROW_QUEUE, SPACE_ROW_RUN };

static __always_inline enum space_row space_next_queue(struct scratch *scratch, __u64 space)
{
	struct ipc_ids *ids = ipc_ids_of((struct ipc_namespace *)space, IPC_IDS_MSG);
	__u32 nr = BPF_CORE_READ(ids, max_idx) + 1;

	for (int i = 0; i < SPACE_GAP; i++) {
		if (scratch->index >= nr)
			return SPACE_ROW_END;
		if (space_queue(space))
			return SPACE_ROW_QUEUE;
	}
	return SPACE_ROW_NONE;
}

/* Fills the scratch's record with the next row of the namespace: enum space_row. Global: as above.
 */
__noinline int space_next_row(__u64 space)
{
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &zero);
	enum space_row row;

	if (!scratch)
		return SPACE_ROW_END;
	if (scratch->is_new)
		scratch->has_runs = scratch_begin_runs(scratch, &scratch->queue);
	scratch->is_new = 0;
	if (scratch->has_runs && snapshot_next_run()) {
		queue_fill_run(&scratch->queue, &scratch->walk, snapshot_origin, &scratch->object);
		return SPACE_ROW_RUN;
	}
	scratch->has_runs = 0;
	row = space_next_queue(scratch, space);
	if (row != SPACE_ROW_QUEUE)
		return row;
	if (!queue_in_scope(&scratch->queue))
		return SPACE_ROW_NONE;
	__builtin_memset(&scratch->object, 0, sizeof(scratch->object));
	scratch_queue(scratch, &scratch->queue, NULL);
	scratch->object.event.size = QUEUE_RECORD_SHORT_SIZE;
	scratch->is_new = 1;
	return SPACE_ROW_QUEUE;
}

SEC("?iter/task")
int ipc_spaces(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct scratch *scratch;
	__u32 zero = 0;
	__u64 space;

	if (!task)
		return 0;
	space = (__u64)BPF_CORE_READ(task, nsproxy, ipc_ns);
	scratch = bpf_map_lookup_elem(&scratches, &zero);
	if (!space || !scratch || !space_begin(scratch, space))
		return 0;
	for (int i = 0; i < SPACE_ROWS; i++) {
		int row = space_next_row(space);

		if (row == SPACE_ROW_END) {
			snapshot_space = 0;
			return 0;
		}
		if (row != SPACE_ROW_NONE)
			bpf_seq_write(seq, &scratch->object, QUEUE_RECORD_SHORT_SIZE);
	}
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
