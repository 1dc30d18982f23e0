/* SPDX-License-Identifier: GPL-2.0-only */
/* What is certain of the numbers that rules bound. */
#ifndef IPCTRACE_MEASURE_H
#define IPCTRACE_MEASURE_H

#include "verify/scene.h"
#include "verify/verdict.h"

/* Does what is measured lie within the bound, for sure? */
enum certainty measure_holds(const struct measure *measure, const struct spec_bound *bound);

/* Messages, bytes, and pairs of processes of the verdict's edges. 0 or -ENOMEM. */
int measure_edges(const struct scene *scene, struct verdict *verdict);

/* Pairs of processes of the verdict's pairs. 0 or -ENOMEM. */
int measure_pairs(const struct scene *scene, struct verdict *verdict);

/*
 * The number that a bound of the rule speaks of; measure_edges() or measure_pairs() came before. 0
 * or -ENOMEM.
 */
int measure_bound(const struct scene *scene, const struct verdict *verdict,
		  const struct spec_bound *bound, struct measure *ret_measure);

#endif
