/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A specification from what was seen: a role for each program, what occurred in every run is
 * required, with bounds wider by half, what is left to chance or came from outside is allowed.
 */
#ifndef IPCTRACE_LEARN_H
#define IPCTRACE_LEARN_H

#include <stdio.h>

#include "graph/graph.h"

/*
 * Writes a specification, with comments, that holds for all of these graphs, each of a run that is
 * whole. 0, -ENOMEM or -EIO.
 */
int learn_write(const struct graph *const *graphs, size_t graphs_nr, FILE *stream);

/* The role of processes that the capture did not follow. */
#define LEARN_OUTSIDE "outside"

/* Shared by the files learn*.c, and by nobody else. ---------------------------------------- */

/* The section `roles`, from all graphs. 0 or -ENOMEM. */
int learn_write_roles(const struct graph *const *graphs, size_t graphs_nr, FILE *stream);

/*
 * What stays the same from run to run of a channel's name, as a glob: digits and the random part of
 * a temporary file's name become `*`. Owned by the caller; "" if nothing of it is stable, NULL
 * without memory.
 */
char *learn_name_glob(enum ipct_mechanism mechanism, const char *name);

/* `text` with what a glob takes for more than itself escaped. As above. */
char *learn_escape_glob(const char *text);

/* Writes a scalar of YAML in double quotes. */
void learn_write_quoted(const char *text, FILE *stream);

#endif
