/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls on semaphores and futexes, and file locks. */
#ifndef IPCTRACE_SYNC_CALL_BPF_H
#define IPCTRACE_SYNC_CALL_BPF_H

#include "syscall.bpf.h"
#include "transfer.bpf.h"

#define ERROR_IDENTIFIER_REMOVED 43

/* include/uapi/linux/sem.h */
#define SEMAPHORE_UNDO 0x1000
#define SEMAPHORE_SETVAL 16
#define SEMAPHORE_SETALL 17
#define IPC_FLAG_64 0x100    /* part of the command in some ABIs */
#define SEMAPHORE_BUF_SIZE 6 /* struct sembuf in user space */
#define SEMAPHORE_OPERATIONS_MAX                                                                   \
	500			 /* of one semop, the default of SEMOPM; what is beyond is lost */
#define SEMAPHORE_VALUES_MAX 256 /* of one SETALL */
#define SEMAPHORE_DESCRIBED_SHIFT 32 /* where its number goes in a key of the described map */

/* include/uapi/linux/futex.h */
#define FUTEX_COMMAND_MASK 0x7f
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_TRYLOCK_PI 8
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI 12
#define FUTEX_LOCK_PI2 13
#define FUTEX_WAITERS_MAX 128 /* of one futex_waitv */

/* include/uapi/asm-generic/fcntl.h */
#define FLOCK_OPERATION 013 /* without LOCK_NB and what nobody uses any more */
#define FLOCK_UNLOCK 8
#define FCNTL_UNLOCK 2

/* Records ------------------------------------------------------------------------------- */

/* Inlined: 7.3 refuses to read here what the caller's caller has on its stack (`poisoned`). */
static __always_inline void sync_aggregate(const struct ipct_sync *s)
{
	struct ipct_aggregate_value *value;
	struct ipct_aggregate_key key = {
		.start_ns = s->event.start_ns,
		.key = s->key,
		.peer = s->waker_start_ns,
		.pid = s->event.pid,
		.error = s->result,
		.mechanism = s->mechanism,
		.role = s->role,
		.signal = s->unit,
		.address.family = !s->amount,
		.address.port = s->flags & ~IPCT_SYNC_LAST, /* their order is lost */
		.address.scope = s->waker_pid,
	};

	__builtin_memcpy(key.address.ip, &s->offset, sizeof(s->offset));
	value = aggregate_get(&key, s->event.time_ns);
	if (!value) {
		count_loss(IPCT_LOSS_AGGREGATE_FULL);
		return;
	}
	__sync_fetch_and_add(&value->operations, 1);
	if (!s->result)
		__sync_fetch_and_add(&value->messages, 1);
	__sync_fetch_and_add(&value->bytes, s->amount);
	__sync_fetch_and_add(&value->wait_ns, s->wait_ns);
	value->last_ns = s->event.time_ns;
}

static __noinline int sync_output(struct ipct_sync *s)
{
	count_seen();
	if (!data_output(s, sizeof(*s)))
		sync_aggregate(s);
	return 0;
}

/* What the current task has done with state->object. */
static __always_inline void sync_init(struct ipct_sync *s, const struct task_state *state,
				      __u8 role)
{
	__builtin_memset(s, 0, sizeof(*s));
	event_init_current(&s->event, IPCT_EVENT_SYNC, sizeof(*s));
	s->key = state->object.key;
	s->mechanism = state->object.mechanism;
	s->role = role;
	s->syscall = state->call.nr;
	s->result = state->call.ret < 0 ? state->call.ret : 0;
}

/* A wait or lock: did it block, and who ended that? */
static __always_inline void sync_fill_wait(struct ipct_sync *s, const struct task_state *state)
{
	s->wait_ns = state->wait_ns;
	if (state->wait_ns || state->waker_pid)
		s->flags |= IPCT_SYNC_BLOCKED;
	if (s->result || !state->waker_pid)
		return;
	s->waker_pid = state->waker_pid;
	s->waker_start_ns = state->waker_start_ns;
	if (state->waker_is_exiting)
		s->flags |= IPCT_SYNC_EXITING;
}

