/* SPDX-License-Identifier: GPL-2.0-only */
/* Verdicts in words. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "graph/graph_view.h"
#include "output/describe.h"
#include "output/line.h"
#include "output/verdict_edges.h"
#include "output/verify.h"

#define PAIRS_SHOWN 8 /* of a rule, and objects; the rest is counted */

struct words {
	const struct verdicts *verdicts;
	const struct verdict *verdict;
	struct verdict_words *out;
};

__attribute__((format(printf, 1, 2))) static char *text_new(const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	return len < 0 ? NULL : text;
}

/* Takes the text over. */
static int detail_add(struct words *words, char *text)
{
	if (!text)
		return -ENOMEM;
	if (words->out->details_nr == VERDICT_DETAILS_MAX)
		free(text);
	else
		words->out->details[words->out->details_nr++] = text;
	return 0;
}

/* Numbers ---------------------------------------------------------------------------------- */

static void value_format(char *text, size_t size, enum spec_unit unit, uint64_t value)
{
	switch (unit) {
	case SPEC_UNIT_BYTES:
		if (value < 1024) {
			units_format_bytes(text, size, value);
		} else {
			char exact[UNITS_TEXT_MAX], round[UNITS_TEXT_MAX];

			units_format_count(exact, sizeof(exact), value);
			units_format_bytes(round, sizeof(round), value);
			snprintf(text, size, "%s B (%s)", exact, round);
		}
		return;
	case SPEC_UNIT_TIME:
		units_format_duration(text, size, value);
		return;
	default:
		units_format_count(text, size, value);
	}
}

/* `= 5`, `is at least 5`, `is between 4 and 6` */
static char *measure_words(const struct measure *measure, enum spec_unit unit)
{
	char low[2 * UNITS_TEXT_MAX + 8], high[2 * UNITS_TEXT_MAX + 8];

	value_format(low, sizeof(low), unit, measure->low);
	value_format(high, sizeof(high), unit, measure->high);
	if (measure->low == measure->high)
		return text_new("= %s", low);
	if (measure->high == UINT64_MAX)
		return text_new("is %s or more", low);
	return text_new("is between %s and %s", low, high);
}

/* What is counted has this name; unread is of messages where there are no bytes. */
static char *bound_words(const struct verdict_bound *bound)
{
	const struct spec_field_kind *kind = &spec_fields[bound->bound->field];
	char *value = measure_words(&bound->measure, kind->unit), *text = NULL;
	const char *name = kind->name;
	char error[32];

	if (bound->bound->field == SPEC_FIELD_ERROR) {
		snprintf(error, sizeof(error), "errors.%s",
			 strerrorname_np(bound->bound->error_number));
		name = error;
	}
	if (value && !kind->is_measured)
		text = text_new("this version does not measure '%s' (%s)", name,
				bound->bound->text);
	else if (value)
		text = text_new("%s %s, %s %s", name, value,
				bound->holds == CERTAIN_NO  ? "which is not" :
				bound->holds == CERTAIN_YES ? "as it should:" :
							      "which may not be",
				bound->bound->text);
	free(value);
	return text;
}

/* Edges ------------------------------------------------------------------------------------ */

char *verdict_words_edge(const struct graph *graph, const struct graph_edge *edge)
{
	char *from = describe_process(&graph->processes[edge->from]);
	char *to = describe_process(&graph->processes[edge->to]);
	const char *name = graph->channels[edge->channel].name;
	char *text = NULL;

	if (from && to)
		text = text_new("%s -> %s via %s%s%s", from, to,
				graph_mechanism_name(edge->mechanism), *name ? " " : "", name);
	free(from);
	free(to);
	return text;
}

static char *pair_words(const struct words *words, const struct verdict_pair *pair)
{
	const struct graph *graph = words->verdicts->graph;
	const struct graph_channel *channel = &graph->channels[pair->channel];
	const uint32_t *roles = words->verdicts->roles;
	char *from = describe_process(&graph->processes[pair->from]);
	char *to = describe_process(&graph->processes[pair->to]);
	char *text = NULL;

	if (from && to)
		text = text_new("seen: %s -- %s via %s %s (%s -- %s)", from, to,
				graph_mechanism_name(channel->mechanism),
				describe_channel(graph, pair->channel),
				spec_role_name(words->verdicts->spec, roles[pair->from]),
				spec_role_name(words->verdicts->spec, roles[pair->to]));
	free(from);
	free(to);
	return text;
}

static int edges_describe(struct words *words)
{
	const struct verdict *verdict = words->verdict;
	char *lines[VERDICT_EDGES_LINES];
	size_t nr;
	int err = verdict_edges_tell(words->verdicts, verdict, lines, &nr);

	for (size_t i = 0; i < nr; i++)
		(void)detail_add(words, lines[i]); /* there are few */
	for (size_t i = 0; i < verdict->pairs_nr && i < PAIRS_SHOWN && !err; i++)
		err = detail_add(words, pair_words(words, &verdict->pairs[i]));
	if (!err && verdict->pairs_nr > PAIRS_SHOWN)
		err = detail_add(words,
				 text_new("and %zu pairs more", verdict->pairs_nr - PAIRS_SHOWN));
	return err;
}

