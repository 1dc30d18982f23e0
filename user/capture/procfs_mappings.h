/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared memory and the objects of System V, as far as /proc tells of them. */
#ifndef IPCTRACE_PROCFS_MAPPINGS_H
#define IPCTRACE_PROCFS_MAPPINGS_H

#include "capture/procfs_internal.h"

/*
 * Hands out an ipct_object and an ipct_mapping for each shared mapping of the process, from its
 * maps. Memory is told by device and inode number, SysV segments by ipc namespace and id. 0
 * (also when the maps may not be seen) or what the sink returned.
 */
int procfs_mappings(int task, const struct ipct_event *actor, const struct procfs_out *out);

/* The same for the process of a record, if it is still there and has started then. */
int procfs_mappings_of(const struct ipct_event *actor, const struct procfs_out *out);

/*
 * Hands out an ipct_object for each message queue, set of semaphores and segment of our own ipc
 * namespace. 0 or what the sink returned.
 */
int procfs_sysv(const struct procfs_out *out);

#endif