/* SysV semaphores ------------------------------------------------------------------------ */

/*
 * First sight of a semaphore, after an operation that changed its value by `change`: what was in
 * it before.
 */
static __noinline int semaphore_level(struct task_state *state, struct sem *semaphore, __u32 number,
				      __s32 change)
{
	struct ipct_key key = described_key(&state->object);
	struct ipct_sync s;
	bool is_last;
	__s32 value;
	__u8 one = 1;

	key.inode |= (__u64)(number + 1) << SEMAPHORE_DESCRIBED_SHIFT;
	if (bpf_map_lookup_elem(&described, &key) || !semaphore)
		return 0;
	bpf_map_update_elem(&described, &key, &one, BPF_ANY);
	value = BPF_CORE_READ(semaphore, semval) - change;
	is_last = semaphore_is_last_mine(semaphore);
	if (value <= 0 && is_last)
		return 0;
	sync_init(&s, state, IPCT_ROLE_POST);
	s.event.pid = 0;
	s.event.start_ns = 0;
	s.flags = IPCT_SYNC_SET | (is_last ? IPCT_SYNC_LAST : 0);
	s.unit = number;
	s.amount = value > 0 ? value : 0;
	sync_output(&s);
	return 0;
}

static __noinline int semaphore_output(const struct task_state *state,
				       const struct sembuf *operation, struct sem *semaphore,
				       __u32 index)
{
	struct ipct_sync s;

	sync_init(&s, state, operation->sem_op > 0 ? IPCT_ROLE_POST : IPCT_ROLE_WAIT);
	s.unit = operation->sem_num;
	s.amount = operation->sem_op > 0 ? operation->sem_op : -operation->sem_op;
	if (operation->sem_op <= 0)
		sync_fill_wait(&s, state);
	if (index)
		s.wait_ns = 0; /* the call waited once */
	if (operation->sem_flg & SEMAPHORE_UNDO)
		s.flags |= IPCT_SYNC_UNDO;
	if ((__u32)state->call.args[2] > 1)
		s.flags |= IPCT_SYNC_SEVERAL;
	if (semaphore && semaphore_is_last_mine(semaphore))
		s.flags |= IPCT_SYNC_LAST;
	sync_output(&s);
	return 0;
}

/* Operation `index` of the semop in state->call. Global: not walked for each round of a loop. */
__noinline int semaphore_operation(__u32 index)
{
	struct task_state *state = task_state_get(current_task());
	struct sembuf operation = {};
	struct sem *semaphore;

	if (!state)
		return 0;
	if (bpf_probe_read_user(&operation, SEMAPHORE_BUF_SIZE,
				(void *)(state->call.args[1] + index * SEMAPHORE_BUF_SIZE))) {
		count_unseen_loss(IPCT_LOSS_DECODE, 1);
		return 0;
	}
	semaphore = semaphore_at(&state->object, operation.sem_num);
	if (state->call.ret >= 0)
		semaphore_level(state, semaphore, operation.sem_num, operation.sem_op);
	semaphore_output(state, &operation, semaphore, index);
	return 0;
}

/* The set that the call in `state` names becomes state->object. Is that to be recorded? */
static __always_inline bool semaphore_begin(struct task_state *state, __s32 id, __u8 role)
{
	__s64 ret = state->call.ret;
	struct object object;

	if (!mechanism_is_wanted(IPCT_SYSV_SEM))
		return false;
	object_of_ipc(IPC_IDS_SEM, id, &object);
	if (!object.mechanism || (!object.kernel && ret < 0 && ret != -ERROR_IDENTIFIER_REMOVED))
		return false;
	if (!transfer_begin(&object, state, -1, role, 0))
		return false;
	state->object = object;
	return true;
}

