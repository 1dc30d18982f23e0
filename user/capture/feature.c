/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/feature.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <sys/syscall.h>

#include <ipctrace/types.h>

#define INITIAL_PID_NAMESPACE 0xEFFFFFFCu /* its inode: PROC_PID_INIT_INO of the kernel */

/* What calls do; also who takes a signal that waits for him. */
#define GROUP_DATA 0 /* always needed */

const struct feature_hook feature_hooks[] = {
	{ "sys_exit_btf", "tp_btf/sys_exit", "btf_trace_sys_exit", GROUP_DATA, true, "no transfers",
	  "sys_exit_classic" },
	{ "sched_switch", "tp_btf/sched_switch", "btf_trace_sched_switch", GROUP_DATA, false,
	  "no wait times; descriptors replaced during a call may be taken for others", NULL },
	{ "sched_waking", "tp_btf/sched_waking", "btf_trace_sched_waking",
	  IPCT_GROUP_SEMAPHORE | IPCT_GROUP_LOCK, false,
	  "nobody sees who ends a wait for a semaphore, a futex or a lock", NULL },
	{ "signal_generate", "tp_btf/signal_generate", "btf_trace_signal_generate",
	  IPCT_GROUP_SIGNAL, false, "no signals", NULL },
	{ "skb_copied", "tp_btf/skb_copy_datagram_iovec", "btf_trace_skb_copy_datagram_iovec",
	  IPCT_GROUP_UNIX | IPCT_GROUP_NETLINK, false,
	  "senders of unix datagrams are inferred from their order", "skb_copied_classic" },
	{ "data_ready", "tp_btf/sk_data_ready", "btf_trace_sk_data_ready",
	  IPCT_GROUP_UNIX | IPCT_GROUP_NETLINK, false,
	  "unix datagrams from outside the traced tree have no sender (Linux < 6.3)",
	  "data_ready_classic" },
	{ "tcp_state", "tp_btf/inet_sock_set_state", "btf_trace_inet_sock_set_state",
	  IPCT_GROUP_INET, false, "TCP ends are paired by address only", NULL },
	{ "uring_complete_cqe", "tp_btf/io_uring_complete", "btf_trace_io_uring_complete",
	  GROUP_DATA, false, "other arguments than those of Linux >= 6.18",
	  "uring_complete_classic" },
	{ "uring_complete_parts", "tp_btf/io_uring_complete", "btf_trace_io_uring_complete",
	  GROUP_DATA, false, "no transfers of io_uring", NULL },
	{ "uring_submit_req", "tp_btf/io_uring_submit_req", "btf_trace_io_uring_submit_req",
	  GROUP_DATA, false, "multishot receives of io_uring are not seen",
	  "uring_submit_req_classic" },
	{ "uring_submit_sqe", "tp_btf/io_uring_submit_req", "btf_trace_io_uring_submit_sqe",
	  GROUP_DATA, false, "multishot receives of io_uring are not seen", NULL },
	{ "process_fork", "tp_btf/sched_process_fork", "btf_trace_sched_process_fork", 0, true,
	  "process trees cannot be followed", "process_fork_classic" },
	{ "process_exec", "tp_btf/sched_process_exec", "btf_trace_sched_process_exec", 0, true,
	  "program names are missing", "process_exec_classic" },
	{ "process_exit", "tp_btf/sched_process_exit", "btf_trace_sched_process_exit", 0, true,
	  "ends of processes are missing", "process_exit_classic" },
	{ "tasks", "iter/task", NULL, 0, true, "older processes are missing", NULL },
	{ "task_files", "iter/task_file", NULL, GROUP_DATA, true, "older channels are missing",
	  NULL },
	{ "ipc_spaces", "iter/task", NULL,
	  IPCT_GROUP_QUEUE | IPCT_GROUP_SEMAPHORE | IPCT_GROUP_MEMORY, false,
	  "what waits in older SysV queues is missing, and which SysV objects are left behind",
	  NULL },
	{ "task_vmas", "iter/task_vma", "bpf_iter__task_vma", IPCT_GROUP_MEMORY, false,
	  "older mappings are looked for in /proc, which takes longer (Linux < 5.12)", NULL },
};

