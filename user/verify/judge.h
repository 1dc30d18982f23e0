/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by evaluate.c and the judges of one kind of rule, and by nobody else. */
#ifndef IPCTRACE_JUDGE_H
#define IPCTRACE_JUDGE_H

#include "verify/scene.h"
#include "verify/verdict.h"

/* Each fills what its kind has in a verdict that is zeroed but for kind, line and rule. 0 or
 * -ENOMEM. */
int judge_require(const struct scene *scene, struct verdict *verdict);
int judge_forbid(const struct scene *scene, struct verdict *verdict);
int judge_closed(const struct scene *scene, struct verdict *verdict);

/* An edge of the graph belongs to the verdict. 0 or -ENOMEM. */
int verdict_add_edge(struct verdict *verdict, uint32_t edge);
int verdict_add_pair(struct verdict *verdict, const struct verdict_pair *pair);

static inline void verdict_set(struct verdict *verdict, enum verdict_status status,
			       enum verdict_reason reason)
{
	verdict->status = status;
	verdict->reason = reason;
}

#endif
