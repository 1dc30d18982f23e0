/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/spec.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

const struct spec_field_kind spec_fields[SPEC_FIELD_NR] = {
	[SPEC_FIELD_MESSAGES] = { "messages", SPEC_UNIT_COUNT, false, true },
	[SPEC_FIELD_BYTES] = { "bytes", SPEC_UNIT_BYTES, false, true },
	[SPEC_FIELD_RATE] = { "rate", SPEC_UNIT_BYTES, false, true },
	[SPEC_FIELD_ERROR] = { "errors.NAME", SPEC_UNIT_COUNT, false, true },
	[SPEC_FIELD_UNREAD] = { "unread", SPEC_UNIT_BYTES, false, true },
	[SPEC_FIELD_PEERS] = { "peers", SPEC_UNIT_COUNT, true, true },
	[SPEC_FIELD_P50] = { "p50", SPEC_UNIT_TIME, false, true },
	[SPEC_FIELD_P90] = { "p90", SPEC_UNIT_TIME, false, true },
	[SPEC_FIELD_P99] = { "p99", SPEC_UNIT_TIME, false, true },
	[SPEC_FIELD_WAIT] = { "wait", SPEC_UNIT_TIME, false, false },
};

const char *const spec_section_names[SPEC_SECTION_NR] = {
	[SPEC_REQUIRE] = "require",
	[SPEC_FORBID] = "forbid",
	[SPEC_ALLOW] = "allow",
	[SPEC_IGNORE] = "ignore",
};

static void globs_fini(struct spec_globs *globs)
{
	for (size_t i = 0; i < globs->nr; i++)
		free(globs->texts[i]);
	free(globs->texts);
}

static void role_fini(struct spec_role *role)
{
	free(role->name);
	globs_fini(&role->exe);
	globs_fini(&role->comm);
	globs_fini(&role->args);
	globs_fini(&role->cgroup);
	globs_fini(&role->listens);
	free(role->parents);
}

static void rule_fini(struct spec_rule *rule)
{
	free(rule->text);
	free(rule->why);
	free(rule->name);
	for (size_t i = 0; i < rule->bounds_nr; i++)
		free(rule->bounds[i].text);
	free(rule->bounds);
}

void spec_free(struct spec *spec)
{
	if (!spec)
		return;
	for (size_t i = 0; i < spec->roles_nr; i++)
		role_fini(&spec->roles[i]);
	free(spec->roles);
	globs_fini(&spec->transparent);
	for (size_t i = 0; i < spec->rules_nr; i++)
		rule_fini(&spec->rules[i]);
	free(spec->rules);
	free(spec->closed.roles);
	for (size_t i = 0; i < spec->leftovers_nr; i++) {
		free(spec->leftovers[i].name);
		free(spec->leftovers[i].text);
		free(spec->leftovers[i].bound.text);
	}
	free(spec->leftovers);
	free(spec);
}

uint32_t spec_role_find(const struct spec *spec, const char *name)
{
	for (size_t i = 0; i < spec->roles_nr; i++)
		if (!strcmp(spec->roles[i].name, name))
			return (uint32_t)i;
	return SPEC_ROLE_ANY;
}

const char *spec_role_name(const struct spec *spec, uint32_t role)
{
	return role == SPEC_ROLE_ANY ? "*" : spec->roles[role].name;
}

bool spec_globs_match(const struct spec_globs *globs, const char *text)
{
	for (size_t i = 0; i < globs->nr; i++)
		if (!fnmatch(globs->texts[i], text, 0))
			return true;
	return false;
}
