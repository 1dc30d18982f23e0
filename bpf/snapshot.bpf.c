// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is older than the capture, and what is left at its end: all tasks, and the pipes and
 * sockets behind their descriptors. User space reads the rows of the iterators as records.
 */
#include "pipe.bpf.h"
#include "scope.bpf.h"
#include "socket.bpf.h"
#include "task.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

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
	};
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
	if (mechanism_is_inet(object->mechanism))
		inet_fill(sk, object, snapshot_origin, record);
	else
		unix_fill(sk, object, snapshot_origin, record);
	if (!mechanism_is_inet(object->mechanism))
		unix_fill_name(sk, record);
	socket_fill_level(sk, record);
	bpf_seq_write(seq, record, sizeof(*record));
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
	__builtin_memset(scratch, 0, sizeof(*scratch));
	if (mechanism_is_pipe(object.mechanism))
		write_pipe(seq, task, file, &object, &scratch->pipe);
	else
		write_socket(seq, task, &object, &scratch->socket);
	return 0;
}
