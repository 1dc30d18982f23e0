/* SPDX-License-Identifier: GPL-2.0-only */
#include "output/json_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"

#define NS_PER_S 1000000000

void json_put(struct json_build *object, const char *key, json_t *value)
{
	if (json_object_set_new(object->json, key, value))
		object->err = -ENOMEM;
}

void json_put_u64(struct json_build *object, const char *key, uint64_t value)
{
	json_put(object, key, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

void json_put_s64(struct json_build *object, const char *key, int64_t value)
{
	json_put(object, key, json_integer(value));
}

void json_put_bool(struct json_build *object, const char *key, bool value)
{
	json_put(object, key, json_boolean(value));
}

void json_put_null(struct json_build *object, const char *key)
{
	json_put(object, key, json_null());
}

json_t *json_text_new(const char *text)
{
	char *escaped = escape_text(text ? text : "", text ? strlen(text) : 0);
	json_t *json = escaped ? json_string(escaped) : NULL;

	free(escaped);
	return json;
}

void json_put_text(struct json_build *object, const char *key, const char *text)
{
	json_put(object, key, json_text_new(text));
}

void json_put_texts(struct json_build *object, const char *key, char *const *texts)
{
	json_t *array = json_array();

	for (; texts && *texts; texts++)
		if (json_array_append_new(array, json_text_new(*texts)))
			object->err = -ENOMEM;
	json_put(object, key, array);
}

void json_put_id(struct json_build *object, const char *key, char letter, uint32_t index)
{
	if (index == GRAPH_NONE)
		json_put_null(object, key);
	else
		json_put(object, key, json_sprintf("%c%u", letter, index + 1));
}

void json_put_count_fields(struct json_build *object, const struct graph_count *count)
{
	json_put_u64(object, "messages", count->messages);
	json_put_u64(object, "bytes", count->bytes);
}

struct json_build json_build_new(void)
{
	struct json_build object = { .json = json_object() };

	if (!object.json)
		object.err = -ENOMEM;
	return object;
}

void json_put_object(struct json_build *object, const char *key, struct json_build *value)
{
	if (value->err)
		object->err = value->err;
	json_put(object, key, value->json);
}

void json_put_count(struct json_build *object, const char *key, const struct graph_count *count)
{
	struct json_build value = json_build_new();

	json_put_count_fields(&value, count);
	json_put_object(object, key, &value);
}

int json_build_write(struct json_build *object, FILE *stream)
{
	int err = object->err;

	if (!err && json_dumpf(object->json, stream, JSON_COMPACT))
		err = ferror(stream) ? -EIO : -ENOMEM;
	json_decref(object->json);
	return err;
}

static void put_time(struct json_build *object, const char *key, int64_t realtime_ns)
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
	json_put(object, key, json_sprintf("%s.%09lldZ", text, (long long)ns));
}

/* Null: not known. */
static void put_barrier(struct json_build *object, const struct graph_capture *capture)
{
	struct json_build barrier;

	if (!capture->barrier_cpus) {
		json_put_null(object, "barrier");
		return;
	}
	barrier = json_build_new();
	json_put_u64(&barrier, "cpus", capture->barrier_cpus);
	json_put_u64(&barrier, "reached", capture->barrier_reached);
	if (capture->barrier_missed[0])
		json_put_text(&barrier, "missed", capture->barrier_missed);
	json_put_object(object, "barrier", &barrier);
}

struct json_build json_capture_new(const struct graph_capture *capture)
{
	static const char *const scopes[] = {
		[GRAPH_SCOPE_COMMAND] = "command",
		[GRAPH_SCOPE_PIDS] = "pids",
		[GRAPH_SCOPE_SYSTEM] = "system",
	};
	struct json_build object = json_build_new();

	json_put_text(&object, "host", capture->host);
	json_put_text(&object, "kernel", capture->kernel);
	json_put_text(&object, "arch", capture->arch);
	put_time(&object, "start", capture->start_realtime_ns);
	json_put_u64(&object, "duration_ns", capture->duration_ns);
	if (capture->command)
		json_put_texts(&object, "command", capture->command);
	else
		json_put_null(&object, "command");
	json_put_text(&object, "scope", scopes[capture->scope]);
	json_put_text(&object, "hooks", capture->hooks);
	json_put_bool(&object, "complete", capture->is_complete);
	put_barrier(&object, capture);
	json_put_bool(&object, "leftovers_known", capture->knows_leftovers);
	return object;
}

struct json_build json_ledger_new(const struct graph_ledger *ledger)
{
	struct json_build object = json_build_new(), causes = json_build_new();
	size_t i;

	json_put_u64(&object, "seen", ledger->seen);
	json_put_u64(&object, "recorded", ledger->recorded);
	json_put_u64(&object, "aggregated", ledger->aggregated);
	json_put_u64(&object, "lost", ledger->lost);
	for (i = 0; i < ledger->causes_nr; i++)
		json_put_u64(&causes, ledger->causes[i].name, ledger->causes[i].count);
	json_put_object(&object, "causes", &causes);
	return object;
}
