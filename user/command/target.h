/* SPDX-License-Identifier: GPL-2.0-only */
/* What to trace: the options that record, trace and run share. */
#ifndef IPCTRACE_TARGET_H
#define IPCTRACE_TARGET_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target {
	bool is_system_wide;
	pid_t *pids; /* owned, as are their pidfds */
	int *pidfds;
	size_t pids_nr;
	char **command; /* borrowed from argv, NULL-terminated; NULL: none */
	uint64_t mechanisms;
	const char *mechanisms_text; /* as given */
	uint64_t duration_ns;	     /* 0: no limit */
	uint32_t ring_bytes;	     /* 0: default */
	bool uses_uprobes;
	bool is_verbose;
};

/* A child parser for argp; its input is a struct target. Reports its own errors. */
extern const struct argp target_argp;

void target_init(struct target *target);
void target_fini(struct target *target);

/* What -p and -e take, added to the target. 0 or an errno; they report their own errors. */
int target_add_pids(struct target *target, const char *list);
int target_set_mechanisms(struct target *target, const char *list);

/* The mechanisms of such a list, a bit for each number; words that are no names count nothing. */
uint64_t target_list_mechanisms(const char *list);

/* Is there anything to trace? Otherwise prints the three forms of `verb`. */
bool target_is_given(const struct target *target, const char *verb);

/* Have all processes of -p ended? False where none was named. */
bool target_is_gone(const struct target *target);

/* "command", "pids" or "system". */
const char *target_scope(const struct target *target);

#endif
