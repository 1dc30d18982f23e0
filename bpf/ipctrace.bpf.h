/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The inside of the kernel side: configuration, maps, state of a task, scope, rings, losses.
 * core.bpf.c defines the maps (IPCT_CORE), the other objects refer to them.
 */
#ifndef IPCTRACE_BPF_H
#define IPCTRACE_BPF_H

#include "compat.bpf.h"

#include <ipctrace/config.h>

#ifdef IPCT_CORE
#define SHARED_MAP
#else
#define SHARED_MAP extern
#endif

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_VSOCK 40

#define EAGAIN 11
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516

#ifdef IPCT_CORE
const volatile struct ipct_config capture_config = {};
#else
extern const volatile struct ipct_config capture_config;
#endif

/* Where a task stands towards the scope of the capture. */
enum task_scope {
	TASK_OUTSIDE = 0,
	TASK_INSIDE = 1,
	/* CMD before its exec, helpers of the recorder: not traced in any scope */
	TASK_PENDING = 2,
};

/* An object behind a descriptor. */
struct object {
	struct ipct_key key;
	__u64 kernel;	  /* struct pipe_inode_info * or struct sock * */
	__u32 file_flags; /* f_flags of a pipe's end */
	__u8 mechanism;	  /* IPCT_MECHANISM_NONE: none of ours */
	__u8 is_closed;	  /* the descriptor is not open */
	__u8 is_signalfd; /* no object of ours, but reads of it take signals */
	__u8 memory;	  /* of a futex: mechanism of the memory that holds it */
};

/*
 * Messages of one call whose other end is kept; a power of two. Small: with the kernel's own
 * head, a task's state fits into 512 bytes, and the allocator keeps fewer of what is larger.
 */
#define TASK_PEERS 8
#define CALL_OBJECTS 2 /* descriptors that a call moves data between, at most */

/* What was resolved when the task blocked inside a call; valid for that very call. */
struct stash {
	__u64 args[3];
	struct object objects[CALL_OBJECTS];
	__s32 nr;
	__u32 is_valid;
};

/* A system call at its exit. */
struct call {
	__u64 args[6];
	__s64 ret;
	__s32 nr;
	__u8 shape;
	__u8 is_ia32;
	__u8 _pad[2];
};

/* What waits in a message queue, walked a run of messages of one type after the other. */
struct queue_walk {
	__u64 head; /* struct list_head of the messages */
	__u64 node; /* the first that was not walked yet; `head`: none is left */
	__u64 tree; /* POSIX: struct rb_node of this priority, 0: none is left */
	__u64 type; /* of the run: type, or priority + 1 */
	__u64 bytes;
	__u32 messages;
	__u8 is_tree;
	__u8 _pad[3];
};

struct task_state {
	__u8 scope; /* enum task_scope */
	__u8 is_described;
	__u8 is_checked;    /* task_state_adopt() has looked */
	__u8 blocked_shape; /* enum shape of the call that it is blocked in, 0: none */
	__u8 is_woken;	    /* since the capture began: it does not block from before */
	__u8 peers_mover;   /* enum mover: what the notes below are of */
	__u8 _pad[2];
	__u64 blocked_ns;	 /* when it was switched out inside a call, 0: it was not */
	__u64 wait_ns;		 /* off the CPU inside the present call */
	__u32 peers_nr;		 /* messages for which a hook inside the call named the other end */
	__u16 passes_nr;	 /* of these, messages that carry descriptors */
	__u16 passed;		 /* descriptors in the last such message */
	__u64 peers[TASK_PEERS]; /* struct sock of the first of them */
	__u8 passes[TASK_PEERS]; /* descriptors that each of these carries */
	__u64 waker_start_ns;	 /* who ended the wait of the present call, see wait.bpf.c */
	__u32 waker_pid;	 /* 0: nobody is known */
	__u32 waker_is_exiting;
	__u64 netlink_peer; /* struct sock that got what the present call sent; one of them */
	struct ipct_key described[2]; /* of the last receive and send: known to be described */
	struct stash stash;
	/*
	 * Arguments of global functions, which are verified once, not once per caller, and on
	 * 5.10 take no pointers.
	 */
	struct call call;
	struct object object;
	struct queue_walk walk;
};

SHARED_MAP struct {
	__uint(type, COMPAT_BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} task_states SEC(".maps");

/* 5.10 has no task storage (5.11, 4cf1bc1f1045): preallocated, keyed by the task's address. */
SHARED_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct task_state);
} task_states_by_address SEC(".maps");

/*
 * An element per CPU, mapped by user space: no classic program runs on a CPU whose task was
 * preempted inside a bpf() call on a map (bpf_disable_instrumentation).
 */
SHARED_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* CPUs: set before load */
	__type(key, __u32);
	__type(value, struct ipct_counters);
} counters SEC(".maps");

/* A ring per CPU; user space makes them and puts them in. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};

SHARED_MAP struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1); /* CPUs: set before load */
	__type(key, __u32);
	__array(values, struct ring);
} rings SEC(".maps");

