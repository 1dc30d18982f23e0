// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Semaphores and mutexes of the C library (glibc), for --uprobes. What puts a unit there is
 * recorded when it begins, what takes one when it has returned: so a post precedes every wait
 * that may have taken its unit, whoever was faster. Where the functions are user space finds out
 * (user/capture/libc_symbols.c).
 */
#include "task.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define ERROR_OWNER_DEAD 130 /* the lock is the caller's, its last owner died with it */
#define ERROR_TIMED_OUT 110
#define FLAG_CREATE 0100 /* O_CREAT */

/* In core.bpf.c (libc_call.bpf.h). */
extern int libc_report(__u64 address, __u32 role, __s32 amount, __u32 flags);
extern int libc_opened(__u64 address, __s32 value);

/* glibc's sem_t with 64-bit atomics: what is after the value and the number of waiters. */
#define SEMAPHORE_PRIVATE_AT 8
#define SEMAPHORE_SHARED 128
#define SEMAPHORE_MAX 0x7fffffff

/* glibc's pthread_mutex_t on 64-bit machines. */
struct libc_mutex {
	__u32 lock, count, owner, users, kind;
};

#define MUTEX_TYPE 3
#define MUTEX_RECURSIVE 1
#define MUTEX_CHECKED 2
#define MUTEX_ROBUST 16
#define MUTEX_SHARED 128
#define MUTEX_ATTRIBUTE_SHARED 0x80000000

/* A function that was entered and has not returned. Those of signal handlers are nested. */
struct libc_call_key {
	__u64 task;  /* pid and tid */
	__u64 stack; /* pointer at entry */
};

struct libc_call {
	__u64 address;
	__s32 value; /* sem_open: the first one */
	__u32 _pad;
};

/* LRU: a task may be killed in a call, or leave it by longjmp(). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct libc_call_key);
	__type(value, struct libc_call);
} libc_calls SEC(".maps");

/* User space sets it while all programs are attached: one half of them would say what is wrong. */
__u8 libc_is_watched = 0;

static __always_inline void call_enter(struct pt_regs *regs, __u64 address, __s32 value)
{
	struct libc_call_key key = { bpf_get_current_pid_tgid(), PT_REGS_SP(regs) };
	struct libc_call call = { .address = address, .value = value };

	bpf_map_update_elem(&libc_calls, &key, &call, BPF_ANY);
}

/* False: its entry was not seen, or did not matter. */
static __always_inline bool call_leave(struct pt_regs *regs, struct libc_call *ret)
{
	struct libc_call_key key = { bpf_get_current_pid_tgid(), PT_REGS_SP(regs) };
	struct libc_call *call;

#if defined(__TARGET_ARCH_x86)
	key.stack -= sizeof(__u64); /* the return address is off the stack */
#endif
	call = bpf_map_lookup_elem(&libc_calls, &key);
	if (!call)
		return false;
	*ret = *call;
	bpf_map_delete_elem(&libc_calls, &key);
	return libc_is_watched;
}

/* Semaphores ----------------------------------------------------------------------------- */

/* A page that cannot be read now is one that the process has not touched: its mapping decides. */
static __always_inline bool semaphore_is_private(__u64 address)
{
	__u32 word = 0;

	return !bpf_probe_read_user(&word, sizeof(word),
				    (void *)(address + SEMAPHORE_PRIVATE_AT)) &&
	       word != SEMAPHORE_SHARED;
}

SEC("?uprobe")
int BPF_KPROBE(sem_init_enter, __u64 address, int is_shared, __u32 value)
{
	if (libc_is_watched && is_shared && value <= SEMAPHORE_MAX)
		libc_report(address, IPCT_ROLE_POST, value, IPCT_SYNC_SET);
	return 0;
}

SEC("?uprobe")
int BPF_KPROBE(sem_open_enter, __u64 name, int flags, __u32 mode, __u32 value)
{
	if (libc_is_watched && (flags & FLAG_CREATE))
		call_enter(ctx, 0, value);
	return 0;
}

SEC("?uretprobe")
int BPF_KRETPROBE(sem_open_leave, __u64 address)
{
	struct libc_call call;

	if (call_leave(ctx, &call) && address)
		libc_opened(address, call.value);
	return 0;
}

SEC("?uprobe")
int BPF_KPROBE(sem_post_enter, __u64 address)
{
	__u32 value = 0;

	if (!libc_is_watched || semaphore_is_private(address))
		return 0;
	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	if (value < SEMAPHORE_MAX) /* else it fails */
		libc_report(address, IPCT_ROLE_POST, 1, 0);
	return 0;
}

