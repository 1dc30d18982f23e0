/* SPDX-License-Identifier: GPL-2.0-only */
#include "output/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "base/utf8.h"
#include "output/describe.h"

#define GAP 2
#define FLEXIBLE_MIN 8
#define NOTE_INDENT 4

struct table_note {
	size_t row; /* counted from 0 */
	char *text;
};

struct table {
	const struct table_column *columns;
	size_t columns_nr;
	char **cells;
	size_t cells_nr, cells_cap;
	struct table_note *notes;
	size_t notes_nr, notes_cap;
	bool is_broken; /* a cell is missing for lack of memory */
};

struct table *table_new(const struct table_column *columns, size_t columns_nr)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->columns = columns;
	table->columns_nr = columns_nr;
	return table;
}

static bool has_room(struct table *table)
{
	size_t cap = table->cells_cap ? table->cells_cap * 2 : 64;
	char **cells;

	if (table->cells_nr < table->cells_cap)
		return true;
	cells = reallocarray(table->cells, cap, sizeof(*cells));
	if (!cells)
		return false;
	table->cells = cells;
	table->cells_cap = cap;
	return true;
}

void table_add(struct table *table, char *text)
{
	char *escaped = text ? escape_line(text, strlen(text)) : NULL;

	free(text);
	if (escaped && has_room(table)) {
		table->cells[table->cells_nr++] = escaped;
		return;
	}
	free(escaped);
	table->is_broken = true;
}

void table_add_count(struct table *table, uint64_t count)
{
	char text[UNITS_TEXT_MAX];

	units_format_count(text, sizeof(text), count);
	table_add(table, strdup(text));
}

void table_add_bytes(struct table *table, uint64_t bytes)
{
	char text[UNITS_TEXT_MAX];

	units_format_bytes(text, sizeof(text), bytes);
	table_add(table, strdup(text));
}

void table_add_text(struct table *table, const char *text)
{
	table_add(table, strdup(text && *text ? text : "-"));
}

void table_note(struct table *table, char *text)
{
	size_t cap = table->notes_cap ? table->notes_cap * 2 : 64;
	struct table_note *notes = table->notes;
	char *escaped;

	if (!text || !*text) {
		table->is_broken |= !text;
		free(text);
		return;
	}
	escaped = escape_line(text, strlen(text));
	free(text);
	if (table->notes_nr == table->notes_cap) {
		notes = reallocarray(notes, cap, sizeof(*notes));
		if (notes) {
			table->notes = notes;
			table->notes_cap = cap;
		}
	}
	if (!escaped || !notes) {
		free(escaped);
		table->is_broken = true;
		return;
	}
	notes[table->notes_nr++] =
		(struct table_note){ table->cells_nr / table->columns_nr - 1, escaped };
}

static void measure(const struct table *table, size_t *widths)
{
	size_t i, width;

	for (i = 0; i < table->columns_nr; i++)
		widths[i] = utf8_width(table->columns[i].title);
	for (i = 0; i < table->cells_nr; i++) {
		width = utf8_width(table->cells[i]);
		if (width > widths[i % table->columns_nr])
			widths[i % table->columns_nr] = width;
	}
}

static size_t *widest_flexible(const struct table *table, size_t *widths)
{
	size_t *widest = NULL, i;

	for (i = 0; i < table->columns_nr; i++) {
		if (!table->columns[i].is_flexible || widths[i] <= FLEXIBLE_MIN)
			continue;
		if (!widest || widths[i] > *widest)
			widest = &widths[i];
	}
	return widest;
}

static void squeeze(const struct table *table, size_t *widths, size_t width)
{
	size_t total = GAP * (table->columns_nr - 1), *widest, i;

	for (i = 0; i < table->columns_nr; i++)
		total += widths[i];
	for (; total > width; total -= 1) {
		widest = widest_flexible(table, widths);
		if (!widest)
			return;
		*widest -= 1;
	}
}

static void put_spaces(FILE *stream, size_t nr)
{
	fprintf(stream, "%*s", (int)nr, "");
}

static int put_cell(const struct table *table, size_t column, const char *text, size_t width,
		    FILE *stream)
{
	char *shown = describe_shorten(text, width);
	size_t fill;

	if (!shown)
		return -ENOMEM;
	fill = width - utf8_width(shown);
	if (table->columns[column].is_right)
		put_spaces(stream, fill);
	fputs(shown, stream);
	if (column + 1 == table->columns_nr) {
		fputc('\n', stream);
	} else {
		if (!table->columns[column].is_right)
			put_spaces(stream, fill);
		put_spaces(stream, GAP);
	}
	free(shown);
	return 0;
}

static void put_note(const char *text, size_t width, FILE *stream)
{
	size_t at = 0;

	while (*text) {
		size_t len = strcspn(text, " ");
		if (at && at + 1 + len > width) {
			fputc('\n', stream);
			at = 0;
		}
		at += (size_t)fprintf(stream, "%*s%.*s", at ? 1 : NOTE_INDENT, "", (int)len, text);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', stream);
}

int table_write(const struct table *table, size_t width, FILE *stream)
{
	size_t widths[TABLE_COLUMNS_MAX], i, note = 0;
	int err = 0;

	if (table->is_broken)
		return -ENOMEM;
	measure(table, widths);
	squeeze(table, widths, width);
	for (i = 0; i < table->columns_nr && !err; i++)
		err = put_cell(table, i, table->columns[i].title, widths[i], stream);
	for (i = 0; i < table->cells_nr && !err; i++) {
		err = put_cell(table, i % table->columns_nr, table->cells[i],
			       widths[i % table->columns_nr], stream);
		if ((i + 1) % table->columns_nr)
			continue;
		for (; note < table->notes_nr && table->notes[note].row == i / table->columns_nr;
		     note++)
			put_note(table->notes[note].text, width, stream);
	}
	return err;
}

void table_free(struct table *table)
{
	size_t i;

	if (!table)
		return;
	for (i = 0; i < table->cells_nr; i++)
		free(table->cells[i]);
	free(table->cells);
	for (i = 0; i < table->notes_nr; i++)
		free(table->notes[i].text);
	free(table->notes);
	free(table);
}
