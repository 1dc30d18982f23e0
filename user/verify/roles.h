/* SPDX-License-Identifier: GPL-2.0-only */
/* Which process has which role. */
#ifndef IPCTRACE_ROLES_H
#define IPCTRACE_ROLES_H

#include "graph/graph.h"
#include "verify/spec.h"

/*
 * The role of each process of the graph, by its index, an index into the roles of `spec`: the first
 * that matches, else SPEC_ROLE_OTHER; what is no process of this machine has a built-in one. Owned
 * by the caller (free). 0 or -ENOMEM.
 */
int roles_assign(const struct spec *spec, const struct graph *graph, uint32_t **ret_roles);

#endif
