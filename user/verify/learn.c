/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/learn_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/channel.h"
#include "model/mechanism_set.h"
#include "verify/evaluate.h"
#include "verify/roles.h"
#include "verify/scene.h"

#define CANDIDATES_MAX 2000 /* beyond these a specification helps nobody */

/* A role of a program, not one for whoever is not described. */
bool learn_is_described(const struct learn *learn, uint32_t role)
{
	return role >= SPEC_ROLE_BUILTIN_NR &&
	       strcmp(spec_role_name(learn->roles, role), LEARN_OUTSIDE) != 0;
}

/* Candidates -------------------------------------------------------------------------------- */

static void candidate_free(struct candidate *candidate)
{
	free(candidate->text);
	free(candidate->group);
	free(candidate);
}

/* NULL without memory, or where there are too many. Takes `text` over. */
static struct candidate *candidate_get(struct learn *learn, char *text, const char *group)
{
	struct candidate *candidate;

	if (!text)
		return NULL;
	HASH_FIND_STR(learn->candidates, text, candidate);
	if (candidate || HASH_COUNT(learn->candidates) >= CANDIDATES_MAX) {
		free(text);
		return candidate;
	}
	candidate = calloc(1, sizeof(*candidate));
	if (!candidate) {
		free(text);
		return NULL;
	}
	candidate->text = text;
	candidate->group = strdup(group);
	candidate->is_exact = candidate->is_read = true;
	candidate->messages.low = candidate->bytes.low = UINT64_MAX;
	if (!candidate->group) {
		candidate_free(candidate);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, learn->candidates, candidate->text, strlen(candidate->text), candidate);
	return candidate;
}

/* A name as it stands in a rule: in quotes where it would end too early. */
static char *named_text(const char *group, const char *glob)
{
	char *text = malloc(strlen(group) + 2 * strlen(glob) + 4), *to = text;

	if (!text)
		return NULL;
	to = stpcpy(stpcpy(to, group), " ");
	if (!strpbrk(glob, " \t\"") && strcmp(glob, "where")) {
		strcpy(to, glob);
		return text;
	}
	*to++ = '"';
	for (; *glob; glob++) {
		if (*glob == '"' || *glob == '\\')
			*to++ = '\\';
		*to++ = *glob;
	}
	strcpy(to, "\"");
	return text;
}

/* A channel between two roles: a rule with its name, and one without. 0 or -ENOMEM. */
static int candidate_note(struct learn *learn, uint32_t from, uint32_t to,
			  const struct graph_channel *channel, bool is_memory)
{
	char *group = NULL, *glob = learn_name_glob(channel->mechanism, channel->name);
	bool is_outside = !learn_is_described(learn, from) || !learn_is_described(learn, to);
	struct candidate *all = NULL, *one = NULL;

	if (asprintf(&group, "%s %s %s via %s", spec_role_name(learn->roles, from),
		     is_memory ? "--" : "->", spec_role_name(learn->roles, to),
		     channel_mechanism_name(channel->mechanism)) < 0)
		group = NULL;
	if (group && glob)
		all = candidate_get(learn, strdup(group), group);
	if (all && *glob)
		one = candidate_get(learn, named_text(group, glob), group);
	if (all && !*glob)
		all->is_needed = true;
	for (int i = 0; i < 2; i++) {
		struct candidate *candidate = i ? one : all;

		if (!candidate)
			continue;
		candidate->is_outside = is_outside;
		candidate->mechanism = channel->mechanism;
		candidate->is_memory = is_memory;
	}
	free(group);
	free(glob);
	return all || HASH_COUNT(learn->candidates) >= CANDIDATES_MAX ? 0 : -ENOMEM;
}

static int edges_note(struct learn *learn, const struct graph *graph, const uint32_t *roles)
{
	int err = 0;

	for (size_t i = 0; i < graph->edges_nr && !err; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		uint32_t from = roles[edge->from], to = roles[edge->to];

		/* what `closed` does not judge need not be allowed */
		if (edge->from == edge->to || from == SPEC_ROLE_BEFORE ||
		    from == SPEC_ROLE_KERNEL ||
		    (!learn_is_described(learn, from) && !learn_is_described(learn, to)))
			continue;
		err = candidate_note(learn, from, to, &graph->channels[edge->channel], false);
	}
	return err;
}

static int pairs_note(struct learn *learn, const struct graph *graph, const uint32_t *roles)
{
	const struct scene scene = { .spec = learn->roles, .graph = graph, .roles = roles };
	struct verdict_pair *pairs = NULL;
	size_t nr = 0;
	int err =
		scene_pairs(&scene, mechanism_set_of_models(1U << IPCT_MODEL_MAPPING), &pairs, &nr);

	for (size_t i = 0; i < nr && !err; i++) {
		uint32_t a = roles[pairs[i].from], b = roles[pairs[i].to];

		if (!learn_is_described(learn, a) && !learn_is_described(learn, b))
			continue;
		/* the order of the two says nothing */
		err = candidate_note(learn, a > b ? a : b, a > b ? b : a,
				     &graph->channels[pairs[i].channel], true);
	}
	free(pairs);
	return err;
}