char *verdict_words_example(const struct verdicts *verdicts, const struct verdict_example *example)
{
	const struct graph *graph = verdicts->graph;
	const struct graph_edge *edge = &graph->edges[example->edge];
	const struct graph_process *from = &graph->processes[edge->from];
	const struct graph_process *to = &graph->processes[edge->to];
	struct line line = {
		.time_ns = example->transfer.time_ns,
		.from = { from->pid, from->comm },
		.to = { to->pid, to->comm },
		.mechanism = edge->mechanism,
		.channel = graph->channels[edge->channel].name,
		.messages = example->transfer.messages,
		.bytes = example->transfer.bytes,
	};
	char *text = NULL, *whole = NULL, fd[32] = "";
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);
	int err = stream ? line_write(stream, &line) : -ENOMEM;

	if (stream && fclose(stream))
		err = -ENOMEM;
	if (example->transfer.fd >= 0)
		snprintf(fd, sizeof(fd), " fd %d", example->transfer.fd);
	if (!err && text)
		whole = text_new("%.*s%s%s", (int)strcspn(text + strspn(text, " "), "\n"),
				 text + strspn(text, " "), fd, example->is_edge ? " in all" : "");
	free(text);
	return whole;
}

static int examples_describe(struct words *words)
{
	int err = 0;

	for (size_t i = 0; i < words->verdict->examples_nr && !err; i++)
		err = detail_add(words, verdict_words_example(words->verdicts,
							      &words->verdict->examples[i]));
	return err;
}

/* What was wanted, and is not there. */
static int absence_describe(struct words *words)
{
	const struct verdict *verdict = words->verdict;
	const struct spec *spec = words->verdicts->spec;
	int err = 0;

	if (verdict->from_is_missing)
		err = detail_add(words, text_new("no process has the role '%s'",
						 spec_role_name(spec, verdict->rule->from)));
	if (!err && verdict->to_is_missing && verdict->rule->to != verdict->rule->from)
		err = detail_add(words, text_new("no process has the role '%s'",
						 spec_role_name(spec, verdict->rule->to)));
	if (!err && verdict->nearest != GRAPH_NONE)
		err = detail_add(words,
				 verdict_edges_one(words->verdicts, "nearest:", verdict->nearest));
	return err;
}

static int leftovers_describe(struct words *words)
{
	const struct graph *graph = words->verdicts->graph;
	const struct graph_leftovers *left = &words->verdict->leftovers;
	int err = 0;

	for (size_t i = 0; i < left->nr && i < PAIRS_SHOWN && !err; i++) {
		const struct graph_channel *channel = &graph->channels[left->channels[i]];
		char *maker = describe_process(&graph->processes[channel->created_by]);

		err = maker ? detail_add(words, text_new("left: %s %s, made by %s",
							 graph_mechanism_name(channel->mechanism),
							 describe_channel(graph, left->channels[i]),
							 maker)) :
			      -ENOMEM;
		free(maker);
	}
	if (!err && left->nr > PAIRS_SHOWN)
		err = detail_add(words, text_new("and %zu more", left->nr - PAIRS_SHOWN));
	return err;
}

/* Bounds that do not hold, or may not, besides the one that the message has. */
static int bounds_describe(struct words *words)
{
	const struct verdict *verdict = words->verdict;
	int err = 0;

	for (size_t i = 0; i < verdict->bounds_nr && !err; i++) {
		const struct verdict_bound *bound = &verdict->bounds[i];
		char *text;

		if (bound->holds == CERTAIN_YES && spec_fields[bound->bound->field].is_measured)
			continue;
		text = bound_words(bound);
		if (text && !strcmp(text, words->out->message))
			free(text);
		else
			err = detail_add(words, text);
	}
	return err;
}

/* Messages --------------------------------------------------------------------------------- */

static const char *what_of(const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_CLOSED)
		return "nothing allows this";
	return verdict->kind == VERDICT_RULE && verdict->rule->section == SPEC_FORBID ?
		       "this was seen" :
		       "seen";
}

static char *count_words(const struct verdict *verdict)
{
	const struct measure *measure = verdict->rule->is_memory ? &verdict->peers :
								   &verdict->messages;
	char *value = measure_words(measure, SPEC_UNIT_COUNT), *text = NULL;

	if (value)
		text = text_new("%s %s, wanted are %" PRIu64 " or more",
				verdict->rule->is_memory ? "peers" : "messages", value,
				verdict->rule->count);
	free(value);
	return text;
}

/* The first bound that does not hold; else it is the count. */
static char *bound_message(const struct verdict *verdict)
{
	enum certainty worst = CERTAIN_YES;
	const struct verdict_bound *found = NULL;

	for (size_t i = 0; i < verdict->bounds_nr; i++)
		if (verdict->bounds[i].holds < worst) {
			found = &verdict->bounds[i];
			worst = found->holds;
		}
	return found ? bound_words(found) : count_words(verdict);
}

