/* SPDX-License-Identifier: GPL-2.0-only */
#include "output/verdict_edges.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "output/verify.h"

/* Edges that are told in one line. */
struct edges_sum {
	struct graph_count count, unread;
	size_t nr;
	bool is_exact;
};

/* What was told so far. */
struct edges_told {
	const struct verdicts *verdicts;
	const struct verdict *verdict;
	size_t first[VERDICT_EDGES_SHOWN]; /* of each kind: an index into the verdict's edges */
	size_t nr;			   /* of these */
	size_t edges_nr;		   /* that they stand for */
};

static uint64_t subtract(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

static uint64_t least(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/* What the sender sent through the channel and nobody took: the channel's two directions share
 * one number of what is unread. */
static struct graph_count edge_unread(const struct graph *graph, const struct graph_edge *edge)
{
	const struct graph_channel *channel = &graph->channels[edge->channel];
	struct graph_count left = {};

	if (!channel->unread.messages && !channel->unread.bytes)
		return left;
	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		const struct graph_endpoint *endpoint = &channel->endpoints[i];

		if (endpoint->process != edge->from ||
		    (endpoint->role != IPCT_ROLE_SEND && endpoint->role != IPCT_ROLE_POST))
			continue;
		left.messages += endpoint->count.messages;
		left.bytes += endpoint->count.bytes;
	}
	for (size_t i = 0; i < graph->edges_nr; i++) {
		const struct graph_edge *taken = &graph->edges[i];

		if (taken->channel != edge->channel || taken->from != edge->from)
			continue;
		left.messages = subtract(left.messages, taken->count.messages);
		left.bytes = subtract(left.bytes, taken->count.bytes);
	}
	left.messages = least(left.messages, channel->unread.messages);
	left.bytes = least(left.bytes, channel->unread.bytes);
	return left;
}

static const struct graph_edge *edge_at(const struct edges_told *told, size_t index)
{
	return &told->verdicts->graph->edges[told->verdict->edges[index]];
}

/* They differ in their channel only, such as the connections of a client. */
static bool are_alike(const struct graph *graph, const struct graph_edge *one,
		      const struct graph_edge *other)
{
	return one->from == other->from && one->to == other->to &&
	       one->mechanism == other->mechanism &&
	       !strcmp(graph->channels[one->channel].name, graph->channels[other->channel].name);
}

static void sum_add(struct edges_sum *sum, const struct graph *graph, const struct graph_edge *edge)
{
	struct graph_count unread = edge_unread(graph, edge);

	sum->nr++;
	sum->count.messages += edge->count.messages;
	sum->count.bytes += edge->count.bytes;
	sum->unread.messages += unread.messages;
	sum->unread.bytes += unread.bytes;
	sum->is_exact &= edge->is_exact;
}

/* `, 64 KiB unread`; of what has no bytes, messages. Empty if there is nothing. */
static void unread_format(char *text, size_t size, const struct graph_count *unread)
{
	char value[UNITS_TEXT_MAX];

	*text = '\0';
	if (unread->bytes) {
		units_format_bytes(value, sizeof(value), unread->bytes);
		snprintf(text, size, ", %s unread", value);
	} else if (unread->messages) {
		units_format_count(value, sizeof(value), unread->messages);
		snprintf(text, size, ", %s message%s unread", value,
			 unread->messages == 1 ? "" : "s");
	}
}

/* The edge stands for all of the sum. */
static char *sum_words(const struct verdicts *verdicts, const char *what,
		       const struct graph_edge *edge, const struct edges_sum *sum)
{
	char messages[UNITS_TEXT_MAX], bytes[UNITS_TEXT_MAX], unread[UNITS_TEXT_MAX + 32];
	char *pair = verdict_words_edge(verdicts->graph, edge), *text = NULL;
	char channels[48] = "";

	units_format_count(messages, sizeof(messages), sum->count.messages);
	units_format_bytes(bytes, sizeof(bytes), sum->count.bytes);
	unread_format(unread, sizeof(unread), &sum->unread);
	if (sum->nr > 1)
		snprintf(channels, sizeof(channels), " in %zu channels", sum->nr);
	if (pair && asprintf(&text, "%s %s (%s -> %s): %s message%s, %s%s%s%s", what, pair,
			     spec_role_name(verdicts->spec, verdicts->roles[edge->from]),
			     spec_role_name(verdicts->spec, verdicts->roles[edge->to]), messages,
			     sum->count.messages == 1 ? "" : "s", bytes, channels, unread,
			     sum->is_exact ? "" : ", not exact") < 0)
		text = NULL;
	free(pair);
	return text;
}

char *verdict_edges_one(const struct verdicts *verdicts, const char *what, uint32_t index)
{
	const struct graph_edge *edge = &verdicts->graph->edges[index];
	struct edges_sum sum = { .is_exact = true };

	sum_add(&sum, verdicts->graph, edge);
	return sum_words(verdicts, what, edge, &sum);
}

static bool is_told(const struct edges_told *told, const struct graph_edge *edge)
{
	for (size_t i = 0; i < told->nr; i++)
		if (are_alike(told->verdicts->graph, edge_at(told, told->first[i]), edge))
			return true;
	return false;
}

/* All that are like the edge, which is the first of them. */
static char *kind_tell(struct edges_told *told, size_t first)
{
	const struct graph *graph = told->verdicts->graph;
	const struct graph_edge *edge = edge_at(told, first);
	struct edges_sum sum = { .is_exact = true };

	for (size_t i = 0; i < told->verdict->edges_nr; i++)
		if (are_alike(graph, edge_at(told, i), edge))
			sum_add(&sum, graph, edge_at(told, i));
	told->first[told->nr++] = first;
	told->edges_nr += sum.nr;
	return sum_words(told->verdicts, "seen:", edge, &sum);
}

/* is_unread: only where something was not read. */
static int kinds_tell(struct edges_told *told, bool is_unread, char *lines[], size_t *nr)
{
	for (size_t i = 0; i < told->verdict->edges_nr && told->nr < VERDICT_EDGES_SHOWN; i++) {
		const struct graph_edge *edge = edge_at(told, i);
		struct graph_count unread = {};

		if (is_unread)
			unread = edge_unread(told->verdicts->graph, edge);
		if ((is_unread && !unread.bytes && !unread.messages) || is_told(told, edge))
			continue;
		lines[*nr] = kind_tell(told, i);
		if (!lines[*nr])
			return -ENOMEM;
		(*nr)++;
	}
	return 0;
}

static bool wants_unread(const struct verdict *verdict)
{
	for (size_t i = 0; i < verdict->bounds_nr; i++)
		if (verdict->bounds[i].bound->field == SPEC_FIELD_UNREAD &&
		    verdict->bounds[i].holds != CERTAIN_YES)
			return true;
	return false;
}

int verdict_edges_tell(const struct verdicts *verdicts, const struct verdict *verdict,
		       char *ret_lines[VERDICT_EDGES_LINES], size_t *ret_nr)
{
	struct edges_told told = { .verdicts = verdicts, .verdict = verdict };
	int err = 0;

	*ret_nr = 0;
	if (wants_unread(verdict))
		err = kinds_tell(&told, true, ret_lines, ret_nr);
	if (!err)
		err = kinds_tell(&told, false, ret_lines, ret_nr);
	if (err || verdict->edges_nr == told.edges_nr)
		return err;
	if (asprintf(&ret_lines[*ret_nr], "and %zu edges more", verdict->edges_nr - told.edges_nr) <
	    0)
		return -ENOMEM;
	(*ret_nr)++;
	return 0;
}