static int graph_note(struct learn *learn, const struct graph *graph)
{
	uint32_t *roles;
	int err = roles_assign(learn->roles, graph, &roles);

	if (err)
		return err;
	for (size_t i = 0; i < graph->processes_nr; i++)
		if (graph->processes[i].parent != GRAPH_NONE)
			learn->has_children[roles[graph->processes[i].parent]] = true;
	err = edges_note(learn, graph, roles);
	if (!err)
		err = pairs_note(learn, graph, roles);
	free(roles);
	return err;
}

/* Measuring --------------------------------------------------------------------------------- */

/* All candidates as one specification, in their order. */
static char *candidates_text(const struct learn *learn)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);

	if (!stream)
		return NULL;
	fprintf(stream, "ipctrace: 1\n%srequire:\n", learn->roles_text);
	for (const struct candidate *candidate = learn->candidates; candidate;
	     candidate = candidate->hh.next) {
		char *rule;

		if (asprintf(&rule, "%s%s", candidate->text,
			     learn_is_pipe(candidate) ? " where unread = 0" : "") < 0)
			break;
		fputs("  - ", stream);
		learn_write_quoted(rule, stream);
		fputc('\n', stream);
		free(rule);
	}
	if (!fclose(stream))
		return text;
	free(text);
	return NULL;
}

static void range_widen(struct measure *range, const struct measure *run)
{
	if (run->low < range->low)
		range->low = run->low;
	if (run->high > range->high)
		range->high = run->high;
}

static void verdict_note(struct candidate *candidate, const struct verdict *verdict)
{
	if (verdict->reason == VERDICT_REASON_ABSENT || verdict->reason == VERDICT_REASON_UNPROVEN)
		return;
	candidate->runs++;
	candidate->is_exact &= verdict->messages.low == verdict->messages.high &&
			       verdict->bytes.low == verdict->bytes.high;
	candidate->is_read &= verdict->bounds_nr && verdict->bounds[0].holds == CERTAIN_YES;
	range_widen(&candidate->messages, &verdict->messages);
	range_widen(&candidate->bytes, &verdict->bytes);
}

static int graph_measure(struct learn *learn, const struct spec *spec, const struct graph *graph)
{
	const struct evaluate_options options = {};
	struct candidate *candidate = learn->candidates;
	struct verdicts verdicts;
	int err = evaluate(spec, graph, &options, &verdicts);

	if (err)
		return err;
	for (size_t i = 0; candidate && i < verdicts.nr; candidate = candidate->hh.next)
		verdict_note(candidate, &verdicts.all[i++]);
	verdicts_fini(&verdicts);
	return 0;
}

/* A text of our own: what is wrong with it is a bug. */
static int own_parse(const char *text, struct spec **ret_spec)
{
	struct text_problem problem;
	int err = text ? spec_parse(text, strlen(text), ret_spec, &problem) : -ENOMEM;

	return err == -EINVAL ? -EBADMSG : err;
}

static int candidates_measure(struct learn *learn)
{
	char *text = candidates_text(learn);
	struct spec *spec = NULL;
	int err = own_parse(text, &spec);

	for (size_t i = 0; i < learn->graphs_nr && !err; i++)
		err = graph_measure(learn, spec, learn->graphs[i]);
	spec_free(spec);
	free(text);
	return err;
}

/* ------------------------------------------------------------------------------------------- */

static int roles_learn(struct learn *learn)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&learn->roles_text, &len);
	int err = stream ? learn_write_roles(learn->graphs, learn->graphs_nr, stream) : -ENOMEM;

	if (stream && fclose(stream))
		err = -ENOMEM;
	if (!err && asprintf(&text, "ipctrace: 1\n%s", learn->roles_text) < 0)
		err = -ENOMEM;
	if (!err)
		err = own_parse(text, &learn->roles);
	free(text);
	if (err)
		return err;
	learn->has_children = calloc(learn->roles->roles_nr, sizeof(*learn->has_children));
	return learn->has_children ? 0 : -ENOMEM;
}

int learn_write(const struct graph *const *graphs, size_t graphs_nr, FILE *stream)
{
	struct learn learn = { .graphs = graphs, .graphs_nr = graphs_nr, .out = stream };
	struct candidate *candidate, *next;
	int err = roles_learn(&learn);

	for (size_t i = 0; i < graphs_nr && !err; i++)
		err = graph_note(&learn, graphs[i]);
	if (!err)
		err = candidates_measure(&learn);
	if (!err)
		err = learn_write_text(&learn);
	HASH_ITER (hh, learn.candidates, candidate, next) {
		HASH_DEL(learn.candidates, candidate);
		candidate_free(candidate);
	}
	free(learn.has_children);
	spec_free(learn.roles);
	free(learn.roles_text);
	return err;
}
