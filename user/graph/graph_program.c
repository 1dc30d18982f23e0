/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_program.h"

#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "graph/graph_name.h"

#define COMM_FULL 15 /* what the kernel keeps of a longer name */

/* Part of a text. */
struct word {
	const char *text;
	size_t len;
};

/* How an interpreter is told what to run. */
struct interpreter {
	const char *name;
	const char *inline_letters; /* short options that are followed by the program itself */
	const char *valued;	    /* options that are followed by a value, each between spaces */
	const char *naming;	    /* options that are followed by what is run */
};

static const struct interpreter interpreters[] = {
	{ "ash", "c", " -o ", "" },
	{ "bash", "c", " -o -O --rcfile --init-file ", "" },
	{ "dash", "c", " -o ", "" },
	{ "java", "", " -cp -classpath --class-path -p --module-path ", " -jar -m --module " },
	{ "ksh", "c", " -o ", "" },
	{ "lua", "e", " -l ", "" },
	{ "node", "ep", " -r --require --import --loader --eval --print ", "" },
	{ "nodejs", "ep", " -r --require --import --loader --eval --print ", "" },
	{ "perl", "eE", " -I ", "" },
	{ "php", "r", " -c -d -z ", " -f " },
	{ "python", "c", " -W -X ", " -m " },
	{ "ruby", "e", " -I -r -C ", "" },
	{ "sh", "c", " -o ", "" },
	{ "zsh", "c", " -o ", "" },
};

static struct word last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct word word = { slash ? slash + 1 : path, 0 };

	word.len = strlen(word.text);
	return word;
}

/* The file of a program; one that was replaced since is the same program. */
static struct word file_of(const struct graph_process *process)
{
	struct word word = last_part(process->exe ? process->exe : "");

	word.len = path_undeleted(word.text);
	return word;
}

static const char *argument(const struct graph_process *process, size_t index)
{
	for (size_t i = 0; process->args && process->args[i]; i++)
		if (i == index)
			return process->args[i];
	return NULL;
}

/* The name that it was called by. Those that set a title have none: it does not fit their comm. */
static struct word called_of(const struct graph_process *process)
{
	const char *first = argument(process, 0), *comm = process->comm ? process->comm : "";
	struct word word = last_part(first ? first : "");
	size_t len = strlen(comm);

	if (*word.text == '-') { /* a login shell */
		word.text++;
		word.len--;
	}
	if (!len || strncmp(word.text, comm, len) || (word.len != len && len != COMM_FULL))
		word.len = 0;
	return word;
}

/* By the name without its version: `python3.11` is python. NULL: it is none. */
static const struct interpreter *interpreter_of(const struct word *program)
{
	size_t len = program->len;

	while (len && strchr("0123456789.-", program->text[len - 1]))
		len--;
	for (size_t i = 0; i < sizeof(interpreters) / sizeof(interpreters[0]); i++) {
		const char *name = interpreters[i].name;

		if (len == strlen(name) && !memcmp(program->text, name, len))
			return &interpreters[i];
	}
	return NULL;
}

/* Is the option one of a list in which each stands between spaces? */
static bool is_listed(const char *list, const char *option)
{
	size_t len = strlen(option);

	for (const char *at = strstr(list, option); at; at = strstr(at + 1, option))
		if (at > list && at[-1] == ' ' && at[len] == ' ')
			return true;
	return false;
}

static bool holds_program(const struct interpreter *interpreter, const char *option)
{
	return option[1] != '-' && strpbrk(option + 1, interpreter->inline_letters);
}

/* What it was told to run; of length 0: nothing that has a name. */
static struct word script_of(const struct graph_process *process,
			     const struct interpreter *interpreter)
{
	static const struct word none = { "", 0 };
	const char *option;

	for (size_t i = 1; (option = argument(process, i)); i++) {
		if (*option != '-')
			return last_part(option);
		if (is_listed(interpreter->naming, option)) {
			option = argument(process, i + 1);
			return option ? last_part(option) : none;
		}
		if (is_listed(interpreter->valued, option))
			i++;
		else if (!strcmp(option, "--"))
			continue;
		else if (!option[1] || holds_program(interpreter, option))
			return none;
	}
	return none;
}

static struct word program_of(const struct graph_process *process)
{
	struct word file = file_of(process), called = called_of(process);
	struct word program = called.len ? called : file, script = { "", 0 };
	const struct interpreter *interpreter = interpreter_of(&program);

	if (!interpreter)
		interpreter = interpreter_of(&file);
	if (interpreter)
		script = script_of(process, interpreter);
	if (script.len)
		return script;
	if (!program.len && process->comm)
		program = (struct word){ process->comm, strlen(process->comm) };
	return program;
}

/* Processes of other machines. */

/* Does one of its channels have its name? Then it is who listens, and the port stays the same. */
static bool *servers_new(const struct graph *graph)
{
	bool *is_server = calloc(graph->processes_nr + 1, sizeof(*is_server));

	for (size_t i = 0; is_server && i < graph->edges_nr; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		const uint32_t ends[] = { edge->from, edge->to };
		const char *name =
			edge->channel == GRAPH_NONE ? NULL : graph->channels[edge->channel].name;

		for (size_t e = 0; e < 2; e++) {
			const char *node = graph->processes[ends[e]].comm;
			const char *port = node ? graph_name_port(node) : NULL;
			bool is_named = name && *name;

			is_server[ends[e]] |= port && (is_named ? !strcmp(name, node) :
								  !graph_name_port_is_given(port));
		}
	}
	return is_server;
}

static struct word node_of(const struct graph_process *process, bool is_server)
{
	struct word word = { process->comm ? process->comm : "", 0 };
	const char *port = is_server ? NULL : graph_name_port(word.text);

	word.len = port ? (size_t)(port - word.text) : strlen(word.text);
	return word;
}

static struct word name_of(const struct graph_process *process, enum graph_grouping by,
			   bool is_server)
{
	bool is_exe = by == GRAPH_GROUP_EXE && process->pid && process->exe && *process->exe;
	const char *text = is_exe ? process->exe : process->comm;

	if (by == GRAPH_GROUP_PROGRAM)
		return process->pid ? program_of(process) : node_of(process, is_server);
	return (struct word){ text ? text : "", text ? strlen(text) : 0 };
}

char **graph_program_names(const struct graph *graph, enum graph_grouping by)
{
	char **names = calloc(graph->processes_nr + 1, sizeof(*names));
	bool *is_server = servers_new(graph);
	bool is_whole = names && is_server;

	for (size_t i = 0; is_whole && i < graph->processes_nr; i++) {
		struct word word = name_of(&graph->processes[i], by, is_server[i]);

		names[i] = strndup(word.text, word.len);
		is_whole = names[i];
	}
	free(is_server);
	if (is_whole)
		return names;
	graph_program_free(names, graph);
	return NULL;
}

void graph_program_free(char **names, const struct graph *graph)
{
	for (size_t i = 0; names && i < graph->processes_nr; i++)
		free(names[i]);
	free(names);
}
