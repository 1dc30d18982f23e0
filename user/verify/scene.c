/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/scene.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "model/mechanism_set.h"

/* Did the recording end before what it was of? */
static bool is_cut(const struct graph_capture *capture)
{
	return !capture->is_complete || !strcmp(capture->end, "enough") ||
	       !strcmp(capture->end, "error") || (capture->command && capture->command_status < 0);
}

static bool is_balanced(const struct graph_ledger *ledger)
{
	return ledger->seen == ledger->recorded + ledger->aggregated + ledger->lost;
}

enum verdict_reason scene_gap(const struct scene *scene, uint64_t mechanisms)
{
	const struct graph *graph = scene->graph;
	uint64_t known = MECHANISM_SET_BIT(IPCT_MECHANISM_NR) - 1;

	if (is_cut(&graph->capture))
		return VERDICT_REASON_CUT;
	if (graph->ledger.lost > scene->max_lost)
		return VERDICT_REASON_LOST;
	if (graph->capture.rejected || !is_balanced(&graph->ledger))
		return VERDICT_REASON_CONTRADICTED;
	if (!graph->capture.is_barrier_reached)
		return VERDICT_REASON_BARRIER;
	if (graph->capture.has_unresolved)
		return VERDICT_REASON_UNRESOLVED;
	/* bit 0 is no mechanism */
	if (mechanisms & known & ~1ULL & ~graph->capture.mechanisms)
		return VERDICT_REASON_NOT_TRACED;
	return VERDICT_REASON_NONE;
}

bool scene_is_lossy(const struct scene *scene)
{
	return scene_gap(scene, 0) != VERDICT_REASON_NONE;
}

bool scene_trusts_numbers(const struct scene *scene)
{
	return scene->graph->ledger.lost && !scene_is_lossy(scene);
}

bool scene_side_matches(const struct scene *scene, uint32_t side, uint32_t process)
{
	return side == SPEC_ROLE_ANY || scene->roles[process] == side;
}

static bool name_matches(const struct scene *scene, const struct spec_rule *rule, uint32_t channel)
{
	return !rule->name || !fnmatch(rule->name, scene->graph->channels[channel].name, 0);
}

bool scene_rule_has_channel(const struct scene *scene, const struct spec_rule *rule,
			    uint32_t channel)
{
	return (rule->mechanisms & MECHANISM_SET_BIT(scene->graph->channels[channel].mechanism)) &&
	       name_matches(scene, rule, channel);
}

/* Edges --------------------------------------------------------------------------------- */

bool scene_rule_has_edge(const struct scene *scene, const struct spec_rule *rule,
			 const struct graph_edge *edge)
{
	return !rule->is_memory && (rule->mechanisms & MECHANISM_SET_BIT(edge->mechanism)) &&
	       scene_side_matches(scene, rule->from, edge->from) &&
	       scene_side_matches(scene, rule->to, edge->to) &&
	       name_matches(scene, rule, edge->channel);
}

static bool is_datagram(enum ipct_mechanism mechanism)
{
	return mechanism == IPCT_UNIX_DGRAM || mechanism == IPCT_UDP;
}

static bool carries_both_ways(enum ipct_mechanism mechanism)
{
	return mechanism == IPCT_PTY || (ipct_is_socket(mechanism) && mechanism != IPCT_NETLINK);
}

/* An answer to a datagram goes to a socket of its own: then what it answers must be there. */
static bool has_question(const struct scene *scene, const struct spec_rule *rule,
			 const struct graph_edge *answer)
{
	for (size_t i = 0; i < scene->graph->edges_nr; i++) {
		const struct graph_edge *edge = &scene->graph->edges[i];

		if (edge->from == answer->to && edge->to == answer->from &&
		    edge->mechanism == answer->mechanism && scene_rule_has_edge(scene, rule, edge))
			return true;
	}
	return false;
}

