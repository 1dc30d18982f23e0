/* SPDX-License-Identifier: GPL-2.0-only */
/* A specification beside a graph: which edges a rule speaks of, and what a capture can prove. */
#ifndef IPCTRACE_SCENE_H
#define IPCTRACE_SCENE_H

#include "graph/graph.h"
#include "verify/spec.h"
#include "verify/verdict.h"

/* All borrowed. */
struct scene {
	const struct spec *spec;
	const struct graph *graph;
	const uint32_t *roles; /* of each process */
	uint64_t max_lost;     /* so many lost records are taken for none */
};

/*
 * Why what was not seen may have happened all the same, VERDICT_REASON_NONE if it did not: records
 * lost, a capture cut short or that contradicts itself, CPUs that may hold more, mechanisms (a bit
 * each) that were not traced.
 */
enum verdict_reason scene_gap(const struct scene *scene, uint64_t mechanisms);

/* More was lost than is accepted: numbers have no upper limit. */
bool scene_is_lossy(const struct scene *scene);

/* Something was lost, and that is accepted: numbers are taken for exact. */
bool scene_trusts_numbers(const struct scene *scene);

/* Does the rule, which is none of memory, speak of the edge? */
bool scene_rule_has_edge(const struct scene *scene, const struct spec_rule *rule,
			 const struct graph_edge *edge);

/* The same of the edge in the other direction, where one channel carries both. */
bool scene_rule_has_answer(const struct scene *scene, const struct spec_rule *rule,
			   const struct graph_edge *edge);

/* Does a rule of memory speak of these two, in this order or the other? */
bool scene_rule_has_pair(const struct scene *scene, const struct spec_rule *rule,
			 const struct verdict_pair *pair);

/* Does any rule of `section` speak of the edge, or pair? */
bool scene_section_has_edge(const struct scene *scene, enum spec_section section,
			    const struct graph_edge *edge);
bool scene_section_has_pair(const struct scene *scene, enum spec_section section,
			    const struct verdict_pair *pair);

/* Name and mechanism of the channel are those of the rule. */
bool scene_rule_has_channel(const struct scene *scene, const struct spec_rule *rule,
			    uint32_t channel);

bool scene_side_matches(const struct scene *scene, uint32_t side, uint32_t process);

/*
 * All pairs of processes that map one channel of these mechanisms, each once per channel; owned by
 * the caller (free). 0 or -ENOMEM.
 */
int scene_pairs(const struct scene *scene, uint64_t mechanisms, struct verdict_pair **ret_pairs,
		size_t *ret_nr);

#endif
