// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs that would be skipped for others while they run on a CPU. Where tracepoints can be
 * preempted (7.3), one that is switched out is skipped for all other tasks of its CPU meanwhile:
 * kernels since 6.10 (fc7566ad0a82) let a program that calls no global function hold that off.
 * sk_data_ready is also met in interrupts, for TCP, while a task is inside it: since 6.14
 * (c8e2ee1f3df0) a program can hold these off. On older kernels the verifier drops the branches.
 *
 * All in one file: bpftool 7.1 links the declaration of a kernel's function into one object only.
 */
#include "note.bpf.h"
#include "process.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

extern void bpf_local_irq_save(unsigned long *flags) __ksym __weak;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym __weak;

static __always_inline void preemption_off(void)
{
	if (bpf_preempt_disable)
		bpf_preempt_disable();
}

static __always_inline void preemption_on(void)
{
	if (bpf_preempt_enable)
		bpf_preempt_enable();
}

SEC("?tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	preemption_off();
	forked(parent, child);
	preemption_on();
	return 0;
}

SEC("?tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	preemption_off();
	executed(task, BPF_CORE_READ(bprm, filename));
	preemption_on();
	return 0;
}

SEC("?tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	preemption_off();
	exited(task);
	preemption_on();
	return 0;
}

/*
 * A task that was to be switched out meanwhile is as soon as preemption is on again, still inside
 * the program. Classic tracepoints run with preemption off from beginning to end.
 */
SEC("?tp/sched/sched_process_fork")
int process_fork_classic(struct trace_event_raw_sched_process_fork___compat *ctx)
{
	struct task_struct *child;

	if (!bpf_task_from_pid || !bpf_task_release)
		return 0;
	child = bpf_task_from_pid(ctx->child_pid);
	if (!child) {
		count_unseen_loss(IPCT_LOSS_TASK_STATE, 1);
		return 0;
	}
	forked(current_task(), child);
	bpf_task_release(child);
	return 0;
}

SEC("?tp/sched/sched_process_exec")
int process_exec_classic(struct trace_event_raw_sched_process_exec *ctx)
{
	executed(current_task(), (void *)ctx + (__u16)ctx->__data_loc_filename);
	return 0;
}

SEC("?tp/sched/sched_process_exit")
int process_exit_classic(void *ctx)
{
	(void)ctx;
	exited(current_task());
	return 0;
}

SEC("?tp_btf/sk_data_ready")
int BPF_PROG(data_ready, struct sock *sk)
{
	unsigned long flags;

	if (bpf_local_irq_save)
		bpf_local_irq_save(&flags);
	receiver_note(sk);
	if (bpf_local_irq_restore)
		bpf_local_irq_restore(&flags);
	return 0;
}

/*
 * What it is skipped for are mostly interrupts that meet any classic program, and these receive for
 * TCP and UDP, of which it notes nothing: capture.c does not count them. A send of unix and netlink
 * sockets never is inside another one. But one that preempts a bpf() call on a map on its CPU is
 * skipped, too, and is told only if the classic program of its exit is.
 */
SEC("?tp/sock/sk_data_ready")
int data_ready_classic(struct trace_event_raw_sk_data_ready___compat *ctx)
{
	receiver_note((struct sock *)ctx->skaddr);
	return 0;
}
