/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JSON graph, schema ipctrace.graph/1. Written element by element: memory holds one at a
 * time. Beyond the schema's first fields: `capture.complete` is false if the recorder did not
 * end the file itself, `capture.barrier` tells on how many CPUs all that was done before the end
 * is known to be recorded, and which it `missed` (null: no barrier was made). A channel, or the
 * file of a unix socket, that processes of the capture made and that was there at its end is
 * `left_at_exit`, also if nobody used it (null: not known); `capture.leftovers_known` is false if
 * nobody looked, so that there may be others. A regrouped or cut graph has `view`, and a process
 * that stands for several has `members` and no pid. An endpoint has `io_uring`, how many of its
 * operations were done by that, if any were; one of role hold has `ends` and `descriptors`. Shared
 * memory has its `size`, and its endpoints `attached_ns` (null: before it was watched) and
 * `detached_ns` (null: still mapped).
 */
#include <errno.h>
#include <string.h>

#include "output/describe.h"
#include "output/json_build.h"
#include "output/output.h"

static int write_view(const struct output_options *options, FILE *stream)
{
	struct json_build object = json_build_new();

	if (options->group_by)
		json_put_text(&object, "group_by", options->group_by);
	else
		json_put_null(&object, "group_by");
	json_put_u64(&object, "edges_left_out", options->edges_left_out);
	return json_build_write(&object, stream);
}

static int write_process(const struct graph *graph, size_t index, FILE *stream)
{
	const struct graph_process *process = &graph->processes[index];
	struct json_build object = json_build_new();

	json_put_id(&object, "id", 'p', (uint32_t)index);
	if (process->pid && process->members <= 1)
		json_put_u64(&object, "pid", process->pid);
	else
		json_put_null(&object, "pid");
	json_put_id(&object, "parent", 'p', process->parent);
	json_put_text(&object, "comm", process->comm);
	json_put_text(&object, "exe", process->exe);
	json_put_texts(&object, "args", process->args);
	if (process->uid == GRAPH_NONE)
		json_put_null(&object, "uid");
	else
		json_put_u64(&object, "uid", process->uid);
	json_put_text(&object, "cgroup", process->cgroup);
	json_put_u64(&object, "pid_namespace", process->pid_namespace);
	json_put_s64(&object, "start_ns", process->start_ns);
	if (process->exit_ns < 0)
		json_put_null(&object, "exit_ns");
	else
		json_put_s64(&object, "exit_ns", process->exit_ns);
	json_put_bool(&object, "traced", process->is_traced);
	if (process->members > 1)
		json_put_u64(&object, "members", process->members);
	return json_build_write(&object, stream);
}

static void put_origin(struct json_build *object, const struct graph_endpoint *endpoint)
{
	static const char *const names[GRAPH_ORIGIN_NR] = {
		[GRAPH_ORIGIN_UNKNOWN] = "unknown", [GRAPH_ORIGIN_CREATED] = "created",
		[GRAPH_ORIGIN_OPENED] = "opened",   [GRAPH_ORIGIN_INHERITED] = "inherited",
		[GRAPH_ORIGIN_PASSED] = "passed",   [GRAPH_ORIGIN_BEFORE] = "before",
	};
	struct json_build origin = json_build_new();

	json_put_text(&origin, "how", names[endpoint->origin]);
	json_put_id(&origin, "from", 'p', endpoint->origin_from);
	json_put_object(object, "origin", &origin);
}

static void put_errors(struct json_build *object, const struct graph_endpoint *endpoint)
{
	struct json_build errors = json_build_new();
	char number[32];
	size_t i;

	for (i = 0; i < endpoint->errors_nr; i++) {
		const char *name = strerrorname_np(endpoint->errors[i].number);

		if (!name) {
			snprintf(number, sizeof(number), "%d", endpoint->errors[i].number);
			name = number;
		}
		json_put_u64(&errors, name, endpoint->errors[i].count);
	}
	json_put_object(object, "errors", &errors);
}

/* Of a holder: the ends by name, and how many descriptors name them. */
static void put_ends(struct json_build *object, const struct graph_channel *channel,
		     const struct graph_endpoint *endpoint)
{
	json_t *array = json_array();
	char name[DESCRIBE_END_MAX];

	for (uint32_t end = GRAPH_END_FIRST; end < GRAPH_END_NR; end <<= 1) {
		if (!(endpoint->ends & end))
			continue;
		describe_end(channel, end, name, sizeof(name));
		if (json_array_append_new(array, json_text_new(name)))
			object->err = -ENOMEM;
	}
	json_put(object, "ends", array);
	json_put_u64(object, "descriptors", endpoint->descriptors);
}

static void put_time_or_null(struct json_build *object, const char *key, int64_t time_ns)
{
	if (time_ns == GRAPH_TIME_NONE)
		json_put_null(object, key);
	else
		json_put_s64(object, key, time_ns);
}

static json_t *endpoint_new(const struct graph_channel *channel,
			    const struct graph_endpoint *endpoint)
{
	struct json_build object = json_build_new();

	json_put_id(&object, "process", 'p', endpoint->process);
	json_put_text(&object, "role", graph_role_name(endpoint->role));
	put_origin(&object, endpoint);
	json_put_u64(&object, "operations", endpoint->operations);
	if (endpoint->uring_operations)
		json_put_u64(&object, "io_uring", endpoint->uring_operations);
	json_put_count_fields(&object, &endpoint->count);
	json_put_u64(&object, "wait_ns", endpoint->wait_ns);
	put_errors(&object, endpoint);
	if (endpoint->role == IPCT_ROLE_HOLD)
		put_ends(&object, channel, endpoint);
	if (ipct_role_maps(endpoint->role)) {
		put_time_or_null(&object, "attached_ns", endpoint->attached_ns);
		put_time_or_null(&object, "detached_ns", endpoint->detached_ns);
	}
	if (!object.err)
		return object.json;
	json_decref(object.json);
	return NULL;
}