/* Of tracepoints that changed: how many arguments a program is written for. */
static const struct {
	const char *program;
	unsigned int arguments;
} prototypes[] = {
	{ "uring_complete_cqe", 3 },
	{ "uring_complete_parts", 7 },
	{ "uring_submit_sqe", 2 },
};

const size_t feature_hooks_nr = sizeof(feature_hooks) / sizeof(feature_hooks[0]);

bool feature_has_btf(void)
{
	return !access("/sys/kernel/btf/vmlinux", R_OK);
}

static unsigned int arguments_wanted(const char *program)
{
	for (size_t i = 0; i < sizeof(prototypes) / sizeof(prototypes[0]); i++)
		if (!strcmp(prototypes[i].program, program))
			return prototypes[i].arguments;
	return 0;
}

/* Is the program written for this tracepoint's arguments? */
static bool prototype_fits(const struct btf *btf, int typedef_id, const char *program)
{
	const struct btf_type *type = btf__type_by_id(btf, typedef_id);
	unsigned int arguments = arguments_wanted(program);

	if (!arguments)
		return true;
	type = btf__type_by_id(btf, type->type); /* a pointer to the probe's prototype */
	type = type ? btf__type_by_id(btf, type->type) : NULL;
	/* the first argument of a probe is its own */
	return type && btf_is_func_proto(type) && btf_vlen(type) == arguments + 1;
}

bool feature_has_hook(const struct feature_hook *hook)
{
	struct btf *btf;
	bool has;
	int id;

	if (!hook->type_name)
		return true;
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return false;
	id = btf__find_by_name(btf, hook->type_name);
	has = id > 0 && prototype_fits(btf, id, hook->program);
	btf__free(btf);
	return has;
}

bool feature_has_task_storage(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL) == 1;
}

/*
 * Tried: on 7.3 up to 4% of the runs of a tp_btf program are skipped, on 6.18 none
 * (architecture, decision 1).
 */
uint32_t feature_cpus(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
	char list[4096] = "", *last;

	if (file) {
		if (!fgets(list, sizeof(list), file))
			list[0] = '\0';
		fclose(file);
	}
	last = list + strcspn(list, "\n");
	while (last > list && last[-1] >= '0' && last[-1] <= '9')
		last--;
	if (*last < '0' || *last > '9')
		return libbpf_num_possible_cpus();
	return strtoul(last, NULL, 10) + 1;
}

bool feature_is_preemptible(void)
{
	struct utsname name;
	unsigned int major = 0;

	return !uname(&name) && sscanf(name.release, "%u", &major) == 1 && major >= 7;
}

int feature_mount_tracefs(void)
{
	if (!access("/sys/kernel/tracing/events", X_OK) ||
	    !access("/sys/kernel/debug/tracing/events", X_OK))
		return 0;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -errno;
	if (mount("tracefs", "/sys/kernel/tracing", "tracefs", MS_NOSUID | MS_NOEXEC, NULL))
		return -errno;
	return 0;
}

/* Effective capabilities of this process, a bit each; 0 on failure. */
static uint64_t capabilities_get(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {};

	if (syscall(SYS_capget, &header, data))
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

const char *feature_privilege_problem(void)
{
	uint64_t have = capabilities_get();
	uint64_t admin = 1ULL << CAP_SYS_ADMIN;
	uint64_t finer = 1ULL << CAP_BPF | 1ULL << CAP_PERFMON;

	if ((have & admin) || (have & finer) == finer)
		return NULL;
	return "tracing needs root (or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE): run it with sudo";
}

const char *feature_namespace_problem(void)
{
	struct stat st;

	if (stat("/proc/self/ns/pid", &st) || st.st_ino == INITIAL_PID_NAMESPACE)
		return NULL;
	return "process ids of this pid namespace are not the kernel's, so nothing would be found: "
	       "run it on the host, or in a container with the host's pids (docker run --pid=host)";
}
