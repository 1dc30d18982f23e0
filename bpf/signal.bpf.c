// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Signals: signal_generate names the sender and the target. */
#include "task.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define SIGPIPE 13
#define SIGCHLD 17
#define SIGXFSZ 25
#define SENT_BY_USER 0	 /* kill */
#define SENT_BY_QUEUE -1 /* sigqueue */
#define SENT_BY_TIMER -2
#define SENT_BY_MESGQ -3 /* mq_notify: in the context of the sender */
#define SENT_BY_TKILL -6
#define SEND_SIG_PRIV 1 /* instead of a pointer: by the kernel; 0: by the current task */
#define RESULT_IGNORED 1

static __always_inline bool sent_by_current(int signal, __s32 code)
{
	if (signal == SIGCHLD && code > 0) /* from the child, in its own context */
		return true;
	return code == SENT_BY_USER || code == SENT_BY_QUEUE || code == SENT_BY_MESGQ ||
	       code == SENT_BY_TKILL;
}

/*
 * kill() sends without a siginfo since 7.x, as the kernel always did what a task's own write
 * raises: a task that sends itself one of these by kill() cannot be told from that any more.
 */
static __always_inline bool raised_by_write(int signal, struct task_struct *target)
{
	return (signal == SIGPIPE || signal == SIGXFSZ) && target == current_task();
}

/*
 * Before 6.2 no task storage can be looked up in an interrupt that meets another look-up on its
 * CPU: a timer's signals come in such. Tried on 6.1: two of a hundred.
 */
static __always_inline bool is_inside(struct task_struct *task)
{
	struct task_state *state = task_state_get(task);

	if (!state && capture_config.has_task_storage && !capture_config.is_system_wide)
		return task_has_root(task);
	return task_is_inside(state);
}

/* Of a signal that the kernel sent, the current task may be anybody: only the target counts. */
static __always_inline bool signal_in_scope(struct task_struct *target, bool is_kernel)
{
	if (BPF_CORE_READ(target, tgid) == capture_config.self_pid)
		return false;
	if (is_inside(target))
		return is_kernel || CURRENT_READ(tgid, tgid) != capture_config.self_pid;
	return !is_kernel && CURRENT_READ(tgid, tgid) != capture_config.self_pid &&
	       is_inside(current_task());
}

static __always_inline void signal_aggregate(const struct ipct_signal *record)
{
	struct ipct_aggregate_value *value;
	struct ipct_aggregate_key key = {
		.start_ns = record->event.start_ns,
		.key = { record->target_pid, record->target_start_ns },
		.pid = record->event.pid,
		.error = record->result,
		.mechanism = IPCT_SIGNAL,
		.role = IPCT_ROLE_SEND,
		.signal = record->signal,
	};

	if (record->is_kernel)
		key.pid = 0;
	value = aggregate_get(&key, record->event.time_ns);
	if (!value) {
		count_loss(IPCT_LOSS_AGGREGATE_FULL);
		return;
	}
	__sync_fetch_and_add(&value->operations, 1);
	__sync_fetch_and_add(&value->messages, 1);
	value->last_ns = record->event.time_ns;
}

SEC("?tp_btf/signal_generate")
int BPF_PROG(signal_generate, int signal, struct kernel_siginfo *info, struct task_struct *target,
	     int group, int result)
{
	struct ipct_signal record = { .signal = signal, .result = result, .is_kernel = 1 };

	/* Not compared with 0, which the verifier takes for impossible. */
	if ((__u64)info > SEND_SIG_PRIV) {
		record.code = BPF_CORE_READ(info, si_code);
		record.is_kernel = !sent_by_current(signal, record.code);
	} else if ((__u64)info != SEND_SIG_PRIV) {
		record.is_kernel = raised_by_write(signal, target);
	}
	if (result == RESULT_IGNORED || !signal_in_scope(target, record.is_kernel))
		return 0;
	event_init_current(&record.event, IPCT_EVENT_SIGNAL, sizeof(record));
	record.is_group = group != 0;
	record.target_pid = BPF_CORE_READ(target, tgid);
	record.target_tid = BPF_CORE_READ(target, pid);
	record.target_start_ns = BPF_CORE_READ(target, group_leader, start_boottime);
	count_seen();
	if (!data_output(&record, sizeof(record)))
		signal_aggregate(&record);
	return 0;
}
