/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_fold.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void count_add(struct graph_count *count, const struct graph_count *more)
{
	count->messages += more->messages;
	count->bytes += more->bytes;
}

static int string_copy(char **ret, const char *from)
{
	*ret = strdup(from ? from : "");
	return *ret ? 0 : -ENOMEM;
}

/* What the members of a group do not share is not said of the group. */
static void string_keep_same(char *ours, const char *theirs)
{
	if (strcmp(ours, theirs ? theirs : ""))
		ours[0] = '\0';
}

static size_t strings_nr(char *const *strings)
{
	size_t nr = 0;

	while (strings && strings[nr])
		nr++;
	return nr;
}

static int strings_copy(char ***ret, char *const *from)
{
	size_t nr = strings_nr(from), i;
	char **copy = calloc(nr + 1, sizeof(*copy));

	*ret = copy;
	if (!copy)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		if (string_copy(&copy[i], from[i]))
			return -ENOMEM;
	return 0;
}

static int capture_copy(struct graph_capture *to, const struct graph_capture *from)
{
	to->start_realtime_ns = from->start_realtime_ns;
	to->duration_ns = from->duration_ns;
	to->scope = from->scope;
	to->is_complete = from->is_complete;
	to->is_lossy = from->is_lossy;
	to->mechanisms = from->mechanisms;
	to->barrier_cpus = from->barrier_cpus;
	to->barrier_reached = from->barrier_reached;
	to->is_barrier_reached = from->is_barrier_reached;
	to->knows_leftovers = from->knows_leftovers;
	memcpy(to->barrier_missed, from->barrier_missed, sizeof(to->barrier_missed));
	to->has_unresolved = from->has_unresolved;
	to->command_status = from->command_status;
	to->rejected = from->rejected;
	memcpy(to->end, from->end, sizeof(to->end));
	if (from->command && strings_copy(&to->command, from->command))
		return -ENOMEM;
	if (string_copy(&to->host, from->host) || string_copy(&to->kernel, from->kernel))
		return -ENOMEM;
	if (string_copy(&to->arch, from->arch) || string_copy(&to->hooks, from->hooks))
		return -ENOMEM;
	return 0;
}

static uint32_t members_of(uint32_t members)
{
	return members ? members : 1;
}

static int process_copy(struct graph_process *to, const struct graph_process *from,
			const uint32_t *map)
{
	*to = *from;
	to->comm = to->exe = to->cgroup = NULL;
	to->args = NULL;
	to->listens = NULL; /* a view has no use for it */
	to->members = members_of(from->members);
	to->parent = from->parent == GRAPH_NONE ? GRAPH_NONE : map[from->parent];
	if (string_copy(&to->comm, from->comm) || string_copy(&to->exe, from->exe))
		return -ENOMEM;
	if (string_copy(&to->cgroup, from->cgroup) || strings_copy(&to->args, from->args))
		return -ENOMEM;
	return 0;
}

static void process_merge(struct graph_process *to, const struct graph_process *from)
{
	size_t i;

	to->members += members_of(from->members);
	string_keep_same(to->exe, from->exe);
	string_keep_same(to->cgroup, from->cgroup);
	for (i = 0; to->args[i]; i++)
		free(to->args[i]);
	to->args[0] = NULL;
	if (from->uid != to->uid)
		to->uid = GRAPH_NONE;
	if (from->pid_namespace != to->pid_namespace)
		to->pid_namespace = 0;
	if (from->start_ns < to->start_ns)
		to->start_ns = from->start_ns;
	if (from->exit_ns < 0 || to->exit_ns < 0)
		to->exit_ns = -1;
	else if (from->exit_ns > to->exit_ns)
		to->exit_ns = from->exit_ns;
	to->is_traced = to->is_traced && from->is_traced;
}

static int processes_fold(struct graph *to, const struct graph *from, const uint32_t *map)
{
	size_t i;

	for (i = 0; i < from->processes_nr; i++) {
		struct graph_process *process;

		if (map[i] == GRAPH_NONE)
			continue;
		process = &to->processes[map[i]];
		if (process->members)
			process_merge(process, &from->processes[i]);
		else if (process_copy(process, &from->processes[i], map))
			return -ENOMEM;
		if (process->parent == map[i])
			process->parent = GRAPH_NONE;
	}
	return 0;
}

