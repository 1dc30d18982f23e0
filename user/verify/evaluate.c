/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/evaluate.h"

#include <errno.h>
#include <stdlib.h>

#include "verify/judge.h"
#include "verify/measure.h"
#include "verify/roles.h"

struct evaluation {
	struct scene scene;
	const struct examples *examples;
	struct verdicts *verdicts;
};

static struct verdict *verdict_new(struct evaluation *evaluation, enum verdict_kind kind,
				   size_t line)
{
	struct verdict *verdict = &evaluation->verdicts->all[evaluation->verdicts->nr++];

	verdict->kind = kind;
	verdict->line = line;
	verdict->nearest = GRAPH_NONE;
	return verdict;
}

/* Rules ------------------------------------------------------------------------------------- */

static int rule_judge(struct evaluation *evaluation, const struct spec_rule *rule)
{
	struct verdict *verdict;

	if (rule->section != SPEC_REQUIRE && rule->section != SPEC_FORBID)
		return 0;
	verdict = verdict_new(evaluation, VERDICT_RULE, rule->line);
	verdict->rule = rule;
	return rule->section == SPEC_REQUIRE ? judge_require(&evaluation->scene, verdict) :
					       judge_forbid(&evaluation->scene, verdict);
}

static int rules_judge(struct evaluation *evaluation)
{
	const struct spec *spec = evaluation->scene.spec;
	int err = 0;

	for (size_t i = 0; i < spec->rules_nr && !err; i++)
		err = rule_judge(evaluation, &spec->rules[i]);
	if (!err && spec->closed.is_on)
		err = judge_closed(&evaluation->scene,
				   verdict_new(evaluation, VERDICT_CLOSED, spec->closed.line));
	return err;
}

/* What is left, and how the command ended ------------------------------------------------- */

static int leftover_judge(struct evaluation *evaluation, const struct spec_leftover *leftover)
{
	const struct scene *scene = &evaluation->scene;
	struct verdict *verdict = verdict_new(evaluation, VERDICT_LEFTOVER, leftover->line);
	enum verdict_reason gap = scene_gap(scene, leftover->mechanisms);
	struct measure measure;
	enum certainty holds;
	int err;

	verdict->leftover = leftover;
	err = graph_leftovers_find(scene->graph, leftover->mechanisms, &verdict->leftovers);
	if (err)
		return err;
	if (gap == VERDICT_REASON_NONE && !scene->graph->capture.knows_leftovers)
		gap = VERDICT_REASON_NOT_RECORDED;
	measure.low = measure.high = measure.best = verdict->leftovers.nr;
	measure.high += verdict->leftovers.unknown_nr;
	if (gap != VERDICT_REASON_NONE)
		measure.high = UINT64_MAX;
	else if (verdict->leftovers.unknown_nr)
		gap = VERDICT_REASON_NOT_RECORDED;
	holds = measure_holds(&measure, &leftover->bound);
	if (holds == CERTAIN_NO)
		verdict_set(verdict, VERDICT_FAIL, VERDICT_REASON_LEFT);
	else if (holds == CERTAIN_MAYBE)
		verdict_set(verdict, VERDICT_INCONCLUSIVE, gap);
	return 0;
}

/* A capture without a command has no status; a specification that says nothing wants 0. */
static void exit_judge(struct evaluation *evaluation)
{
	const struct spec_exit *exit = &evaluation->scene.spec->exit;
	const struct graph_capture *capture = &evaluation->scene.graph->capture;
	struct verdict *verdict;

	if (exit->is_any || (!exit->line && !capture->command))
		return;
	verdict = verdict_new(evaluation, VERDICT_EXIT, exit->line);
	if (capture->command_status >= 0 && (uint32_t)capture->command_status != exit->status)
		verdict_set(verdict, VERDICT_FAIL, VERDICT_REASON_STATUS);
	else if (capture->command_status < 0)
		verdict_set(verdict, VERDICT_INCONCLUSIVE, VERDICT_REASON_NOT_RECORDED);
}

static int rest_judge(struct evaluation *evaluation)
{
	const struct spec *spec = evaluation->scene.spec;
	int err = 0;

	for (size_t i = 0; i < spec->leftovers_nr && !err; i++)
		err = leftover_judge(evaluation, &spec->leftovers[i]);
	exit_judge(evaluation);
	return err;
}

/* Examples --------------------------------------------------------------------------------- */

static void example_add(struct verdict *verdict, uint32_t edge, const struct example *example,
			bool is_edge)
{
	verdict->examples[verdict->examples_nr++] = (struct verdict_example){
		.edge = edge,
		.transfer = *example,
		.is_edge = is_edge,
	};
}

/* Times of examples are since the boot, those of the graph since the capture's start. */
static int64_t time_of(const struct graph_edge *edge, const struct example *first, int64_t time_ns)
{
	return edge->first_ns + (time_ns - first->time_ns);
}

/* The transfer of an edge with this number, from 0; of one that has none known, the whole edge. */
static void edge_example(const struct evaluation *evaluation, struct verdict *verdict,
			 uint32_t index, size_t number)
{
	const struct graph *graph = evaluation->scene.graph;
	const struct graph_edge *edge = &graph->edges[index];
	const struct example *examples = NULL;
	struct example example = { edge->first_ns, edge->count.messages, edge->count.bytes, -1 };
	size_t nr = evaluation->examples ?
			    examples_find(evaluation->examples, graph, edge, &examples) :
			    0;

	if (!nr && !number)
		example_add(verdict, index, &example, true);
	if (number >= nr)
		return;
	example = examples[number];
	example.time_ns = time_of(edge, &examples[0], example.time_ns);
	example_add(verdict, index, &example, false);
}

/* The first of each edge, then the second, while there is room. */
static void examples_fill(const struct evaluation *evaluation, struct verdict *verdict)
{
	bool has_own = verdict->edges_nr > 0;
	const uint32_t *edges = has_own ? verdict->edges : &verdict->nearest;
	size_t nr = has_own ? verdict->edges_nr : verdict->nearest != GRAPH_NONE;

	if (verdict->status == VERDICT_PASS)
		return;
	for (size_t number = 0; number < EXAMPLES_OF_EDGE; number++)
		for (size_t i = 0; i < nr && verdict->examples_nr < VERDICT_EXAMPLES_MAX; i++)
			edge_example(evaluation, verdict, edges[i], number);
}

int evaluate(const struct spec *spec, const struct graph *graph,
	     const struct evaluate_options *options, struct verdicts *ret_verdicts)
{
	struct verdicts verdicts = { .spec = spec, .graph = graph };
	struct evaluation evaluation = {
		.scene = { .spec = spec, .graph = graph, .max_lost = options->max_lost },
		.examples = options->examples,
		.verdicts = &verdicts,
	};
	int err = roles_assign(spec, graph, &verdicts.roles);

	if (err)
		return err;
	evaluation.scene.roles = verdicts.roles;
	/* closed and exit, besides the rules */
	verdicts.all = calloc(spec->rules_nr + spec->leftovers_nr + 2, sizeof(*verdicts.all));
	err = verdicts.all ? rules_judge(&evaluation) : -ENOMEM;
	if (!err)
		err = rest_judge(&evaluation);
	if (err) {
		verdicts_fini(&verdicts);
		return err;
	}
	for (size_t i = 0; i < verdicts.nr; i++) {
		examples_fill(&evaluation, &verdicts.all[i]);
		verdicts.count[verdicts.all[i].status]++;
	}
	*ret_verdicts = verdicts;
	return 0;
}
