/* SPDX-License-Identifier: GPL-2.0-only */
/* The one-line rules of a specification, and the values in them. */
#ifndef IPCTRACE_RULE_PARSE_H
#define IPCTRACE_RULE_PARSE_H

#include "verify/spec.h"

/*
 * Reads `A -> B via MECHANISM [NAME] [where FIELD OP VALUE, ..]` into what the rule says of roles,
 * mechanisms, name and bounds; they are the rule's, also after an error. Roles are looked up in
 * `spec`. 0, -ENOMEM, or -EINVAL with *ret_problem: its place counts characters of the text from
 * column 1 of line 1.
 */
int rule_parse(const struct spec *spec, const char *text, struct spec_rule *rule,
	       struct text_problem *ret_problem);

/* Reads `0`, `<= 3`, `1..4` into the bound of a count, as above. `field` is for messages. */
int rule_parse_count(const char *field, const char *text, struct spec_bound *bound,
		     struct text_problem *ret_problem);

/* The role of this name, or -EINVAL with what may have been meant. */
int rule_parse_role(const struct spec *spec, const char *name, struct text_place place,
		    uint32_t *ret_role, struct text_problem *ret_problem);

/* The mechanisms of this name, the same. */
int rule_parse_mechanism(const char *name, struct text_place place, uint64_t *ret_mechanisms,
			 struct text_problem *ret_problem);

#endif