static char *lost_message(const struct graph_ledger *ledger)
{
	return text_new("%" PRIu64 " records were lost, so what was not seen may have happened; a "
			"larger --ring-size may help, and --max-lost takes so many for none",
			ledger->lost);
}

static char *left_message(const struct verdict *verdict)
{
	return text_new("%zu object%s left at the end, not %s", verdict->leftovers.nr,
			verdict->leftovers.nr == 1 ? " was" : "s were", verdict->leftover->text);
}

static char *not_recorded_message(const struct verdict *verdict)
{
	if (verdict->kind == VERDICT_LEFTOVER)
		return text_new("the capture does not tell what objects were left at its end");
	return text_new("the capture does not tell how the command ended: it has none, or the "
			"command was still running");
}

static char *barrier_message(const struct graph_capture *capture)
{
	if (!capture->barrier_cpus)
		return text_new("the capture has no barrier at its end, as of an older version, so "
				"what was not seen may have happened");
	return text_new("the barrier at the end reached %u of %u CPUs, so what was not seen may "
			"have happened",
			capture->barrier_reached, capture->barrier_cpus);
}

static char *message_new(const struct words *words)
{
	const struct verdict *verdict = words->verdict;
	const struct verdicts *verdicts = words->verdicts;

	switch (verdict->reason) {
	case VERDICT_REASON_NONE:
		return strdup("");
	case VERDICT_REASON_ABSENT:
		return strdup("this was not seen");
	case VERDICT_REASON_SEEN:
		return strdup(what_of(verdict));
	case VERDICT_REASON_BOUND:
	case VERDICT_REASON_NOT_MEASURED:
		return bound_message(verdict);
	case VERDICT_REASON_STATUS:
		return text_new("the command ended with status %d, not %u",
				verdicts->graph->capture.command_status,
				verdicts->spec->exit.status);
	case VERDICT_REASON_LEFT:
		return left_message(verdict);
	case VERDICT_REASON_LOST:
		return lost_message(&verdicts->graph->ledger);
	case VERDICT_REASON_CUT:
		return strdup("recording stopped early (killed, full, or the command went on), so "
			      "what was not seen may have happened");
	case VERDICT_REASON_BARRIER:
		return barrier_message(&verdicts->graph->capture);
	case VERDICT_REASON_CONTRADICTED:
		return strdup("the capture contradicts itself: some of its records make no sense, "
			      "or are not as many as were counted; so what was not seen may have "
			      "happened");
	case VERDICT_REASON_UNRESOLVED:
		return strdup("a transfer went through a descriptor that was gone before it could "
			      "be looked up, so what was not seen may have happened");
	case VERDICT_REASON_NOT_TRACED:
		return strdup("the capture was made with -e, and not all mechanisms of this rule "
			      "are in it");
	case VERDICT_REASON_UNPROVEN:
		return strdup("something like this was seen, but it is not proven who of several "
			      "processes sent or received it");
	case VERDICT_REASON_NOT_RECORDED:
		return not_recorded_message(verdict);
	default:
		return strdup("?");
	}
}

static char *title_new(const struct words *words)
{
	const struct verdict *verdict = words->verdict;
	const struct spec_exit *exit = &words->verdicts->spec->exit;

	switch (verdict->kind) {
	case VERDICT_RULE:
		return text_new("%s %s", spec_section_names[verdict->rule->section],
				verdict->rule->text);
	case VERDICT_CLOSED:
		return strdup("closed");
	case VERDICT_LEFTOVER:
		return text_new("at_exit %s", verdict->leftover->text);
	default:
		return text_new("exit %u", exit->status);
	}
}

static int details_fill(struct words *words)
{
	const struct verdict *verdict = words->verdict;
	int err = 0;

	if (verdict->status == VERDICT_PASS)
		return 0;
	if (verdict->kind == VERDICT_RULE && verdict->rule->why)
		err = detail_add(words, text_new("why: %s", verdict->rule->why));
	if (!err && verdict->kind == VERDICT_RULE && !verdict->edges_nr && !verdict->pairs_nr)
		err = absence_describe(words);
	if (!err && verdict->reason != VERDICT_REASON_SEEN &&
	    (verdict->edges_nr || verdict->pairs_nr))
		err = bounds_describe(words);
	if (!err)
		err = edges_describe(words);
	if (!err)
		err = leftovers_describe(words);
	return err ? err : examples_describe(words);
}

int verdict_words_fill(const struct verdicts *verdicts, const struct verdict *verdict,
		       struct verdict_words *ret_words)
{
	struct words words = { verdicts, verdict, ret_words };

	*ret_words = (struct verdict_words){};
	ret_words->title = title_new(&words);
	ret_words->message = message_new(&words);
	if (!ret_words->title || !ret_words->message)
		return -ENOMEM;
	return details_fill(&words);
}

void verdict_words_fini(struct verdict_words *words)
{
	free(words->title);
	free(words->message);
	for (size_t i = 0; i < words->details_nr; i++)
		free(words->details[i]);
	*words = (struct verdict_words){};
}
