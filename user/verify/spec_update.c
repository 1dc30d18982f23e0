/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/spec_update.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/channel.h"
#include "verify/learn.h"

/* Bytes start..end become `text`. */
struct edit {
	size_t start, end;
	char *text;
	size_t number; /* those of one place stay in order */
};

struct update {
	const struct verdicts *verdicts;
	const char *bytes;
	size_t len;
	struct edit *edits;
	size_t nr, cap;
	bool has_allow; /* a list was begun at the end of the file */
};

__attribute__((format(printf, 4, 5))) static int edit_add(struct update *update, size_t start,
							  size_t end, const char *format, ...)
{
	struct edit *edit;
	va_list args;
	int len;

	if (update->nr == update->cap) {
		size_t cap = update->cap ? update->cap * 2 : 16;
		struct edit *grown = reallocarray(update->edits, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		update->edits = grown;
		update->cap = cap;
	}
	edit = &update->edits[update->nr];
	*edit = (struct edit){ .start = start, .end = end, .number = update->nr };
	va_start(args, format);
	len = vasprintf(&edit->text, format, args);
	va_end(args);
	if (len < 0)
		return -ENOMEM;
	update->nr++;
	return 0;
}

/* `text` as a scalar in double quotes, owned by the caller. NULL without memory. */
static char *quoted(const char *text)
{
	char *all = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&all, &len);

	if (!stream)
		return NULL;
	learn_write_quoted(text, stream);
	if (!fclose(stream))
		return all;
	free(all);
	return NULL;
}

/* Bounds ------------------------------------------------------------------------------------- */

static uint64_t more(uint64_t value)
{
	return value > UINT64_MAX / 3 ? UINT64_MAX : (value * 3 + 1) / 2;
}

static uint64_t less(uint64_t value)
{
	return value / 3 * 2 + value % 3 * 2 / 3;
}

/* The bound moved to what was measured, half as much again; "" where it cannot be. */
static char *bound_moved(const struct verdict_bound *bound)
{
	const struct spec_bound *old = bound->bound;
	const char *unit = spec_fields[old->field].unit == SPEC_UNIT_TIME ? "ns" : "";
	size_t name_len = strcspn(old->text, " \t=!<>");
	uint64_t value = bound->measure.best;
	char *text = NULL;
	int len;

	if (old->is_not)
		return strdup("");
	if (old->low == old->high)
		len = asprintf(&text, "%.*s = %" PRIu64 "%s", (int)name_len, old->text, value,
			       unit);
	else if (old->high == UINT64_MAX)
		len = asprintf(&text, "%.*s >= %" PRIu64 "%s", (int)name_len, old->text,
			       less(value), unit);
	else if (!old->low)
		len = asprintf(&text, "%.*s <= %" PRIu64 "%s", (int)name_len, old->text,
			       more(value), unit);
	else
		len = asprintf(&text, "%.*s in %" PRIu64 "%s..%" PRIu64 "%s", (int)name_len,
			       old->text, less(value), unit, more(value), unit);
	return len < 0 ? NULL : text;
}

/* `text` with its first `old` replaced; takes `text` over. */
static char *replaced(char *text, const char *old, const char *new)
{
	char *at = text ? strstr(text, old) : NULL, *all = NULL;

	if (!at)
		return text;
	if (asprintf(&all, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old)) < 0)
		all = NULL;
	free(text);
	return all;
}

static int bounds_move(struct update *update, const struct verdict *verdict)
{
	char *text = strdup(verdict->rule->text), *shown;
	int err;

	for (size_t i = 0; i < verdict->bounds_nr && text; i++) {
		const struct verdict_bound *bound = &verdict->bounds[i];
		char *moved;

		if (bound->holds == CERTAIN_YES || !spec_fields[bound->bound->field].is_measured)
			continue;
		moved = bound_moved(bound);
		if (moved && *moved)
			text = replaced(text, bound->bound->text, moved);
		if (!moved) {
			free(text);
			text = NULL;
		}
		free(moved);
	}
	shown = text && strcmp(text, verdict->rule->text) ? quoted(text) : NULL;
	err = text ? 0 : -ENOMEM;
	if (shown)
		err = edit_add(update, verdict->rule->start, verdict->rule->end, "%s", shown);
	free(shown);
	free(text);
	return err;
}

