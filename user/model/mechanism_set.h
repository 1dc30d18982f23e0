/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of mechanisms as people name them: a mechanism, or a group of them. */
#ifndef IPCTRACE_MECHANISM_SET_H
#define IPCTRACE_MECHANISM_SET_H

#include <stddef.h>
#include <stdint.h>

#include <ipctrace/types.h>

#define MECHANISM_SET_ALL UINT64_MAX
#define MECHANISM_SET_BIT(mechanism) (1ULL << (mechanism))

/* Mechanisms, then groups: what mechanism_set_of() knows. */
extern const char *const mechanism_set_names[];
extern const size_t mechanism_set_names_nr;

/* The mechanisms that go by this name, a bit each (MECHANISM_SET_BIT); 0: none do. */
uint64_t mechanism_set_of(const char *word);

/*
 * A list as -e takes it, `pipe,unix`: what is in it; 0 if a word is no name. The last word that was
 * read is left in `word`, which has room for all of the list.
 */
uint64_t mechanism_set_of_list(const char *list, char *word);

/* All mechanisms of these models (enum ipct_model), a bit each. */
uint64_t mechanism_set_of_models(uint32_t models);

#endif
