/* SPDX-License-Identifier: GPL-2.0-only */
/* Two graphs to be compared, built by names: the pids of one are not those of the other. */
#ifndef DIFF_FIXTURE_H
#define DIFF_FIXTURE_H

#include "graph/graph_diff.h"
#include "graph_fixture.h"

struct diff_pair {
	struct graph *before, *now;
};

static inline struct diff_pair diff_pair_new(void)
{
	struct diff_pair pair = { fixture_new(), fixture_new() };

	pair.now->ledger = (struct graph_ledger){ .seen = 130, .recorded = 130 };
	return pair;
}

static inline void diff_pair_free(struct diff_pair *pair)
{
	graph_free(pair->before);
	graph_free(pair->now);
}

/* By program, owned by the caller. */
static inline struct graph_diff *diff_pair_compare(const struct diff_pair *pair)
{
	struct graph_diff *diff;

	assert_int_equal(graph_diff_new(pair->before, pair->now, GRAPH_GROUP_PROGRAM, &diff), 0);
	return diff;
}

/* The process of this comm, made if there is none; with a port in its name it is far away. */
static inline uint32_t diff_process(struct graph *graph, const char *comm)
{
	uint32_t pid = strchr(comm, ':') ? 0 : 2000 + 7 * (uint32_t)graph->processes_nr;
	char exe[64];
	uint32_t i;

	for (i = 0; i < graph->processes_nr; i++)
		if (!strcmp(graph->processes[i].comm, comm))
			return i;
	snprintf(exe, sizeof(exe), "/usr/bin/%s", comm);
	return fixture_process(graph, pid, comm, pid ? exe : "");
}

static inline uint32_t diff_channel(struct graph *graph, enum ipct_mechanism mechanism,
				    const char *name)
{
	char object[32];

	snprintf(object, sizeof(object), "object:[%zu]", graph->channels_nr);
	return fixture_channel(graph, mechanism, name, object);
}

/* An exact edge over a channel of its own. The pointer holds until the next edge. */
static inline struct graph_edge *diff_edge(struct graph *graph, const char *from, const char *to,
					   enum ipct_mechanism mechanism, const char *name,
					   uint64_t messages, uint64_t bytes)
{
	uint32_t sender = diff_process(graph, from), receiver = diff_process(graph, to);

	return fixture_edge(graph, sender, receiver, diff_channel(graph, mechanism, name), messages,
			    bytes);
}

/* From now on the process runs another program. */
static inline void diff_rename(struct graph *graph, const char *comm, const char *program)
{
	struct graph_process *process = &graph->processes[diff_process(graph, comm)];

	free(process->comm);
	free(process->exe);
	process->comm = strdup(program);
	if (asprintf(&process->exe, "/usr/bin/%s", program) < 0)
		abort();
}

static inline const struct graph_diff_edge *
diff_find(const struct graph_diff *diff, const char *from, const char *to, const char *channel)
{
	for (size_t i = 0; i < diff->edges_nr; i++) {
		const struct graph_diff_edge *edge = &diff->edges[i];

		if (!strcmp(diff->programs[edge->from].name, from) &&
		    !strcmp(diff->programs[edge->to].name, to) && !strcmp(edge->channel, channel))
			return edge;
	}
	fail_msg("no edge %s → %s via '%s'", from, to, channel);
	return NULL;
}

#endif
