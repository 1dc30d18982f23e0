/* SPDX-License-Identifier: GPL-2.0-only */
/* "did you mean": the word of a list that was most likely meant. */
#ifndef IPCTRACE_SUGGEST_H
#define IPCTRACE_SUGGEST_H

#include <stddef.h>

/*
 * The word of `words` (`nr` of them) nearest to `word`, or NULL if none is near or `word`
 * is longer than any that is meant. Borrowed from `words`.
 */
const char *suggest_nearest(const char *word, const char *const *words, size_t nr);

/*
 * `word` in `words`: its index. Else -1, with ", did you mean 'x'?" or "; choose from a, b,
 * c" in `hint`, to be put behind the complaint.
 */
int suggest_choose(const char *word, const char *const *words, size_t nr, char *hint,
		   size_t hint_size);

#endif
