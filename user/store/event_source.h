/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the model gets its records from, in the order of time: a file, a live capture, a test. */
#ifndef IPCTRACE_EVENT_SOURCE_H
#define IPCTRACE_EVENT_SOURCE_H

#include <linux/types.h>

#include <ipctrace/event.h>

struct event_source {
	/*
	 * 1 and the next record, borrowed until the next call; 0 at the end (for now, in a live
	 * source); or -errno.
	 */
	int (*next)(struct event_source *source, const struct ipct_event **ret_event);
};

#endif
