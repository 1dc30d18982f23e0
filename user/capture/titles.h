/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Titles: servers write what a process of theirs does over the arguments (`postgres: idle`, `nginx:
 * worker process`), and no hook sees that. So /proc is asked again for processes that were forked
 * or run a new program in the capture: soon, some more times, and at the end. Who lives shorter
 * than the first look keeps the arguments of its exec, or of its parent.
 */
#ifndef IPCTRACE_TITLES_H
#define IPCTRACE_TITLES_H

#include "capture/capture.h"

struct titles;

/* Owned by the caller; NULL without memory. */
struct titles *titles_new(void);
void titles_free(struct titles *titles); /* NULL is accepted */

/* Every record: who began, and who is gone. Without memory a process is passed over. */
void titles_note(struct titles *titles, const struct ipct_event *event);

/*
 * Looks at those whose time has come, or at all: a record IPCT_TEXT_TITLE where the arguments are
 * others than before. 0 or what the sink returned.
 */
int titles_look(struct titles *titles, bool is_end, capture_sink sink, void *context);

#endif
