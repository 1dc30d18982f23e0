/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph.h"

#include <stdlib.h>

static void strings_free(char **strings)
{
	size_t i;

	for (i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

static void processes_free(struct graph *graph)
{
	size_t i;

	for (i = 0; graph->processes && i < graph->processes_nr; i++) {
		struct graph_process *process = &graph->processes[i];

		free(process->comm);
		free(process->exe);
		strings_free(process->args);
		strings_free(process->listens);
		free(process->cgroup);
	}
	free(graph->processes);
}

static void channels_free(struct graph *graph)
{
	size_t i, j;

	for (i = 0; graph->channels && i < graph->channels_nr; i++) {
		struct graph_channel *channel = &graph->channels[i];

		for (j = 0; channel->endpoints && j < channel->endpoints_nr; j++)
			free(channel->endpoints[j].errors);
		free(channel->endpoints);
		free(channel->name);
		free(channel->object);
	}
	free(graph->channels);
}

static void edges_free(struct graph *graph)
{
	size_t i;

	for (i = 0; graph->edges && i < graph->edges_nr; i++)
		histogram_free(graph->edges[i].residency);
	free(graph->edges);
}

void graph_free(struct graph *graph)
{
	if (!graph)
		return;
	free(graph->capture.host);
	free(graph->capture.kernel);
	free(graph->capture.arch);
	free(graph->capture.hooks);
	strings_free(graph->capture.command);
	processes_free(graph);
	channels_free(graph);
	edges_free(graph);
	free(graph);
}
