/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A text table whose columns are as wide as their content; if it is too wide for the line,
 * the widest flexible columns give way and their cells are shortened with `…`.
 */
#ifndef IPCTRACE_TABLE_H
#define IPCTRACE_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 12

struct table_column {
	const char *title; /* static */
	bool is_right;	   /* aligned; else left */
	bool is_flexible;
};

struct table;

/* `columns` is kept, not copied. Owned by the caller, NULL without memory. */
struct table *table_new(const struct table_column *columns, size_t columns_nr);

/*
 * Adds the next cell, row by row from the left. Raw text: the table escapes it. `text` is
 * taken over, and NULL is a lack of memory that table_write() reports.
 */
void table_add(struct table *table, char *text);

/* The same for a count, an amount of bytes, and a text that is copied; NULL or empty: `-`. */
void table_add_count(struct table *table, uint64_t count);
void table_add_bytes(struct table *table, uint64_t bytes);
void table_add_text(struct table *table, const char *text);

/*
 * Adds lines below the row that was added last, indented, broken between words. As above; NULL
 * or empty: none.
 */
void table_note(struct table *table, char *text);

/* Writes titles and whole rows in at most `width` columns. 0 or -ENOMEM. */
int table_write(const struct table *table, size_t width, FILE *stream);

/* NULL is accepted. */
void table_free(struct table *table);

#endif
