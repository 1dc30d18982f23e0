// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * SysV objects of every ipc namespace that has a task: no descriptor holds them, and /proc shows
 * one namespace. The queues of the scope with what waits in them, or that any object is there.
 */
#include "memory.bpf.h"
#include "scope.bpf.h"
#include "snapshot.bpf.h"
#include "task.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SPACE_ROWS 256	 /* objects and runs of messages: 32 kB is room for them */
#define SPACE_GAP 64	 /* indices without an object, in a row */
#define PID_OF_PROCESS 1 /* PIDTYPE_TGID: index of pid.tasks and task_struct.pid_links */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} space_scratches SEC(".maps");

/* Namespaces whose SysV objects this run has written. */
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
	scratch->begun_ns = bpf_ktime_get_boot_ns();
	scratch->index = 0;
	scratch->table = snapshot_mode == IPCT_SNAPSHOT_STANDING ? IPC_IDS_SEM : IPC_IDS_MSG;
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

/* The next run of the walk in the scratch; 0: there is none. Global: walked once. */
__noinline int space_next_run(void)
{
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&space_scratches, &zero);

	return scratch ? queue_walk_run(&scratch->walk) : 0;
}

static __always_inline __u8 table_mechanism(__u32 table)
{
	return table == IPC_IDS_SEM ? IPCT_SYSV_SEM :
	       table == IPC_IDS_MSG ? IPCT_SYSV_MSG :
				      IPCT_SYSV_SHM;
}

/* The object at the scratch's index, which it steps; 0: there is none. Global: as above. */
__noinline int space_object(__u64 space)
{
	struct ipc_namespace *own = (struct ipc_namespace *)space;
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&space_scratches, &zero);
	struct kern_ipc_perm *perm;

	if (!scratch)
		return 0;
	perm = (void *)xarray_entry(ipc_table(own, scratch->table), scratch->index++);
	if (!perm)
		return 0;
	scratch->sysv.kernel = (__u64)perm;
	scratch->sysv.key.inode = BPF_CORE_READ(perm, id);
	scratch->sysv.key.object = ipc_key_object(own, scratch->table);
	scratch->sysv.mechanism = table_mechanism(scratch->table);
	return 1;
}

enum space_row { SPACE_ROW_END, SPACE_ROW_NONE, SPACE_ROW_OBJECT, SPACE_ROW_STANDING };

static __always_inline enum space_row space_next_object(struct scratch *scratch, __u64 space)
{
	struct ipc_ids *ids = ipc_ids_of((struct ipc_namespace *)space, scratch->table);
	__u32 nr = BPF_CORE_READ(ids, max_idx) + 1;

	for (int i = 0; i < SPACE_GAP; i++) {
		if (scratch->index >= nr)
			return SPACE_ROW_END;
		if (space_object(space))
			return SPACE_ROW_OBJECT;
	}
	return SPACE_ROW_NONE;
}

/*
 * Fills the scratch's record with the next queue of the namespace, or the next run of messages
 * in it: enum space_row. Global: as above.
 */
__noinline int space_next_row(__u64 space)
{
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&space_scratches, &zero);
	enum space_row row;

	if (!scratch)
		return SPACE_ROW_END;
	if (scratch->is_new)
		scratch->has_runs = scratch_begin_runs(scratch, &scratch->sysv);
	scratch->is_new = 0;
	if (scratch->has_runs && space_next_run()) {
		queue_fill_run(&scratch->sysv, &scratch->walk, snapshot_origin, &scratch->object);
		return SPACE_ROW_OBJECT;
	}
	scratch->has_runs = 0;
	row = space_next_object(scratch, space);
	if (row != SPACE_ROW_OBJECT)
		return row;
	if (!queue_in_scope(&scratch->sysv))
		return SPACE_ROW_NONE;
	__builtin_memset(&scratch->object, 0, sizeof(scratch->object));
	scratch_queue(scratch, &scratch->sysv, NULL);
	scratch->object.event.size = QUEUE_RECORD_SHORT_SIZE;
	scratch->is_new = 1;
	return SPACE_ROW_OBJECT;
}

#define SEGMENT_REMOVED 01000 /* SHM_DEST: gone with its last user */
#define STANDING_SHORT_SIZE __builtin_offsetof(struct ipct_standing, name)

/* A segment is known by the file behind it. */
static __always_inline bool standing_take_segment(struct scratch *scratch)
{
	struct shmid_kernel *segment = (struct shmid_kernel *)scratch->sysv.kernel;

	if (!bpf_core_field_exists(segment->shm_file) ||
	    (BPF_CORE_READ(segment, shm_perm.mode) & SEGMENT_REMOVED))
		return false;
	object_of_memory(BPF_CORE_READ(segment, shm_file), &scratch->sysv);
	return scratch->sysv.mechanism == IPCT_SYSV_SHM;
}

/* As space_next_row(), with the next object of any kind, and a row behind the last of a kind. */
__noinline int space_next_standing(__u64 space)
{
	__u32 zero = 0;
	struct scratch *scratch = bpf_map_lookup_elem(&space_scratches, &zero);
	struct ipct_standing *record;
	enum space_row row;

	if (!scratch || scratch->table > IPC_IDS_SHM)
		return SPACE_ROW_END;
	row = space_next_object(scratch, space);
	if (row == SPACE_ROW_NONE)
		return row;
	record = &scratch->standing;
	__builtin_memset(record, 0, STANDING_SHORT_SIZE);
	event_init_actorless(&record->event, IPCT_EVENT_STANDING, STANDING_SHORT_SIZE);
	record->space = ipc_key_object((struct ipc_namespace *)space, scratch->table);
	record->mechanism = table_mechanism(scratch->table);
	record->origin = snapshot_origin;
	if (row == SPACE_ROW_END) {
		scratch->table++;
		scratch->index = 0;
		record->kind = IPCT_STANDING_LISTED;
		record->event.time_ns = scratch->begun_ns;
	} else {
		if (record->mechanism == IPCT_SYSV_SHM && !standing_take_segment(scratch))
			return SPACE_ROW_NONE;
		record->kind = IPCT_STANDING_THERE;
		record->key = scratch->sysv.key;
	}
	return mechanism_is_wanted(record->mechanism) ? SPACE_ROW_STANDING : SPACE_ROW_NONE;
}

SEC("?iter/task")
int ipc_spaces(struct bpf_iter__task *ctx)
{
	bool is_standing = snapshot_mode == IPCT_SNAPSHOT_STANDING;
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct scratch *scratch;
	__u32 zero = 0;
	__u64 space;

	if (!task || (!is_standing && !mechanism_is_wanted(IPCT_SYSV_MSG)))
		return 0;
	space = (__u64)BPF_CORE_READ(task, nsproxy, ipc_ns);
	scratch = bpf_map_lookup_elem(&space_scratches, &zero);
	if (!space || !scratch || !space_begin(scratch, space))
		return 0;
	for (int i = 0; i < SPACE_ROWS; i++) {
		int row = is_standing ? space_next_standing(space) : space_next_row(space);

		if (row == SPACE_ROW_END) {
			snapshot_space = 0;
			return 0;
		}
		if (row == SPACE_ROW_STANDING)
			bpf_seq_write(seq, &scratch->standing, STANDING_SHORT_SIZE);
		else if (row == SPACE_ROW_OBJECT)
			bpf_seq_write(seq, &scratch->object, QUEUE_RECORD_SHORT_SIZE);
	}
	return 0;
}