SHARED_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPCT_AGGREGATES_MAX);
	__type(key, struct ipct_aggregate_key);
	__type(value, struct ipct_aggregate_value);
} aggregates SEC(".maps");

/* Channels whose description was recorded. */
SHARED_MAP struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct ipct_key);
	__type(value, __u8);
} described SEC(".maps");

/* Processes whose trees are the scope. */
SHARED_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} roots SEC(".maps");

/*
 * Processes with shared memory that was recorded: only their calls that unmap or protect are
 * looked at. Copied at fork, dropped at exec and exit. One that finds no room is told by
 * mappers_are_all, which makes everybody one.
 */
SHARED_MAP struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} mappers SEC(".maps");

#ifdef IPCT_CORE
__u8 mappers_are_all = 0;
#else
extern __u8 mappers_are_all;
#endif

static __always_inline void mapper_add(__u32 pid)
{
	__u8 one = 1;

	if (bpf_map_update_elem(&mappers, &pid, &one, BPF_ANY))
		mappers_are_all = 1;
}

static __always_inline bool mapper_has(__u32 pid)
{
	return mappers_are_all || bpf_map_lookup_elem(&mappers, &pid);
}

static __always_inline void mapper_drop(__u32 pid)
{
	bpf_map_delete_elem(&mappers, &pid);
}

static __always_inline struct ipct_counters *counters_get(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&counters, &cpu);
}

static __always_inline void count_loss(enum ipct_loss cause)
{
	struct ipct_counters *c = counters_get();

	if (c)
		__sync_fetch_and_add(&c->lost[cause], 1);
}

/* Lost before anything could be seen: both, so that the ledger closes. */
static __always_inline void count_unseen_loss(enum ipct_loss cause, __u64 nr)
{
	struct ipct_counters *c = counters_get();

	if (!c)
		return;
	__sync_fetch_and_add(&c->seen, nr);
	__sync_fetch_and_add(&c->lost[cause], nr);
}

static __always_inline void count_filtered(void)
{
	struct ipct_counters *c = counters_get();

	if (c)
		__sync_fetch_and_add(&c->filtered, 1);
}

static __always_inline void count_seen(void)
{
	struct ipct_counters *c = counters_get();

	if (c)
		__sync_fetch_and_add(&c->seen, 1);
}

/* `task` must be an argument of the hook or the current task: the verifier wants its type. */
static __always_inline struct task_state *task_state_get(struct task_struct *task)
{
	__u64 address = (__u64)task;

	if (capture_config.has_task_storage)
		return bpf_task_storage_get(&task_states, task, 0, 0);
	return bpf_map_lookup_elem(&task_states_by_address, &address);
}

/* Too long for the stack. */
static const struct task_state empty_task_state = {};

static __always_inline struct task_state *task_state_create(struct task_struct *task)
{
	struct task_state *state;
	__u64 address = (__u64)task;

	if (capture_config.has_task_storage)
		return bpf_task_storage_get(&task_states, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	state = bpf_map_lookup_elem(&task_states_by_address, &address);
	if (state)
		return state;
	bpf_map_update_elem(&task_states_by_address, &address, &empty_task_state, BPF_NOEXIST);
	return bpf_map_lookup_elem(&task_states_by_address, &address);
}

/*
 * No memory for the state of a task: the allocator is refilled a moment later, and the task's
 * first call makes it then. What the state would have said is kept in the roots map.
 */
static __always_inline void task_state_postpone(struct task_struct *task, bool is_inside)
{
	__u32 tid = BPF_CORE_READ(task, pid);
	__u8 one = 1;

	if (capture_config.is_system_wide || !is_inside)
		return;
	if (bpf_map_update_elem(&roots, &tid, &one, BPF_ANY))
		count_unseen_loss(IPCT_LOSS_TASK_STATE, 1);
}

/* A state that was made late: does its task belong to the tree? */
static __always_inline void task_state_adopt(struct task_state *state)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	if (capture_config.is_system_wide || state->scope != TASK_OUTSIDE || state->is_checked)
		return;
	state->is_checked = 1;
	if (bpf_map_lookup_elem(&roots, &tid))
		state->scope = TASK_INSIDE;
}

static __always_inline void task_state_drop(struct task_struct *task)
{
	__u64 address = (__u64)task;

	if (!capture_config.has_task_storage)
		bpf_map_delete_elem(&task_states_by_address, &address);
}

