/* SPDX-License-Identifier: GPL-2.0-only */
/* From the tree of a YAML file to a specification. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "model/mechanism_set.h"
#include "verify/parse.h"
#include "verify/preset.h"
#include "verify/rule_parse.h"
#include "verify/spec.h"

#define STATUS_MAX 255

static const char *const builtin_roles[SPEC_ROLE_BUILTIN_NR] = {
	[SPEC_ROLE_OTHER] = "other",
	[SPEC_ROLE_KERNEL] = "kernel",
	[SPEC_ROLE_REMOTE] = "remote",
	[SPEC_ROLE_BEFORE] = "before",
};

/* Rules ---------------------------------------------------------------------------------- */

/* A problem in the text of a scalar, in the places of the file. */
static int problem_move(struct parse *parse, const struct yaml_tree *value, int err)
{
	struct text_place *place = &parse->problem->place;

	if (err != -EINVAL)
		return err;
	if (value->text_at.line)
		*place = (struct text_place){ value->text_at.line,
					      value->text_at.column + place->column - 1 };
	else
		*place = value->place;
	return err;
}

static struct spec_rule *rule_add(struct parse *parse, enum spec_section section,
				  const struct yaml_tree *value, const char *text)
{
	struct spec_rule *rule =
		parse_array_add(&parse->spec->rules, &parse->spec->rules_nr, sizeof(*rule));

	if (!rule)
		return NULL;
	rule->section = section;
	rule->line = value->place.line;
	rule->start = value->start;
	rule->end = value->end;
	rule->item_start = value->start;
	rule->item_end = value->end;
	rule->count = 1;
	rule->text = strdup(text);
	return rule->text ? rule : NULL;
}

static int preset_add(struct parse *parse, enum spec_section section, const struct yaml_tree *value)
{
	const char *const *rules = preset_find(value->text + 1);
	char hint[PARSE_HINT_MAX];
	int err = 0;

	if (!rules) {
		suggest_choose(value->text + 1, preset_names, preset_names_nr, hint, sizeof(hint));
		return text_problem_set(parse->problem, value->place, "there is no preset '%s'%s",
					value->text, hint);
	}
	for (; *rules && !err; rules++) {
		struct spec_rule *rule = rule_add(parse, section, value, *rules);

		if (!rule)
			return -ENOMEM;
		rule->is_builtin = true;
		err = rule_parse(parse->spec, *rules, rule, parse->problem);
	}
	return err;
}

static int count_parse(struct parse *parse, const struct yaml_tree *value, struct spec_rule *rule)
{
	struct spec_bound bound = {};
	int err = parse_check_text(parse, value, "count", "how often at least, e.g. 3");

	if (!err && rule->section != SPEC_REQUIRE)
		err = text_problem_set(parse->problem, value->place,
				       "only a rule of require has a count");
	if (err)
		return err;
	err = rule_parse_count("count", value->text, &bound, parse->problem);
	if (err)
		return problem_move(parse, value, err);
	if (bound.low != bound.high || !bound.low || bound.is_not)
		return text_problem_set(parse->problem, value->place,
					"count takes how often at least, from 1 on, not '%s'",
					value->text);
	rule->count = bound.low;
	return 0;
}

static int rule_text_parse(struct parse *parse, enum spec_section section,
			   const struct yaml_tree *value, struct spec_rule **ret_rule)
{
	int err = parse_check_text(parse, value, "a rule", "'ROLE -> ROLE via MECHANISM'");
	struct spec_rule *rule;

	if (err)
		return err;
	rule = rule_add(parse, section, value, value->text);
	if (!rule)
		return -ENOMEM;
	*ret_rule = rule;
	err = problem_move(parse, value,
			   rule_parse(parse->spec, value->text, rule, parse->problem));
	if (!err && rule->bounds_nr && (section == SPEC_ALLOW || section == SPEC_IGNORE))
		err = text_problem_set(parse->problem, value->place,
				       "a rule of %s has no bounds; require what must hold",
				       spec_section_names[section]);
	return err;
}

static const struct yaml_tree *key_find(const struct yaml_tree *tree, const char *name)
{
	for (size_t i = 0; i < tree->children_nr; i += 2)
		if (!strcmp(tree->children[i].text, name))
			return &tree->children[i + 1];
	return NULL;
}

