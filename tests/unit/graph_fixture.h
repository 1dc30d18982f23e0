/* SPDX-License-Identifier: GPL-2.0-only */
/* Graphs built by hand for the tests of everything that shows one. */
#ifndef GRAPH_FIXTURE_H
#define GRAPH_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

/* A name with all that an output must not pass on: newline, ESC, quotes, markup, \N, bytes
 * that are no UTF-8, a C1 control, a bidirectional override, U+FFFE; and an umlaut that stays.
 */
#define HOSTILE "a\n\x1b[31m\"'<b>&lt;\\N\\\xff\xc2\x9b\xe2\x80\xae\xef\xbf\xbe\xc3\xbc"

static inline void *fixture_slot(void *array, size_t *nr, size_t size)
{
	char *grown = realloc(array, (*nr + 1) * size);

	if (!grown)
		abort();
	memset(grown + *nr * size, 0, size);
	(*nr)++;
	return grown;
}

static inline char **fixture_strings(const char *const *from)
{
	size_t nr = 0, i;
	char **strings;

	while (from[nr])
		nr++;
	strings = calloc(nr + 1, sizeof(*strings));
	for (i = 0; i < nr; i++)
		strings[i] = strdup(from[i]);
	return strings;
}

static inline struct graph *fixture_new(void)
{
	static const char *const command[] = { "make", "demo", NULL };
	struct graph *graph = calloc(1, sizeof(*graph));

	graph->capture.host = strdup("web1");
	graph->capture.kernel = strdup("6.18.0");
	graph->capture.arch = strdup("x86_64");
	graph->capture.hooks = strdup("all");
	graph->capture.start_realtime_ns = 1785931200123456789; /* 2026-08-05 12:00:00 UTC */
	graph->capture.duration_ns = 10000000000;
	graph->capture.command = fixture_strings(command);
	graph->capture.is_complete = true;
	graph->capture.barrier_cpus = graph->capture.barrier_reached = 2;
	graph->capture.is_barrier_reached = true;
	graph->ledger = (struct graph_ledger){ .seen = 120, .recorded = 117, .aggregated = 3 };
	return graph;
}

static inline uint32_t fixture_process(struct graph *graph, uint32_t pid, const char *comm,
				       const char *exe)
{
	const char *args[] = { exe, "-g", NULL };
	struct graph_process *process;

	graph->processes = fixture_slot(graph->processes, &graph->processes_nr, sizeof(*process));
	process = &graph->processes[graph->processes_nr - 1];
	process->pid = pid;
	process->parent = GRAPH_NONE;
	process->comm = strdup(comm);
	process->exe = strdup(exe);
	process->args = fixture_strings(pid ? args : args + 2);
	process->cgroup = strdup("/system.slice");
	process->exit_ns = -1;
	process->is_traced = pid != 0;
	process->members = 1;
	return (uint32_t)graph->processes_nr - 1;
}

static inline uint32_t fixture_channel(struct graph *graph, enum ipct_mechanism mechanism,
				       const char *name, const char *object)
{
	struct graph_channel *channel;

	graph->channels = fixture_slot(graph->channels, &graph->channels_nr, sizeof(*channel));
	channel = &graph->channels[graph->channels_nr - 1];
	channel->mechanism = mechanism;
	channel->name = strdup(name);
	channel->object = strdup(object);
	channel->created_by = GRAPH_NONE;
	return (uint32_t)graph->channels_nr - 1;
}

static inline struct graph_endpoint *fixture_endpoint(struct graph *graph, uint32_t channel,
						      uint32_t process, enum ipct_role role,
						      uint64_t messages, uint64_t bytes)
{
	struct graph_channel *at = &graph->channels[channel];
	struct graph_endpoint *endpoint;

	at->endpoints = fixture_slot(at->endpoints, &at->endpoints_nr, sizeof(*endpoint));
	endpoint = &at->endpoints[at->endpoints_nr - 1];
	endpoint->process = process;
	endpoint->role = role;
	endpoint->origin_from = GRAPH_NONE;
	endpoint->operations = messages;
	endpoint->count = (struct graph_count){ messages, bytes };
	return endpoint;
}

/* An exact edge. The pointer holds until the next edge. */
static inline struct graph_edge *fixture_edge(struct graph *graph, uint32_t from, uint32_t to,
					      uint32_t channel, uint64_t messages, uint64_t bytes)
{
	struct graph_edge *edge;

	graph->edges = fixture_slot(graph->edges, &graph->edges_nr, sizeof(*edge));
	edge = &graph->edges[graph->edges_nr - 1];
	edge->from = from;
	edge->to = to;
	edge->channel = channel;
	edge->passed = GRAPH_NONE;
	edge->mechanism = graph->channels[channel].mechanism;
	edge->count = edge->at_least = (struct graph_count){ messages, bytes };
	edge->is_exact = true;
	edge->members = 1;
	return edge;
}

/* What a traced process controls is hostile everywhere. */
static inline struct graph *fixture_hostile(void)
{
	static const char *const command[] = { HOSTILE, HOSTILE, NULL };
	struct graph *graph = fixture_new();
	uint32_t from, to, host, channel;
	size_t i;

	for (i = 0; graph->capture.command[i]; i++)
		free(graph->capture.command[i]);
	free(graph->capture.command);
	graph->capture.command = fixture_strings(command);
	from = fixture_process(graph, 812, HOSTILE, HOSTILE);
	to = fixture_process(graph, 840, "", "");
	host = fixture_process(graph, 0, HOSTILE, "");
	channel = fixture_channel(graph, IPCT_UNIX_STREAM, HOSTILE, HOSTILE);
	fixture_edge(graph, from, to, channel, 3, 300);
	fixture_edge(graph, host, from, channel, 1, 1)->is_exact = false;
	return graph;
}

/* What an output says, and does not say. */
static inline void contains(const char *text, const char *expected)
{
	if (!strstr(text, expected))
		fail_msg("no '%s' in\n%s", expected, text);
}

static inline void lacks(const char *text, const char *unexpected)
{
	if (strstr(text, unexpected))
		fail_msg("'%s' in\n%s", unexpected, text);
}

#endif
