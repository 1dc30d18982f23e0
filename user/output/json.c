/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The JSON graph, schema ipctrace.graph/1. Written element by element: memory holds one at a
 * time. Beyond the schema's first fields: `capture.complete` is false if the recorder did not
 * end the file itself; a regrouped or cut graph has `view`, and a process that stands for
 * several has `members` and no pid. An endpoint has `io_uring`, how many of its operations were
 * done by that, if any were; one of role hold has `ends` and `descriptors`. Shared memory has
 * its `size`, and its endpoints `attached_ns` (null: before it was watched) and `detached_ns`
 * (null: still mapped). `capture.command_status` is how the command ended, if it did; a process
 * that accepts connections has `listens`, where. A channel's `left_at_exit` tells whether an object
 * that was made in the capture was there at its end, null if that was not recorded.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "output/describe.h"
#include "output/output.h"

#define NS_PER_S 1000000000

/* Values are put into an object one by one; the first failure sticks. */
struct object {
	json_t *json;
	int err;
};

static void put(struct object *object, const char *key, json_t *value)
{
	if (json_object_set_new(object->json, key, value))
		object->err = -ENOMEM;
}

static void put_u64(struct object *object, const char *key, uint64_t value)
{
	put(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static void put_s64(struct object *object, const char *key, int64_t value)
{
	put(object, key, json_integer(value));
}

static void put_bool(struct object *object, const char *key, bool value)
{
	put(object, key, json_boolean(value));
}

static void put_null(struct object *object, const char *key)
{
	put(object, key, json_null());
}

/* Text from outside as a string; NULL without memory. */
static json_t *text_new(const char *text)
{
	char *escaped = escape_text(text ? text : "", text ? strlen(text) : 0);
	json_t *json = escaped ? json_string(escaped) : NULL;

	free(escaped);
	return json;
}

static void put_text(struct object *object, const char *key, const char *text)
{
	put(object, key, text_new(text));
}

static void put_texts(struct object *object, const char *key, char *const *texts)
{
	json_t *array = json_array();

	for (; texts && *texts; texts++)
		if (json_array_append_new(array, text_new(*texts)))
			object->err = -ENOMEM;
	put(object, key, array);
}

/* Ids are the letter and the index from 1: "p1", "c1". */
static void put_id(struct object *object, const char *key, char letter, uint32_t index)
{
	if (index == GRAPH_NONE)
		put_null(object, key);
	else
		put(object, key, json_sprintf("%c%u", letter, index + 1));
}

static void put_count_fields(struct object *object, const struct graph_count *count)
{
	put_u64(object, "messages", count->messages);
	put_u64(object, "bytes", count->bytes);
}

static struct object object_new(void)
{
	struct object object = { .json = json_object() };

	if (!object.json)
		object.err = -ENOMEM;
	return object;
}

static void put_object(struct object *object, const char *key, struct object *value)
{
	if (value->err)
		object->err = value->err;
	put(object, key, value->json);
}

static void put_count(struct object *object, const char *key, const struct graph_count *count)
{
	struct object value = object_new();

	put_count_fields(&value, count);
	put_object(object, key, &value);
}

/* Writes and frees the object. */
static int object_write(struct object *object, FILE *stream)
{
	int err = object->err;

	if (!err && json_dumpf(object->json, stream, JSON_COMPACT))
		err = ferror(stream) ? -EIO : -ENOMEM;
	json_decref(object->json);
	return err;
}

static void put_time(struct object *object, const char *key, int64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / NS_PER_S);
	int64_t ns = realtime_ns % NS_PER_S;
	struct tm utc;
	char text[64];

	if (ns < 0) {
		ns += NS_PER_S;
		seconds--;
	}
	if (!gmtime_r(&seconds, &utc) || !strftime(text, sizeof(text), "%FT%T", &utc)) {
		object->err = -ERANGE;
		return;
	}
	put(object, key, json_sprintf("%s.%09lldZ", text, (long long)ns));
}

static int write_capture(const struct graph_capture *capture, FILE *stream)
{
	static const char *const scopes[] = {
		[GRAPH_SCOPE_COMMAND] = "command",
		[GRAPH_SCOPE_PIDS] = "pids",
		[GRAPH_SCOPE_SYSTEM] = "system",
	};
	struct object object = object_new();

	put_text(&object, "host", capture->host);
	put_text(&object, "kernel", capture->kernel);
	put_text(&object, "arch", capture->arch);
	put_time(&object, "start", capture->start_realtime_ns);
	put_u64(&object, "duration_ns", capture->duration_ns);
	if (capture->command)
		put_texts(&object, "command", capture->command);
	else
		put_null(&object, "command");
	put_text(&object, "scope", scopes[capture->scope]);
	put_text(&object, "hooks", capture->hooks);
	put_bool(&object, "complete", capture->is_complete);
	if (capture->command_status >= 0 && capture->command)
		put_u64(&object, "command_status", (uint64_t)capture->command_status);
	return object_write(&object, stream);
}

static int write_ledger(const struct graph_ledger *ledger, FILE *stream)
{
	struct object object = object_new(), causes = object_new();
	size_t i;

	put_u64(&object, "seen", ledger->seen);
	put_u64(&object, "recorded", ledger->recorded);
	put_u64(&object, "aggregated", ledger->aggregated);
	put_u64(&object, "lost", ledger->lost);
	for (i = 0; i < ledger->causes_nr; i++)
		put_u64(&causes, ledger->causes[i].name, ledger->causes[i].count);
	put_object(&object, "causes", &causes);
	return object_write(&object, stream);
}

static int write_view(const struct output_options *options, FILE *stream)
{
	struct object object = object_new();

	if (options->group_by)
		put_text(&object, "group_by", options->group_by);
	else
		put_null(&object, "group_by");
	put_u64(&object, "edges_left_out", options->edges_left_out);
	return object_write(&object, stream);
}

static int write_process(const struct graph *graph, size_t index, FILE *stream)
{
	const struct graph_process *process = &graph->processes[index];
	struct object object = object_new();

	put_id(&object, "id", 'p', (uint32_t)index);
	if (process->pid && process->members <= 1)
		put_u64(&object, "pid", process->pid);
	else
		put_null(&object, "pid");
	put_id(&object, "parent", 'p', process->parent);
	put_text(&object, "comm", process->comm);
	put_text(&object, "exe", process->exe);
	put_texts(&object, "args", process->args);
	if (process->uid == GRAPH_NONE)
		put_null(&object, "uid");
	else
		put_u64(&object, "uid", process->uid);
	put_text(&object, "cgroup", process->cgroup);
	put_u64(&object, "pid_namespace", process->pid_namespace);
	put_s64(&object, "start_ns", process->start_ns);
	if (process->exit_ns < 0)
		put_null(&object, "exit_ns");
	else
		put_s64(&object, "exit_ns", process->exit_ns);
	put_bool(&object, "traced", process->is_traced);
	if (process->listens)
		put_texts(&object, "listens", process->listens);
	if (process->members > 1)
		put_u64(&object, "members", process->members);
	return object_write(&object, stream);
}

static void put_origin(struct object *object, const struct graph_endpoint *endpoint)
{
	static const char *const names[GRAPH_ORIGIN_NR] = {
		[GRAPH_ORIGIN_UNKNOWN] = "unknown", [GRAPH_ORIGIN_CREATED] = "created",
		[GRAPH_ORIGIN_OPENED] = "opened",   [GRAPH_ORIGIN_INHERITED] = "inherited",
		[GRAPH_ORIGIN_PASSED] = "passed",   [GRAPH_ORIGIN_BEFORE] = "before",
	};
	struct object origin = object_new();

	put_text(&origin, "how", names[endpoint->origin]);
	put_id(&origin, "from", 'p', endpoint->origin_from);
	put_object(object, "origin", &origin);
}

static void put_errors(struct object *object, const struct graph_endpoint *endpoint)
{
	struct object errors = object_new();
	char number[32];
	size_t i;

	for (i = 0; i < endpoint->errors_nr; i++) {
		const char *name = strerrorname_np(endpoint->errors[i].number);

		if (!name) {
			snprintf(number, sizeof(number), "%d", endpoint->errors[i].number);
			name = number;
		}
		put_u64(&errors, name, endpoint->errors[i].count);
	}
	put_object(object, "errors", &errors);
}

/* Of a holder: the ends by name, and how many descriptors name them. */
static void put_ends(struct object *object, const struct graph_channel *channel,
		     const struct graph_endpoint *endpoint)
{
	json_t *array = json_array();
	char name[DESCRIBE_END_MAX];

	for (uint32_t end = GRAPH_END_FIRST; end < GRAPH_END_NR; end <<= 1) {
		if (!(endpoint->ends & end))
			continue;
		describe_end(channel, end, name, sizeof(name));
		if (json_array_append_new(array, text_new(name)))
			object->err = -ENOMEM;
	}
	put(object, "ends", array);
	put_u64(object, "descriptors", endpoint->descriptors);
}

static void put_time_or_null(struct object *object, const char *key, int64_t time_ns)
{
	if (time_ns == GRAPH_TIME_NONE)
		put_null(object, key);
	else
		put_s64(object, key, time_ns);
}

static json_t *endpoint_new(const struct graph_channel *channel,
			    const struct graph_endpoint *endpoint)
{
	struct object object = object_new();

	put_id(&object, "process", 'p', endpoint->process);
	put_text(&object, "role", graph_role_name(endpoint->role));
	put_origin(&object, endpoint);
	put_u64(&object, "operations", endpoint->operations);
	if (endpoint->uring_operations)
		put_u64(&object, "io_uring", endpoint->uring_operations);
	put_count_fields(&object, &endpoint->count);
	put_u64(&object, "wait_ns", endpoint->wait_ns);
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

static void put_endpoints(struct object *object, const struct graph_channel *channel)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < channel->endpoints_nr; i++)
		if (json_array_append_new(array, endpoint_new(channel, &channel->endpoints[i])))
			object->err = -ENOMEM;
	put(object, "endpoints", array);
}