/* Rules that go ------------------------------------------------------------------------------ */

/* Of `[a, b, c]` one item and the comma behind it; one that is left at the end does no harm. */
static int flow_item_remove(struct update *update, const struct spec_rule *rule)
{
	size_t end = rule->item_end;
	size_t comma = end + strspn(update->bytes + end, " \t\n");

	if (update->bytes[comma] == ',')
		end = comma + 1 + strspn(update->bytes + comma + 1, " ");
	return edit_add(update, rule->item_start, end, "%s", "");
}

static int block_item_remove(struct update *update, const struct spec_rule *rule)
{
	size_t at = rule->item_start;
	int err = 0;

	while (at && update->bytes[at - 1] != '\n')
		at--;
	while (!err && at < rule->item_end) {
		const char *end = memchr(update->bytes + at, '\n', update->len - at);

		err = edit_add(update, at, at, "#");
		at = end ? (size_t)(end - update->bytes) + 1 : update->len;
	}
	return err;
}

static int rule_remove(struct update *update, const struct spec_rule *rule)
{
	return update->verdicts->spec->lists[rule->section].is_flow ?
		       flow_item_remove(update, rule) :
		       block_item_remove(update, rule);
}

/* Rules that come ----------------------------------------------------------------------------- */

/* At the end of the file, on a line of its own. */
static int append(struct update *update, const char *text)
{
	bool is_ended = update->len && update->bytes[update->len - 1] == '\n';

	return edit_add(update, update->len, update->len, "%s%s",
			is_ended || update->has_allow ? "" : "\n", text);
}

static int allow_append(struct update *update, const char *rule)
{
	char *line;
	int err;

	if (asprintf(&line, "%s  - %s\n", update->has_allow ? "" : "allow:\n", rule) < 0)
		return -ENOMEM;
	err = append(update, line);
	update->has_allow = true;
	free(line);
	return err;
}

/* Behind the last rule of a list of lines, a comment behind it included. */
static int allow_insert_line(struct update *update, const struct spec_list *list, const char *rule)
{
	const char *end = memchr(update->bytes + list->end, '\n', update->len - list->end);
	size_t at = end ? (size_t)(end - update->bytes) : update->len;
	int indent = list->is_empty ? 2 : (int)list->indent;

	return edit_add(update, at, at, "\n%*s- %s", indent, "", rule);
}

/* `rule` is quoted. */
static int allow_add(struct update *update, const char *rule)
{
	const struct spec_list *list = &update->verdicts->spec->lists[SPEC_ALLOW];
	bool is_first = list->is_empty;

	if (!list->line)
		return allow_append(update, rule);
	if (!list->is_flow)
		return allow_insert_line(update, list, rule);
	for (size_t i = 0; i < update->nr && is_first; i++)
		is_first = update->edits[i].start != list->end;
	return edit_add(update, list->end, list->end, "%s%s", is_first ? "" : ", ", rule);
}

static char *rule_of(const struct update *update, uint32_t from, uint32_t to, uint32_t channel,
		     const char *arrow)
{
	const struct verdicts *verdicts = update->verdicts;
	const struct graph_channel *at = &verdicts->graph->channels[channel];
	char *glob = learn_name_glob(at->mechanism, at->name), *text = NULL, *rule;
	bool is_plain = glob && *glob && !strpbrk(glob, " \t\"") && strcmp(glob, "where");

	if (glob && asprintf(&text, "%s %s %s via %s%s%s",
			     spec_role_name(verdicts->spec, verdicts->roles[from]), arrow,
			     spec_role_name(verdicts->spec, verdicts->roles[to]),
			     channel_mechanism_name(at->mechanism), is_plain ? " " : "",
			     is_plain ? glob : "") < 0)
		text = NULL;
	free(glob);
	rule = text ? quoted(text) : NULL;
	free(text);
	return rule;
}

