/* SPDX-License-Identifier: GPL-2.0-only */
#include "output/diff.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"

#define RANGE_TEXT_MAX (2 * UNITS_TEXT_MAX + 8)

const struct diff_format *const diff_formats[] = {
#define FORMAT(name) &diff_##name,
#include "output/diff_formats.def"
#undef FORMAT
	NULL,
};

const char *const diff_age_names[GRAPH_DIFF_AGES] = {
	[GRAPH_DIFF_OLD] = "old",
	[GRAPH_DIFF_NEW] = "new",
};

size_t diff_edges_shown(const struct diff_view *view)
{
	size_t nr = view->diff->edges_nr;

	return view->edges_max && view->edges_max < nr ? view->edges_max : nr;
}

void diff_format_change(char *text, size_t size, const struct graph_range *from,
			const struct graph_range *to)
{
	double old = (double)from->best, percent = ((double)to->best - old) * 100 / old;

	if (from->best == to->best)
		snprintf(text, size, "=");
	else if (!from->best)
		snprintf(text, size, "from 0");
	else if (percent >= 1000)
		snprintf(text, size, "×%.0f", (double)to->best / old);
	else if (percent > -10 && percent < 10)
		snprintf(text, size, "%+.1f%%", percent);
	else
		snprintf(text, size, "%+.0f%%", percent);
}

static const char *mark_of(const struct graph_range *range)
{
	return range->low == range->high ? "" : "≈ ";
}

void diff_format_messages(char *text, size_t size, const struct graph_range *range)
{
	char count[UNITS_TEXT_MAX];

	units_format_count(count, sizeof(count), range->best);
	snprintf(text, size, "%s%s", mark_of(range), count);
}

void diff_format_bytes(char *text, size_t size, const struct graph_range *range)
{
	char bytes[UNITS_TEXT_MAX];

	units_format_bytes(bytes, sizeof(bytes), range->best);
	snprintf(text, size, "%s%s", mark_of(range), bytes);
}

typedef void (*format_fn)(char *text, size_t size, uint64_t number);

/* `12`, `12 or more`, `12 to 15` */
static void format_range(char *text, size_t size, const struct graph_range *range,
			 format_fn format_number)
{
	char low[UNITS_TEXT_MAX], high[UNITS_TEXT_MAX];

	format_number(low, sizeof(low), range->low);
	format_number(high, sizeof(high), range->high);
	if (range->low == range->high)
		snprintf(text, size, "%s", low);
	else if (range->high == GRAPH_DIFF_NO_LIMIT)
		snprintf(text, size, "%s or more", low);
	else
		snprintf(text, size, "%s to %s", low, high);
}

/* `12 to 15 messages, 3.0 KiB or more` */
static char *describe_ranges(const struct graph_diff_side *side)
{
	char messages[RANGE_TEXT_MAX], bytes[RANGE_TEXT_MAX], *text;

	format_range(messages, sizeof(messages), &side->messages, units_format_count);
	format_range(bytes, sizeof(bytes), &side->bytes, units_format_bytes);
	return asprintf(&text, "%s messages, %s", messages, bytes) < 0 ? NULL : text;
}

char *diff_describe_doubt(const struct graph_diff_edge *edge)
{
	char *ranges[GRAPH_DIFF_AGES], *text;
	int len;

	if (edge->is_certain || edge->change == GRAPH_CHANGE_NONE)
		return strdup("");
	for (int age = 0; age < GRAPH_DIFF_AGES; age++)
		ranges[age] = describe_ranges(&edge->sides[age]);
	len = asprintf(&text, "not certain: proven are %s before, and %s now",
		       ranges[GRAPH_DIFF_OLD] ? ranges[GRAPH_DIFF_OLD] : "",
		       ranges[GRAPH_DIFF_NEW] ? ranges[GRAPH_DIFF_NEW] : "");
	if (len < 0)
		text = NULL;
	if (!ranges[GRAPH_DIFF_OLD] || !ranges[GRAPH_DIFF_NEW]) {
		free(text);
		text = NULL;
	}
	free(ranges[GRAPH_DIFF_OLD]);
	free(ranges[GRAPH_DIFF_NEW]);
	return text;
}
