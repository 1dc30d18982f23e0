/* SPDX-License-Identifier: GPL-2.0-only */
/* A specification against a graph: a verdict for each of its rules. */
#ifndef IPCTRACE_EVALUATE_H
#define IPCTRACE_EVALUATE_H

#include "verify/verdict.h"

struct evaluate_options {
	uint64_t max_lost;		 /* so many lost records are taken for none */
	const struct examples *examples; /* of the graph's edges; NULL: none */
};

/*
 * Fills *ret_verdicts, which the caller ends with verdicts_fini(); specification and graph must
 * live as long. Never "pass" where the capture does not prove it. 0 or -ENOMEM.
 */
int evaluate(const struct spec *spec, const struct graph *graph,
	     const struct evaluate_options *options, struct verdicts *ret_verdicts);

#endif