/* Once, however many processes of the two roles there are. Takes `rule` over. */
static int allow_once(struct update *update, char *rule)
{
	int err = 0;
	bool is_known = false;

	if (!rule)
		return -ENOMEM;
	for (size_t i = 0; i < update->nr && !is_known; i++)
		is_known = strstr(update->edits[i].text, rule) != NULL;
	if (!is_known)
		err = allow_add(update, rule);
	free(rule);
	return err;
}

static int closed_open(struct update *update, const struct verdict *verdict)
{
	int err = 0;

	for (size_t i = 0; i < verdict->edges_nr && !err; i++) {
		const struct graph_edge *edge = &update->verdicts->graph->edges[verdict->edges[i]];

		err = allow_once(update,
				 rule_of(update, edge->from, edge->to, edge->channel, "->"));
	}
	for (size_t i = 0; i < verdict->pairs_nr && !err; i++)
		err = allow_once(update,
				 rule_of(update, verdict->pairs[i].from, verdict->pairs[i].to,
					 verdict->pairs[i].channel, "--"));
	return err;
}

/* --------------------------------------------------------------------------------------------- */

static int status_change(struct update *update)
{
	const struct spec_exit *exit = &update->verdicts->spec->exit;
	int status = update->verdicts->graph->capture.command_status;
	char line[32];

	if (exit->line)
		return edit_add(update, exit->start, exit->end, "%d", status);
	snprintf(line, sizeof(line), "exit: %d\n", status);
	return append(update, line);
}

static int verdict_update(struct update *update, const struct verdict *verdict)
{
	if (verdict->status != VERDICT_FAIL)
		return 0;
	switch (verdict->kind) {
	case VERDICT_CLOSED:
		return closed_open(update, verdict);
	case VERDICT_EXIT:
		return status_change(update);
	case VERDICT_LEFTOVER:
		return edit_add(update, verdict->leftover->start, verdict->leftover->end, "%zu",
				verdict->leftovers.nr);
	default:
		break;
	}
	if (verdict->rule->section != SPEC_REQUIRE)
		return 0;
	return verdict->reason == VERDICT_REASON_ABSENT ? rule_remove(update, verdict->rule) :
							  bounds_move(update, verdict);
}

static int edit_compare(const void *a, const void *b)
{
	const struct edit *one = a, *other = b;

	if (one->start != other->start)
		return one->start < other->start ? -1 : 1;
	return one->number < other->number ? -1 : 1;
}

static void edits_write(struct update *update, FILE *stream)
{
	size_t at = 0;

	if (update->nr)
		qsort(update->edits, update->nr, sizeof(*update->edits), edit_compare);
	for (size_t i = 0; i < update->nr; i++) {
		const struct edit *edit = &update->edits[i];

		if (edit->start < at)
			continue; /* what it would change is gone */
		fwrite(update->bytes + at, 1, edit->start - at, stream);
		fputs(edit->text, stream);
		at = edit->end;
	}
	fwrite(update->bytes + at, 1, update->len - at, stream);
}

int spec_update_write(const struct verdicts *verdicts, const char *bytes, size_t len, FILE *stream,
		      size_t *ret_changes)
{
	struct update update = { .verdicts = verdicts, .bytes = bytes, .len = len };
	int err = 0;

	for (size_t i = 0; i < verdicts->nr && !err; i++)
		err = verdict_update(&update, &verdicts->all[i]);
	if (!err)
		edits_write(&update, stream);
	*ret_changes = update.nr;
	for (size_t i = 0; i < update.nr; i++)
		free(update.edits[i].text);
	free(update.edits);
	return !err && ferror(stream) ? -EIO : err;
}
