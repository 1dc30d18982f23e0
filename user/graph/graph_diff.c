/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_diff_internal.h"
#include "graph/graph_name.h"
#include "graph/graph_program.h"

#define BEFORE_CAPTURE "before capture"

const char *const graph_change_names[GRAPH_CHANGES] = {
	[GRAPH_CHANGE_NEW] = "new",
	[GRAPH_CHANGE_GONE] = "gone",
	[GRAPH_CHANGE_CHANGED] = "changed",
	[GRAPH_CHANGE_NONE] = "unchanged",
};

/* What comparing works with. */
struct comparison {
	const struct graph *graphs[GRAPH_DIFF_AGES];
	char **names[GRAPH_DIFF_AGES];	       /* of each process its program */
	uint32_t *program_of[GRAPH_DIFF_AGES]; /* of each process, index into the programs */
	struct graph_pids pids[GRAPH_DIFF_AGES];
	struct diff_items items;
	struct graph_diff *diff;
};

/* A process of one of the graphs, on the way to the program that it runs. */
struct runner {
	const char *name;
	bool is_far;
	enum graph_diff_age age;
	size_t process;
};

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* Programs. */

static int compare_runners(const void *a, const void *b)
{
	const struct runner *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : compare_u64(x->is_far, y->is_far);
}

static bool is_sender_unknown(const struct graph_process *process)
{
	return !process->pid && process->comm && !strcmp(process->comm, BEFORE_CAPTURE);
}

/* All processes of both graphs by program. Owned by the caller; NULL without memory. */
static struct runner *runners_new(const struct comparison *comparison, size_t *ret_nr)
{
	size_t all = comparison->graphs[GRAPH_DIFF_OLD]->processes_nr +
		     comparison->graphs[GRAPH_DIFF_NEW]->processes_nr;
	struct runner *runners = calloc(all + 1, sizeof(*runners));
	size_t nr = 0;

	for (int age = 0; runners && age < GRAPH_DIFF_AGES; age++) {
		const struct graph *graph = comparison->graphs[age];

		for (size_t i = 0; i < graph->processes_nr; i++) {
			comparison->program_of[age][i] = GRAPH_NONE;
			if (!is_sender_unknown(&graph->processes[i]))
				runners[nr++] = (struct runner){ comparison->names[age][i],
								 !graph->processes[i].pid,
								 (enum graph_diff_age)age, i };
		}
	}
	if (runners)
		qsort(runners, nr, sizeof(*runners), compare_runners);
	*ret_nr = nr;
	return runners;
}

static int find_programs(struct comparison *comparison)
{
	struct graph_diff *diff = comparison->diff;
	struct runner *runners;
	size_t nr;
	int err = 0;

	runners = runners_new(comparison, &nr);
	diff->programs = calloc(nr + 1, sizeof(*diff->programs));
	if (!runners || !diff->programs)
		err = -ENOMEM;
	for (size_t i = 0; i < nr && !err; i++) {
		struct graph_diff_program *program = &diff->programs[diff->programs_nr];

		if (i && !compare_runners(&runners[i - 1], &runners[i])) {
			program--;
		} else {
			*program = (struct graph_diff_program){ strdup(runners[i].name),
								runners[i].is_far,
								{ 0 } };
			diff->programs_nr++;
			err = program->name ? 0 : -ENOMEM;
		}
		program->processes[runners[i].age]++;
		comparison->program_of[runners[i].age][runners[i].process] =
			(uint32_t)(program - diff->programs);
	}
	free(runners);
	return err;
}

/* Those without an edge are no part of the difference. */
static int drop_idle_programs(struct graph_diff *diff)
{
	uint32_t *map = calloc(diff->programs_nr + 1, sizeof(*map));
	uint32_t kept = 0;

	if (!map)
		return -ENOMEM;
	for (size_t i = 0; i < diff->edges_nr; i++)
		map[diff->edges[i].from] = map[diff->edges[i].to] = 1;
	for (size_t i = 0; i < diff->programs_nr; i++) {
		if (!map[i]) {
			free(diff->programs[i].name);
			continue;
		}
		map[i] = kept;
		diff->programs[kept++] = diff->programs[i];
	}
	diff->programs_nr = kept;
	for (size_t i = 0; i < diff->edges_nr; i++) {
		diff->edges[i].from = map[diff->edges[i].from];
		diff->edges[i].to = map[diff->edges[i].to];
	}
	free(map);
	return 0;
}

/* Matching. */

static const char *name_of(const struct diff_item *item)
{
	return item->blank ? item->blank : item->name;
}

static int compare_ends(const struct diff_item *x, const struct diff_item *y)
{
	int order = compare_u64(x->from, y->from);

	if (!order)
		order = compare_u64(x->to, y->to);
	if (!order)
		order = compare_u64(x->mechanism, y->mechanism);
	return order ? order : compare_u64(x->is_memory, y->is_memory);
}

