/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/roles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"

#define ROLE_UNKNOWN UINT32_MAX
#define GENERATIONS_MAX 4096

struct assign {
	const struct spec *spec;
	const struct graph *graph;
	uint32_t *roles;
};

/* A process as patterns look at it. */
struct looks {
	char *exe; /* without the mark of a file that was replaced since */
	char *args;
};

static uint32_t node_role(const struct graph_process *node)
{
	if (!strcmp(node->comm, "kernel"))
		return SPEC_ROLE_KERNEL;
	if (!strcmp(node->comm, "before capture"))
		return SPEC_ROLE_BEFORE;
	return SPEC_ROLE_REMOTE;
}

/* The arguments as one text, blanks between them; owned by the caller. NULL without memory. */
static char *args_join(char *const *args)
{
	size_t len = 1;
	char *text, *at;

	for (char *const *arg = args; *arg; arg++)
		len += strlen(*arg) + 1;
	text = at = malloc(len);
	if (!text)
		return NULL;
	for (char *const *arg = args; *arg; arg++) {
		at = stpcpy(at, *arg);
		if (arg[1])
			*at++ = ' ';
	}
	*at = '\0';
	return text;
}

static void looks_fini(struct looks *looks)
{
	free(looks->exe);
	free(looks->args);
}

static int looks_init(struct looks *looks, const struct graph_process *process)
{
	looks->exe = strndup(process->exe, path_undeleted(process->exe));
	looks->args = args_join(process->args);
	if (looks->exe && looks->args)
		return 0;
	looks_fini(looks);
	return -ENOMEM;
}

static bool is_transparent(const struct assign *assign, const struct graph_process *process)
{
	return assign->spec->transparent.nr &&
	       spec_globs_match(&assign->spec->transparent, process->comm);
}

/* The nearest ancestor that is not transparent, or GRAPH_NONE. */
static uint32_t parent_of(const struct assign *assign, const struct graph_process *process)
{
	uint32_t parent = process->parent;

	for (int i = 0; i < GENERATIONS_MAX && parent != GRAPH_NONE; i++) {
		const struct graph_process *at = &assign->graph->processes[parent];

		if (!is_transparent(assign, at))
			return parent;
		parent = at->parent;
	}
	return GRAPH_NONE;
}

/*
 * A parent that the capture knows nothing of matches no role. So does one without a role yet: it
 * is its own ancestor, or too far up.
 */
static uint32_t role_of_parent(const struct assign *assign, uint32_t parent)
{
	if (parent == GRAPH_NONE || assign->roles[parent] == ROLE_UNKNOWN)
		return SPEC_ROLE_OTHER;
	return assign->roles[parent];
}

static bool parent_matches(const struct assign *assign, const struct spec_role *role,
			   uint32_t parent)
{
	uint32_t parent_role = role_of_parent(assign, parent);

	for (size_t i = 0; i < role->parents_nr; i++)
		if (role->parents[i] == parent_role)
			return true;
	return !role->parents_nr;
}

static bool listens_match(const struct spec_role *role, const struct graph_process *process)
{
	for (char *const *name = process->listens; name && *name; name++)
		if (spec_globs_match(&role->listens, *name))
			return true;
	return !role->listens.nr;
}

static bool text_matches(const struct spec_globs *globs, const char *text)
{
	return !globs->nr || spec_globs_match(globs, text);
}

static bool role_matches(const struct assign *assign, const struct spec_role *role,
			 const struct graph_process *process, const struct looks *looks)
{
	return text_matches(&role->exe, looks->exe) && text_matches(&role->comm, process->comm) &&
	       text_matches(&role->args, looks->args) &&
	       text_matches(&role->cgroup, process->cgroup) &&
	       (!role->has_uid || role->uid == process->uid) &&
	       (!role->has_traced || role->is_traced == process->is_traced) &&
	       listens_match(role, process) &&
	       parent_matches(assign, role, parent_of(assign, process));
}

/* Its parents have their roles already. */
static int process_assign(struct assign *assign, uint32_t index)
{
	const struct graph_process *process = &assign->graph->processes[index];
	struct looks looks;
	int err;

	if (!process->pid) {
		assign->roles[index] = node_role(process);
		return 0;
	}
	err = looks_init(&looks, process);
	if (err)
		return err;
	assign->roles[index] = SPEC_ROLE_OTHER;
	for (size_t i = SPEC_ROLE_BUILTIN_NR; i < assign->spec->roles_nr; i++)
		if (role_matches(assign, &assign->spec->roles[i], process, &looks)) {
			assign->roles[index] = (uint32_t)i;
			break;
		}
	looks_fini(&looks);
	if (assign->roles[index] == SPEC_ROLE_OTHER && is_transparent(assign, process))
		assign->roles[index] = role_of_parent(assign, parent_of(assign, process));
	return 0;
}

/* The oldest ancestor without a role yet; `index` itself if its parent has one. */
static uint32_t oldest_unknown(const struct assign *assign, uint32_t index)
{
	for (int i = 0; i < GENERATIONS_MAX; i++) {
		uint32_t parent = assign->graph->processes[index].parent;

		if (parent == GRAPH_NONE || parent == index ||
		    assign->roles[parent] != ROLE_UNKNOWN)
			break;
		index = parent;
	}
	return index;
}

static int line_assign(struct assign *assign, uint32_t index)
{
	int err = 0;

	while (!err && assign->roles[index] == ROLE_UNKNOWN)
		err = process_assign(assign, oldest_unknown(assign, index));
	return err;
}

int roles_assign(const struct spec *spec, const struct graph *graph, uint32_t **ret_roles)
{
	struct assign assign = { .spec = spec, .graph = graph };
	int err = 0;

	assign.roles = malloc((graph->processes_nr + 1) * sizeof(*assign.roles));
	if (!assign.roles)
		return -ENOMEM;
	for (size_t i = 0; i < graph->processes_nr; i++)
		assign.roles[i] = ROLE_UNKNOWN;
	for (size_t i = 0; i < graph->processes_nr && !err; i++)
		err = line_assign(&assign, (uint32_t)i);
	if (err)
		free(assign.roles);
	else
		*ret_roles = assign.roles;
	return err;
}
