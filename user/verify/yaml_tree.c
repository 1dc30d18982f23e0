/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/yaml_tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/escape.h"
#include "base/utf8.h"

#define DEPTH_MAX 8
#define NODES_MAX 20000
#define BYTES_MAX (1u << 20)

struct reader {
	yaml_parser_t parser;
	const char *bytes;
	size_t len;
	uint32_t *offsets; /* of each character, and of the end */
	size_t characters;
	size_t nodes;
	struct text_problem *problem;
};

int text_problem_set(struct text_problem *problem, struct text_place place, const char *format, ...)
{
	char *text = NULL, *shown = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		shown = escape_line(text, strlen(text));
	problem->place = place;
	snprintf(problem->text, sizeof(problem->text), "%s", shown ? shown : "out of memory");
	free(shown);
	free(text);
	return -EINVAL;
}

const char *yaml_tree_kind_name(const struct yaml_tree *tree)
{
	switch (tree->kind) {
	case YAML_TREE_LIST:
		return "a list";
	case YAML_TREE_MAPPING:
		return "a mapping";
	default:
		return *tree->text || tree->is_quoted ? "a word" : "nothing";
	}
}

/* Where things are ----------------------------------------------------------------------- */

static struct text_place place_of(const yaml_mark_t *mark)
{
	return (struct text_place){ mark->line + 1, mark->column + 1 };
}

static struct text_place place_of_offset(const char *bytes, size_t offset)
{
	struct text_place place = { 1, 1 };

	for (size_t at = 0; at < offset; at++) {
		if (bytes[at] == '\n')
			place = (struct text_place){ place.line + 1, 1 };
		else if ((bytes[at] & 0xc0) != 0x80)
			place.column++;
	}
	return place;
}

/* Marks of libyaml count characters. */
static size_t offset_of(const struct reader *reader, size_t character)
{
	return reader->offsets[character < reader->characters ? character : reader->characters];
}

static int characters_find(struct reader *reader)
{
	size_t at = 0, used;
	uint32_t code;

	if (reader->len > BYTES_MAX)
		return text_problem_set(reader->problem, (struct text_place){ 1, 1 },
					"the file is larger than 1 MiB; a specification is a few "
					"lines of text");
	reader->offsets = calloc(reader->len + 1, sizeof(*reader->offsets));
	if (!reader->offsets)
		return -ENOMEM;
	for (; at < reader->len; at += used) {
		used = utf8_decode(reader->bytes + at, reader->len - at, &code);
		if (!used)
			return text_problem_set(reader->problem, place_of_offset(reader->bytes, at),
						"byte 0x%02x is not UTF-8; save the file as UTF-8",
						(unsigned char)reader->bytes[at]);
		reader->offsets[reader->characters++] = (uint32_t)at;
	}
	reader->offsets[reader->characters] = (uint32_t)reader->len;
	return 0;
}

/* What libyaml says --------------------------------------------------------------------- */

static int reader_fail(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem ? parser->problem : "this is no YAML";
	struct text_place place = place_of(&parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR) {
		size_t offset = parser->problem_offset;

		place = place_of_offset(reader->bytes, offset < reader->len ? offset : reader->len);
		return text_problem_set(reader->problem, place,
					"%s; remove the character, or write it as \"\\x%02x\"",
					problem, (unsigned int)parser->problem_value & 0xff);
	}
	if (strstr(problem, "cannot start any token") &&
	    reader->bytes[offset_of(reader, parser->problem_mark.index)] == '\t')
		return text_problem_set(reader->problem, place,
					"a tab; indent with blanks, YAML takes no tabs there");
	if (strstr(problem, "cannot start any token"))
		return text_problem_set(reader->problem, place,
					"no value begins with this character; put it in quotes");
	if (strstr(problem, "alphabetic or numeric")) /* `* -> a`: libyaml takes it for an alias */
		return text_problem_set(reader->problem, place_of(&parser->context_mark),
					"what begins with * or & must stand in quotes: \"* -> role "
					"via ...\"");
	if (strstr(problem, "mapping values are not allowed"))
		return text_problem_set(reader->problem, place,
					"a ':' that YAML takes for a key; put the text in quotes, "
					"or check the indentation");
	return text_problem_set(reader->problem, place, "%s%s%s; this is no YAML",
				parser->context ? parser->context : "", parser->context ? ": " : "",
				problem);
}

