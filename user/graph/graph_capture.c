/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/mechanism_set.h"

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
	out->has_unresolved = world->has_unresolved;
	out->command_status = info->command && is_complete ? ledger->command_status : -1;
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

_Static_assert(GRAPH_CAUSE_LEN == LEDGER_CAUSE_LEN, "names of causes");
