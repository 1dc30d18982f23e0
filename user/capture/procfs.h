/* SPDX-License-Identifier: GPL-2.0-only */
/* What /proc tells of a process that was there before the capture. */
#ifndef IPCTRACE_PROCFS_H
#define IPCTRACE_PROCFS_H

#include "capture/capture.h"

/*
 * Hands out IPCT_EVENT_TEXT records (program, arguments, cgroup) for the process of `event`.
 * A process that is gone has none, also if its number was given to another: no error. 0 or
 * what the sink returned.
 */
int procfs_describe(const struct ipct_event *event, capture_sink sink, void *context);

/* Told of a mapping: the process and an address in it. 0 or an error, which ends it. */
typedef int (*procfs_mapping_fn)(void *context, __u32 pid, __u64 address);

/* Tells `take` of each shared mapping of each process. 0, or what `take` returned. */
int procfs_each_shared(procfs_mapping_fn take, void *context);

#endif
