/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_capture.h"
#include "model/listening.h"
#include "model/provenance.h"
#include "model/standing.h"

struct build {
	struct graph *graph;
	struct world *world;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	bool is_lossy;
	const struct direction *first_direction; /* of the channel that is being added */
	uint32_t *process_of; /* by id of the model: index in the graph or GRAPH_NONE */
	uint32_t *channel_of; /* by index in the world, the same */
	size_t channels_cap, edges_cap, processes_cap;
};

/* Room for one more element of `size` in an array that has `nr`. NULL without memory. */
static void *array_grow(void *array, size_t nr, size_t *cap, size_t size)
{
	size_t wanted = *cap ? *cap * 2 : 16;
	void *grown;

	if (nr < *cap)
		return array;
	grown = reallocarray(array, wanted, size);
	if (grown)
		*cap = wanted;
	return grown;
}

static int64_t relative(const struct build *build, uint64_t time_ns)
{
	return (int64_t)(time_ns - build->start_ns);
}

static int64_t relative_or_none(const struct build *build, uint64_t time_ns)
{
	return time_ns ? relative(build, time_ns) : GRAPH_TIME_NONE;
}

/* Processes ------------------------------------------------------------------------------ */

static char **args_split(const struct process *process)
{
	size_t nr = 0;
	char **args;

	for (size_t i = 0; i < process->args_len; i++)
		nr += !process->args[i] || i + 1 == process->args_len;
	args = calloc(nr + 1, sizeof(*args));
	if (!args)
		return NULL;
	nr = 0;
	for (size_t at = 0; at < process->args_len; at += strlen(process->args + at) + 1) {
		args[nr] = strdup(process->args + at);
		if (!args[nr++])
			goto fail;
	}
	return args;
fail:
	for (char **arg = args; *arg; arg++)
		free(*arg);
	free(args);
	return NULL;
}

static int process_add(struct build *build, uint32_t id)
{
	struct process *process = process_table_at(build->world->processes, id);
	struct graph *graph = build->graph;
	struct graph_process *added;

	added = array_grow(graph->processes, graph->processes_nr, &build->processes_cap,
			   sizeof(*added));
	if (!added)
		return -ENOMEM;
	graph->processes = added;
	added += graph->processes_nr;
	*added = (struct graph_process){
		.pid = process->pid,
		.parent = GRAPH_NONE,
		.comm = strdup(process->comm),
		.exe = strdup(process->exe),
		.args = args_split(process),
		.uid = process->pid ? process->uid : UINT32_MAX,
		.cgroup = strdup(process->cgroup),
		.pid_namespace = process->pid_namespace,
		.start_ns = process->pid ? relative(build, process->start_ns) : 0,
		.exit_ns = process->exit_ns ? relative(build, process->exit_ns) : -1,
		.is_traced = process->is_traced,
		.model_id = id,
		.members = 1,
	};
	build->process_of[id] = graph->processes_nr++;
	if (!added->comm || !added->exe || !added->args || !added->cgroup)
		return -ENOMEM;
	return 0;
}

/* The process and its traced ancestors get a place in the graph. */
static int process_need(struct build *build, uint32_t id)
{
	while (id != PROCESS_NONE && build->process_of[id] == GRAPH_NONE) {
		int err = process_add(build, id);

		if (err)
			return err;
		id = process_table_at(build->world->processes, id)->parent;
		if (id != PROCESS_NONE && !process_table_at(build->world->processes, id)->is_traced)
			break;
	}
	return 0;
}

static void parents_link(struct build *build)
{
	for (uint32_t id = 0; id < process_table_nr(build->world->processes); id++) {
		uint32_t parent = process_table_at(build->world->processes, id)->parent;

		if (build->process_of[id] != GRAPH_NONE && parent != PROCESS_NONE)
			build->graph->processes[build->process_of[id]].parent =
				build->process_of[parent];
	}
}