static int error_add(struct graph_endpoint *endpoint, const struct graph_error *error)
{
	struct graph_error *errors;
	size_t i;

	for (i = 0; i < endpoint->errors_nr; i++) {
		if (endpoint->errors[i].number == error->number) {
			endpoint->errors[i].count += error->count;
			return 0;
		}
	}
	errors = realloc(endpoint->errors, (endpoint->errors_nr + 1) * sizeof(*errors));
	if (!errors)
		return -ENOMEM;
	endpoint->errors = errors;
	errors[endpoint->errors_nr++] = *error;
	return 0;
}

static struct graph_endpoint *endpoint_get(struct graph_channel *channel, uint32_t process,
					   enum ipct_role role)
{
	struct graph_endpoint *endpoints;
	size_t i;

	for (i = 0; i < channel->endpoints_nr; i++)
		if (channel->endpoints[i].process == process && channel->endpoints[i].role == role)
			return &channel->endpoints[i];
	endpoints = realloc(channel->endpoints, (i + 1) * sizeof(*endpoints));
	if (!endpoints)
		return NULL;
	channel->endpoints = endpoints;
	channel->endpoints_nr++;
	endpoints[i] = (struct graph_endpoint){
		.process = process,
		.role = role,
		.origin = GRAPH_ORIGIN_NR,
		.attached_ns = INT64_MAX, /* none yet */
	};
	return &endpoints[i];
}

/* From the first that attached to the last that detached, if all did. */
static void mapped_fold(struct graph_endpoint *to, const struct graph_endpoint *from)
{
	bool is_new = to->attached_ns == INT64_MAX;

	if (from->attached_ns < to->attached_ns)
		to->attached_ns = from->attached_ns;
	if (is_new || from->detached_ns == GRAPH_TIME_NONE ||
	    (to->detached_ns != GRAPH_TIME_NONE && from->detached_ns > to->detached_ns))
		to->detached_ns = from->detached_ns;
}

static uint32_t map_get(const uint32_t *map, uint32_t index)
{
	return index == GRAPH_NONE ? GRAPH_NONE : map[index];
}

/* What the members of a group do not share is not known of the group. */
static void origin_fold(struct graph_endpoint *to, const struct graph_endpoint *from,
			const uint32_t *process_map)
{
	uint32_t process = map_get(process_map, from->origin_from);

	if (to->origin == GRAPH_ORIGIN_NR) { /* the first one */
		to->origin = from->origin;
		to->origin_from = process;
		return;
	}
	if (to->origin != from->origin)
		to->origin = GRAPH_ORIGIN_UNKNOWN;
	if (to->origin == GRAPH_ORIGIN_UNKNOWN || to->origin_from != process)
		to->origin_from = GRAPH_NONE;
}

static int endpoint_fold(struct graph_channel *channel, const struct graph_endpoint *from,
			 const uint32_t *process_map)
{
	struct graph_endpoint *to;
	size_t i;

	if (process_map[from->process] == GRAPH_NONE)
		return 0;
	to = endpoint_get(channel, process_map[from->process], from->role);
	if (!to)
		return -ENOMEM;
	to->ends |= from->ends;
	to->descriptors += from->descriptors;
	origin_fold(to, from, process_map);
	to->operations += from->operations;
	to->uring_operations += from->uring_operations;
	to->wait_ns += from->wait_ns;
	mapped_fold(to, from);
	count_add(&to->count, &from->count);
	for (i = 0; i < from->errors_nr; i++)
		if (error_add(to, &from->errors[i]))
			return -ENOMEM;
	return 0;
}

/* One that is left makes the group so, and one that nobody knows of makes it unknown. */
static enum graph_left left_fold(enum graph_left ours, enum graph_left theirs)
{
	if (ours == GRAPH_LEFT_YES || theirs == GRAPH_LEFT_YES)
		return GRAPH_LEFT_YES;
	return ours == theirs ? ours : GRAPH_LEFT_UNKNOWN;
}

