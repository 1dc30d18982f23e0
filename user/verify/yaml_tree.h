/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of YAML that a specification needs, as a tree whose nodes know where they stand:
 * mappings, lists and scalars of one document. Anchors, aliases, tags, duplicate keys, deep
 * nesting, a second document and what is not UTF-8 are errors with a place.
 */
#ifndef IPCTRACE_YAML_TREE_H
#define IPCTRACE_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>

/* Both count from 1; columns are characters. */
struct text_place {
	size_t line, column;
};

#define TEXT_PROBLEM_MAX 400

/* What is wrong with a text, where, and what to write instead: one line, escaped. */
struct text_problem {
	struct text_place place;
	char text[TEXT_PROBLEM_MAX];
};

enum yaml_kind { YAML_TREE_SCALAR, YAML_TREE_LIST, YAML_TREE_MAPPING };

struct yaml_tree {
	enum yaml_kind kind;
	struct text_place place;
	size_t start, end; /* bytes of the text that it was read from */
	bool is_flow;	   /* list or mapping: `[a, b]`, not a line each */
	bool is_quoted;	   /* scalar */
	/* Scalar: as many columns in the file as characters, from this place on; else line is 0. */
	struct text_place text_at;
	char *text;		    /* scalar; UTF-8 without a NUL */
	struct yaml_tree *children; /* of a list; of a mapping keys and values in turn */
	size_t children_nr;
};

/*
 * The tree of a text, owned by the caller; borrows nothing. 0, -ENOMEM, or -EINVAL with
 * *ret_problem.
 */
int yaml_tree_parse(const char *bytes, size_t len, struct yaml_tree **ret_tree,
		    struct text_problem *ret_problem);
void yaml_tree_free(struct yaml_tree *tree); /* NULL is accepted */

/* "a list", for messages. Static. */
const char *yaml_tree_kind_name(const struct yaml_tree *tree);

/*
 * Fills a problem: printf, then escaped as for a terminal. Always -EINVAL, to be returned.
 */
int text_problem_set(struct text_problem *problem, struct text_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