static int listen_add(char ***listens, const char *name)
{
	size_t nr = 0;
	char **grown;

	while (*listens && (*listens)[nr])
		nr++;
	grown = reallocarray(*listens, nr + 2, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*listens = grown;
	grown[nr + 1] = NULL;
	grown[nr] = strdup(name);
	return grown[nr] ? 0 : -ENOMEM;
}

static int listens_add(struct build *build)
{
	const struct listening *listening = build->world->listening;
	int err = 0;

	for (; listening && !err; listening = listening->hh.next) {
		uint32_t process = build->process_of[listening->process];

		if (process != GRAPH_NONE)
			err = listen_add(&build->graph->processes[process].listens,
					 listening->name);
	}
	return err;
}

/* Edges ---------------------------------------------------------------------------------- */

static int edge_add(struct build *build, const struct edge *edge, uint32_t channel,
		    uint8_t direction)
{
	struct graph *graph = build->graph;
	struct graph_edge *added;
	int err;

	if (!edge->messages && !edge->bytes)
		return 0;
	err = process_need(build, edge->key.from);
	if (!err)
		err = process_need(build, edge->key.to);
	if (err)
		return err;
	added = array_grow(graph->edges, graph->edges_nr, &build->edges_cap, sizeof(*added));
	if (!added)
		return -ENOMEM;
	graph->edges = added;
	added += graph->edges_nr++;
	*added = (struct graph_edge){
		.from = build->process_of[edge->key.from],
		.to = build->process_of[edge->key.to],
		.channel = channel,
		.passed = GRAPH_NONE,
		.mechanism = graph->channels[channel].mechanism,
		.direction = direction,
		.count = { edge->messages, edge->bytes },
		.is_exact = edge->is_exact,
		.at_least = { edge->at_least_messages, edge->at_least_bytes },
		.first_ns = relative(build, edge->first_ns),
		.last_ns = relative(build, edge->last_ns),
		.members = 1,
	};
	if (!edge->residency)
		return 0;
	added->residency = histogram_new();
	if (!added->residency)
		return -ENOMEM;
	return histogram_merge(added->residency, edge->residency);
}

/* One operation through another object shifts all that was matched behind it. */
static void edges_suspect(const struct direction *direction, struct edge_set *set)
{
	for (struct edge *edge = set->edges; edge && direction->is_suspect; edge = edge->hh.next)
		edge_set_at_least(edge, 0, 0);
}

static int edges_add(struct build *build, const struct direction *direction, struct edge_set *set,
		     uint32_t channel)
{
	uint8_t number = direction != build->first_direction;
	int err = 0;

	edges_suspect(direction, set);
	for (struct edge *edge = set->edges; edge && !err; edge = edge->hh.next)
		err = edge_add(build, edge, channel, number);
	return err;
}

/* Directions ----------------------------------------------------------------------------- */

static void balance_add(struct graph_count *count, const struct stream_balance *balance)
{
	count->messages += balance->messages;
	count->bytes += balance->bytes;
}

/*
 * A stream whose other end is not on this host: what is known is what went in or came out
 * here. Arrival over there is not proven.
 */
static int direction_add_far(struct build *build, struct direction *direction, uint32_t channel)
{
	bool is_out = direction->far_receiver != PROCESS_NONE;
	uint32_t node = is_out ? direction->far_receiver : direction->far_sender;
	const struct party *party = stream_ledger_party(direction->stream, is_out);
	struct stream_result result;
	int err = stream_ledger_close(direction->stream, build->is_lossy, &result);

	for (const struct party_member *member = party->members; member && !err;
	     member = member->hh.next) {
		struct match match = {
			.from = is_out ? member->process : node,
			.to = is_out ? node : member->process,
			.messages = is_out ? member->messages : member->operations,
			.bytes = member->bytes,
			.sent_ns = TIME_UNKNOWN,
			.received_ns = member->last_ns,
		};
		struct edge *edge;

		err = edge_set_add(&direction->direct, &match);
		edge = err ? NULL : edge_set_get(&direction->direct, match.from, match.to);
		if (edge)
			edge_set_at_least(edge, 0, is_out || build->is_lossy ? 0 : match.bytes);
	}
	return err ? err : edges_add(build, direction, &direction->direct, channel);
}

static int direction_add_stream(struct build *build, struct direction *direction, uint32_t channel)
{
	struct graph_channel *out = &build->graph->channels[channel];
	struct stream_result result;
	int err;

	if (direction->far_receiver != PROCESS_NONE || direction->far_sender != PROCESS_NONE)
		return direction_add_far(build, direction, channel);
	err = stream_ledger_close(direction->stream, build->is_lossy, &result);
	if (err)
		return err;
	balance_add(&out->before_capture, &result.before);
	balance_add(&out->unread, &result.unread);
	balance_add(&out->truncated, &result.truncated);
	out->is_unread_inferred |= result.is_unread_inferred;
	return edges_add(build, direction, stream_ledger_edges(direction->stream), channel);
}

static int direction_add_message(struct build *build, struct direction *direction, uint32_t channel)
{
	struct graph_channel *out = &build->graph->channels[channel];
	struct message_result result;
	int err = message_ledger_close(direction->message, build->is_lossy, &result);

	if (err)
		return err;
	balance_add(&out->before_capture, &result.before);
	balance_add(&out->unread, &result.unread);
	balance_add(&out->truncated, &result.truncated);
	balance_add(&out->lost, &result.lost);
	out->is_unread_inferred |= result.is_unread_inferred;
	return edges_add(build, direction, message_ledger_edges(direction->message), channel);
}

static int direction_add_counter(struct build *build, struct direction *direction, uint32_t channel)
{
	struct graph_channel *out = &build->graph->channels[channel];
	struct counter_result result;
	int err = counter_ledger_close(direction->counter, build->is_lossy, &result);

	if (err)
		return err;
	balance_add(&out->before_capture, &result.before);
	balance_add(&out->unread, &result.unread);
	out->is_unread_inferred |= result.is_unread_inferred;
	return edges_add(build, direction, counter_ledger_edges(direction->counter), channel);
}

/* Edges both of whose ends the hook named. */
static int direction_add_direct(struct build *build, struct direction *direction, uint32_t channel)
{
	for (struct edge *edge = direction->direct.edges; edge; edge = edge->hh.next) {
		if (build->is_lossy)
			edge_set_at_least(edge, 0, 0);
		else if (edge->is_doubtful || edge->is_suspect)
			edge_set_at_least(edge, edge->certain_messages, edge->certain_bytes);
		else
			edge_set_exact(edge);
	}
	return edges_add(build, direction, &direction->direct, channel);
}

static int direction_add(struct build *build, struct direction *direction, uint32_t channel)
{
	int err = direction_add_direct(build, direction, channel);

	if (!err && direction->stream)
		err = direction_add_stream(build, direction, channel);
	if (!err && direction->message)
		err = direction_add_message(build, direction, channel);
	if (!err && direction->counter)
		err = direction_add_counter(build, direction, channel);
	return err;
}

/* Channels ------------------------------------------------------------------------------- */

static int errors_copy(const struct endpoint *endpoint, struct graph_endpoint *out)
{
	if (!endpoint->errors_nr)
		return 0;
	out->errors = calloc(endpoint->errors_nr, sizeof(*out->errors));
	if (!out->errors)
		return -ENOMEM;
	for (size_t i = 0; i < endpoint->errors_nr; i++)
		out->errors[i] = (struct graph_error){ endpoint->errors[i].number,
						       endpoint->errors[i].count };
	out->errors_nr = endpoint->errors_nr;
	return 0;
}

_Static_assert((int)GRAPH_ORIGIN_NR == (int)PROVENANCE_NR &&
		       (int)GRAPH_ORIGIN_BEFORE == (int)PROVENANCE_BEFORE,
	       "ways to come to a channel");

static int endpoint_add(struct build *build, const struct channel *channel,
			const struct endpoint *endpoint, struct graph_channel *out_channel)
{
	struct graph_endpoint *out = &out_channel->endpoints[out_channel->endpoints_nr];
	struct provenance origin = provenance_find(build->world, endpoint->key.process, channel);
	int err = process_need(build, endpoint->key.process);

	if (!err && origin.from != PROCESS_NONE)
		err = process_need(build, origin.from);
	if (err)
		return err;
	*out = (struct graph_endpoint){
		.process = build->process_of[endpoint->key.process],
		.origin = (enum graph_origin)origin.how,
		.origin_from = origin.from == PROCESS_NONE ? GRAPH_NONE :
							     build->process_of[origin.from],
		.role = endpoint->key.role,
		.ends = endpoint->ends,
		.descriptors = endpoint->descriptors,
		.operations = endpoint->operations,
		.uring_operations = endpoint->uring_operations,
		.count = { endpoint->messages, endpoint->bytes },
		.wait_ns = endpoint->wait_ns,
		.attached_ns = relative_or_none(build, endpoint->attached_ns),
		.detached_ns = relative_or_none(build, endpoint->detached_ns),
	};
	out_channel->endpoints_nr++;
	return errors_copy(endpoint, out);
}

static int endpoints_add(struct build *build, const struct channel *channel,
			 struct graph_channel *out)
{
	int err = 0;

	out->endpoints = calloc(HASH_COUNT(channel->endpoints) + 1, sizeof(*out->endpoints));
	if (!out->endpoints)
		return -ENOMEM;
	for (struct endpoint *endpoint = channel->endpoints; endpoint && !err;
	     endpoint = endpoint->hh.next)
		err = endpoint_add(build, channel, endpoint, out);
	return err;
}

static bool channel_counts_sends(const struct channel *channel)
{
	return channel->directions[0].stream || channel->directions[1].stream ||
	       channel->directions[0].counter;
}

/*
 * A receive end of a byte stream has the messages whose first byte it got, one of a counter the
 * writes that it took.
 */
static void receivers_count_messages(struct build *build, size_t first_edge, uint32_t channel)
{
	struct graph_channel *out = &build->graph->channels[channel];

	for (size_t i = 0; i < out->endpoints_nr; i++) {
		struct graph_endpoint *endpoint = &out->endpoints[i];

		if (endpoint->role != IPCT_ROLE_RECEIVE)
			continue;
		endpoint->count.messages = 0;
		for (size_t e = first_edge; e < build->graph->edges_nr; e++)
			if (build->graph->edges[e].to == endpoint->process)
				endpoint->count.messages += build->graph->edges[e].count.messages;
	}
}

/* Or passed: then an edge refers to it. */
static bool channel_was_used(const struct channel *channel)
{
	if (channel->is_passed)
		return true;
	for (struct endpoint *endpoint = channel->endpoints; endpoint; endpoint = endpoint->hh.next)
		if (endpoint->operations || endpoint->descriptors ||
		    ipct_role_maps(endpoint->key.role))
			return true;
	return channel->unread.messages || channel->is_standing || channel->left;
}

static enum graph_left left_of(const struct build *build, const struct channel *channel)
{
	static const enum graph_left lefts[] = {
		[CHANNEL_LEFT_NO] = GRAPH_LEFT_NO,
		[CHANNEL_LEFT_YES] = GRAPH_LEFT_YES,
		[CHANNEL_LEFT_UNKNOWN] = GRAPH_LEFT_UNKNOWN,
	};

	return lefts[standing_left(channel, build->graph->capture.knows_leftovers)];
}

static int creator_add(struct build *build, const struct channel *channel,
		       struct graph_channel *out)
{
	uint32_t creator = provenance_creator(build->world, channel);
	int err;

	if (creator == PROCESS_NONE)
		return 0;
	err = process_need(build, creator);
	if (!err)
		out->created_by = build->process_of[creator];
	return err;
}

static int channel_add(struct build *build, struct channel *channel)
{
	struct graph *graph = build->graph;
	size_t first_edge = graph->edges_nr;
	uint32_t index = graph->channels_nr;
	struct graph_channel *out;
	int err;

	if (!channel_was_used(channel))
		return 0;
	out = array_grow(graph->channels, graph->channels_nr, &build->channels_cap, sizeof(*out));
	if (!out)
		return -ENOMEM;
	graph->channels = out;
	out += graph->channels_nr++;
	*out = (struct graph_channel){
		.mechanism = channel->mechanism,
		.name = strdup(channel->name),
		.object = strdup(channel->object),
		.created_by = GRAPH_NONE,
		.left_at_exit = left_of(build, channel),
		.model_id = channel->index,
		.lost = { channel->lost_messages, channel->lost_bytes },
		.before_capture = { channel->before.messages, channel->before.bytes },
		.unread = { channel->unread.messages, channel->unread.bytes },
		.size = channel->size,
	};
	if (!out->name || !out->object)
		return -ENOMEM;
	build->channel_of[channel->index] = index;
	err = creator_add(build, channel, out);
	if (!err)
		err = endpoints_add(build, channel, out);
	build->first_direction = &channel->directions[0];
	for (int i = 0; i < 2 && !err; i++)
		err = direction_add(build, &channel->directions[i], index);
	if (!err && channel_counts_sends(channel))
		receivers_count_messages(build, first_edge, index);
	return err;
}

/* Whole graph ---------------------------------------------------------------------------- */

/* `nr` places that are GRAPH_NONE. NULL without memory. */
static uint32_t *map_new(size_t nr)
{
	uint32_t *map = malloc((nr + 1) * sizeof(*map));

	for (size_t i = 0; map && i < nr; i++)
		map[i] = GRAPH_NONE;
	return map;
}

/* The edges of passed descriptors refer to the channels that were passed. */
static int passed_link(struct build *build)
{
	struct graph *graph = build->graph;
	uint32_t *passed = map_new(graph->channels_nr);

	if (!passed)
		return -ENOMEM;
	for (size_t i = 0; i < build->world->channels_nr; i++) {
		const struct channel *channel = build->world->channels[i];
		uint32_t index = build->channel_of[i];

		if (channel->passed && index != GRAPH_NONE)
			passed[index] = build->channel_of[channel->passed->index];
	}
	for (size_t i = 0; i < graph->edges_nr; i++)
		graph->edges[i].passed = passed[graph->edges[i].channel];
	free(passed);
	return 0;
}

static int build_run(struct build *build)
{
	struct world *world = build->world;
	int err = 0;

	build->process_of = map_new(process_table_nr(world->processes));
	build->channel_of = map_new(world->channels_nr);
	if (!build->process_of || !build->channel_of)
		err = -ENOMEM;
	for (size_t i = 0; i < world->channels_nr && !err; i++)
		err = channel_add(build, world->channels[i]);
	if (!err)
		err = passed_link(build);
	if (!err)
		parents_link(build);
	if (!err)
		err = listens_add(build);
	free(build->process_of);
	free(build->channel_of);
	return err;
}

int graph_build(struct world *world, const struct capture_info *info,
		const struct ledger_info *ledger, bool is_complete, struct graph **ret_graph)
{
	struct build build = {
		.world = world,
		.start_ns = info->start_boottime_ns,
		/* what was recorded last may be missing where the recorder did not end the file */
		.is_lossy = ledger_info_lost(ledger) || !is_complete || world->has_unresolved,
	};
	int err;

	build.graph = calloc(1, sizeof(*build.graph));
	if (!build.graph)
		return -ENOMEM;
	err = world_finish(world);
	if (!err)
		err = graph_capture_fill(world, info, ledger, is_complete, &build.graph->capture);
	build.graph->capture.is_lossy = build.is_lossy;
	graph_ledger_fill(ledger, &build.graph->ledger);
	if (!err)
		err = build_run(&build);
	if (err) {
		graph_free(build.graph);
		return err;
	}
	*ret_graph = build.graph;
	return 0;
}