/* `{rule: .., why: .., count: ..}` */
static int rule_mapping_parse(struct parse *parse, enum spec_section section,
			      const struct yaml_tree *item)
{
	static const char *const names[] = { "rule", "why", "count" };
	const struct yaml_tree *text = key_find(item, "rule");
	struct spec_rule *rule = NULL;
	int err;

	for (size_t i = 0; i < item->children_nr; i += 2)
		if (item->is_flow && strpbrk(item->children[i].text, "=<>") && text)
			return text_problem_set(parse->problem, item->children[i].place,
						"a ',' ends the rule within {}; put the rule in "
						"quotes");
	/* `A -> B via pipe: x` is a mapping, too */
	if (!text && item->children_nr == 2 && strstr(item->children[0].text, " via "))
		return text_problem_set(parse->problem, item->place,
					"a ':' in the rule, which makes it a key; put the rule in "
					"quotes, or take the ':' out");
	for (size_t i = 0; i < item->children_nr; i += 2)
		if (strcmp(item->children[i].text, "rule") &&
		    strcmp(item->children[i].text, "why") &&
		    strcmp(item->children[i].text, "count"))
			return parse_key_unknown(parse, &item->children[i], "rules", names,
						 sizeof(names) / sizeof(names[0]));
	if (!text)
		return text_problem_set(parse->problem, item->place,
					"the rule itself is missing; write 'rule: ROLE -> ROLE via "
					"MECHANISM'");
	err = rule_text_parse(parse, section, text, &rule);
	for (size_t i = 0; i < item->children_nr && !err; i += 2) {
		const struct yaml_tree *value = &item->children[i + 1];

		if (!strcmp(item->children[i].text, "count"))
			err = count_parse(parse, value, rule);
		if (strcmp(item->children[i].text, "why"))
			continue;
		err = parse_check_text(parse, value, "why", "the reason, for whoever sees it fail");
		if (!err) {
			rule->why = strdup(value->text);
			err = rule->why ? 0 : -ENOMEM;
		}
	}
	if (!err) {
		/* libyaml ends a block where the next thing begins */
		rule->item_start = item->start;
		rule->item_end = item->is_flow ? item->end :
						 item->children[item->children_nr - 1].end;
	}
	return err;
}

static int rule_item_parse(struct parse *parse, const struct yaml_tree *item, void *context)
{
	enum spec_section section = *(enum spec_section *)context;
	struct spec_rule *rule;

	if (item->kind == YAML_TREE_MAPPING)
		return rule_mapping_parse(parse, section, item);
	if (item->kind == YAML_TREE_SCALAR && item->text[0] == '@' &&
	    (section == SPEC_IGNORE || section == SPEC_ALLOW))
		return preset_add(parse, section, item);
	return rule_text_parse(parse, section, item, &rule);
}

static void list_fill(struct spec_list *list, const struct yaml_tree *tree)
{
	const struct yaml_tree *last = tree;

	*list = (struct spec_list){
		.line = tree->place.line,
		.is_flow = tree->is_flow,
		.is_empty = !tree->children_nr,
		.indent = tree->place.column - 1,
	};
	/* libyaml ends a block where the next thing begins: the last scalar tells */
	while (last->children_nr && (!last->is_flow || last == tree))
		last = &last->children[last->children_nr - 1];
	list->end = list->is_empty && tree->is_flow ? tree->end - 1 : last->end;
}

static int rules_parse(struct parse *parse, const struct yaml_tree *tree, enum spec_section section)
{
	int err;

	list_fill(&parse->spec->lists[section], tree);
	if (parse_is_nothing(tree))
		return 0;
	err = parse_check_kind(parse, tree, YAML_TREE_LIST, spec_section_names[section],
			       "a line for each rule: '- ROLE -> ROLE via MECHANISM'");
	return err ? err : parse_each_item(parse, tree, rule_item_parse, &section);
}

/* The rest -------------------------------------------------------------------------------- */

static int mechanism_add(struct parse *parse, const struct yaml_tree *item, void *context)
{
	uint64_t *all = context, mechanisms = 0;
	int err = parse_check_text(parse, item, "a mechanism", "its name, e.g. pipe");

	if (!err)
		err = rule_parse_mechanism(item->text, item->place, &mechanisms, parse->problem);
	*all |= mechanisms;
	return err;
}

static int closed_role_add(struct parse *parse, const struct yaml_tree *item, void *context)
{
	struct spec_closed *closed = context;

	return parse_role_add(parse, item, &closed->roles, &closed->roles_nr);
}