__noinline int semaphore_operations(void)
{
	struct task_state *state = task_state_get(current_task());
	__u32 nr;

	if (!state || !semaphore_begin(state, state->call.args[0], IPCT_ROLE_WAIT))
		return 0;
	nr = state->call.args[2];
	if (state->call.ret < 0) /* the operation that failed is not told */
		return nr ? semaphore_operation(0) : 0;
	for (__u32 i = 0; i < SEMAPHORE_OPERATIONS_MAX; i++) {
		if (i >= nr)
			return 0;
		semaphore_operation(i);
	}
	if (nr > SEMAPHORE_OPERATIONS_MAX)
		count_unseen_loss(IPCT_LOSS_DECODE, nr - SEMAPHORE_OPERATIONS_MAX);
	return 0;
}

/* semctl set the semaphore to a value. Global: not walked for each round of a loop. */
__noinline int semaphore_set(__u32 number, __s32 value)
{
	struct task_state *state = task_state_get(current_task());
	struct sem *semaphore;
	struct ipct_key key;
	struct ipct_sync s;
	__u8 one = 1;

	if (!state)
		return 0;
	key = described_key(&state->object);
	key.inode |= (__u64)(number + 1) << SEMAPHORE_DESCRIBED_SHIFT;
	bpf_map_update_elem(&described, &key, &one, BPF_ANY); /* what was in it does not matter */
	sync_init(&s, state, IPCT_ROLE_POST);
	s.flags = IPCT_SYNC_SET;
	s.unit = number;
	s.amount = value;
	semaphore = semaphore_at(&state->object, number);
	if (semaphore && semaphore_is_last_mine(semaphore))
		s.flags |= IPCT_SYNC_LAST;
	sync_output(&s);
	return 0;
}

static __always_inline void semaphore_set_all(const struct task_state *state)
{
	struct sem_array *set = (struct sem_array *)state->object.kernel;
	__u32 nr = set ? BPF_CORE_READ(set, sem_nsems) : 0;
	__u64 array = state->call.args[3];

	for (__u32 i = 0; i < SEMAPHORE_VALUES_MAX; i++) {
		__u16 value = 0;

		if (i >= nr)
			return;
		bpf_probe_read_user(&value, sizeof(value), (void *)(array + i * sizeof(value)));
		semaphore_set(i, value);
	}
	count_unseen_loss(IPCT_LOSS_DECODE, nr - SEMAPHORE_VALUES_MAX);
}

__noinline int semaphore_control(void)
{
	struct task_state *state = task_state_get(current_task());
	__u32 command;

	if (!state || state->call.ret < 0)
		return 0;
	command = (__u32)state->call.args[2] & ~IPC_FLAG_64;
	if (command != SEMAPHORE_SETVAL && command != SEMAPHORE_SETALL)
		return 0;
	if (!semaphore_begin(state, state->call.args[0], IPCT_ROLE_POST))
		return 0;
	if (command == SEMAPHORE_SETVAL)
		semaphore_set(state->call.args[1], state->call.args[3]);
	else
		semaphore_set_all(state);
	return 0;
}

__noinline int semaphore_get(void)
{
	struct task_state *state = task_state_get(current_task());
	struct ipct_key key;
	struct object object;

	if (!state || state->call.ret < 0 || !mechanism_is_wanted(IPCT_SYSV_SEM))
		return 0;
	object_of_ipc(IPC_IDS_SEM, state->call.ret, &object);
	if (!object.mechanism || !object_in_scope(&object, state, 0))
		return 0;
	key = described_key(&object);
	if (!bpf_map_lookup_elem(&described, &key))
		object_describe(state, &object, -1,
				ipc_is_made(state->call.args[0], state->call.args[2],
					    semaphores_are_untouched(&object)) ?
					IPCT_ORIGIN_CREATE :
					IPCT_ORIGIN_OPEN);
	return 0;
}

/* Futexes -------------------------------------------------------------------------------- */

/*
 * The shared memory that holds the word at `address` becomes state->object. Private memory is
 * of one process. Of an outside process that maps memory of the tree all futexes there count.
 */
