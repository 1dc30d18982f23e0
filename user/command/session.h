/* SPDX-License-Identifier: GPL-2.0-only */
/* A capture from start to end: what record and trace have in common. */
#ifndef IPCTRACE_SESSION_H
#define IPCTRACE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"
#include "command/target.h"
#include "store/capture_info.h"

struct session_hooks {
	/*
	 * All is loaded and attached, and CMD can run; no record was taken yet. The time to open
	 * files: what was there before survives a start that failed. An exit code; prints its own
	 * errors. NULL: nothing to do.
	 */
	int (*begin)(void *context);
	/*
	 * Every record. After an error it is still called, to count what is not kept, and the
	 * capture goes on for as long as CMD runs.
	 */
	capture_sink take;
	/* Once: the first error of a hook or of the capture, -errno. Says it. */
	void (*failed)(void *context, int err);
	/*
	 * After each drain, at least every 100 ms, until an error. `ledger` is as it is now.
	 * -errno of a failure, or SESSION_ENOUGH, which ends the capture.
	 */
	int (*tick)(void *context, const struct capture_ledger *ledger);
	/* The hooks are attached and the snapshot is taken; CMD runs next. */
	void (*ready)(void *context);
	void *context;
};

#define SESSION_ENOUGH 1

struct session_result {
	const char *end;    /* "command", "duration", "interrupt", "exit", "enough", "error" */
	int command_status; /* as a shell says it; -1: there is none, or it goes on */
	int error;	    /* -errno, as given to failed() */
	struct ledger_info ledger;
};

/* Fills what the file says of itself. 0 or -ENOMEM. */
int session_describe(const struct target *target, struct capture_info *ret_info);

/*
 * Runs the whole capture. Prints its own errors. Returns an exit code: EXIT_CODE_OK when the
 * capture ran to an end (see *ret_result), also when a hook failed.
 */
int session_run(const struct target *target, const struct session_hooks *hooks,
		struct session_result *ret_result);

/* The ledger as files have it. `end`: why the capture ended, "" while it goes on. */
void session_fill_ledger(const struct capture_ledger *counted, const char *end,
			 struct ledger_info *ret);

/* `seen / recorded / aggregated / lost` on stderr. */
void session_print_ledger(const struct ledger_info *ledger);

/* CLOCK_BOOTTIME in ns. */
uint64_t session_now_ns(void);

#endif
