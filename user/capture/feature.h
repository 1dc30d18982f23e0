/* SPDX-License-Identifier: GPL-2.0-only */
/* What this kernel and this user can do. */
#ifndef IPCTRACE_FEATURE_H
#define IPCTRACE_FEATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

/* A program of the kernel side, the hook that it needs and what is missing without it. */
struct feature_hook {
	const char *program;   /* name in the skeleton */
	const char *hook;      /* as in SEC(), for people */
	const char *type_name; /* in the kernel's BTF; NULL: not needed */
	__u32 groups;	       /* mechanisms that it serves (enum ipct_group); 0: always needed */
	bool is_required;      /* without it the capture is refused */
	const char *without;   /* what is missing where the kernel lacks the hook */
	const char *classic;   /* the program that takes its place where tracepoints can be
				  preempted (see bpf/held.bpf.c); NULL: none */
};

extern const struct feature_hook feature_hooks[];
extern const size_t feature_hooks_nr;

/* Does the running kernel have it? False too when it has no BTF. */
bool feature_has_hook(const struct feature_hook *hook);

bool feature_has_btf(void);
bool feature_has_task_storage(void); /* false too without privileges */

/* One more than the highest number of a possible CPU; there may be holes (`0-3,8-11`). */
uint32_t feature_cpus(void);

/* Tracepoints can be preempted: system calls need the classic tracepoint (see bpf/README.md). */
bool feature_is_preemptible(void);

/* Mounts tracefs for this process alone if it is not mounted. 0 or -errno. */
int feature_mount_tracefs(void);

/*
 * NULL: this user may load and attach programs. Else one line that says what is missing and
 * what to do.
 */
const char *feature_privilege_problem(void);

/*
 * NULL: process ids are here what they are for the kernel side. Else, in a pid namespace of its
 * own, one line as above.
 */
const char *feature_namespace_problem(void);

#endif
