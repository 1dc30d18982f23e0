/* SPDX-License-Identifier: GPL-2.0-only */
/* What is required, and what is forbidden. */
#include <errno.h>
#include <stdlib.h>

#include "verify/judge.h"
#include "verify/measure.h"

/* Is the list of `nr` full? It grows at powers of two. */
static bool is_full(size_t nr)
{
	return !(nr & (nr - 1));
}

int verdict_add_edge(struct verdict *verdict, uint32_t edge)
{
	size_t nr = verdict->edges_nr;

	if (is_full(nr)) {
		uint32_t *grown = reallocarray(verdict->edges, nr ? nr * 2 : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		verdict->edges = grown;
	}
	verdict->edges[verdict->edges_nr++] = edge;
	return 0;
}

int verdict_add_pair(struct verdict *verdict, const struct verdict_pair *pair)
{
	size_t nr = verdict->pairs_nr;

	if (is_full(nr)) {
		struct verdict_pair *grown =
			reallocarray(verdict->pairs, nr ? nr * 2 : 1, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		verdict->pairs = grown;
	}
	verdict->pairs[verdict->pairs_nr++] = *pair;
	return 0;
}

/* What the rule speaks of ----------------------------------------------------------------- */

static int edges_find(const struct scene *scene, struct verdict *verdict)
{
	int err = 0;

	for (uint32_t i = 0; i < scene->graph->edges_nr && !err; i++)
		if (scene_rule_has_edge(scene, verdict->rule, &scene->graph->edges[i]))
			err = verdict_add_edge(verdict, i);
	return err ? err : measure_edges(scene, verdict);
}

static int pairs_find(const struct scene *scene, struct verdict *verdict)
{
	struct verdict_pair *pairs = NULL;
	size_t nr = 0;
	int err = scene_pairs(scene, verdict->rule->mechanisms, &pairs, &nr);

	for (size_t i = 0; i < nr && !err; i++)
		if (scene_rule_has_pair(scene, verdict->rule, &pairs[i]))
			err = verdict_add_pair(verdict, &pairs[i]);
	free(pairs);
	return err ? err : measure_pairs(scene, verdict);
}

static int matches_find(const struct scene *scene, struct verdict *verdict)
{
	return verdict->rule->is_memory ? pairs_find(scene, verdict) : edges_find(scene, verdict);
}

/* Did any of it happen for sure? */
static enum certainty is_seen(const struct verdict *verdict)
{
	if (!verdict->edges_nr && !verdict->pairs_nr)
		return CERTAIN_NO;
	if (verdict->pairs_nr || verdict->messages.low || verdict->bytes.low)
		return CERTAIN_YES;
	return CERTAIN_MAYBE;
}

/* Bounds ----------------------------------------------------------------------------------- */

static int bounds_measure(const struct scene *scene, struct verdict *verdict)
{
	const struct spec_rule *rule = verdict->rule;
	int err = 0;

	verdict->bounds = calloc(rule->bounds_nr + 1, sizeof(*verdict->bounds));
	if (!verdict->bounds)
		return -ENOMEM;
	for (size_t i = 0; i < rule->bounds_nr && !err; i++) {
		struct verdict_bound *bound = &verdict->bounds[verdict->bounds_nr++];

		bound->bound = &rule->bounds[i];
		err = measure_bound(scene, verdict, bound->bound, &bound->measure);
		bound->holds = measure_holds(&bound->measure, bound->bound);
	}
	return err;
}

/* All that are measured together. */
static enum certainty bounds_hold(const struct verdict *verdict)
{
	enum certainty all = CERTAIN_YES;

	for (size_t i = 0; i < verdict->bounds_nr; i++)
		if (spec_fields[verdict->bounds[i].bound->field].is_measured &&
		    verdict->bounds[i].holds < all)
			all = verdict->bounds[i].holds;
	return all;
}

static bool all_are_measured(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->bounds_nr; i++)
		if (!spec_fields[verdict->bounds[i].bound->field].is_measured)
			return false;
	return true;
}

/* Why something is not certain: what may be missing, or `reason` where nothing is. */
static enum verdict_reason doubt(const struct scene *scene, const struct verdict *verdict,
				 enum verdict_reason reason)
{
	enum verdict_reason gap = scene_gap(scene, verdict->rule->mechanisms);

	return gap == VERDICT_REASON_NONE ? reason : gap;
}

/* Required --------------------------------------------------------------------------------- */

static bool role_is_missing(const struct scene *scene, uint32_t role)
{
	if (role == SPEC_ROLE_ANY || role < SPEC_ROLE_BUILTIN_NR)
		return false;
	for (size_t i = 0; i < scene->graph->processes_nr; i++)
		if (scene->roles[i] == role)
			return false;
	return true;
}

/* How near an edge comes to a rule that has none; 0: not at all. */
static unsigned int nearness(const struct scene *scene, const struct spec_rule *rule,
			     const struct graph_edge *edge)
{
	bool from = scene_side_matches(scene, rule->from, edge->from);
	bool to = scene_side_matches(scene, rule->to, edge->to);
	bool is_back = scene_side_matches(scene, rule->from, edge->to) &&
		       scene_side_matches(scene, rule->to, edge->from);
	bool mechanism = rule->mechanisms & (1ULL << edge->mechanism);

	if (from && to)
		return 8 + 2 * mechanism;
	if (is_back && mechanism)
		return 7;
	/* a side that is any says nothing */
	from = from && rule->from != SPEC_ROLE_ANY;
	to = to && rule->to != SPEC_ROLE_ANY;
	return (from || to) && mechanism ? 4 + scene_rule_has_channel(scene, rule, edge->channel) :
					   0;
}

static void nearest_find(const struct scene *scene, struct verdict *verdict)
{
	unsigned int best = 0;

	verdict->from_is_missing = role_is_missing(scene, verdict->rule->from);
	verdict->to_is_missing = role_is_missing(scene, verdict->rule->to);
	for (uint32_t i = 0; i < scene->graph->edges_nr; i++) {
		unsigned int near = verdict->rule->is_memory ?
					    0 :
					    nearness(scene, verdict->rule, &scene->graph->edges[i]);

		if (near > best) {
			best = near;
			verdict->nearest = i;
		}
	}
}

static void required_is_absent(const struct scene *scene, struct verdict *verdict)
{
	enum verdict_reason gap = scene_gap(scene, verdict->rule->mechanisms);

	nearest_find(scene, verdict);
	if (gap == VERDICT_REASON_NONE)
		verdict_set(verdict, VERDICT_FAIL, VERDICT_REASON_ABSENT);
	else
		verdict_set(verdict, VERDICT_INCONCLUSIVE, gap);
}

/* `count` is of messages, or of pairs that share memory; 1 is any trace of it. */
static enum certainty is_often_enough(const struct verdict *verdict)
{
	const struct spec_bound often = { .low = verdict->rule->count, .high = UINT64_MAX };
	enum certainty seen = is_seen(verdict);

	if (seen == CERTAIN_NO || verdict->rule->count <= 1)
		return seen;
	return measure_holds(verdict->rule->is_memory ? &verdict->peers : &verdict->messages,
			     &often);
}

int judge_require(const struct scene *scene, struct verdict *verdict)
{
	enum certainty seen, often, bounds;
	int err = matches_find(scene, verdict);

	if (!err)
		err = bounds_measure(scene, verdict);
	if (err)
		return err;
	seen = is_seen(verdict);
	often = is_often_enough(verdict);
	bounds = bounds_hold(verdict);
	if (seen == CERTAIN_NO)
		required_is_absent(scene, verdict);
	else if (often == CERTAIN_NO || bounds == CERTAIN_NO)
		verdict_set(verdict, VERDICT_FAIL, VERDICT_REASON_BOUND);
	else if (seen == CERTAIN_MAYBE)
		verdict_set(verdict, VERDICT_INCONCLUSIVE,
			    doubt(scene, verdict, VERDICT_REASON_UNPROVEN));
	else if (often == CERTAIN_MAYBE || bounds == CERTAIN_MAYBE)
		verdict_set(verdict, VERDICT_INCONCLUSIVE,
			    doubt(scene, verdict, VERDICT_REASON_BOUND));
	else if (!all_are_measured(verdict))
		verdict_set(verdict, VERDICT_SKIPPED, VERDICT_REASON_NOT_MEASURED);
	return 0;
}

/* Forbidden -------------------------------------------------------------------------------- */

/* What `ignore` names is not there for this rule. */
static void ignored_drop(const struct scene *scene, struct verdict *verdict)
{
	size_t edges_nr = 0, pairs_nr = 0;

	for (size_t i = 0; i < verdict->edges_nr; i++)
		if (!scene_section_has_edge(scene, SPEC_IGNORE,
					    &scene->graph->edges[verdict->edges[i]]))
			verdict->edges[edges_nr++] = verdict->edges[i];
	for (size_t i = 0; i < verdict->pairs_nr; i++)
		if (!scene_section_has_pair(scene, SPEC_IGNORE, &verdict->pairs[i]))
			verdict->pairs[pairs_nr++] = verdict->pairs[i];
	verdict->edges_nr = edges_nr;
	verdict->pairs_nr = pairs_nr;
}

static enum certainty least(enum certainty a, enum certainty b)
{
	return a < b ? a : b;
}

/* It is broken if the edge is there and all of its bounds hold. */
int judge_forbid(const struct scene *scene, struct verdict *verdict)
{
	enum verdict_reason gap = scene_gap(scene, verdict->rule->mechanisms);
	enum certainty seen, broken;
	int err = matches_find(scene, verdict);

	if (err)
		return err;
	ignored_drop(scene, verdict);
	err = verdict->rule->is_memory ? measure_pairs(scene, verdict) :
					 measure_edges(scene, verdict);
	if (!err)
		err = bounds_measure(scene, verdict);
	if (err)
		return err;
	seen = is_seen(verdict);
	broken = least(seen, bounds_hold(verdict));
	if (broken == CERTAIN_YES && !all_are_measured(verdict))
		verdict_set(verdict, VERDICT_SKIPPED, VERDICT_REASON_NOT_MEASURED);
	else if (broken == CERTAIN_YES)
		verdict_set(verdict, VERDICT_FAIL, VERDICT_REASON_SEEN);
	else if (seen == CERTAIN_MAYBE && broken == CERTAIN_MAYBE)
		verdict_set(verdict, VERDICT_INCONCLUSIVE,
			    doubt(scene, verdict, VERDICT_REASON_UNPROVEN));
	else if (broken == CERTAIN_MAYBE)
		verdict_set(verdict, VERDICT_INCONCLUSIVE,
			    doubt(scene, verdict, VERDICT_REASON_BOUND));
	else if (seen == CERTAIN_NO && gap != VERDICT_REASON_NONE)
		verdict_set(verdict, VERDICT_INCONCLUSIVE, gap);
	return 0;
}