/* The current task, for task_state_get() and CURRENT_READ(). */
static __always_inline struct task_struct *current_task(void)
{
	if (capture_config.has_task_storage)
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/*
 * A field of the current task, or of what it points to (a->b.c): a plain load where the
 * verifier knows the type of the current task (5.11), which is several times cheaper than the
 * helper that BPF_CORE_READ calls for each step. The verifier drops the branch not taken.
 */
#define CURRENT_READ(typed, ...)                                                                   \
	({                                                                                         \
		struct task_struct *current_ = current_task();                                     \
		typeof(current_->typed) field_;                                                    \
		if (capture_config.has_task_storage)                                               \
			field_ = current_->typed;                                                  \
		else                                                                               \
			field_ = BPF_CORE_READ(current_, __VA_ARGS__);                             \
		field_;                                                                            \
	})

/* The state of the leader of the current task's threads, if it has one. */
static __always_inline struct task_state *task_state_of_leader(void)
{
	if (capture_config.has_task_storage)
		return task_state_get(bpf_get_current_task_btf()->group_leader);
	return task_state_get(BPF_CORE_READ(current_task(), group_leader));
}

/* Is this task's every transfer in scope? Of an outside task only those on followed channels. */
static __always_inline bool task_is_inside(const struct task_state *state)
{
	if (state && state->scope == TASK_PENDING)
		return false;
	return capture_config.is_system_wide || (state && state->scope == TASK_INSIDE);
}

static __always_inline bool mechanism_is_wanted(__u8 mechanism)
{
	return mechanism && mechanism < 64 && (capture_config.mechanisms >> mechanism) & 1;
}

static __always_inline void event_init(struct ipct_event *event, __u16 type, __u16 size,
				       struct task_struct *task)
{
	event->time_ns = bpf_ktime_get_boot_ns();
	event->start_ns = BPF_CORE_READ(task, group_leader, start_boottime);
	event->pid = BPF_CORE_READ(task, tgid);
	event->tid = BPF_CORE_READ(task, pid);
	event->type = type;
	event->size = size;
	event->_pad = 0;
}

/* The same for the current task, cheaper. */
static __always_inline void event_init_current(struct ipct_event *event, __u16 type, __u16 size)
{
	event->time_ns = bpf_ktime_get_boot_ns();
	event->start_ns = CURRENT_READ(group_leader->start_boottime, group_leader, start_boottime);
	event->pid = CURRENT_READ(tgid, tgid);
	event->tid = CURRENT_READ(pid, pid);
	event->type = type;
	event->size = size;
	event->_pad = 0;
}

/* A record made in softirq has no actor. */
static __always_inline void event_init_actorless(struct ipct_event *event, __u16 type, __u16 size)
{
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = bpf_ktime_get_boot_ns();
	event->type = type;
	event->size = size;
}

/* Too long for the stack. */
static const struct ipct_aggregate_value empty_aggregate = {};

/* The counters of an endpoint for which the ring has no room; NULL: nor has the map. */
static __always_inline struct ipct_aggregate_value *
aggregate_get(const struct ipct_aggregate_key *key, __u64 time_ns)
{
	struct ipct_aggregate_value *value = bpf_map_lookup_elem(&aggregates, key);
	bool is_new;

	if (value)
		return value;
	is_new = !bpf_map_update_elem(&aggregates, key, &empty_aggregate, BPF_NOEXIST);
	value = bpf_map_lookup_elem(&aggregates, key);
	if (value && is_new)
		value->first_ns = time_ns;
	return value;
}

static __always_inline void *ring_get(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&rings, &cpu);
}

/*
 * Flags for a submission of `size` bytes: the drain is woken when the ring's content crosses a
 * multiple of wake_bytes, otherwise its timed poll finds the record.
 */
static __always_inline __u64 ring_flags(__u64 queued, __u64 size)
{
	if (((queued + size) ^ queued) & ~(__u64)(capture_config.wake_bytes - 1))
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* Sends a data record of a constant size, if it leaves the part that control records need. */
static __always_inline bool data_output(void *record, __u32 size)
{
	void *ring = ring_get();
	__u64 queued;

	if (!ring)
		return false;
	queued = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);
	if (queued > capture_config.data_limit)
		return false;
	return !bpf_ringbuf_output(ring, record, size, ring_flags(queued, size));
}

/*
 * Room for a control record of a constant size; the caller fills it, control_submit() sends it.
 * Counted as seen; NULL is counted as lost. A reservation blocks what is behind it
 * until it is submitted: nothing that may take long stands between the two.
 */
static __always_inline void *control_reserve_raw(__u32 size)
{
	void *ring = ring_get();
	void *record = NULL;

	count_seen();
	if (ring)
		record = bpf_ringbuf_reserve(ring, size, 0);
	if (!record)
		count_loss(IPCT_LOSS_RING_FULL);
	return record;
}

/* The same, zeroed. */
static __always_inline void *control_reserve(__u32 size)
{
	void *record = control_reserve_raw(size);

	if (record)
		__builtin_memset(record, 0, size);
	return record;
}

static __always_inline void control_submit(void *record)
{
	void *ring = ring_get();
	__u64 queued = ring ? bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) : 0;
	__u64 before = queued > IPCT_RECORD_MAX ? queued - IPCT_RECORD_MAX : 0;

	/* the record is counted in `queued` already: wake for what it may have brought */
	bpf_ringbuf_submit(record, ring_flags(before, queued - before));
}

#endif
