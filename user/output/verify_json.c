/* SPDX-License-Identifier: GPL-2.0-only */
/* Verdicts as JSON, schema ipctrace.verify/1: user/verify/SPEC.md has its fields. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "graph/graph_view.h"
#include "output/verify.h"

/* Text from outside as a string; NULL without memory. */
static json_t *text_new(const char *text)
{
	char *escaped = text ? escape_text(text, strlen(text)) : NULL;
	json_t *json = escaped ? json_string(escaped) : NULL;

	free(escaped);
	return json;
}

/* Null where there is none. */
static json_t *text_or_null(const char *text)
{
	return text ? text_new(text) : json_null();
}

static json_t *number_new(uint64_t number)
{
	return json_integer(number > INT64_MAX ? INT64_MAX : (json_int_t)number);
}

/* `high` is null where nothing is known to limit it. */
static json_t *measure_new(const struct measure *measure)
{
	return json_pack("{s:o, s:o, s:o}", "low", number_new(measure->low), "high",
			 measure->high == UINT64_MAX ? json_null() : number_new(measure->high),
			 "value", number_new(measure->best));
}

static json_t *process_new(const struct verdicts *verdicts, uint32_t index)
{
	const struct graph_process *process = &verdicts->graph->processes[index];

	return json_pack("{s:o, s:o, s:o, s:o}", "pid",
			 process->pid ? number_new(process->pid) : json_null(), "comm",
			 text_new(process->comm), "exe", text_new(process->exe), "role",
			 text_new(spec_role_name(verdicts->spec, verdicts->roles[index])));
}

static json_t *edge_new(const struct verdicts *verdicts, uint32_t index)
{
	const struct graph *graph = verdicts->graph;
	const struct graph_edge *edge = &graph->edges[index];
	const struct graph_channel *channel = &graph->channels[edge->channel];

	return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:b, s:I, s:I}", "from",
			 process_new(verdicts, edge->from), "to", process_new(verdicts, edge->to),
			 "mechanism", graph_mechanism_name(edge->mechanism), "name",
			 text_new(channel->name), "object", text_new(channel->object), "messages",
			 number_new(edge->count.messages), "bytes", number_new(edge->count.bytes),
			 "exact", edge->is_exact, "first_ns", (json_int_t)edge->first_ns, "last_ns",
			 (json_int_t)edge->last_ns);
}

static json_t *pair_new(const struct verdicts *verdicts, const struct verdict_pair *pair)
{
	const struct graph_channel *channel = &verdicts->graph->channels[pair->channel];

	return json_pack("{s:o, s:o, s:s, s:o, s:o}", "from", process_new(verdicts, pair->from),
			 "to", process_new(verdicts, pair->to), "mechanism",
			 graph_mechanism_name(channel->mechanism), "name", text_new(channel->name),
			 "object", text_new(channel->object));
}

static json_t *example_new(const struct verdicts *verdicts, const struct verdict_example *example)
{
	const struct graph_edge *edge = &verdicts->graph->edges[example->edge];
	const struct example *transfer = &example->transfer;

	return json_pack("{s:I, s:o, s:o, s:s, s:o, s:o, s:o, s:b}", "time_ns",
			 (json_int_t)transfer->time_ns, "from", process_new(verdicts, edge->from),
			 "to", process_new(verdicts, edge->to), "mechanism",
			 graph_mechanism_name(edge->mechanism), "messages",
			 number_new(transfer->messages), "bytes", number_new(transfer->bytes), "fd",
			 transfer->fd < 0 ? json_null() : json_integer(transfer->fd), "whole_edge",
			 example->is_edge);
}

static json_t *bound_new(const struct verdict_bound *bound)
{
	static const char *const names[] = {
		[CERTAIN_NO] = "no",
		[CERTAIN_MAYBE] = "maybe",
		[CERTAIN_YES] = "yes",
	};

	return json_pack("{s:o, s:s, s:o, s:s}", "bound", text_new(bound->bound->text), "field",
			 spec_fields[bound->bound->field].name, "measured",
			 measure_new(&bound->measure), "holds", names[bound->holds]);
}

static json_t *left_new(const struct verdicts *verdicts, uint32_t index)
{
	const struct graph_channel *channel = &verdicts->graph->channels[index];

	return json_pack("{s:s, s:o, s:o, s:o}", "mechanism",
			 graph_mechanism_name(channel->mechanism), "name", text_new(channel->name),
			 "object", text_new(channel->object), "created_by",
			 process_new(verdicts, channel->created_by));
}