SEC("?uprobe")
int BPF_KPROBE(sem_wait_enter, __u64 address)
{
	if (libc_is_watched && !semaphore_is_private(address))
		call_enter(ctx, address, 0);
	return 0;
}

SEC("?uretprobe")
int BPF_KRETPROBE(sem_wait_leave, int ret)
{
	struct libc_call call;

	if (call_leave(ctx, &call) && !ret && !semaphore_is_private(call.address))
		libc_report(call.address, IPCT_ROLE_WAIT, 1, 0);
	return 0;
}

/* Mutexes -------------------------------------------------------------------------------- */

static __always_inline bool mutex_read(__u64 address, struct libc_mutex *ret)
{
	return !bpf_probe_read_user(ret, sizeof(*ret), (void *)address);
}

static __always_inline bool mutex_is_private(__u64 address)
{
	struct libc_mutex mutex;

	return mutex_read(address, &mutex) && !(mutex.kind & MUTEX_SHARED);
}

/* As the task itself calls it, in its pid namespace. */
static __always_inline __u32 own_tid(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct pid *own = BPF_CORE_READ(task, thread_pid);
	struct upid *upid = (void *)own + bpf_core_field_offset(struct pid, numbers) +
			    BPF_CORE_READ(own, level) * bpf_core_type_size(struct upid);

	return BPF_CORE_READ(upid, nr);
}

/* Will it be free? Not if it is locked more than once, or the caller is refused. */
static __always_inline void mutex_unlock(__u64 address)
{
	struct libc_mutex mutex = {};
	__u32 type;

	if (mutex_read(address, &mutex)) {
		type = mutex.kind & MUTEX_TYPE;
		if (!(mutex.kind & MUTEX_SHARED) || (type == MUTEX_RECURSIVE && mutex.count > 1))
			return;
		if ((type == MUTEX_RECURSIVE || type == MUTEX_CHECKED ||
		     (mutex.kind & MUTEX_ROBUST)) &&
		    mutex.owner != own_tid())
			return;
	}
	libc_report(address, IPCT_ROLE_POST, 1, IPCT_SYNC_MUTEX);
}

static __always_inline void mutex_locked(__u64 address, int ret)
{
	struct libc_mutex mutex = {};

	if (!mutex_read(address, &mutex) || !(mutex.kind & MUTEX_SHARED) ||
	    ((mutex.kind & MUTEX_TYPE) == MUTEX_RECURSIVE && mutex.count > 1))
		return;
	libc_report(address, IPCT_ROLE_WAIT, 1,
		    IPCT_SYNC_MUTEX | (ret == ERROR_OWNER_DEAD ? IPCT_SYNC_EXITING : 0));
}

/* What was at the address before is no more. */
SEC("?uprobe")
int BPF_KPROBE(mutex_init_enter, __u64 address, __u64 attributes)
{
	__u32 kind = 0;

	if (attributes)
		bpf_probe_read_user(&kind, sizeof(kind), (void *)attributes);
	if (libc_is_watched && (kind & MUTEX_ATTRIBUTE_SHARED))
		libc_report(address, IPCT_ROLE_POST, 0, IPCT_SYNC_MUTEX | IPCT_SYNC_SET);
	return 0;
}

SEC("?uprobe")
int BPF_KPROBE(mutex_lock_enter, __u64 address)
{
	if (libc_is_watched && !mutex_is_private(address))
		call_enter(ctx, address, 0);
	return 0;
}

SEC("?uretprobe")
int BPF_KRETPROBE(mutex_lock_leave, int ret)
{
	struct libc_call call;

	if (call_leave(ctx, &call) && (!ret || ret == ERROR_OWNER_DEAD))
		mutex_locked(call.address, ret);
	return 0;
}

SEC("?uprobe")
int BPF_KPROBE(mutex_unlock_enter, __u64 address)
{
	if (libc_is_watched)
		mutex_unlock(address);
	return 0;
}

/* A wait for a condition unlocks the mutex, and has it again when it returns. */
SEC("?uprobe")
int BPF_KPROBE(cond_wait_enter, __u64 condition, __u64 address)
{
	if (!libc_is_watched || mutex_is_private(address))
		return 0;
	call_enter(ctx, address, 0);
	mutex_unlock(address);
	return 0;
}

SEC("?uretprobe")
int BPF_KRETPROBE(cond_wait_leave, int ret)
{
	struct libc_call call;

	if (call_leave(ctx, &call) && (!ret || ret == ERROR_TIMED_OUT || ret == ERROR_OWNER_DEAD))
		mutex_locked(call.address, ret);
	return 0;
}
