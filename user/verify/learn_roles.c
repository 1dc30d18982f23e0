/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A role for each program. Two processes of one program, of which one is the other's child, have
 * different ones: a master and its workers. Interpreters are told apart by their scripts.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/path.h"
#include "verify/learn.h"
#include "verify/spec.h"

#define NAME_MAX_BYTES 48
#define ROLES_MAX 200 /* more programs than anybody describes */

/* What a role is made from; equal texts are equal roles. */
struct program {
	char *key; /* the matcher as it is written, which names the program */
	char *name;
	char *exe, *comm, *script; /* globs; NULL: not matched */
	bool is_child;
	unsigned int number; /* if another has the name: name-2 */
	UT_hash_handle hh;
};

struct programs {
	struct program *by_key;
};

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A path that can be written in a line; others are told by nothing. */
static bool is_plain(const char *text)
{
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f)
			return false;
	return *text;
}

static bool is_interpreter(const char *base)
{
	static const char *const names[] = { "python", "perl", "ruby", "node", "php",
					     "lua",    "sh",   "bash", "dash", "tclsh" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		/* python3, python3.11 */
		if (!strncmp(base, names[i], len) &&
		    len + strspn(base + len, "0123456789.") == path_undeleted(base))
			return true;
	}
	return false;
}

/* The script that an interpreter runs; NULL: it runs none, or it is not known. */
static const char *script_of(const struct graph_process *process)
{
	if (!is_interpreter(base_of(process->exe)) || !process->args[0] || !process->args[1])
		return NULL;
	if (process->args[1][0] == '-' || !is_plain(process->args[1]))
		return NULL;
	return base_of(process->args[1]);
}

/* One that was replaced since is the same. */
static bool is_same_path(const char *a, const char *b)
{
	size_t len = path_undeleted(a);

	return len == path_undeleted(b) && !strncmp(a, b, len);
}

/* The same program: forked, and not run anew with another one. */
static bool is_same_program(const struct graph_process *a, const struct graph_process *b)
{
	const char *script_a = script_of(a), *script_b = script_of(b);

	return is_same_path(a->exe, b->exe) && (a->exe[0] || !strcmp(a->comm, b->comm)) &&
	       !strcmp(script_a ? script_a : "", script_b ? script_b : "");
}

static void program_free(struct program *program)
{
	if (!program)
		return;
	free(program->key);
	free(program->name);
	free(program->exe);
	free(program->comm);
	free(program->script);
	free(program);
}

/* Letters that names of roles have, and not one of those that are built in. */
static char *role_name(const char *from, bool is_child)
{
	static const char *const taken[] = { "other", "kernel", "remote",     "before",
					     "via",   "where",	LEARN_OUTSIDE };
	char *name = malloc(NAME_MAX_BYTES + sizeof("-process-child"));
	size_t len = 0;

	if (!name)
		return NULL;
	for (; *from && len < NAME_MAX_BYTES; from++)
		if (isalnum((unsigned char)*from) || *from == '_' ||
		    (len && (*from == '.' || *from == '-')))
			name[len++] = *from;
	name[len] = '\0';
	if (!len)
		strcpy(name, "unnamed");
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (!strcmp(name, taken[i])) {
			strcat(name, "-process");
			break;
		}
	if (is_child)
		strcat(name, "-child");
	return name;
}

static char *joined(const char *before, char *text, const char *behind)
{
	char *all = NULL;

	if (text && asprintf(&all, "%s%s%s", before, text, behind) < 0)
		all = NULL;
	free(text);
	return all;
}

