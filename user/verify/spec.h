/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A specification of how processes may talk, as `ipctrace verify` reads it: roles, rules about
 * edges between roles, and what else must hold. SPEC.md has the language.
 */
#ifndef IPCTRACE_SPEC_H
#define IPCTRACE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/yaml_tree.h"

/* Roles that are always there, by index into the roles; those of the file follow. */
enum spec_builtin_role {
	SPEC_ROLE_OTHER,  /* a process that no role matches */
	SPEC_ROLE_KERNEL, /* sender of signals of the kernel */
	SPEC_ROLE_REMOTE, /* what is not on this machine */
	SPEC_ROLE_BEFORE, /* whoever sent what was received, but not sent, in the capture */
	SPEC_ROLE_BUILTIN_NR,
};

#define SPEC_ROLE_ANY UINT32_MAX /* `*` */

/* Globs; a text matches if one of them does. */
struct spec_globs {
	char **texts;
	size_t nr;
};

/* A process has the role if all that is given here matches. */
struct spec_role {
	char *name;
	size_t line; /* 0: built in */
	struct spec_globs exe, comm, args, cgroup, listens;
	uint32_t *parents; /* roles; any of them */
	size_t parents_nr;
	bool has_uid;
	uint32_t uid;
	bool has_traced; /* only processes of the capture's scope, or only others */
	bool is_traced;
};

enum spec_field {
	SPEC_FIELD_MESSAGES,
	SPEC_FIELD_BYTES,
	SPEC_FIELD_RATE,  /* bytes per second */
	SPEC_FIELD_ERROR, /* calls that failed with one errno */
	SPEC_FIELD_UNREAD,
	SPEC_FIELD_PEERS,
	SPEC_FIELD_P50, /* of residency, ns */
	SPEC_FIELD_P90,
	SPEC_FIELD_P99,
	SPEC_FIELD_WAIT, /* reserved: not measured yet */
	SPEC_FIELD_NR,
};

enum spec_unit { SPEC_UNIT_COUNT, SPEC_UNIT_BYTES, SPEC_UNIT_TIME };

struct spec_field_kind {
	const char *name;
	enum spec_unit unit;
	bool is_of_memory; /* also of a rule with `--` */
	bool is_measured;  /* by this version */
};

extern const struct spec_field_kind spec_fields[SPEC_FIELD_NR];

/* `messages >= 100`: the value is in low..high, or with is_not outside of it. */
struct spec_bound {
	enum spec_field field;
	int error_number; /* SPEC_FIELD_ERROR: errno */
	uint64_t low, high;
	bool is_not;
	char *text; /* as written */
};

enum spec_section {
	SPEC_REQUIRE,
	SPEC_FORBID,
	SPEC_ALLOW,
	SPEC_IGNORE,
	SPEC_SECTION_NR,
};

extern const char *const spec_section_names[SPEC_SECTION_NR];

struct spec_rule {
	enum spec_section section;
	char *text; /* as written */
	char *why;  /* NULL: not said */
	size_t line;
	uint64_t count; /* require: this often at least */
	uint32_t from, to;
	bool is_memory; /* `--`: both map one object */
	uint64_t mechanisms;
	char *name; /* glob; NULL: any */
	struct spec_bound *bounds;
	size_t bounds_nr;
	/* for those who edit the file, bytes: the rule's text, and its whole item of the list */
	size_t start, end;
	size_t item_start, item_end;
	bool is_builtin; /* of a preset */
};

struct spec_closed {
	bool is_on;
	size_t line;
	uint64_t mechanisms;
	uint32_t *roles; /* edges from or to any of them; none given: all */
	size_t roles_nr;
};

/* Objects of these mechanisms that were made in the capture and are there at its end. */
struct spec_leftover {
	char *name;
	char *text; /* `sysv: 0` */
	size_t line;
	uint64_t mechanisms;
	struct spec_bound bound;
	size_t start, end; /* bytes of the file: how many may be left */
};

struct spec_exit {
	bool is_any;
	size_t line; /* 0: not said, then 0 is expected */
	uint32_t status;
	size_t start, end; /* bytes of the file: the status */
};

/* Where a list of rules stands in the file, for those who edit it; line 0: it does not. */
struct spec_list {
	size_t line;
	bool is_flow, is_empty;
	size_t end;    /* bytes of the file: where its last rule ends, or the list without any */
	size_t indent; /* columns before the first `-` */
};

struct spec {
	struct spec_role *roles;
	size_t roles_nr;
	struct spec_globs transparent; /* comm of processes that have their parent's role */
	struct spec_rule *rules;
	size_t rules_nr;
	struct spec_closed closed;
	struct spec_leftover *leftovers;
	size_t leftovers_nr;
	struct spec_exit exit;
	struct spec_list lists[SPEC_SECTION_NR];
};

/*
 * Reads a specification, owned by the caller. 0, -ENOMEM, or -EINVAL with *ret_problem: the
 * first thing that is wrong, and what to write instead.
 */
int spec_parse(const char *bytes, size_t len, struct spec **ret_spec,
	       struct text_problem *ret_problem);
void spec_free(struct spec *spec); /* NULL is accepted */

/* The role with this name, SPEC_ROLE_ANY if there is none. */
uint32_t spec_role_find(const struct spec *spec, const char *name);

/* "*" for SPEC_ROLE_ANY. Borrowed. */
const char *spec_role_name(const struct spec *spec, uint32_t role);

/* Does one of the globs match? Raw bytes. */
bool spec_globs_match(const struct spec_globs *globs, const char *text);

#endif
