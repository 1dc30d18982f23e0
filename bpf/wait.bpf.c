// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A task blocks inside a call: its objects are resolved now, before another thread can give
 * the descriptors to other files, and the time that it is off the CPU is its wait.
 */
#include "ia32.bpf.h"
#include "object.bpf.h"
#include "syscall.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* include/linux/sched.h; a stop is no wait of the call */
#define STATE_STOPPED 0x00000004
#define STATE_TRACED 0x00000008

struct blocked_call {
	__u64 args[6];
	__s32 nr;
	__u8 shape;
};

static __always_inline bool task_can_block_in_call(struct task_struct *task)
{
	long state = compat_task_state(task);

	if (!state || (state & (STATE_STOPPED | STATE_TRACED)))
		return false;
	return !(BPF_CORE_READ(task, flags) &
		 (COMPAT_PF_KTHREAD | COMPAT_PF_IO_WORKER | COMPAT_PF_USER_WORKER));
}

/* The call whose body the task is in, if that moves data. */
static __noinline int blocked_call_read(struct task_struct *task, struct blocked_call *ret)
{
	__s64 nr, no_result = -1;
	struct pt_regs regs;
	bool is_ia32;

	if (bpf_probe_read_kernel(&regs, sizeof(regs), compat_task_regs(task)))
		return 0;
	nr = COMPAT_SYSCALL_NR(&regs);
	if (!COMPAT_IN_SYSCALL(&regs) || !syscall_is_known(nr))
		return 0;
	is_ia32 = compat_is_ia32(task);
	ret->shape = syscall_shape(nr, is_ia32);
	ret->nr = nr;
	compat_syscall_args(&regs, is_ia32, ret->args);
	if (is_ia32)
		ret->shape = ia32_decode(ret->shape, ret->args, &no_result);
	return shape_blocks(ret->shape) && arguments_matter(ret->shape, ret->args);
}

static __noinline int stash_fill(struct task_struct *task, const struct blocked_call *call,
				 struct stash *stash)
{
	__s32 fds[CALL_OBJECTS];

	stash->nr = call->nr;
	for (int i = 0; i < 3; i++)
		stash->args[i] = call->args[i];
	shape_descriptors(call->shape, call->args, fds);
	if (fds[0] >= 0)
		object_of_fd(task, fds[0], &stash->objects[0]);
	if (fds[1] >= 0)
		object_of_fd(task, fds[1], &stash->objects[1]);
	stash->is_valid = 1;
	return 0;
}

static __always_inline bool stash_is_of(const struct stash *stash, const struct blocked_call *call)
{
	return stash->is_valid && stash->nr == call->nr && stash->args[0] == call->args[0] &&
	       stash->args[1] == call->args[1] && stash->args[2] == call->args[2];
}

static __always_inline void task_blocks(struct task_struct *task)
{
	struct blocked_call call;
	struct task_state *state;

	if (!task_can_block_in_call(task) || BPF_CORE_READ(task, tgid) == capture_config.self_pid)
		return;
	state = task_state_get(task);
	if (!state || state->scope == TASK_PENDING || !blocked_call_read(task, &call))
		return;
	/* a stash of this very call is from its first block and stays */
	if (!stash_is_of(&state->stash, &call))
		stash_fill(task, &call, &state->stash);
	state->blocked_ns = bpf_ktime_get_boot_ns();
	state->blocked_shape = call.shape;
}

static __always_inline void task_runs(struct task_struct *task)
{
	struct task_state *state = task_state_get(task);

	if (!state || !state->blocked_ns)
		return;
	state->wait_ns += bpf_ktime_get_boot_ns() - state->blocked_ns;
	state->blocked_ns = 0;
	state->blocked_shape = 0;
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	if (!preempt)
		task_blocks(prev);
	task_runs(next);
	return 0;
}