static __noinline int futex_begin(struct task_state *state, __u64 address, __u8 role,
				  __u64 *ret_offset)
{
	struct vm_area_struct *vma = vma_at(address);
	struct object object;
	bool is_followed;
	struct file *file;

	if (!vma && task_is_inside(state) && state->call.ret >= 0)
		count_unseen_loss(IPCT_LOSS_DECODE, 1); /* another thread unmapped it meanwhile */
	if (!vma || !(BPF_CORE_READ(vma, vm_flags) & VM_MAYSHARE))
		return 0;
	file = BPF_CORE_READ(vma, vm_file);
	if (!file)
		return 0;
	object_of_memory(file, &object);
	if (!object.mechanism)
		return 0;
	is_followed = !capture_config.is_system_wide && state->scope == TASK_OUTSIDE &&
		      object_is_followed(&object, 0);
	object.memory = object.mechanism;
	object.mechanism = IPCT_FUTEX;
	if (is_followed)
		follow(&object, 0);
	if (!transfer_begin(&object, state, -1, role, 0))
		return 0;
	*ret_offset = (BPF_CORE_READ(vma, vm_pgoff) << PAGE_SHIFT) + address -
		      BPF_CORE_READ(vma, vm_start);
	state->object = object;
	return 1;
}

static __noinline int futex_output(const struct task_state *state, __u64 offset, __u8 role,
				   __s32 amount, __u32 flags)
{
	struct ipct_sync s;

	sync_init(&s, state, role);
	s.offset = offset;
	s.amount = s.result || amount < 0 ? 0 : amount;
	if (role == IPCT_ROLE_WAIT)
		sync_fill_wait(&s, state);
	if (!s.result)
		s.flags |= flags;
	sync_output(&s);
	return 0;
}

/* The current process woke `amount` tasks at `address`, or one of its own has waited there. */
__noinline int futex_report(__u64 address, __u32 role, __s32 amount, __u32 flags)
{
	struct task_state *state = task_state_get(current_task());
	__u64 offset = 0;

	if (state && futex_begin(state, address, role, &offset))
		futex_output(state, offset, role, amount, flags);
	return 0;
}

/* A wait that returned 0 was ended by somebody, also if that came before it was off the CPU. */
static __always_inline void futex_waited(__u64 address)
{
	futex_report(address, IPCT_ROLE_WAIT, 1, IPCT_SYNC_BLOCKED);
}

static __always_inline void futex_woke(__u64 address, __s64 woken)
{
	futex_report(address, IPCT_ROLE_POST, woken, 0);
}

/* What requeues returns how many it woke, at most `most`, and moved to the other word. */
static __always_inline void futex_requeued(__u64 address, __s64 ret, __u32 most)
{
	futex_woke(address, ret > most ? most : ret);
}

static __always_inline void futex_command(const struct call *call)
{
	switch ((__u32)call->args[1] & FUTEX_COMMAND_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAIT_REQUEUE_PI:
		futex_waited(call->args[0]);
		return;
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
	case FUTEX_TRYLOCK_PI:
		futex_report(call->args[0], IPCT_ROLE_WAIT, 1, 0);
		return;
	case FUTEX_WAKE:
	case FUTEX_WAKE_BITSET:
	case FUTEX_WAKE_OP:
		futex_woke(call->args[0], call->ret);
		return;
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
	case FUTEX_CMP_REQUEUE_PI:
		futex_requeued(call->args[0], call->ret, call->args[2]);
		return;
	case FUTEX_UNLOCK_PI: /* it came here because somebody waits */
		futex_woke(call->args[0], 1);
		return;
	}
}

/* Element `index` of the vector at `array`: its address, 0 if it is private or not readable. */
static __always_inline __u64 futex_element(__u64 array, __u64 index)
{
	struct {
		__u64 value, address;
		__u32 flags, reserved;
	} element = {};

	if (bpf_probe_read_user(&element, sizeof(element),
				(void *)(array + index * sizeof(element))))
		return 0;
	return element.flags & FUTEX2_PRIVATE ? 0 : element.address;
}

