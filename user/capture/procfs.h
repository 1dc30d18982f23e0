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

#endif
