/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files that read a specification, and by nobody else. */
#ifndef IPCTRACE_PARSE_H
#define IPCTRACE_PARSE_H

#include "verify/spec.h"
#include "verify/yaml_tree.h"

#define PARSE_HINT_MAX 300

/* All functions here return 0, -ENOMEM, or -EINVAL with *problem. */
struct parse {
	struct spec *spec;
	struct text_problem *problem;
};

/*
 * One more, zeroed, in the array that the pointer at `array` names and that grows at powers of two;
 * NULL without memory.
 */
void *parse_array_add(void *array, size_t *nr, size_t size);

/* The value of `key` is of this kind; else `example` is what to write. */
int parse_check_kind(struct parse *parse, const struct yaml_tree *tree, enum yaml_kind kind,
		     const char *key, const char *example);

/* It is a scalar with something in it. */
int parse_check_text(struct parse *parse, const struct yaml_tree *tree, const char *key,
		     const char *example);

/* `key:` with nothing behind it stands for an empty list. */
bool parse_is_nothing(const struct yaml_tree *tree);

/* "`what` have no KEY, did you mean ..."; always -EINVAL. */
int parse_key_unknown(struct parse *parse, const struct yaml_tree *key, const char *what,
		      const char *const *names, size_t nr);

typedef int (*parse_item_fn)(struct parse *parse, const struct yaml_tree *item, void *context);

/* One value or a list of them. */
int parse_each_item(struct parse *parse, const struct yaml_tree *tree, parse_item_fn take,
		    void *context);

/* Adds to the struct spec_globs that is the context. */
int parse_glob_add(struct parse *parse, const struct yaml_tree *item, void *context);

/* Adds the role of this name to a list of them. */
int parse_role_add(struct parse *parse, const struct yaml_tree *item, uint32_t **roles, size_t *nr);

int parse_role_name_add(struct spec *spec, const char *name, size_t line);
int parse_roles(struct parse *parse, const struct yaml_tree *tree);

#endif
