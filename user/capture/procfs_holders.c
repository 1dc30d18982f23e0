/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/procfs_holders.h"

#include <errno.h>

int procfs_holders(const struct capture_options *options, capture_sink sink, void *context,
		   size_t *ret_hidden)
{
	(void)options, (void)sink, (void)context;
	*ret_hidden = 0;
	return -EOPNOTSUPP;
}
