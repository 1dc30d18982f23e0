/* SPDX-License-Identifier: GPL-2.0-only */
/* The edges of a verdict in words. Inside of user/output/verdict_*.c only. */
#ifndef IPCTRACE_VERDICT_EDGES_H
#define IPCTRACE_VERDICT_EDGES_H

#include "verify/verdict.h"

#define VERDICT_EDGES_SHOWN 8			      /* kinds of edges of a rule */
#define VERDICT_EDGES_LINES (VERDICT_EDGES_SHOWN + 1) /* the rest is counted */

/*
 * A line for all edges of the verdict that differ in their channel only, with roles and numbers.
 * Where a bound of `unread` does not hold, those where something was not read are the first.
 * Fills ret_lines, owned by the caller, also after an error: 0 or -ENOMEM.
 */
int verdict_edges_tell(const struct verdicts *verdicts, const struct verdict *verdict,
		       char *ret_lines[VERDICT_EDGES_LINES], size_t *ret_nr);

/* `what` and one edge of the graph; owned by the caller. NULL without memory. */
char *verdict_edges_one(const struct verdicts *verdicts, const char *what, uint32_t edge);

#endif
