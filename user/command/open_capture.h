/* SPDX-License-Identifier: GPL-2.0-only */
/* Opening a capture file, with words for all that may be wrong with it. */
#ifndef IPCTRACE_OPEN_CAPTURE_H
#define IPCTRACE_OPEN_CAPTURE_H

#include "store/capture_info.h"
#include "store/capture_reader.h"

struct opened_capture {
	struct capture_reader *reader;
	struct capture_info info;
	struct ledger_info ledger; /* all zero where the file has none */
};

/* Prints its own error; an exit code, EXIT_CODE_OK when *ret_opened is to be closed. */
int open_capture(const char *path, struct opened_capture *ret_opened);
void open_capture_close(struct opened_capture *opened);

/* Says on stderr what is missing in a capture that was read. */
void open_capture_warn(const char *path, const struct opened_capture *opened);

#endif