/* The strings of a channel tell whether the slot is taken already. */
static int channel_fold(struct graph_channel *to, const struct graph_channel *from,
			const uint32_t *process_map)
{
	size_t i;

	if (to->object) {
		string_keep_same(to->name, from->name);
		string_keep_same(to->object, from->object);
		if (to->created_by != map_get(process_map, from->created_by))
			to->created_by = GRAPH_NONE;
		to->left_at_exit = left_fold(to->left_at_exit, from->left_at_exit);
	} else if (string_copy(&to->name, from->name) || string_copy(&to->object, from->object)) {
		return -ENOMEM;
	} else {
		to->created_by = map_get(process_map, from->created_by);
		to->left_at_exit = from->left_at_exit;
	}
	to->mechanism = from->mechanism;
	count_add(&to->before_capture, &from->before_capture);
	count_add(&to->unread, &from->unread);
	count_add(&to->truncated, &from->truncated);
	count_add(&to->lost, &from->lost);
	if (from->size > to->size)
		to->size = from->size;
	to->is_unread_inferred = to->is_unread_inferred || from->is_unread_inferred;
	for (i = 0; i < from->endpoints_nr; i++)
		if (endpoint_fold(to, &from->endpoints[i], process_map))
			return -ENOMEM;
	return 0;
}

static int residency_add(struct graph_edge *to, const struct histogram *more)
{
	if (!more)
		return 0;
	if (!to->residency)
		to->residency = histogram_new();
	if (!to->residency)
		return -ENOMEM;
	return histogram_merge(to->residency, more);
}

static uint32_t passed_of(const struct graph_edge *edge, const struct graph_fold *fold)
{
	return edge->mechanism == IPCT_FD_PASS ? map_get(fold->channels, edge->passed) : GRAPH_NONE;
}

static int edge_copy(struct graph_edge *to, const struct graph_edge *from,
		     const struct graph_fold *fold)
{
	*to = *from;
	to->from = fold->processes[from->from];
	to->to = fold->processes[from->to];
	to->channel = map_get(fold->channels, from->channel);
	to->passed = passed_of(from, fold);
	to->members = members_of(from->members);
	to->residency = NULL;
	return residency_add(to, from->residency);
}

static int edge_merge(struct graph_edge *to, const struct graph_edge *from,
		      const struct graph_fold *fold)
{
	if (to->passed != passed_of(from, fold))
		to->passed = GRAPH_NONE;
	count_add(&to->count, &from->count);
	count_add(&to->at_least, &from->at_least);
	to->is_exact = to->is_exact && from->is_exact;
	to->members += members_of(from->members);
	if (from->first_ns < to->first_ns)
		to->first_ns = from->first_ns;
	if (from->last_ns > to->last_ns)
		to->last_ns = from->last_ns;
	return residency_add(to, from->residency);
}

static int edges_fold(struct graph *to, const struct graph *from, const struct graph_fold *fold)
{
	size_t i;
	int err = 0;

	for (i = 0; i < from->edges_nr && !err; i++) {
		struct graph_edge *edge;

		if (fold->edges[i] == GRAPH_NONE)
			continue;
		edge = &to->edges[fold->edges[i]];
		if (edge->members)
			err = edge_merge(edge, &from->edges[i], fold);
		else
			err = edge_copy(edge, &from->edges[i], fold);
	}
	return err;
}

static int channels_fold(struct graph *to, const struct graph *from, const struct graph_fold *fold)
{
	size_t i;
	int err = 0;

	for (i = 0; i < from->channels_nr && !err; i++)
		if (fold->channels[i] != GRAPH_NONE)
			err = channel_fold(&to->channels[fold->channels[i]], &from->channels[i],
					   fold->processes);
	return err;
}

static int arrays_new(struct graph *graph, const struct graph_fold *fold)
{
	graph->processes = calloc(fold->processes_nr + 1, sizeof(*graph->processes));
	graph->channels = calloc(fold->channels_nr + 1, sizeof(*graph->channels));
	graph->edges = calloc(fold->edges_nr + 1, sizeof(*graph->edges));
	if (!graph->processes || !graph->channels || !graph->edges)
		return -ENOMEM;
	graph->processes_nr = fold->processes_nr;
	graph->channels_nr = fold->channels_nr;
	graph->edges_nr = fold->edges_nr;
	return 0;
}

int graph_fold_new(const struct graph *graph, const struct graph_fold *fold,
		   struct graph **ret_graph)
{
	struct graph *folded = calloc(1, sizeof(*folded));

	if (!folded)
		return -ENOMEM;
	folded->ledger = graph->ledger;
	if (capture_copy(&folded->capture, &graph->capture) || arrays_new(folded, fold))
		goto out_free;
	if (processes_fold(folded, graph, fold->processes))
		goto out_free;
	if (channels_fold(folded, graph, fold) || edges_fold(folded, graph, fold))
		goto out_free;
	*ret_graph = folded;
	return 0;

out_free:
	graph_free(folded);
	return -ENOMEM;
}