bool scene_rule_has_answer(const struct scene *scene, const struct spec_rule *rule,
			   const struct graph_edge *edge)
{
	struct graph_edge question = *edge;

	if (!carries_both_ways(edge->mechanism))
		return false;
	question.from = edge->to;
	question.to = edge->from;
	return scene_rule_has_edge(scene, rule, &question) ||
	       (is_datagram(edge->mechanism) && has_question(scene, rule, edge));
}

bool scene_section_has_edge(const struct scene *scene, enum spec_section section,
			    const struct graph_edge *edge)
{
	for (size_t i = 0; i < scene->spec->rules_nr; i++) {
		const struct spec_rule *rule = &scene->spec->rules[i];

		if (rule->section == section && scene_rule_has_edge(scene, rule, edge))
			return true;
	}
	return false;
}

/* Shared memory -------------------------------------------------------------------------- */

bool scene_rule_has_pair(const struct scene *scene, const struct spec_rule *rule,
			 const struct verdict_pair *pair)
{
	if (!rule->is_memory || !scene_rule_has_channel(scene, rule, pair->channel))
		return false;
	return (scene_side_matches(scene, rule->from, pair->from) &&
		scene_side_matches(scene, rule->to, pair->to)) ||
	       (scene_side_matches(scene, rule->from, pair->to) &&
		scene_side_matches(scene, rule->to, pair->from));
}

bool scene_section_has_pair(const struct scene *scene, enum spec_section section,
			    const struct verdict_pair *pair)
{
	for (size_t i = 0; i < scene->spec->rules_nr; i++) {
		const struct spec_rule *rule = &scene->spec->rules[i];

		if (rule->section == section && scene_rule_has_pair(scene, rule, pair))
			return true;
	}
	return false;
}

struct pairs {
	struct verdict_pair *all;
	size_t nr, cap;
};

static int pair_add(struct pairs *pairs, uint32_t from, uint32_t to, uint32_t channel)
{
	if (pairs->nr == pairs->cap) {
		size_t cap = pairs->cap ? pairs->cap * 2 : 64;
		struct verdict_pair *grown = reallocarray(pairs->all, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		pairs->all = grown;
		pairs->cap = cap;
	}
	pairs->all[pairs->nr++] = (struct verdict_pair){ from, to, channel };
	return 0;
}

/* A process may map it with one right and then another: two endpoints. */
static bool is_first_mapping(const struct graph_channel *channel, size_t index)
{
	if (!ipct_role_maps(channel->endpoints[index].role))
		return false;
	for (size_t i = 0; i < index; i++)
		if (ipct_role_maps(channel->endpoints[i].role) &&
		    channel->endpoints[i].process == channel->endpoints[index].process)
			return false;
	return true;
}

static int channel_pairs(struct pairs *pairs, const struct graph_channel *channel, uint32_t index)
{
	uint32_t *mappers = malloc((channel->endpoints_nr + 1) * sizeof(*mappers));
	size_t nr = 0;
	int err = mappers ? 0 : -ENOMEM;

	for (size_t i = 0; i < channel->endpoints_nr && !err; i++)
		if (is_first_mapping(channel, i))
			mappers[nr++] = channel->endpoints[i].process;
	for (size_t a = 0; a < nr && !err; a++)
		for (size_t b = a + 1; b < nr && !err; b++)
			err = pair_add(pairs, mappers[a], mappers[b], index);
	free(mappers);
	return err;
}

int scene_pairs(const struct scene *scene, uint64_t mechanisms, struct verdict_pair **ret_pairs,
		size_t *ret_nr)
{
	const struct graph *graph = scene->graph;
	struct pairs pairs = {};
	int err = 0;

	for (size_t i = 0; i < graph->channels_nr && !err; i++)
		if (mechanisms & MECHANISM_SET_BIT(graph->channels[i].mechanism))
			err = channel_pairs(&pairs, &graph->channels[i], (uint32_t)i);
	if (err) {
		free(pairs.all);
		return err;
	}
	*ret_pairs = pairs.all;
	*ret_nr = pairs.nr;
	return 0;
}