static int event_next(struct reader *reader, yaml_event_t *event)
{
	return yaml_parser_parse(&reader->parser, event) ? 0 : reader_fail(reader);
}

/* Nodes ---------------------------------------------------------------------------------- */

static void tree_fini(struct yaml_tree *tree)
{
	for (size_t i = 0; i < tree->children_nr; i++)
		tree_fini(&tree->children[i]);
	free(tree->children);
	free(tree->text);
}

void yaml_tree_free(struct yaml_tree *tree)
{
	if (!tree)
		return;
	tree_fini(tree);
	free(tree);
}

/* Does each character of the value stand for itself in the file, one behind the other? */
static void text_place_find(const struct reader *reader, const yaml_event_t *event,
			    struct yaml_tree *tree)
{
	size_t quotes = tree->is_quoted, len = strlen(tree->text);

	if (event->start_mark.line != event->end_mark.line ||
	    tree->end - tree->start != len + 2 * quotes ||
	    memcmp(reader->bytes + tree->start + quotes, tree->text, len))
		return;
	tree->text_at = tree->place;
	tree->text_at.column += quotes;
}

static int scalar_fill(struct reader *reader, const yaml_event_t *event, struct yaml_tree *tree)
{
	yaml_scalar_style_t style = event->data.scalar.style;
	size_t len = event->data.scalar.length;

	tree->is_quoted = style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
			  style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	tree->text = strndup((const char *)event->data.scalar.value, len);
	if (!tree->text)
		return -ENOMEM;
	if (strlen(tree->text) != len)
		return text_problem_set(reader->problem, tree->place,
					"the text holds a NUL; no name does, remove it");
	text_place_find(reader, event, tree);
	return 0;
}

/* What a node may not have: names for it, and a type. */
static int properties_refuse(struct reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_ALIAS_EVENT)
		return text_problem_set(reader->problem, place_of(&event->start_mark),
					"'*%s' is an alias of YAML; put a rule that begins with * "
					"in quotes, and write the rest out",
					event->data.alias.anchor);
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor)
		return text_problem_set(reader->problem, place_of(&event->start_mark),
					"'&%s' is an anchor of YAML; write the value out where it "
					"is wanted",
					anchor);
	if (tag)
		return text_problem_set(reader->problem, place_of(&event->start_mark),
					"'%s' is a tag of YAML; write the value without it", tag);
	return 0;
}

static int node_read(struct reader *reader, const yaml_event_t *event, unsigned int depth,
		     struct yaml_tree *tree);

static int child_add(struct reader *reader, const yaml_event_t *event, unsigned int depth,
		     struct yaml_tree *tree)
{
	struct yaml_tree *grown;

	if (++reader->nodes > NODES_MAX)
		return text_problem_set(reader->problem, place_of(&event->start_mark),
					"more than %d values; split the specification", NODES_MAX);
	/* grows at powers of two */
	if (!(tree->children_nr & (tree->children_nr - 1))) {
		grown = reallocarray(tree->children, tree->children_nr ? tree->children_nr * 2 : 1,
				     sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		tree->children = grown;
	}
	tree->children[tree->children_nr] = (struct yaml_tree){};
	return node_read(reader, event, depth, &tree->children[tree->children_nr++]);
}

/* Keys are short, and few. */
static int key_check(struct reader *reader, const struct yaml_tree *tree)
{
	const struct yaml_tree *key = &tree->children[tree->children_nr - 1];

	if (key->kind != YAML_TREE_SCALAR)
		return text_problem_set(reader->problem, key->place,
					"%s as a key; a key is one word", yaml_tree_kind_name(key));
	for (size_t i = 0; i + 1 < tree->children_nr; i += 2)
		if (!strcmp(tree->children[i].text, key->text))
			return text_problem_set(reader->problem, key->place,
						"the key '%s' is there already, in line %zu; put "
						"both in one",
						key->text, tree->children[i].place.line);
	return 0;
}

static int children_read(struct reader *reader, unsigned int depth, struct yaml_tree *tree)
{
	bool is_end = false;
	int err = 0;

	if (depth >= DEPTH_MAX)
		return text_problem_set(reader->problem, tree->place,
					"nested more than %d deep; a specification needs 4",
					DEPTH_MAX);
	while (!err && !is_end) {
		yaml_event_t event;

		err = event_next(reader, &event);
		if (err)
			break;
		is_end = event.type == YAML_SEQUENCE_END_EVENT ||
			 event.type == YAML_MAPPING_END_EVENT;
		if (is_end)
			tree->end = offset_of(reader, event.end_mark.index);
		else
			err = child_add(reader, &event, depth + 1, tree);
		yaml_event_delete(&event);
		if (!err && !is_end && tree->kind == YAML_TREE_MAPPING && tree->children_nr % 2)
			err = key_check(reader, tree);
	}
	return err;
}

static int node_read(struct reader *reader, const yaml_event_t *event, unsigned int depth,
		     struct yaml_tree *tree)
{
	int err = properties_refuse(reader, event);

