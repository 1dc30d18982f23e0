/* SPDX-License-Identifier: GPL-2.0-only */
/* The section `roles` of a specification. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verify/parse.h"
#include "verify/rule_parse.h"

int parse_glob_add(struct parse *parse, const struct yaml_tree *item, void *context)
{
	struct spec_globs *globs = context;
	int err = parse_check_text(parse, item, "a pattern", "e.g. \"*/nginx\"");
	char **text;

	if (err)
		return err;
	text = parse_array_add(&globs->texts, &globs->nr, sizeof(*text));
	if (!text)
		return -ENOMEM;
	*text = strdup(item->text);
	return *text ? 0 : -ENOMEM;
}

/* `:5432` is that port of any address. */
static int listens_add(struct parse *parse, const struct yaml_tree *item, void *context)
{
	struct spec_globs *globs = context;
	char **text, *any;
	int err = parse_glob_add(parse, item, context);

	if (err || item->text[0] != ':')
		return err;
	text = &globs->texts[globs->nr - 1];
	if (asprintf(&any, "*%s", *text) < 0)
		return -ENOMEM;
	free(*text);
	*text = any;
	return 0;
}

int parse_role_add(struct parse *parse, const struct yaml_tree *item, uint32_t **roles, size_t *nr)
{
	int err = parse_check_text(parse, item, "a role", "its name");
	uint32_t role = 0, *added;

	if (!err)
		err = rule_parse_role(parse->spec, item->text, item->place, &role, parse->problem);
	if (err)
		return err;
	added = parse_array_add(roles, nr, sizeof(**roles));
	if (!added)
		return -ENOMEM;
	*added = role;
	return 0;
}

static int parent_add(struct parse *parse, const struct yaml_tree *item, void *context)
{
	struct spec_role *role = context;

	return parse_role_add(parse, item, &role->parents, &role->parents_nr);
}

static int uid_parse(struct parse *parse, const struct yaml_tree *value, struct spec_role *role)
{
	int err = parse_check_text(parse, value, "uid", "a number or a user's name");
	struct passwd *user;
	unsigned long number;
	char *end;

	if (err)
		return err;
	role->has_uid = true;
	errno = 0;
	number = strtoul(value->text, &end, 10);
	if (!*end && value->text[0] >= '0' && value->text[0] <= '9') {
		if (errno || number >= UINT32_MAX)
			return text_problem_set(parse->problem, value->place,
						"uid %s is too large; the most is 4294967294",
						value->text);
		role->uid = (uint32_t)number;
		return 0;
	}
	user = getpwnam(value->text);
	if (!user)
		return text_problem_set(parse->problem, value->place,
					"there is no user '%s' on this machine; write the number",
					value->text);
	role->uid = user->pw_uid;
	return 0;
}

static int traced_parse(struct parse *parse, const struct yaml_tree *value, struct spec_role *role)
{
	role->has_traced = true;
	role->is_traced = value->kind == YAML_TREE_SCALAR && !strcmp(value->text, "true");
	if (role->is_traced || (value->kind == YAML_TREE_SCALAR && !strcmp(value->text, "false")))
		return 0;
	return text_problem_set(parse->problem, value->place,
				"traced takes true (CMD and its children, or what -p and -a name) "
				"or false");
}

static int matcher_parse(struct parse *parse, const struct yaml_tree *key,
			 const struct yaml_tree *value, struct spec_role *role)
{
	static const char *const names[] = { "exe", "comm",   "args",	 "parent",
					     "uid", "cgroup", "listens", "traced" };

	if (value->kind == YAML_TREE_MAPPING)
		return text_problem_set(parse->problem, value->place,
					"%s: a mapping; write one value, or a list of them",
					key->text);
	if (value->kind == YAML_TREE_LIST && !value->children_nr)
		return text_problem_set(
			parse->problem, value->place,
			"%s: an empty list would match every process; write what is "
			"to match, or leave it out",
			key->text);
	if (!strcmp(key->text, "exe"))
		return parse_each_item(parse, value, parse_glob_add, &role->exe);
	if (!strcmp(key->text, "comm"))
		return parse_each_item(parse, value, parse_glob_add, &role->comm);
	if (!strcmp(key->text, "args"))
		return parse_each_item(parse, value, parse_glob_add, &role->args);
	if (!strcmp(key->text, "cgroup"))
		return parse_each_item(parse, value, parse_glob_add, &role->cgroup);
	if (!strcmp(key->text, "listens"))
		return parse_each_item(parse, value, listens_add, &role->listens);
	if (!strcmp(key->text, "parent"))
		return parse_each_item(parse, value, parent_add, role);
	if (!strcmp(key->text, "uid"))
		return uid_parse(parse, value, role);
	if (!strcmp(key->text, "traced"))
		return traced_parse(parse, value, role);
	return parse_key_unknown(parse, key, "roles", names, sizeof(names) / sizeof(names[0]));
}

static int role_parse(struct parse *parse, const struct yaml_tree *key,
		      const struct yaml_tree *value)
{
	uint32_t index = spec_role_find(parse->spec, key->text);
	int err = parse_check_kind(parse, value, YAML_TREE_MAPPING, key->text,
				   "what its processes have, e.g. {exe: \"*/nginx\"}");

	if (!err && !value->children_nr)
		err = text_problem_set(parse->problem, value->place,
				       "the role '%s' matches nothing; write what its processes "
				       "have, e.g. {exe: \"*/nginx\"}",
				       key->text);
	for (size_t i = 0; i < value->children_nr && !err; i += 2)
		err = matcher_parse(parse, &value->children[i], &value->children[i + 1],
				    &parse->spec->roles[index]);
	return err;
}

static int role_name_check(struct parse *parse, const struct yaml_tree *key)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_-.";

	if (spec_role_find(parse->spec, key->text) != SPEC_ROLE_ANY)
		return text_problem_set(parse->problem, key->place,
					"the role '%s' is there without being said; choose another "
					"name",
					key->text);
	if (!*key->text || key->text[strspn(key->text, letters)] || *key->text == '-' ||
	    !strcmp(key->text, "via") || !strcmp(key->text, "where"))
		return text_problem_set(parse->problem, key->place,
					"'%s' is no name of a role; use letters, digits, '-', '_' "
					"and '.'",
					key->text);
	return 0;
}

int parse_role_name_add(struct spec *spec, const char *name, size_t line)
{
	struct spec_role *role = parse_array_add(&spec->roles, &spec->roles_nr, sizeof(*role));

	if (!role)
		return -ENOMEM;
	role->line = line;
	role->name = strdup(name);
	if (role->name)
		return 0;
	spec->roles_nr--;
	return -ENOMEM;
}

/* Names first: a parent may stand behind its children. */
int parse_roles(struct parse *parse, const struct yaml_tree *tree)
{
	int err;

	if (parse_is_nothing(tree))
		return 0;
	err = parse_check_kind(parse, tree, YAML_TREE_MAPPING, "roles",
			       "a line for each role: 'nginx: {exe: \"*/nginx\"}'");
	for (size_t i = 0; i < tree->children_nr && !err; i += 2) {
		err = role_name_check(parse, &tree->children[i]);
		if (!err)
			err = parse_role_name_add(parse->spec, tree->children[i].text,
						  tree->children[i].place.line);
	}
	for (size_t i = 0; i < tree->children_nr && !err; i += 2)
		err = role_parse(parse, &tree->children[i], &tree->children[i + 1]);
	return err;
}