/* `base`: name of the file that it runs. */
static int program_fill(const struct graph *graph, const struct graph_process *process,
			const char *base, struct program *program)
{
	const char *script = script_of(process);

	program->is_child = process->parent != GRAPH_NONE &&
			    is_same_program(&graph->processes[process->parent], process);
	if (is_plain(base))
		program->exe =
			joined(strchr(process->exe, '/') ? "*/" : "", learn_escape_glob(base), "");
	else if (is_plain(process->comm))
		program->comm = learn_escape_glob(process->comm);
	if (script)
		program->script = joined("*", learn_escape_glob(script), "*");
	program->name = role_name(script		  ? script :
				  is_plain(base)	  ? base :
				  is_plain(process->comm) ? process->comm :
							    "",
				  program->is_child);
	if (asprintf(&program->key, "%s\n%s\n%s\n%d", program->exe ? program->exe : "",
		     program->comm ? program->comm : "", program->script ? program->script : "",
		     program->is_child) < 0)
		program->key = NULL;
	if (!program->key || !program->name || (script && !program->script) ||
	    (is_plain(base) && !program->exe))
		return -ENOMEM;
	return 0;
}

/* Another program of the same name: `run.py` in two places is one, of two interpreters are two. */
static void program_number(struct programs *programs, struct program *program)
{
	program->number = 1;
	for (struct program *other = programs->by_key; other; other = other->hh.next)
		if (!strcmp(other->name, program->name) && other->number >= program->number)
			program->number = other->number + 1;
}

static int program_note(struct programs *programs, const struct graph *graph,
			const struct graph_process *process)
{
	const char *file = base_of(process->exe);
	char *base = strndup(file, path_undeleted(file));
	struct program *program = calloc(1, sizeof(*program)), *known;
	int err = program && base ? program_fill(graph, process, base, program) : -ENOMEM;

	free(base);
	if (err) {
		program_free(program);
		return err;
	}
	HASH_FIND_STR(programs->by_key, program->key, known);
	if (known || HASH_COUNT(programs->by_key) >= ROLES_MAX ||
	    (!program->exe && !program->comm)) {
		program_free(program);
		return 0;
	}
	program_number(programs, program);
	HASH_ADD_KEYPTR(hh, programs->by_key, program->key, strlen(program->key), program);
	return 0;
}

/* What is described --------------------------------------------------------------------------- */

static bool args_are_command(const struct graph_process *process, char *const *command)
{
	size_t i = 0;

	for (; command[i] && process->args[i]; i++)
		if (strcmp(command[i], process->args[i]))
			return false;
	return !command[i] && !process->args[i];
}

/* The command's process: the youngest of those with its arguments. GRAPH_NONE: it is not there. */
static uint32_t root_find(const struct graph *graph)
{
	uint32_t root = GRAPH_NONE;

	for (uint32_t i = 0; graph->capture.command && i < graph->processes_nr; i++)
		if (args_are_command(&graph->processes[i], graph->capture.command) &&
		    (root == GRAPH_NONE ||
		     graph->processes[i].start_ns > graph->processes[root].start_ns))
			root = i;
	return root;
}

/* Of the whole system only the command's tree and who talks to it; without a command all of it. */
static void tree_mark(const struct graph *graph, uint32_t root, bool *is_member)
{
	bool has_grown = true;

	for (size_t i = 0; i < graph->processes_nr; i++)
		is_member[i] = root == GRAPH_NONE || root == i;
	while (root != GRAPH_NONE && has_grown) {
		has_grown = false;
		for (size_t i = 0; i < graph->processes_nr; i++) {
			uint32_t parent = graph->processes[i].parent;

			if (!is_member[i] && parent != GRAPH_NONE && is_member[parent])
				is_member[i] = has_grown = true;
		}
	}
}

static void peers_mark(const struct graph *graph, bool *is_member, const bool *is_tree)
{
	for (size_t i = 0; i < graph->edges_nr; i++) {
		const struct graph_edge *edge = &graph->edges[i];

		/* a pipe to the outside is inherited from whoever runs the command */
		if (edge->mechanism == IPCT_SIGNAL || edge->mechanism == IPCT_PIPE)
			continue;
		if (is_tree[edge->from] || is_tree[edge->to])
			is_member[edge->from] = is_member[edge->to] = true;
	}
	/* their masters too, or a worker could not be told from one */
	for (size_t i = 0; i < graph->processes_nr; i++) {
		uint32_t parent = graph->processes[i].parent;

		if (is_member[i] && parent != GRAPH_NONE &&
		    is_same_program(&graph->processes[i], &graph->processes[parent]))
			is_member[parent] = true;
	}
}

