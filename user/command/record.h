/* SPDX-License-Identifier: GPL-2.0-only */
/* Recording into a file, for `record` and for `ipctrace -- CMD`. */
#ifndef IPCTRACE_RECORD_H
#define IPCTRACE_RECORD_H

#include "command/session.h"

struct record_options {
	struct target target;
	const char *path;
	uint64_t max_bytes; /* 0: no limit */
	uint64_t max_lost;  /* UINT64_MAX: any */
	bool is_quiet;
	bool hides_status; /* CMD's status is left to others: the recorder has its own only */
};

/*
 * Records; prints its own errors, its progress and the ledger. The exit status of `record`:
 * CMD's where there is one. *ret_recorded: a file was written to its end.
 */
int record_to_file(const struct record_options *options, bool *ret_recorded);

#endif
