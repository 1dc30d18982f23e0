/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Room for what is too long for the stack: 512 bytes for all frames that can be nested, each
 * rounded up to 32 (tests/lint checks it; since 6.13 such programs have a private stack).
 *
 * Per CPU, and a slot for each program that uses it, since a program may be preempted by another
 * one but does not run twice on a CPU: the kernel skips it (6.1, 05b24ff9b2cf), which is counted
 * as lost, or runs it with preemption off (before, and sys_exit_classic).
 */
#ifndef IPCTRACE_SCRATCH_BPF_H
#define IPCTRACE_SCRATCH_BPF_H

#include "ipctrace.bpf.h"

enum scratch_slot { SCRATCH_SYS_EXIT, SCRATCH_URING, SCRATCH_NR };

struct scratch {
	union { /* one record at a time */
		struct ipct_transfer transfer;
		struct ipct_access access;
		struct ipct_mapping mapping;
		struct ipct_pass pass;
	};
	struct ipct_aggregate_key key;
	struct object carrier; /* the socket of a message with descriptors */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SCRATCH_NR);
	__type(key, __u32);
	__type(value, struct scratch);
} call_scratches SEC(".maps");

/* Never NULL, which the verifier cannot know. */
static __always_inline struct scratch *scratch_get(enum scratch_slot slot)
{
	__u32 key = slot;

	return bpf_map_lookup_elem(&call_scratches, &key);
}

#endif
