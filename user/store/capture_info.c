/* SPDX-License-Identifier: GPL-2.0-only */
#include "store/capture_info.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <ipctrace/event.h>

#include "base/escape.h"

/* Arguments may hold any bytes, JSON strings only UTF-8. */
static json_t *json_untrusted(const char *text)
{
	char *escaped = escape_text(text, strlen(text));
	json_t *json = escaped ? json_string(escaped) : NULL;

	free(escaped);
	return json;
}

static json_t *json_command(char *const *command)
{
	json_t *array;

	if (!command)
		return json_null();
	array = json_array();
	for (; array && *command; command++)
		if (json_array_append_new(array, json_untrusted(*command))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static char *json_encode(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

char *capture_info_encode(const struct capture_info *info)
{
	return json_encode(json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I}", "host",
				     info->host, "kernel", info->kernel, "arch", info->arch,
				     "scope", info->scope, "hooks", info->hooks, "mechanisms",
				     info->mechanisms, "command", json_command(info->command),
				     "start_realtime_ns", (json_int_t)info->start_realtime_ns,
				     "start_boottime_ns", (json_int_t)info->start_boottime_ns));
}

/* NULL: there was none. */
static json_t *json_barrier(const struct ledger_info *ledger)
{
	if (!ledger->barrier_cpus)
		return NULL;
	return json_pack("{s:I, s:I, s:s}", "cpus", (json_int_t)ledger->barrier_cpus, "reached",
			 (json_int_t)ledger->barrier_reached, "missed", ledger->barrier_missed);
}

char *ledger_info_encode(const struct ledger_info *ledger)
{
	json_t *causes = json_object();

	for (size_t i = 0; causes && i < ledger->causes_nr; i++)
		if (json_object_set_new(causes, ledger->causes[i].name,
					json_integer(ledger->causes[i].count))) {
			json_decref(causes);
			return NULL;
		}
	return json_encode(json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:s, s:o*}", "time_ns",
				     (json_int_t)ledger->time_ns, "seen", (json_int_t)ledger->seen,
				     "recorded", (json_int_t)ledger->recorded, "aggregated",
				     (json_int_t)ledger->aggregated, "filtered",
				     (json_int_t)ledger->filtered, "causes", causes, "end",
				     ledger->end, "barrier", json_barrier(ledger)));
}

static int command_decode(json_t *array, char ***ret_command)
{
	size_t nr = json_array_size(array);
	char **command;

	if (!json_is_array(array))
		return 0;
	command = calloc(nr + 1, sizeof(*command));
	if (!command)
		return -ENOMEM;
	*ret_command = command;
	for (size_t i = 0; i < nr; i++) {
		const char *word = json_string_value(json_array_get(array, i));

		command[i] = strdup(word ? word : "");
		if (!command[i])
			return -ENOMEM;
	}
	return 0;
}

static char *text_copy(json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return strdup(text ? text : "");
}

static uint64_t json_count(json_t *json, const char *key)
{
	json_int_t number = json_integer_value(json_object_get(json, key));

	return number > 0 ? number : 0;
}

int capture_info_decode(const char *text, struct capture_info *ret_info)
{
	json_t *json = json_loads(text, 0, NULL);
	int err;

	*ret_info = (struct capture_info){};
	if (!json_is_object(json)) {
		json_decref(json);
		return -EBADMSG;
	}
	ret_info->host = text_copy(json, "host");
	ret_info->kernel = text_copy(json, "kernel");
	ret_info->arch = text_copy(json, "arch");
	ret_info->scope = text_copy(json, "scope");
	ret_info->hooks = text_copy(json, "hooks");
	ret_info->mechanisms = text_copy(json, "mechanisms");
	ret_info->start_realtime_ns = json_count(json, "start_realtime_ns");
	ret_info->start_boottime_ns = json_count(json, "start_boottime_ns");
	err = command_decode(json_object_get(json, "command"), &ret_info->command);
	json_decref(json);
	if (!ret_info->host || !ret_info->kernel || !ret_info->arch || !ret_info->scope ||
	    !ret_info->hooks || !ret_info->mechanisms)
		err = -ENOMEM;
	if (err)
		capture_info_fini(ret_info);
	return err;
}

/* A name of ours has no other bytes; a file may hold anything, and names are shown as they are. */
static void cause_copy(char *name, const char *text)
{
	snprintf(name, LEDGER_CAUSE_LEN, "%s", text);
	for (; *name; name++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789-", *name))
			*name = '?';
}

static void barrier_decode(json_t *json, struct ledger_info *ret_ledger)
{
	uint64_t cpus = json_count(json, "cpus"), reached = json_count(json, "reached");
	const char *missed = json_string_value(json_object_get(json, "missed"));
	char *text = ret_ledger->barrier_missed;

	if (!json || cpus > IPCT_CPUS_MAX || reached > cpus)
		return;
	ret_ledger->barrier_cpus = cpus;
	ret_ledger->barrier_reached = reached;
	snprintf(text, LEDGER_CPUS_MAX, "%s", missed ? missed : "");
	if (strspn(text, "0123456789-,.") != strlen(text))
		text[0] = '\0';
}

int ledger_info_decode(const char *text, struct ledger_info *ret_ledger)
{
	json_t *json = json_loads(text, 0, NULL), *value;
	const char *name, *end;

	*ret_ledger = (struct ledger_info){};
	if (!json_is_object(json)) {
		json_decref(json);
		return -EBADMSG;
	}
	ret_ledger->time_ns = json_count(json, "time_ns");
	ret_ledger->seen = json_count(json, "seen");
	ret_ledger->recorded = json_count(json, "recorded");
	ret_ledger->aggregated = json_count(json, "aggregated");
	ret_ledger->filtered = json_count(json, "filtered");
	json_object_foreach(json_object_get(json, "causes"), name, value)
	{
		size_t at = ret_ledger->causes_nr;

		if (at == LEDGER_CAUSES_MAX)
			break;
		cause_copy(ret_ledger->causes[at].name, name);
		ret_ledger->causes[at].count =
			json_integer_value(value) > 0 ? json_integer_value(value) : 0;
		ret_ledger->causes_nr++;
	}
	end = json_string_value(json_object_get(json, "end"));
	snprintf(ret_ledger->end, sizeof(ret_ledger->end), "%s", end ? end : "");
	barrier_decode(json_object_get(json, "barrier"), ret_ledger);
	json_decref(json);
	return 0;
}

uint64_t ledger_info_lost(const struct ledger_info *ledger)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < ledger->causes_nr; i++)
		lost += ledger->causes[i].count;
	return lost;
}

void capture_info_fini(struct capture_info *info)
{
	free(info->host);
	free(info->kernel);
	free(info->arch);
	free(info->scope);
	free(info->hooks);
	free(info->mechanisms);
	for (char **word = info->command; word && *word; word++)
		free(*word);
	free(info->command);
	*info = (struct capture_info){};
}
