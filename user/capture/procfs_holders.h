/* SPDX-License-Identifier: GPL-2.0-only */
/* Who holds which channels now, from /proc: what any user may see of his own processes. */
#ifndef IPCTRACE_PROCFS_HOLDERS_H
#define IPCTRACE_PROCFS_HOLDERS_H

#include "capture/capture.h"

/*
 * As capture_holders(), without privileges: processes, objects, an ipct_hold for each
 * descriptor and an ipct_mapping for each shared mapping that can be seen. Of `options` counts
 * what to trace. *ret_hidden: processes whose descriptors this user may not see. The key of a
 * socket is its inode twice, since the address of struct sock cannot be seen. 0, -errno or what
 * the sink returned.
 */
int procfs_holders(const struct capture_options *options, capture_sink sink, void *context,
		   size_t *ret_hidden);

#endif
