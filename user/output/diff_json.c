/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The difference as JSON, schema ipctrace.diff/1, whose fields are only ever added to:
 *
 * { "schema": "ipctrace.diff/1", "group_by",
 *   "old": { "file", "capture": {..}, "ledger": {..} }, "new": { the same },
 *   "programs": [ { "id", "name", "far": true|false, "processes": { "old", "new" } } ],
 *   "edges": [ { "change": "new"|"gone"|"changed"|"unchanged", "certain": true|false,
 *                "from": id, "to": id, "mechanism", "channel",
 *                "old": side or null, "new": side or null, "breaks": [ limit, .. ] } ],
 *   "summary": { "new", "gone", "changed", "unchanged", "uncertain", "edges_left_out" } }
 *
 * side: { "messages": range, "bytes": range, "channels", "first_ns" }, of shared memory no
 * ranges; range: { "at_least", "best", "at_most" }, where at_most is null without a limit.
 * `capture` and `ledger` are those of ipctrace.graph/1, and so are names. A side is null if the
 * edge was not seen there. `far`: no process of the machine. `breaks` names the limits of
 * --fail-on that the edge breaks for certain, `channels` how many names the edge has.
 */
#include <errno.h>
#include <string.h>

#include "output/diff.h"
#include "output/json_build.h"

static void put_range(struct json_build *object, const char *key, const struct graph_range *range)
{
	struct json_build value = json_build_new();

	json_put_u64(&value, "at_least", range->low);
	json_put_u64(&value, "best", range->best);
	if (range->high == GRAPH_DIFF_NO_LIMIT)
		json_put_null(&value, "at_most");
	else
		json_put_u64(&value, "at_most", range->high);
	json_put_object(object, key, &value);
}

static void put_side(struct json_build *object, const struct graph_diff_edge *edge,
		     enum graph_diff_age age)
{
	const struct graph_diff_side *side = &edge->sides[age];
	struct json_build value;

	if (!side->is_there) {
		json_put_null(object, diff_age_names[age]);
		return;
	}
	value = json_build_new();
	if (!edge->is_memory) {
		put_range(&value, "messages", &side->messages);
		put_range(&value, "bytes", &side->bytes);
		json_put_s64(&value, "first_ns", side->first_ns);
	}
	json_put_u64(&value, "channels", side->channels);
	json_put_object(object, diff_age_names[age], &value);
}

static void put_breaks(struct json_build *object, const struct diff_view *view,
		       const struct graph_diff_edge *edge)
{
	json_t *array = json_array();

	for (size_t i = 0; i < view->limits_nr; i++) {
		if (graph_limit_judge(&view->limits[i], edge) != GRAPH_VERDICT_BROKEN)
			continue;
		if (json_array_append_new(array, json_text_new(view->limits[i].text)))
			object->err = -ENOMEM;
	}
	json_put(object, "breaks", array);
}

static int write_edge(const struct diff_view *view, size_t index, FILE *stream)
{
	const struct graph_diff_edge *edge = &view->diff->edges[index];
	struct json_build object = json_build_new();

	json_put_text(&object, "change", graph_change_names[edge->change]);
	json_put_bool(&object, "certain", edge->is_certain);
	json_put_id(&object, "from", 'p', edge->from);
	json_put_id(&object, "to", 'p', edge->to);
	json_put_text(&object, "mechanism", graph_mechanism_name(edge->mechanism));
	json_put_text(&object, "channel", edge->channel);
	put_side(&object, edge, GRAPH_DIFF_OLD);
	put_side(&object, edge, GRAPH_DIFF_NEW);
	put_breaks(&object, view, edge);
	return json_build_write(&object, stream);
}

static int write_program(const struct diff_view *view, size_t index, FILE *stream)
{
	const struct graph_diff_program *program = &view->diff->programs[index];
	struct json_build object = json_build_new(), processes = json_build_new();

	json_put_id(&object, "id", 'p', (uint32_t)index);
	json_put_text(&object, "name", program->name);
	json_put_bool(&object, "far", program->is_far);
	for (int age = 0; age < GRAPH_DIFF_AGES; age++)
		json_put_u64(&processes, diff_age_names[age], program->processes[age]);
	json_put_object(&object, "processes", &processes);
	return json_build_write(&object, stream);
}

typedef int (*write_element_fn)(const struct diff_view *view, size_t index, FILE *stream);

static int write_array(const struct diff_view *view, const char *key, size_t nr,
		       write_element_fn write_element, FILE *stream)
{
	int err = 0;

	fprintf(stream, ",\n\"%s\": [", key);
	for (size_t i = 0; i < nr && !err; i++) {
		fputs(i ? ",\n" : "\n", stream);
		err = write_element(view, i, stream);
	}
	fputs(nr ? "\n]" : "]", stream);
	return err;
}

static int write_captures(const struct diff_view *view, FILE *stream)
{
	int err = 0;

	for (int age = 0; age < GRAPH_DIFF_AGES && !err; age++) {
		struct json_build object = json_build_new();
		struct json_build capture = json_capture_new(&view->graphs[age]->capture);
		struct json_build ledger = json_ledger_new(&view->graphs[age]->ledger);

		json_put_text(&object, "file", view->files[age]);
		json_put_object(&object, "capture", &capture);
		json_put_object(&object, "ledger", &ledger);
		fprintf(stream, ",\n\"%s\": ", diff_age_names[age]);
		err = json_build_write(&object, stream);
	}
	return err;
}

static int write_summary(const struct diff_view *view, FILE *stream)
{
	const struct graph_diff *diff = view->diff;
	struct json_build object = json_build_new();

	for (int change = 0; change < GRAPH_CHANGES; change++)
		json_put_u64(&object, graph_change_names[change], diff->changes[change]);
	json_put_u64(&object, "uncertain", diff->uncertain);
	json_put_u64(&object, "edges_left_out", diff->edges_nr - diff_edges_shown(view));
	fputs(",\n\"summary\": ", stream);
	return json_build_write(&object, stream);
}

static int json_write(const struct diff_view *view, FILE *stream)
{
	int err;

	/* The grouping is one of our own words. */
	fprintf(stream, "{\n\"schema\": \"ipctrace.diff/1\",\n\"group_by\": \"%s\"",
		view->group_by);
	err = write_captures(view, stream);
	if (!err)
		err = write_array(view, "programs", view->diff->programs_nr, write_program, stream);
	if (!err)
		err = write_array(view, "edges", diff_edges_shown(view), write_edge, stream);
	if (!err)
		err = write_summary(view, stream);
	fputs("\n}\n", stream);
	if (!err && ferror(stream))
		err = -EIO;
	return err;
}

const struct diff_format diff_json = {
	.name = "json",
	.summary = "for programs: schema ipctrace.diff/1",
	.write = json_write,
};
