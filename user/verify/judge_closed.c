/* SPDX-License-Identifier: GPL-2.0-only */
/* The closed world: what is neither required nor allowed must not be. */
#include <stdlib.h>

#include "model/mechanism_set.h"
#include "verify/judge.h"
#include "verify/measure.h"

static bool role_is_closed(const struct scene *scene, uint32_t process)
{
	const struct spec_closed *closed = &scene->spec->closed;

	for (size_t i = 0; i < closed->roles_nr; i++)
		if (closed->roles[i] == scene->roles[process])
			return true;
	return !closed->roles_nr;
}

/*
 * Not judged: what a process tells itself, what was sent before the capture, and signals of the
 * kernel; `forbid` may name them.
 */
static bool is_judged(const struct scene *scene, const struct graph_edge *edge)
{
	return (scene->spec->closed.mechanisms & MECHANISM_SET_BIT(edge->mechanism)) &&
	       edge->from != edge->to && scene->roles[edge->from] != SPEC_ROLE_BEFORE &&
	       scene->roles[edge->from] != SPEC_ROLE_KERNEL &&
	       (role_is_closed(scene, edge->from) || role_is_closed(scene, edge->to));
}

static bool has_answer(const struct scene *scene, const struct graph_edge *edge)
{
	for (size_t i = 0; i < scene->spec->rules_nr; i++) {
		const struct spec_rule *rule = &scene->spec->rules[i];

		if (rule->section != SPEC_FORBID && scene_rule_has_answer(scene, rule, edge))
			return true;
	}
	return false;
}

/* By a rule of any section: what is forbidden has a verdict of its own. */
static bool edge_is_named(const struct scene *scene, const struct graph_edge *edge)
{
	for (int section = 0; section < SPEC_SECTION_NR; section++)
		if (scene_section_has_edge(scene, (enum spec_section)section, edge))
			return true;
	return has_answer(scene, edge);
}

static bool pair_is_named(const struct scene *scene, const struct verdict_pair *pair)
{
	for (int section = 0; section < SPEC_SECTION_NR; section++)
		if (scene_section_has_pair(scene, (enum spec_section)section, pair))
			return true;
	return false;
}

static int edges_find(const struct scene *scene, struct verdict *verdict)
{
	int err = 0;

	for (uint32_t i = 0; i < scene->graph->edges_nr && !err; i++) {
		const struct graph_edge *edge = &scene->graph->edges[i];

		if (is_judged(scene, edge) && !edge_is_named(scene, edge))
			err = verdict_add_edge(verdict, i);
	}
	return err;
}

static int pairs_find(const struct scene *scene, struct verdict *verdict)
{
	struct verdict_pair *pairs = NULL;
	size_t nr = 0;
	int err = scene_pairs(scene, scene->spec->closed.mechanisms, &pairs, &nr);

	for (size_t i = 0; i < nr && !err; i++)
		if ((role_is_closed(scene, pairs[i].from) || role_is_closed(scene, pairs[i].to)) &&
		    !pair_is_named(scene, &pairs[i]))
			err = verdict_add_pair(verdict, &pairs[i]);
	free(pairs);
	return err;
}

/* One of the edges is there for sure, whatever the others are. */
static bool is_certain(const struct verdict *verdict)
{
	return verdict->pairs_nr || verdict->messages.low || verdict->bytes.low;
}

int judge_closed(const struct scene *scene, struct verdict *verdict)
{
	enum verdict_reason gap = scene_gap(scene, scene->spec->closed.mechanisms);
	int err = edges_find(scene, verdict);

	if (!err)
		err = pairs_find(scene, verdict);
	if (!err)
		err = measure_edges(scene, verdict);
	if (err)
		return err;
	if ((verdict->edges_nr || verdict->pairs_nr) && is_certain(verdict))
		verdict_set(verdict, VERDICT_FAIL, VERDICT_REASON_SEEN);
	else if (verdict->edges_nr)
		verdict_set(verdict, VERDICT_INCONCLUSIVE,
			    gap == VERDICT_REASON_NONE ? VERDICT_REASON_UNPROVEN : gap);
	else if (gap != VERDICT_REASON_NONE)
		verdict_set(verdict, VERDICT_INCONCLUSIVE, gap);
	return 0;
}
