/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by learn.c, which finds what may be written, and learn_text.c, which writes it. */
#ifndef IPCTRACE_LEARN_INTERNAL_H
#define IPCTRACE_LEARN_INTERNAL_H

#include <stdbool.h>
#include <stdio.h>

#include <uthash.h>

#include "verify/learn.h"
#include "verify/spec.h"
#include "verify/verdict.h"

/* A rule that may be written. */
struct candidate {
	char *text;	 /* `A -> B via pipe`, without bounds */
	char *group;	 /* the same without a name; equal to `text` where there is none */
	bool is_outside; /* one end is no process that has a role */
	enum ipct_mechanism mechanism;
	bool is_memory;
	bool is_needed; /* of one without a name: an edge has none, or its name is not stable */
	/* of all runs in which it was seen */
	size_t runs;
	struct measure messages, bytes; /* low and high over them */
	bool is_exact, is_read;
	UT_hash_handle hh;
};

struct learn {
	const struct graph *const *graphs;
	size_t graphs_nr;
	struct spec *roles; /* a specification of only those */
	char *roles_text;
	struct candidate *candidates; /* uthash, in the order in which they were seen */
	bool *has_children;	      /* by role */
	FILE *out;
};

static inline bool learn_is_pipe(const struct candidate *candidate)
{
	return candidate->mechanism == IPCT_PIPE || candidate->mechanism == IPCT_FIFO;
}

/* A role of a program, not one for whoever is not described. */
bool learn_is_described(const struct learn *learn, uint32_t role);

/* The specification, once all candidates are measured. 0, -ENOMEM or -EIO. */
int learn_write_text(struct learn *learn);

#endif