	tree->place = place_of(&event->start_mark);
	tree->start = offset_of(reader, event->start_mark.index);
	tree->end = offset_of(reader, event->end_mark.index);
	if (err)
		return err;
	if (event->type == YAML_SCALAR_EVENT)
		return scalar_fill(reader, event, tree);
	if (event->type == YAML_SEQUENCE_START_EVENT) {
		tree->kind = YAML_TREE_LIST;
		tree->is_flow = event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
	} else {
		tree->kind = YAML_TREE_MAPPING;
		tree->is_flow = event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
	}
	return children_read(reader, depth, tree);
}

/* Documents ------------------------------------------------------------------------------ */

/* The next event that stands for something in the document. */
static int content_next(struct reader *reader, yaml_event_t *event)
{
	for (;;) {
		int err = event_next(reader, event);

		if (err || (event->type != YAML_STREAM_START_EVENT &&
			    event->type != YAML_DOCUMENT_START_EVENT))
			return err;
		yaml_event_delete(event);
	}
}

static int document_end(struct reader *reader)
{
	yaml_event_t event;
	int err = event_next(reader, &event); /* the end of the document */

	if (err)
		return err;
	yaml_event_delete(&event);
	err = event_next(reader, &event);
	if (err)
		return err;
	if (event.type != YAML_STREAM_END_EVENT)
		err = text_problem_set(reader->problem, place_of(&event.start_mark),
				       "a second document begins; a specification is one");
	yaml_event_delete(&event);
	return err;
}

static int document_read(struct reader *reader, struct yaml_tree *tree)
{
	yaml_event_t event;
	int err = content_next(reader, &event);

	if (err)
		return err;
	if (event.type == YAML_STREAM_END_EVENT)
		err = text_problem_set(reader->problem, (struct text_place){ 1, 1 },
				       "the file is empty; begin with 'ipctrace: 1'");
	else
		err = node_read(reader, &event, 0, tree);
	yaml_event_delete(&event);
	return err ? err : document_end(reader);
}

int yaml_tree_parse(const char *bytes, size_t len, struct yaml_tree **ret_tree,
		    struct text_problem *ret_problem)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8; libyaml would not count it */
	struct reader reader = { .bytes = bytes, .len = len, .problem = ret_problem };
	struct yaml_tree *tree;
	int err;

	if (len >= 3 && !memcmp(bytes, mark, 3))
		return text_problem_set(ret_problem, (struct text_place){ 1, 1 },
					"the file begins with a byte order mark; save it as UTF-8 "
					"without one");
	if (!yaml_parser_initialize(&reader.parser))
		return -ENOMEM;
	tree = calloc(1, sizeof(*tree));
	err = tree ? characters_find(&reader) : -ENOMEM;
	if (!err) {
		yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, len);
		err = document_read(&reader, tree);
	}
	yaml_parser_delete(&reader.parser);
	free(reader.offsets);
	if (err)
		yaml_tree_free(tree);
	else
		*ret_tree = tree;
	return err;
}
