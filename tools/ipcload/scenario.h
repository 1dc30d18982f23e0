/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a scenario is and what it is given to run.
 *
 * A scenario is a small program of a few processes that talk over real IPC and that count, from
 * the payload itself, who really got what from whom (truth.h). It owns nothing when it returns:
 * its children are reaped and its descriptors may be left to the exit of the process.
 *
 * A new mechanism is one new file that ends in an array of scenarios, and one row in family.def.
 */
#ifndef IPCLOAD_SCENARIO_H
#define IPCLOAD_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

struct truth;
struct run;

struct options {
	unsigned int messages;	/* per sender */
	size_t size;		/* bytes of a message */
	unsigned int processes; /* senders, receivers or workers where there are many */
	const char *dir;	/* where named objects are made; NULL: a private directory */
	bool wait_stdin;	/* do wait between set-up and traffic */
};

struct scenario {
	const char *name;
	const char *mechanism;
	const char *summary;
	void (*run)(struct run *run);
	const void *arg; /* what run() runs over, e.g. a struct duct_kind */
	/* Where a process goes on that the scenario sent through process_exec(). */
	void (*reexec)(struct run *run, const int *numbers);
};

/* A row for a scenario that is written once over several kinds of the mechanism `prefix`. */
#define SCENARIO(prefix, suffix, kind, text, function)                                             \
	{                                                                                          \
		.name = prefix suffix, .mechanism = prefix, .summary = text, .run = function,      \
		.arg = kind                                                                        \
	}

/* A scenario that is being run, as one of its processes sees it. */
struct run {
	const struct scenario *scenario;
	struct options options;
	struct truth *truth; /* also knows which actor this process is */
	const char *dir;     /* directory for named objects, absolute */
	unsigned int rank;   /* number within the group that process_start_group() started */
};

/* Arrays of scenarios, each ended by a row without a name; the array ends with NULL. */
extern const struct scenario *const families[];

#define SCENARIO_SKIPPED 77 /* exit status: this machine lacks what the scenario needs */

#endif