/* What was blanked is not what was called so. */
static int compare_items(const void *a, const void *b)
{
	const struct diff_item *x = a, *y = b;
	int order = compare_ends(x, y);

	if (!order)
		order = compare_u64(!!x->blank, !!y->blank);
	return order ? order : strcmp(name_of(x), name_of(y));
}

/* The end of the run of equal items that begins at `first`. */
static size_t run_end(const struct diff_items *items, size_t first)
{
	size_t end = first + 1;

	while (end < items->nr && !compare_items(&items->items[first], &items->items[end]))
		end++;
	return end;
}

static bool has_both_ages(const struct diff_item *items, size_t nr)
{
	bool has[GRAPH_DIFF_AGES] = {};

	for (size_t i = 0; i < nr; i++)
		has[items[i].age] = true;
	return has[GRAPH_DIFF_OLD] && has[GRAPH_DIFF_NEW];
}

/* Names that both graphs have are matched as they are, the rest by what does not pass. */
static int match_names(struct comparison *comparison)
{
	struct diff_items *items = &comparison->items;
	size_t end;

	if (!items->nr)
		return 0;
	qsort(items->items, items->nr, sizeof(*items->items), compare_items);
	for (size_t first = 0; first < items->nr; first = end) {
		end = run_end(items, first);
		if (has_both_ages(&items->items[first], end - first))
			continue;
		for (size_t i = first; i < end; i++) {
			struct diff_item *item = &items->items[i];

			item->blank = graph_name_blank(item->name, item->mechanism,
						       &comparison->pids[item->age]);
			if (!item->blank)
				return -ENOMEM;
		}
	}
	qsort(items->items, items->nr, sizeof(*items->items), compare_items);
	return 0;
}

/* Edges. */

static void range_add(struct graph_range *to, const struct graph_range *from)
{
	to->low = diff_sum(to->low, from->low);
	to->best = diff_sum(to->best, from->best);
	to->high = diff_sum(to->high, from->high);
}

static void side_add(struct graph_diff_side *side, const struct diff_item *item)
{
	range_add(&side->messages, &item->messages);
	range_add(&side->bytes, &item->bytes);
	if (!item->is_there)
		return;
	if (!side->is_there || item->first_ns < side->first_ns)
		side->first_ns = item->first_ns;
	side->is_there = true;
	side->channels++;
}

bool graph_diff_is_whole(const struct graph_capture *capture)
{
	return !capture->is_lossy && !capture->rejected && capture->is_barrier_reached;
}

bool graph_diff_is_traced(const struct graph_capture *capture, enum ipct_mechanism mechanism)
{
	return !capture->mechanisms || capture->mechanisms >> mechanism & 1;
}

/* Could the capture have missed an edge of this mechanism? */
static bool is_blind(const struct graph_capture *capture, enum ipct_mechanism mechanism)
{
	return !graph_diff_is_whole(capture) || !graph_diff_is_traced(capture, mechanism);
}

static void side_finish(struct graph_diff_side *side, const struct graph_diff_edge *edge,
			const struct graph_capture *capture)
{
	if (is_blind(capture, edge->mechanism))
		side->messages.high = side->bytes.high = GRAPH_DIFF_NO_LIMIT;
	if (side->is_there)
		side->is_certain = edge->is_memory || side->messages.low || side->bytes.low;
	else
		side->is_certain = !side->messages.high && !side->bytes.high;
}

static bool is_apart(const struct graph_range *a, const struct graph_range *b)
{
	return a->high < b->low || b->high < a->low;
}

static bool is_point(const struct graph_range *range)
{
	return range->low == range->high;
}

static void edge_judge(struct graph_diff_edge *edge)
{
	const struct graph_diff_side *before = &edge->sides[GRAPH_DIFF_OLD];
	const struct graph_diff_side *after = &edge->sides[GRAPH_DIFF_NEW];

	if (!before->is_there || !after->is_there) {
		edge->change = after->is_there ? GRAPH_CHANGE_NEW : GRAPH_CHANGE_GONE;
		edge->is_certain = before->is_certain && after->is_certain;
	} else if (before->messages.best != after->messages.best ||
		   before->bytes.best != after->bytes.best) {
		edge->change = GRAPH_CHANGE_CHANGED;
		edge->is_certain = is_apart(&before->messages, &after->messages) ||
				   is_apart(&before->bytes, &after->bytes);
	} else {
		edge->change = GRAPH_CHANGE_NONE;
		edge->is_certain = is_point(&before->messages) && is_point(&after->messages) &&
				   is_point(&before->bytes) && is_point(&after->bytes);
	}
}

/* The name that was seen if there is one only, else what its names have in common. */
static char *shown_name(const struct diff_item *items, size_t nr)
{
	const char *name = NULL;

	for (size_t i = 0; i < nr; i++) {
		if (!items[i].is_there)
			continue;
		if (name && strcmp(name, items[i].name))
			return strdup(name_of(&items[i]));
		name = items[i].name;
	}
	return strdup(name ? name : "");
}