static int closed_key_parse(struct parse *parse, const struct yaml_tree *key,
			    const struct yaml_tree *value)
{
	static const char *const names[] = { "mechanisms", "kinds", "roles" };
	struct spec_closed *closed = &parse->spec->closed;

	if (value->kind != YAML_TREE_LIST || !value->children_nr)
		return text_problem_set(parse->problem, value->place,
					"%s: %s; write a list, e.g. [%s]", key->text,
					value->kind == YAML_TREE_LIST ? "an empty list" :
									yaml_tree_kind_name(value),
					!strcmp(key->text, "roles") ? "nginx" : "pipe, unix");
	if (!strcmp(key->text, "roles"))
		return parse_each_item(parse, value, closed_role_add, closed);
	if (strcmp(key->text, "mechanisms") && strcmp(key->text, "kinds"))
		return parse_key_unknown(parse, key, "the keys of closed", names, 3);
	if (closed->mechanisms != MECHANISM_SET_ALL)
		return text_problem_set(parse->problem, key->place,
					"kinds is another word for mechanisms; write one of them");
	closed->mechanisms = 0;
	return parse_each_item(parse, value, mechanism_add, &closed->mechanisms);
}

static int closed_parse(struct parse *parse, const struct yaml_tree *tree)
{
	struct spec_closed *closed = &parse->spec->closed;
	int err = 0;

	closed->mechanisms = MECHANISM_SET_ALL;
	closed->line = tree->place.line;
	closed->is_on = true;
	if (tree->kind == YAML_TREE_SCALAR && !strcmp(tree->text, "true"))
		return 0;
	if (tree->kind == YAML_TREE_SCALAR && !strcmp(tree->text, "false")) {
		closed->is_on = false;
		return 0;
	}
	if (tree->kind != YAML_TREE_MAPPING || !tree->children_nr)
		return text_problem_set(parse->problem, tree->place,
					"closed: %s%s%s; write true, false, or {mechanisms: [..], "
					"roles: [..]}",
					yaml_tree_kind_name(tree),
					tree->kind == YAML_TREE_SCALAR ? " " : "",
					tree->kind == YAML_TREE_SCALAR ? tree->text : "");
	for (size_t i = 0; i < tree->children_nr && !err; i += 2)
		err = closed_key_parse(parse, &tree->children[i], &tree->children[i + 1]);
	return err;
}

/* Mechanisms whose objects can be left; `sysv` is all of SysV's. */
static int leftover_mechanisms(struct parse *parse, const struct yaml_tree *key, uint64_t *ret)
{
	static const char *const names[] = { "sysv",	 "sysv-msg",  "sysv-sem", "sysv-shm",
					     "posix-mq", "posix-shm", "unix",	  "fifo" };
	size_t nr = sizeof(names) / sizeof(names[0]);
	char hint[PARSE_HINT_MAX];

	if (suggest_choose(key->text, names, nr, hint, sizeof(hint)) < 0)
		return parse_key_unknown(parse, key, "the keys of at_exit", names, nr);
	*ret = !strcmp(key->text, "sysv") ?
		       MECHANISM_SET_BIT(IPCT_SYSV_MSG) | MECHANISM_SET_BIT(IPCT_SYSV_SEM) |
			       MECHANISM_SET_BIT(IPCT_SYSV_SHM) :
		       mechanism_set_of(key->text);
	*ret &= ~MECHANISM_SET_BIT(IPCT_FD_PASS);
	return 0;
}

static int leftover_parse(struct parse *parse, const struct yaml_tree *key,
			  const struct yaml_tree *value)
{
	struct spec_leftover *leftover = parse_array_add(
		&parse->spec->leftovers, &parse->spec->leftovers_nr, sizeof(*leftover));
	int err;

	if (!leftover)
		return -ENOMEM;
	leftover->line = key->place.line;
	leftover->start = value->start;
	leftover->end = value->end;
	err = leftover_mechanisms(parse, key, &leftover->mechanisms);
	if (!err)
		err = parse_check_text(parse, value, key->text, "how many may be left, e.g. 0");
	if (err)
		return err;
	leftover->name = strdup(key->text);
	if (!leftover->name || asprintf(&leftover->text, "%s: %s", key->text, value->text) < 0)
		return -ENOMEM;
	return problem_move(parse, value,
			    rule_parse_count(key->text, value->text, &leftover->bound,
					     parse->problem));
}

static int leftovers_parse(struct parse *parse, const struct yaml_tree *tree)
{
	int err;

	if (parse_is_nothing(tree))
		return 0;
	err = parse_check_kind(parse, tree, YAML_TREE_MAPPING, "at_exit",
			       "e.g. {sysv: 0, posix-mq: 0}");
	for (size_t i = 0; i < tree->children_nr && !err; i += 2)
		err = leftover_parse(parse, &tree->children[i], &tree->children[i + 1]);
	return err;
}