static int write_channel(const struct graph *graph, size_t index, FILE *stream)
{
	const struct graph_channel *channel = &graph->channels[index];
	struct object object = object_new(), unread = object_new();

	put_id(&object, "id", 'c', (uint32_t)index);
	put_text(&object, "mechanism", graph_mechanism_name(channel->mechanism));
	put_text(&object, "name", channel->name);
	put_text(&object, "object", channel->object);
	put_id(&object, "created_by", 'p', channel->created_by);
	put_endpoints(&object, channel);
	put_count(&object, "before_capture", &channel->before_capture);
	put_count_fields(&unread, &channel->unread);
	put_bool(&unread, "inferred", channel->is_unread_inferred);
	put_object(&object, "unread", &unread);
	put_count(&object, "truncated", &channel->truncated);
	put_count(&object, "lost", &channel->lost);
	if (channel->left == GRAPH_LEFT_UNKNOWN)
		put_null(&object, "left_at_exit");
	else
		put_bool(&object, "left_at_exit", channel->left == GRAPH_LEFT_YES);
	if (channel->size || (channel->endpoints_nr && ipct_role_maps(channel->endpoints[0].role)))
		put_u64(&object, "size", channel->size);
	return object_write(&object, stream);
}

static void put_residency(struct object *object, const struct histogram *residency)
{
	struct object value;

	if (!residency || !histogram_count(residency)) {
		put_null(object, "residency_ns");
		return;
	}
	value = object_new();
	put_u64(&value, "count", histogram_count(residency));
	put_u64(&value, "min", histogram_min(residency));
	put_u64(&value, "p50", histogram_percentile(residency, 50));
	put_u64(&value, "p90", histogram_percentile(residency, 90));
	put_u64(&value, "p99", histogram_percentile(residency, 99));
	put_u64(&value, "max", histogram_max(residency));
	put_object(object, "residency_ns", &value);
}

static int write_edge(const struct graph *graph, size_t index, FILE *stream)
{
	const struct graph_edge *edge = &graph->edges[index];
	struct object object = object_new();

	put_id(&object, "from", 'p', edge->from);
	put_id(&object, "to", 'p', edge->to);
	put_id(&object, "channel", 'c', edge->channel);
	put_text(&object, "mechanism", graph_mechanism_name(edge->mechanism));
	if (edge->mechanism == IPCT_FD_PASS)
		put_id(&object, "passed", 'c', edge->passed);
	put_count_fields(&object, &edge->count);
	put_bool(&object, "exact", edge->is_exact);
	put_count(&object, "at_least", &edge->at_least);
	put_residency(&object, edge->residency);
	put_s64(&object, "first_ns", edge->first_ns);
	put_s64(&object, "last_ns", edge->last_ns);
	return object_write(&object, stream);
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
	int err;

	fputs("{\n\"schema\": \"ipctrace.graph/1\",\n\"capture\": ", stream);
	err = write_capture(&graph->capture, stream);
	if (err)
		return err;
	fputs(",\n\"ledger\": ", stream);
	err = write_ledger(&graph->ledger, stream);
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
