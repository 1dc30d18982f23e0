// SPDX-License-Identifier: GPL-2.0-only
/* The least that a hook at the exit of every system call can cost. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tp_btf/sys_exit")
int empty(void *ctx)
{
	return 0;
}