static int exit_parse(struct parse *parse, const struct yaml_tree *tree)
{
	struct spec_exit *exit = &parse->spec->exit;
	int err = parse_check_text(parse, tree, "exit", "the status that is expected, or any");
	unsigned long status;
	char *end;

	if (err)
		return err;
	exit->line = tree->place.line;
	exit->start = tree->start;
	exit->end = tree->end;
	exit->is_any = !strcmp(tree->text, "any");
	if (exit->is_any)
		return 0;
	status = strtoul(tree->text, &end, 10);
	if (*end || tree->text[0] < '0' || tree->text[0] > '9' || status > STATUS_MAX)
		return text_problem_set(parse->problem, tree->place,
					"'%s' is no exit status; write a number from 0 to 255 "
					"(128 + signal), or any",
					tree->text);
	exit->status = (uint32_t)status;
	return 0;
}

static int transparent_parse(struct parse *parse, const struct yaml_tree *tree)
{
	if (parse_is_nothing(tree))
		return 0;
	if (tree->kind == YAML_TREE_MAPPING)
		return text_problem_set(parse->problem, tree->place,
					"transparent: a mapping; write a list of names, e.g. [sh, "
					"env]");
	return parse_each_item(parse, tree, parse_glob_add, &parse->spec->transparent);
}

static int version_parse(struct parse *parse, const struct yaml_tree *tree)
{
	if (tree->kind == YAML_TREE_SCALAR && !strcmp(tree->text, "1"))
		return 0;
	return text_problem_set(parse->problem, tree->place,
				"this version of ipctrace reads specifications of version 1; write "
				"'ipctrace: 1'");
}

/* The order in which they are read: roles before what names them. */
static const struct section {
	const char *key;
	int (*parse)(struct parse *parse, const struct yaml_tree *tree);
	enum spec_section rules; /* where `parse` is NULL */
} sections[] = {
	{ "ipctrace", version_parse, 0 },	 { "roles", parse_roles, 0 },
	{ "transparent", transparent_parse, 0 }, { "require", NULL, SPEC_REQUIRE },
	{ "forbid", NULL, SPEC_FORBID },	 { "allow", NULL, SPEC_ALLOW },
	{ "ignore", NULL, SPEC_IGNORE },	 { "closed", closed_parse, 0 },
	{ "at_exit", leftovers_parse, 0 },	 { "exit", exit_parse, 0 },
};

#define SECTIONS_NR (sizeof(sections) / sizeof(sections[0]))

static int keys_check(struct parse *parse, const struct yaml_tree *tree)
{
	const char *names[SECTIONS_NR];
	char hint[PARSE_HINT_MAX];

	for (size_t i = 0; i < SECTIONS_NR; i++)
		names[i] = sections[i].key;
	for (size_t i = 0; i < tree->children_nr; i += 2)
		if (suggest_choose(tree->children[i].text, names, SECTIONS_NR, hint, sizeof(hint)) <
		    0)
			return parse_key_unknown(parse, &tree->children[i], "specifications", names,
						 SECTIONS_NR);
	if (key_find(tree, "ipctrace"))
		return 0;
	return text_problem_set(parse->problem, tree->place,
				"the version is missing; begin with 'ipctrace: 1'");
}

static int sections_parse(struct parse *parse, const struct yaml_tree *tree)
{
	int err = parse_check_kind(parse, tree, YAML_TREE_MAPPING, "a specification",
				   "keys, the first one 'ipctrace: 1'");

	if (!err)
		err = keys_check(parse, tree);
	for (int role = 0; role < SPEC_ROLE_BUILTIN_NR && !err; role++)
		err = parse_role_name_add(parse->spec, builtin_roles[role], 0);
	for (size_t i = 0; i < SECTIONS_NR && !err; i++) {
		const struct yaml_tree *value = key_find(tree, sections[i].key);

		if (value && sections[i].parse)
			err = sections[i].parse(parse, value);
		else if (value)
			err = rules_parse(parse, value, sections[i].rules);
	}
	return err;
}

int spec_parse(const char *bytes, size_t len, struct spec **ret_spec,
	       struct text_problem *ret_problem)
{
	struct parse parse = { .problem = ret_problem };
	struct yaml_tree *tree;
	int err = yaml_tree_parse(bytes, len, &tree, ret_problem);

	if (err)
		return err;
	parse.spec = calloc(1, sizeof(*parse.spec));
	err = parse.spec ? sections_parse(&parse, tree) : -ENOMEM;
	yaml_tree_free(tree);
	if (err)
		spec_free(parse.spec);
	else
		*ret_spec = parse.spec;
	return err;
}