static int add_edge(struct comparison *comparison, const struct diff_item *items, size_t nr)
{
	struct graph_diff *diff = comparison->diff;
	struct graph_diff_edge *edge = &diff->edges[diff->edges_nr];

	*edge = (struct graph_diff_edge){
		.from = items->from,
		.to = items->to,
		.mechanism = items->mechanism,
		.is_memory = items->is_memory,
	};
	for (size_t i = 0; i < nr; i++)
		side_add(&edge->sides[items[i].age], &items[i]);
	if (!edge->sides[GRAPH_DIFF_OLD].is_there && !edge->sides[GRAPH_DIFF_NEW].is_there)
		return 0; /* possible in both, seen in none */
	for (int age = 0; age < GRAPH_DIFF_AGES; age++)
		side_finish(&edge->sides[age], edge, &comparison->graphs[age]->capture);
	edge_judge(edge);
	edge->channel = shown_name(items, nr);
	if (!edge->channel)
		return -ENOMEM;
	diff->edges_nr++;
	diff->changes[edge->change]++;
	diff->uncertain += edge->change != GRAPH_CHANGE_NONE && !edge->is_certain;
	return 0;
}

static uint64_t largest(const struct graph_range *a, const struct graph_range *b)
{
	return a->best > b->best ? a->best : b->best;
}

static int compare_edges(const void *a, const void *b, void *context)
{
	const struct graph_diff_program *programs = context;
	const struct graph_diff_edge *x = a, *y = b;
	int order = compare_u64(x->change, y->change);

	if (!order)
		order = compare_u64(largest(&y->sides[0].bytes, &y->sides[1].bytes),
				    largest(&x->sides[0].bytes, &x->sides[1].bytes));
	if (!order)
		order = compare_u64(largest(&y->sides[0].messages, &y->sides[1].messages),
				    largest(&x->sides[0].messages, &x->sides[1].messages));
	if (!order)
		order = strcmp(programs[x->from].name, programs[y->from].name);
	if (!order)
		order = strcmp(programs[x->to].name, programs[y->to].name);
	if (!order)
		order = compare_u64(x->mechanism, y->mechanism);
	return order ? order : strcmp(x->channel, y->channel);
}

static int add_edges(struct comparison *comparison)
{
	struct diff_items *items = &comparison->items;
	struct graph_diff *diff = comparison->diff;
	size_t end;
	int err = 0;

	diff->edges = calloc(items->nr + 1, sizeof(*diff->edges));
	if (!diff->edges)
		return -ENOMEM;
	for (size_t first = 0; first < items->nr && !err; first = end) {
		end = run_end(items, first);
		err = add_edge(comparison, &items->items[first], end - first);
	}
	if (err)
		return err;
	qsort_r(diff->edges, diff->edges_nr, sizeof(*diff->edges), compare_edges, diff->programs);
	return drop_idle_programs(diff);
}

/* All of it. */

static int prepare(struct comparison *comparison, enum graph_grouping by)
{
	for (int age = 0; age < GRAPH_DIFF_AGES; age++) {
		const struct graph *graph = comparison->graphs[age];

		comparison->names[age] = graph_program_names(graph, by);
		comparison->program_of[age] = calloc(graph->processes_nr + 1, sizeof(uint32_t));
		if (!comparison->names[age] || !comparison->program_of[age] ||
		    graph_pids_init(&comparison->pids[age], graph))
			return -ENOMEM;
	}
	return find_programs(comparison);
}

static int compare_graphs(struct comparison *comparison, enum graph_grouping by)
{
	int err = prepare(comparison, by);

	for (int age = 0; age < GRAPH_DIFF_AGES && !err; age++)
		err = diff_items_add_graph(&comparison->items, comparison->graphs[age],
					   (enum graph_diff_age)age, comparison->program_of[age]);
	if (!err)
		err = match_names(comparison);
	return err ? err : add_edges(comparison);
}

int graph_diff_new(const struct graph *old_graph, const struct graph *new_graph,
		   enum graph_grouping by, struct graph_diff **ret_diff)
{
	struct comparison comparison = {
		.graphs = { old_graph, new_graph },
		.diff = calloc(1, sizeof(*comparison.diff)),
	};
	int err = comparison.diff ? compare_graphs(&comparison, by) : -ENOMEM;

	for (int age = 0; age < GRAPH_DIFF_AGES; age++) {
		graph_program_free(comparison.names[age], comparison.graphs[age]);
		free(comparison.program_of[age]);
		graph_pids_fini(&comparison.pids[age]);
	}
	diff_items_fini(&comparison.items);
	if (err)
		graph_diff_free(comparison.diff);
	else
		*ret_diff = comparison.diff;
	return err;
}

void graph_diff_free(struct graph_diff *diff)
{
	if (!diff)
		return;
	for (size_t i = 0; i < diff->edges_nr; i++)
		free(diff->edges[i].channel);
	for (size_t i = 0; i < diff->programs_nr; i++)
		free(diff->programs[i].name);
	free(diff->edges);
	free(diff->programs);
	free(diff);
}