static void put_endpoints(struct json_build *object, const struct graph_channel *channel)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < channel->endpoints_nr; i++)
		if (json_array_append_new(array, endpoint_new(channel, &channel->endpoints[i])))
			object->err = -ENOMEM;
	json_put(object, "endpoints", array);
}

/* Null: nobody knows. */
static void put_left(struct json_build *object, enum graph_left left)
{
	if (left == GRAPH_LEFT_UNKNOWN)
		json_put_null(object, "left_at_exit");
	else
		json_put_bool(object, "left_at_exit", left == GRAPH_LEFT_YES);
}

static int write_channel(const struct graph *graph, size_t index, FILE *stream)
{
	const struct graph_channel *channel = &graph->channels[index];
	struct json_build object = json_build_new(), unread = json_build_new();

	json_put_id(&object, "id", 'c', (uint32_t)index);
	json_put_text(&object, "mechanism", graph_mechanism_name(channel->mechanism));
	json_put_text(&object, "name", channel->name);
	json_put_text(&object, "object", channel->object);
	json_put_id(&object, "created_by", 'p', channel->created_by);
	put_endpoints(&object, channel);
	json_put_count(&object, "before_capture", &channel->before_capture);
	json_put_count_fields(&unread, &channel->unread);
	json_put_bool(&unread, "inferred", channel->is_unread_inferred);
	json_put_object(&object, "unread", &unread);
	json_put_count(&object, "truncated", &channel->truncated);
	json_put_count(&object, "lost", &channel->lost);
	if (channel->size || (channel->endpoints_nr && ipct_role_maps(channel->endpoints[0].role)))
		json_put_u64(&object, "size", channel->size);
	put_left(&object, channel->left_at_exit);
	return json_build_write(&object, stream);
}

static void put_residency(struct json_build *object, const struct histogram *residency)
{
	struct json_build value;

	if (!residency || !histogram_count(residency)) {
		json_put_null(object, "residency_ns");
		return;
	}
	value = json_build_new();
	json_put_u64(&value, "count", histogram_count(residency));
	json_put_u64(&value, "min", histogram_min(residency));
	json_put_u64(&value, "p50", histogram_percentile(residency, 50));
	json_put_u64(&value, "p90", histogram_percentile(residency, 90));
	json_put_u64(&value, "p99", histogram_percentile(residency, 99));
	json_put_u64(&value, "max", histogram_max(residency));
	json_put_object(object, "residency_ns", &value);
}

static int write_edge(const struct graph *graph, size_t index, FILE *stream)
{
	const struct graph_edge *edge = &graph->edges[index];
	struct json_build object = json_build_new();

	json_put_id(&object, "from", 'p', edge->from);
	json_put_id(&object, "to", 'p', edge->to);
	json_put_id(&object, "channel", 'c', edge->channel);
	json_put_text(&object, "mechanism", graph_mechanism_name(edge->mechanism));
	if (edge->mechanism == IPCT_FD_PASS)
		json_put_id(&object, "passed", 'c', edge->passed);
	json_put_count_fields(&object, &edge->count);
	json_put_bool(&object, "exact", edge->is_exact);
	json_put_count(&object, "at_least", &edge->at_least);
	put_residency(&object, edge->residency);
	json_put_s64(&object, "first_ns", edge->first_ns);
	json_put_s64(&object, "last_ns", edge->last_ns);
	return json_build_write(&object, stream);
}

typedef int (*write_element_fn)(const struct graph *graph, size_t index, FILE *stream);

static int write_array(const struct graph *graph, const char *key, size_t nr,
		       write_element_fn write_element, FILE *stream)
{
	size_t i;
	int err;

	fprintf(stream, ",\n\"%s\": [", key);
	for (i = 0; i < nr; i++) {
		fputs(i ? ",\n" : "\n", stream);
		err = write_element(graph, i, stream);
		if (err)
			return err;
	}
	fputs(nr ? "\n]" : "]", stream);
	return 0;
}

static int write_arrays(const struct graph *graph, FILE *stream)
{
	int err;

	err = write_array(graph, "processes", graph->processes_nr, write_process, stream);
	if (!err)
		err = write_array(graph, "channels", graph->channels_nr, write_channel, stream);
	if (!err)
		err = write_array(graph, "edges", graph->edges_nr, write_edge, stream);
	return err;
}

static int json_write(const struct graph *graph, const struct output_options *options, FILE *stream)
{
	struct json_build object;
	int err;

	object = json_capture_new(&graph->capture);
	fputs("{\n\"schema\": \"ipctrace.graph/1\",\n\"capture\": ", stream);
	err = json_build_write(&object, stream);
	if (err)
		return err;
	fputs(",\n\"ledger\": ", stream);
	object = json_ledger_new(&graph->ledger);
	err = json_build_write(&object, stream);
	if (err)
		return err;
	if (options->group_by || options->edges_left_out) {
		fputs(",\n\"view\": ", stream);
		err = write_view(options, stream);
		if (err)
			return err;
	}
	err = write_arrays(graph, stream);
	if (err)
		return err;
	fputs("\n}\n", stream);
	return ferror(stream) ? -EIO : 0;
}

const struct output_format output_json = {
	.name = "json",
	.summary = "for programs: schema ipctrace.graph/1",
	.write = json_write,
};
