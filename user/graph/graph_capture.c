/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/mechanism_set.h"
#include "model/standing.h"

static char **command_copy(char *const *command)
{
	size_t nr = 0;
	char **copy;

	while (command[nr])
		nr++;
	copy = calloc(nr + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < nr; i++)
		copy[i] = strdup(command[i]);
	return copy;
}

static enum graph_scope scope_of(const char *name)
{
	if (!strcmp(name, "command"))
		return GRAPH_SCOPE_COMMAND;
	return strcmp(name, "pids") ? GRAPH_SCOPE_SYSTEM : GRAPH_SCOPE_PIDS;
}

/* A mark whose record is not there says nothing of what came before it. */
static void barrier_fill(const struct world *world, const struct ledger_info *ledger,
			 bool is_complete, struct graph_capture *out)
{
	uint32_t marks = world_barriers(world);

	out->barrier_cpus = ledger->barrier_cpus;
	out->barrier_reached = ledger->barrier_reached < marks ? ledger->barrier_reached : marks;
	out->is_barrier_reached = is_complete && out->barrier_cpus &&
				  out->barrier_reached == out->barrier_cpus;
	memcpy(out->barrier_missed, ledger->barrier_missed, sizeof(out->barrier_missed));
}

static uint64_t mechanisms_of(const char *list)
{
	char *word = malloc(strlen(list) + 1);
	uint64_t mechanisms = word ? mechanism_set_of_list(list, word) : 0;

	free(word);
	return mechanisms;
}

int graph_capture_fill(const struct world *world, const struct capture_info *info,
		       const struct ledger_info *ledger, bool is_complete,
		       struct graph_capture *out)
{
	uint64_t end = ledger->time_ns > world->last_ns ? ledger->time_ns : world->last_ns;

	out->host = strdup(info->host);
	out->kernel = strdup(info->kernel);
	out->arch = strdup(info->arch);
	out->hooks = strdup(info->hooks);
	out->start_realtime_ns = info->start_realtime_ns;
	out->duration_ns = end > info->start_boottime_ns ? end - info->start_boottime_ns : 0;
	out->command = info->command ? command_copy(info->command) : NULL;
	out->scope = scope_of(info->scope);
	out->is_complete = is_complete;
	barrier_fill(world, ledger, is_complete, out);
	out->knows_leftovers = is_complete && standing_is_told(world);
	out->has_unresolved = world->has_unresolved;
	out->command_status = info->command && is_complete ? ledger->command_status : -1;
	memcpy(out->end, ledger->end, sizeof(out->end));
	out->rejected = world->rejected;
	out->mechanisms = mechanisms_of(info->mechanisms);
	if (!out->host || !out->kernel || !out->arch || !out->hooks ||
	    (info->command && !out->command))
		return -ENOMEM;
	return 0;
}

void graph_ledger_fill(const struct ledger_info *ledger, struct graph_ledger *out)
{
	out->seen = ledger->seen;
	out->recorded = ledger->recorded;
	out->aggregated = ledger->aggregated;
	out->filtered = ledger->filtered;
	out->lost = ledger_info_lost(ledger);
	for (size_t i = 0; i < ledger->causes_nr; i++) {
		memcpy(out->causes[i].name, ledger->causes[i].name, GRAPH_CAUSE_LEN);
		out->causes[i].count = ledger->causes[i].count;
		out->causes_nr++;
	}
}

_Static_assert(GRAPH_CAUSE_LEN == LEDGER_CAUSE_LEN && GRAPH_CPUS_MAX == LEDGER_CPUS_MAX,
	       "names of causes, lists of CPUs");