/* What could not be made fails here, and then all of it does. */
static int lists_add(const struct verdicts *verdicts, const struct verdict *verdict, json_t *json)
{
	json_t *edges = json_array(), *pairs = json_array(), *examples = json_array();
	json_t *bounds = json_array(), *left = json_array();
	int err = 0;

	for (size_t i = 0; i < verdict->edges_nr; i++)
		err |= json_array_append_new(edges, edge_new(verdicts, verdict->edges[i]));
	for (size_t i = 0; i < verdict->pairs_nr; i++)
		err |= json_array_append_new(pairs, pair_new(verdicts, &verdict->pairs[i]));
	for (size_t i = 0; i < verdict->examples_nr; i++)
		err |= json_array_append_new(examples,
					     example_new(verdicts, &verdict->examples[i]));
	for (size_t i = 0; i < verdict->bounds_nr; i++)
		err |= json_array_append_new(bounds, bound_new(&verdict->bounds[i]));
	for (size_t i = 0; i < verdict->leftovers.nr; i++)
		err |= json_array_append_new(left,
					     left_new(verdicts, verdict->leftovers.channels[i]));
	err |= json_object_set_new(json, "edges", edges);
	err |= json_object_set_new(json, "pairs", pairs);
	err |= json_object_set_new(json, "examples", examples);
	err |= json_object_set_new(json, "bounds", bounds);
	err |= json_object_set_new(json, "left", left);
	err |= json_object_set_new(json, "nearest",
				   verdict->nearest == GRAPH_NONE ?
					   json_null() :
					   edge_new(verdicts, verdict->nearest));
	return err ? -ENOMEM : 0;
}

static const char *section_of(const struct verdict *verdict)
{
	static const char *const names[] = {
		[VERDICT_RULE] = "rule",
		[VERDICT_CLOSED] = "closed",
		[VERDICT_LEFTOVER] = "at_exit",
		[VERDICT_EXIT] = "exit",
	};

	return verdict->kind == VERDICT_RULE ? spec_section_names[verdict->rule->section] :
					       names[verdict->kind];
}

static json_t *verdict_new(const struct verdicts *verdicts, const struct verdict *verdict)
{
	struct verdict_words words;
	json_t *json = NULL;
	int err = verdict_words_fill(verdicts, verdict, &words);

	if (!err)
		json = json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:o}", "section",
				 section_of(verdict), "title", text_new(words.title), "line",
				 verdict->line ? number_new(verdict->line) : json_null(), "why",
				 text_or_null(verdict->rule ? verdict->rule->why : NULL), "verdict",
				 verdict_status_names[verdict->status], "reason",
				 verdict_reason_names[verdict->reason], "message",
				 text_new(words.message));
	verdict_words_fini(&words);
	if (json && verdict->kind == VERDICT_RULE)
		err = json_object_set_new(json, "messages", measure_new(&verdict->messages)) |
		      json_object_set_new(json, "bytes", measure_new(&verdict->bytes)) |
		      json_object_set_new(json, "peers", measure_new(&verdict->peers));
	if (json && !err)
		err = lists_add(verdicts, verdict, json);
	if (!err)
		return json;
	json_decref(json);
	return NULL;
}

static json_t *rules_new(const struct verdicts *verdicts)
{
	json_t *rules = json_array();

	for (size_t i = 0; i < verdicts->nr; i++)
		if (json_array_append_new(rules, verdict_new(verdicts, &verdicts->all[i]))) {
			json_decref(rules);
			return NULL;
		}
	return rules;
}

static json_t *roles_new(const struct verdicts *verdicts)
{
	json_t *roles = json_array();

	for (uint32_t i = 0; i < verdicts->spec->roles_nr; i++) {
		const struct spec_role *role = &verdicts->spec->roles[i];

		if (json_array_append_new(
			    roles, json_pack("{s:s, s:o, s:o}", "name", role->name, "line",
					     role->line ? number_new(role->line) : json_null(),
					     "processes",
					     number_new(verdicts_role_processes(verdicts, i))))) {
			json_decref(roles);
			return NULL;
		}
	}
	return roles;
}

static json_t *counts_new(const struct verdicts *verdicts)
{
	json_t *counts = json_object();

	for (int i = 0; i < VERDICT_STATUS_NR; i++)
		if (json_object_set_new(counts, verdict_status_names[i],
					number_new(verdicts->count[i]))) {
			json_decref(counts);
			return NULL;
		}
	return counts;
}

int verify_write_json(const struct verdicts *verdicts, const struct verify_output *output,
		      FILE *stream)
{
	const struct graph_ledger *ledger = &verdicts->graph->ledger;
	const struct graph_capture *capture = &verdicts->graph->capture;
	json_t *json = json_pack(
		"{s:s, s:o, s:s, s:o, s:{s:o, s:o, s:o, s:b, s:o}, s:{s:o, s:o, s:o, s:o}, s:o, "
		"s:o}",
		"schema", "ipctrace.verify/1", "spec", text_new(output->spec_path), "verdict",
		verdict_status_names[verdicts_status(verdicts)], "count", counts_new(verdicts),
		"capture", "host", text_new(capture->host), "kernel", text_new(capture->kernel),
		"duration_ns", number_new(capture->duration_ns), "complete", capture->is_complete,
		"command_status",
		capture->command_status < 0 ? json_null() : json_integer(capture->command_status),
		"ledger", "seen", number_new(ledger->seen), "recorded",
		number_new(ledger->recorded), "aggregated", number_new(ledger->aggregated), "lost",
		number_new(ledger->lost), "roles", roles_new(verdicts), "rules",
		rules_new(verdicts));
	int err = 0;

	if (!json)
		return -ENOMEM;
	if (json_dumpf(json, stream, JSON_INDENT(1)) || fputc('\n', stream) == EOF)
		err = -EIO;
	json_decref(json);
	return err;
}
