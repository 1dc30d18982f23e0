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

/*
 * Hands out an ipct_object for each message queue and set of semaphores of our own ipc
 * namespace, and for each segment; with_attached: for those, too, that somebody has attached. 0
 * or what the sink returned.
 */
int procfs_sysv(const struct procfs_out *out, bool with_attached);

#endif
