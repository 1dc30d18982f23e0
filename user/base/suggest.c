/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/suggest.h"

#include <stdio.h>
#include <string.h>

#define WORD_MAX 63 /* longer choices are not suggested, to longer words nothing is */

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, which is at most WORD_MAX
 * long. Three rows of the usual table: two back, the one before, the current one.
 */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b), i, j;

	for (j = 0; j <= b_len; j++)
		rows[0][j] = j;
	for (i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3], *last = rows[(i - 1) % 3], *older = rows[(i + 1) % 3];

		row[0] = i;
		for (j = 1; j <= b_len; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    older[j - 2] + 1 < row[j])
				row[j] = older[j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

/* A prefix is near; else a third of the letters may be wrong. */
static size_t distance(const char *word, const char *candidate)
{
	if (*word && !strncmp(word, candidate, strlen(word)))
		return 1;
	return edit_distance(word, candidate);
}

const char *suggest_nearest(const char *word, const char *const *words, size_t nr)
{
	const char *nearest = NULL;
	size_t best = 0, limit = (strlen(word) + 2) / 3, i;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (i = 0; i < nr; i++) {
		size_t edits;

		if (strlen(words[i]) > WORD_MAX)
			continue;
		edits = distance(word, words[i]);
		if (edits <= limit && (!nearest || edits < best)) {
			nearest = words[i];
			best = edits;
		}
	}
	return nearest;
}

static void list_choices(const char *const *words, size_t nr, char *hint, size_t hint_size)
{
	size_t used = 0, i;

	for (i = 0; i < nr && used < hint_size; i++)
		used += (size_t)snprintf(hint + used, hint_size - used, "%s%s",
					 i ? ", " : "; choose from ", words[i]);
}

int suggest_choose(const char *word, const char *const *words, size_t nr, char *hint,
		   size_t hint_size)
{
	const char *nearest;
	size_t i;

	for (i = 0; i < nr; i++)
		if (!strcmp(word, words[i]))
			return (int)i;
	nearest = suggest_nearest(word, words, nr);
	if (nearest)
		snprintf(hint, hint_size, ", did you mean '%s'?", nearest);
	else
		list_choices(words, nr, hint, hint_size);
	return -1;
}
