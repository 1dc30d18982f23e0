/* SPDX-License-Identifier: GPL-2.0-only */
/* Records come from a file that may hold anything: checked here, once, before they are used. */
#ifndef IPCTRACE_EVENT_CHECK_H
#define IPCTRACE_EVENT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#include <ipctrace/event.h>

enum event_verdict {
	EVENT_GOOD,
	EVENT_UNKNOWN, /* well-formed, of a type that this version does not know: skip it */
	EVENT_BAD,
};

/*
 * Judges the record at the start of `len` bytes. Unless EVENT_BAD, event->size bytes are
 * within `len`; if EVENT_GOOD, all fields and name and text lengths are within the record and
 * every enum is in range.
 */
enum event_verdict event_check(const struct ipct_event *event, size_t len);

#endif