static int graph_note(struct programs *programs, const struct graph *graph)
{
	bool *is_tree = calloc(2 * graph->processes_nr + 1, sizeof(*is_tree));
	bool *is_member = is_tree + graph->processes_nr;
	uint32_t root = root_find(graph);
	int err = is_tree ? 0 : -ENOMEM;

	if (err)
		return err;
	if (graph->capture.scope == GRAPH_SCOPE_SYSTEM) {
		tree_mark(graph, root, is_tree);
		memcpy(is_member, is_tree, graph->processes_nr * sizeof(*is_tree));
		peers_mark(graph, is_member, is_tree);
	}
	for (size_t i = 0; i < graph->processes_nr && !err; i++) {
		const struct graph_process *process = &graph->processes[i];

		if (process->pid && process->is_traced &&
		    (graph->capture.scope != GRAPH_SCOPE_SYSTEM || is_member[i]))
			err = program_note(programs, graph, process);
	}
	free(is_tree);
	return err;
}

/* Writing ------------------------------------------------------------------------------------- */

static void name_write(const struct program *program, FILE *stream)
{
	fputs(program->name, stream);
	if (program->number > 1)
		fprintf(stream, "-%u", program->number);
}

/* The program that children of this role were forked from; NULL: it was not seen. */
static const struct program *master_of(const struct programs *programs,
				       const struct program *program)
{
	for (const struct program *other = programs->by_key; other; other = other->hh.next)
		if (!other->is_child &&
		    !strncmp(other->key, program->key, strlen(program->key) - 1))
			return other;
	return NULL;
}

static void parents_write(const struct programs *programs, const struct program *program,
			  FILE *stream)
{
	const struct program *master = master_of(programs, program);

	fputs(", parent: [", stream);
	if (master) {
		name_write(master, stream);
		fputs(", ", stream);
	}
	name_write(program, stream);
	fputs("]", stream);
}

static void program_write(const struct programs *programs, const struct program *program,
			  FILE *stream)
{
	fputs("  ", stream);
	name_write(program, stream);
	fputs(": {", stream);
	fputs(program->exe ? "exe: " : "comm: ", stream);
	learn_write_quoted(program->exe ? program->exe : program->comm, stream);
	if (program->script) {
		fputs(", args: ", stream);
		learn_write_quoted(program->script, stream);
	}
	if (program->is_child)
		parents_write(programs, program, stream);
	fputs("}\n", stream);
}

/* What says more stands first: the first role that matches is the one. */
static int rank_of(const struct program *program)
{
	return 2 * !program->script + !program->is_child;
}

int learn_write_roles(const struct graph *const *graphs, size_t graphs_nr, FILE *stream)
{
	struct programs programs = {};
	struct program *program, *next;
	int err = 0;

	for (size_t i = 0; i < graphs_nr && !err; i++)
		err = graph_note(&programs, graphs[i]);
	if (!err && graphs[0]->capture.scope != GRAPH_SCOPE_SYSTEM)
		fputs("roles:\n  # whoever is at the other end, and not of what was run\n"
		      "  " LEARN_OUTSIDE ": {traced: false}\n",
		      stream);
	else if (!err)
		fputs(programs.by_key ? "roles:\n" : "roles: {}\n", stream);
	for (int rank = 0; rank < 4 && !err; rank++)
		for (program = programs.by_key; program; program = program->hh.next)
			if (rank_of(program) == rank)
				program_write(&programs, program, stream);
	HASH_ITER (hh, programs.by_key, program, next) {
		HASH_DEL(programs.by_key, program);
		program_free(program);
	}
	return err;
}