__noinline int futex_call(void)
{
	struct task_state *state = task_state_get(current_task());
	struct call call;
	__u64 address;

	if (!state || !mechanism_is_wanted(IPCT_FUTEX))
		return 0;
	call = state->call;
	switch (call.shape) {
	case SHAPE_FUTEX:
		futex_command(&call);
		return 0;
	case SHAPE_FUTEX2_WAKE:
		futex_woke(call.args[0], call.ret);
		return 0;
	case SHAPE_FUTEX2_WAIT:
		futex_waited(call.args[0]);
		return 0;
	case SHAPE_FUTEX2_REQUEUE:
		address = futex_element(call.args[0], 0);
		if (address)
			futex_requeued(address, call.ret, call.args[2]);
		return 0;
	case SHAPE_FUTEX_WAITV: /* returns which one was woken */
		address = futex_element(
			call.args[0], call.ret < 0 || call.ret >= FUTEX_WAITERS_MAX ? 0 : call.ret);
		if (address)
			futex_waited(address);
		return 0;
	}
	return 0;
}

/* File locks ----------------------------------------------------------------------------- */

/* Any file can be locked: the inode is the channel. */
static __always_inline void object_of_locked(struct file *file, struct object *ret)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	__builtin_memset(ret, 0, sizeof(*ret));
	ret->kernel = (__u64)inode;
	ret->key.inode = BPF_CORE_READ(inode, i_ino);
	ret->key.object = BPF_CORE_READ(inode, i_sb, s_dev) |
			  (__u64)BPF_CORE_READ(inode, i_generation) << 32;
	ret->mechanism = IPCT_FILE_LOCK;
}

static __always_inline bool call_unlocks(const struct call *call)
{
	__s16 type = 0;

	if (call->shape == SHAPE_FLOCK)
		return (call->args[1] & FLOCK_OPERATION) == FLOCK_UNLOCK;
	bpf_probe_read_user(&type, sizeof(type), (void *)call->args[2]); /* struct flock.l_type */
	return type == FCNTL_UNLOCK;
}

static __noinline int lock_output(const struct task_state *state, __u8 role)
{
	struct ipct_sync s;

	sync_init(&s, state, role);
	s.amount = 1;
	if (role == IPCT_ROLE_WAIT)
		sync_fill_wait(&s, state);
	sync_output(&s);
	return 0;
}

__noinline int lock_call(void)
{
	struct task_state *state = task_state_get(current_task());
	struct object object;
	struct file *file;
	__u8 role;

	if (!state || !mechanism_is_wanted(IPCT_FILE_LOCK))
		return 0;
	file = task_file((struct task_struct *)bpf_get_current_task(), state->call.args[0]);
	if (!file)
		return 0;
	object_of_locked(file, &object);
	role = call_unlocks(&state->call) ? IPCT_ROLE_POST : IPCT_ROLE_WAIT;
	if (!transfer_begin(&object, state, state->call.args[0], role, 0))
		return 0;
	state->object = object;
	lock_output(state, role);
	return 0;
}

/* ------------------------------------------------------------------------------------------ */

static __always_inline bool call_restarts(const struct call *call)
{
	return call->ret <= -ERESTARTSYS && call->ret >= -ERESTART_RESTARTBLOCK;
}

/* `call` is in state->call. Inlined: the frames of a program may nest eight deep. */
static __always_inline void sync_call(const struct call *call)
{
	if (call_restarts(call))
		return;
	switch (call->shape) {
	case SHAPE_SEMOP:
		semaphore_operations();
		break;
	case SHAPE_SEMCTL:
		semaphore_control();
		break;
	case SHAPE_SEMGET:
		semaphore_get();
		break;
	case SHAPE_FUTEX:
	case SHAPE_FUTEX_WAITV:
	case SHAPE_FUTEX2_WAKE:
	case SHAPE_FUTEX2_WAIT:
	case SHAPE_FUTEX2_REQUEUE:
		futex_call();
		break;
	case SHAPE_FLOCK:
	case SHAPE_FCNTL:
		lock_call();
		break;
	}
}

#endif
