/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"

/* One more, zeroed, in an array that grows at powers of two; NULL without memory. */
void *parse_array_add(void *array, size_t *nr, size_t size)
{
	void **at = array;
	char *grown = *at;

	if (!(*nr & (*nr - 1))) {
		grown = reallocarray(*at, *nr ? *nr * 2 : 1, size);
		if (!grown)
			return NULL;
		*at = grown;
	}
	grown += *nr * size;
	memset(grown, 0, size);
	(*nr)++;
	return grown;
}

int parse_check_kind(struct parse *parse, const struct yaml_tree *tree, enum yaml_kind kind,
		     const char *key, const char *example)
{
	if (tree->kind == kind)
		return 0;
	return text_problem_set(parse->problem, tree->place, "%s: %s; write %s", key,
				yaml_tree_kind_name(tree), example);
}

/* A scalar with something in it. */
int parse_check_text(struct parse *parse, const struct yaml_tree *tree, const char *key,
		     const char *example)
{
	int err = parse_check_kind(parse, tree, YAML_TREE_SCALAR, key, example);

	if (err || *tree->text)
		return err;
	return text_problem_set(parse->problem, tree->place, "%s: nothing; write %s", key, example);
}

/* `key:` with nothing behind it stands for an empty list. */
bool parse_is_nothing(const struct yaml_tree *tree)
{
	return tree->kind == YAML_TREE_SCALAR && !tree->is_quoted &&
	       (!*tree->text || !strcmp(tree->text, "~") || !strcmp(tree->text, "null"));
}

int parse_key_unknown(struct parse *parse, const struct yaml_tree *key, const char *what,
		      const char *const *names, size_t nr)
{
	char hint[PARSE_HINT_MAX];

	suggest_choose(key->text, names, nr, hint, sizeof(hint));
	return text_problem_set(parse->problem, key->place, "%s have no '%s'%s", what, key->text,
				hint);
}

/* One value or a list of them. */
int parse_each_item(struct parse *parse, const struct yaml_tree *tree, parse_item_fn take,
		    void *context)
{
	int err = 0;

	if (tree->kind != YAML_TREE_LIST)
		return take(parse, tree, context);
	for (size_t i = 0; i < tree->children_nr && !err; i++)
		err = take(parse, &tree->children[i], context);
	return err;
}
