/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_limit.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

/* `20%`, `64KiB` of bytes, `1000` of messages. */
static int parse_amount(const char *text, struct graph_limit *limit)
{
	const char *number_end = text + strspn(text, "0123456789.");
	uint64_t amount;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	limit->amount = strtod(text, &end);
	limit->is_percent = !strcmp(number_end, "%");
	if (limit->is_percent || !*number_end)
		return end == number_end ? 0 : -EINVAL;
	if (limit->of != GRAPH_LIMIT_BYTES || units_parse_size(text, &amount))
		return -EINVAL;
	limit->amount = (double)amount;
	return 0;
}

/* Moves over the word that a text begins with; false: it begins with another one. */
static bool skip_word(const char **text, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*text, word, len))
		return false;
	*text += len;
	return true;
}

int graph_limit_parse(const char *text, struct graph_limit *ret_limit)
{
	struct graph_limit limit = { .text = text };
	const char *at = text;

	if (!strcmp(text, "new") || !strcmp(text, "gone")) {
		limit.of = *text == 'n' ? GRAPH_LIMIT_NEW : GRAPH_LIMIT_GONE;
		*ret_limit = limit;
		return 0;
	}
	if (skip_word(&at, "messages"))
		limit.of = GRAPH_LIMIT_MESSAGES;
	else if (skip_word(&at, "bytes"))
		limit.of = GRAPH_LIMIT_BYTES;
	else
		return -EINVAL;
	limit.forbids_more = *at != '-';
	limit.forbids_less = *at != '+';
	if (parse_amount(at + (*at == '-' || *at == '+'), &limit))
		return -EINVAL;
	*ret_limit = limit;
	return 0;
}

/* Does a number differ from the old one, which is `base`, by more than the limit allows? */
static bool exceeds(const struct graph_limit *limit, uint64_t difference, uint64_t base)
{
	if (limit->is_percent)
		return (double)difference * 100 > limit->amount * (double)base;
	return (double)difference > limit->amount;
}

static bool grows(const struct graph_limit *limit, uint64_t from, uint64_t to)
{
	return limit->forbids_more && to > from && exceeds(limit, to - from, from);
}

static bool shrinks(const struct graph_limit *limit, uint64_t from, uint64_t to)
{
	return limit->forbids_less && to < from && exceeds(limit, from - to, from);
}

static enum graph_verdict judge_range(const struct graph_limit *limit,
				      const struct graph_range *from, const struct graph_range *to)
{
	if (grows(limit, from->high, to->low) || shrinks(limit, from->low, to->high))
		return GRAPH_VERDICT_BROKEN;
	if (grows(limit, from->best, to->best) || shrinks(limit, from->best, to->best))
		return GRAPH_VERDICT_DOUBTFUL;
	return GRAPH_VERDICT_KEPT;
}

enum graph_verdict graph_limit_judge(const struct graph_limit *limit,
				     const struct graph_diff_edge *edge)
{
	const struct graph_diff_side *from = &edge->sides[GRAPH_DIFF_OLD];
	const struct graph_diff_side *to = &edge->sides[GRAPH_DIFF_NEW];
	enum graph_change change = limit->of == GRAPH_LIMIT_NEW ? GRAPH_CHANGE_NEW :
								  GRAPH_CHANGE_GONE;

	if (limit->of == GRAPH_LIMIT_NEW || limit->of == GRAPH_LIMIT_GONE) {
		if (edge->change != change)
			return GRAPH_VERDICT_KEPT;
		return edge->is_certain ? GRAPH_VERDICT_BROKEN : GRAPH_VERDICT_DOUBTFUL;
	}
	if (!from->is_there || !to->is_there)
		return GRAPH_VERDICT_KEPT;
	if (limit->of == GRAPH_LIMIT_MESSAGES)
		return judge_range(limit, &from->messages, &to->messages);
	return judge_range(limit, &from->bytes, &to->bytes);
}
