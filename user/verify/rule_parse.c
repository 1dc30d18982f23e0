/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words are what stands between blanks; in the bounds, commas and operators end a word, too. A word
 * in double quotes may hold anything, with \" and \\ for these two.
 */
#include "verify/rule_parse.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/units.h"
#include "model/mechanism_set.h"

#define BLANKS " \t\n\v\f\r" /* between words, and ends one */
#define HINT_MAX 300
#define WORD_MAX 512
#define BOUNDS_MAX 16
#define ERRNO_MAX 134

struct scanner {
	const char *text, *at;
	const char *word_at; /* where the word that was read last begins */
	bool is_quoted;	     /* it was in quotes */
	char word[WORD_MAX];
	struct text_problem *problem;
};

/* Characters before `at`, from 1. */
static struct text_place place_at(const struct scanner *scanner, const char *at)
{
	struct text_place place = { 1, 1 };

	for (const char *c = scanner->text; c < at; c++)
		place.column += (*c & 0xc0) != 0x80;
	return place;
}

static struct text_place place_of_word(const struct scanner *scanner)
{
	return place_at(scanner, scanner->word_at);
}

static void blanks_skip(struct scanner *scanner)
{
	scanner->at += strspn(scanner->at, BLANKS);
}

static int quoted_read(struct scanner *scanner)
{
	size_t len = 0;

	scanner->is_quoted = true;
	for (scanner->at++; *scanner->at != '"'; scanner->at++) {
		if (*scanner->at == '\\' && (scanner->at[1] == '"' || scanner->at[1] == '\\'))
			scanner->at++;
		if (!*scanner->at || len + 1 == sizeof(scanner->word))
			return text_problem_set(scanner->problem, place_of_word(scanner),
						*scanner->at ? "the word in quotes is too long" :
							       "this \" is never closed");
		scanner->word[len++] = *scanner->at;
	}
	scanner->at++;
	scanner->word[len] = '\0';
	return 0;
}

/* The next word, up to a blank or one of `ends`; empty at the end. */
static int word_read(struct scanner *scanner, const char *ends)
{
	size_t len = 0;

	blanks_skip(scanner);
	scanner->word_at = scanner->at;
	scanner->is_quoted = false;
	if (*scanner->at == '"')
		return quoted_read(scanner);
	while (*scanner->at && !strchr(BLANKS, *scanner->at) && !strchr(ends, *scanner->at)) {
		if (len + 1 == sizeof(scanner->word))
			return text_problem_set(scanner->problem, place_of_word(scanner),
						"a word of more than %zu bytes",
						sizeof(scanner->word) - 1);
		scanner->word[len++] = *scanner->at++;
	}
	scanner->word[len] = '\0';
	return 0;
}

/* Did word_read find no more words? An empty one in quotes is a word. */
static bool is_at_end(const struct scanner *scanner)
{
	return !*scanner->word && !scanner->is_quoted && !*scanner->at;
}

/* Roles and mechanisms ------------------------------------------------------------------- */

int rule_parse_role(const struct spec *spec, const char *name, struct text_place place,
		    uint32_t *ret_role, struct text_problem *ret_problem)
{
	const char **names;
	char hint[HINT_MAX];
	uint32_t role = spec_role_find(spec, name);

	if (role != SPEC_ROLE_ANY) {
		*ret_role = role;
		return 0;
	}
	names = calloc(spec->roles_nr + 1, sizeof(*names));
	if (!names)
		return -ENOMEM;
	/* those of the file first */
	for (size_t i = 0; i < spec->roles_nr; i++)
		names[i] = spec->roles[(i + SPEC_ROLE_BUILTIN_NR) % spec->roles_nr].name;
	suggest_choose(name, names, spec->roles_nr, hint, sizeof(hint));
	free(names);
	return text_problem_set(ret_problem, place, "there is no role '%s'%s", name, hint);
}

static int side_parse(struct scanner *scanner, const struct spec *spec, const char *what,
		      uint32_t *ret_role)
{
	int err = word_read(scanner, "");

	if (err)
		return err;
	if (!strcmp(scanner->word, "*")) {
		*ret_role = SPEC_ROLE_ANY;
		return 0;
	}
	if (!*scanner->word || !strcmp(scanner->word, "->") || !strcmp(scanner->word, "--") ||
	    !strcmp(scanner->word, "via"))
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"the role %s is missing; write 'ROLE -> ROLE via "
					"MECHANISM'",
					what);
	if (spec_role_find(spec, scanner->word) == SPEC_ROLE_ANY && strstr(scanner->word, "->"))
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"'%s': put blanks around ->", scanner->word);
	return rule_parse_role(spec, scanner->word, place_of_word(scanner), ret_role,
			       scanner->problem);
}

static int arrow_parse(struct scanner *scanner, bool *ret_is_memory)
{
	int err = word_read(scanner, "");

	if (err)
		return err;
	if (!strcmp(scanner->word, "->") || !strcmp(scanner->word, "--")) {
		*ret_is_memory = scanner->word[1] == '-';
		return 0;
	}
	if (!strcmp(scanner->word, "<-") || !strcmp(scanner->word, "<->"))
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"'%s' is no direction; write the sender first: 'ROLE -> "
					"ROLE via MECHANISM'",
					scanner->word);
	return text_problem_set(scanner->problem, place_of_word(scanner),
				"-> expected%s%s%s; write 'ROLE -> ROLE via MECHANISM', or -- for "
				"shared memory",
				*scanner->word ? " instead of '" : "", scanner->word,
				*scanner->word ? "'" : "");
}

int rule_parse_mechanism(const char *name, struct text_place place, uint64_t *ret_mechanisms,
			 struct text_problem *ret_problem)
{
	uint64_t mechanisms = mechanism_set_of(name);
	char hint[HINT_MAX];

	if (mechanisms) {
		*ret_mechanisms = mechanisms;
		return 0;
	}
	suggest_choose(name, mechanism_set_names, mechanism_set_names_nr, hint, sizeof(hint));
	return text_problem_set(ret_problem, place, "there is no mechanism '%s'%s", name, hint);
}

static int mechanism_parse(struct scanner *scanner, struct spec_rule *rule)
{
	uint64_t memory = mechanism_set_of_models(1U << IPCT_MODEL_MAPPING);
	int err = word_read(scanner, "");

	if (err)
		return err;
	if (strcmp(scanner->word, "via"))
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"'via MECHANISM' expected behind the roles%s%s%s",
					*scanner->word ? ", not '" : "", scanner->word,
					*scanner->word ? "'" : "");
	err = word_read(scanner, "");
	if (!err && !*scanner->word)
		err = text_problem_set(scanner->problem, place_of_word(scanner),
				       "the mechanism is missing; write e.g. 'via pipe' or 'via "
				       "unix /run/app.sock'");
	if (!err)
		err = rule_parse_mechanism(scanner->word, place_of_word(scanner), &rule->mechanisms,
					   scanner->problem);
	if (err)
		return err;
	if (rule->is_memory && (rule->mechanisms & ~memory))
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"-- is for shared memory, '%s' has a direction; write -> "
					"instead of --",
					scanner->word);
	if (!rule->is_memory && !(rule->mechanisms & ~memory))
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"'%s' has no direction; write -- instead of ->",
					scanner->word);
	return 0;
}

/* Of signals there are so few that a name can be checked. */
static int signal_check(struct scanner *scanner, const char *name)
{
	char names[SIGRTMIN][16], hint[HINT_MAX];
	const char *choices[SIGRTMIN];
	size_t nr = 0;

	if (strpbrk(name, "*?[") || !strncmp(name, "SIGRT", 5))
		return 0;
	for (int number = 1; number < SIGRTMIN; number++) {
		const char *abbreviated = sigabbrev_np(number);

		if (!abbreviated)
			continue;
		snprintf(names[nr], sizeof(names[nr]), "SIG%s", abbreviated);
		choices[nr] = names[nr];
		nr++;
	}
	if (suggest_choose(name, choices, nr, hint, sizeof(hint)) >= 0)
		return 0;
	return text_problem_set(scanner->problem, place_of_word(scanner),
				"there is no signal '%s'%s", name,
				hint[0] == ',' ? hint : "; write it as kill -l does, e.g. SIGTERM");
}

/* The word that was read last is no `where`. */
static int name_parse(struct scanner *scanner, struct spec_rule *rule)
{
	rule->name = strdup(scanner->word);
	if (!rule->name)
		return -ENOMEM;
	return rule->mechanisms == MECHANISM_SET_BIT(IPCT_SIGNAL) ?
		       signal_check(scanner, rule->name) :
		       0;
}

/* Bounds --------------------------------------------------------------------------------- */

#define ENDS ",=!<>"

static int error_find(const char *name)
{
	for (int number = 1; number < ERRNO_MAX; number++) {
		const char *known = strerrorname_np(number);

		if (known && !strcmp(known, name))
			return number;
	}
	return !strcmp(name, "EWOULDBLOCK") ? EWOULDBLOCK : 0;
}

static int error_field_parse(struct scanner *scanner, struct spec_bound *bound)
{
	const char *name = scanner->word + strlen("errors.");
	const char *names[ERRNO_MAX], *nearest;
	size_t nr = 0;

	bound->field = SPEC_FIELD_ERROR;
	bound->error_number = error_find(name);
	if (bound->error_number)
		return 0;
	for (int number = 1; number < ERRNO_MAX; number++)
		if (strerrorname_np(number))
			names[nr++] = strerrorname_np(number);
	nearest = suggest_nearest(name, names, nr);
	return text_problem_set(scanner->problem, place_of_word(scanner),
				"there is no error '%s'%s%s%s", name,
				nearest ? ", did you mean 'errors." : "; write e.g. errors.EAGAIN",
				nearest ? nearest : "", nearest ? "'?" : "");
}

static int field_parse(struct scanner *scanner, struct spec_bound *bound)
{
	const char *names[SPEC_FIELD_NR];
	char hint[HINT_MAX];
	int choice, err = word_read(scanner, ENDS);

	if (err)
		return err;
	if (!*scanner->word)
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"a bound is missing; write e.g. 'messages >= 100'");
	if (!strncmp(scanner->word, "errors.", strlen("errors.")))
		return error_field_parse(scanner, bound);
	if (!strcmp(scanner->word, "errors"))
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"errors are counted by name; write e.g. errors.EAGAIN");
	for (int i = 0; i < SPEC_FIELD_NR; i++)
		names[i] = spec_fields[i].name;
	choice = suggest_choose(scanner->word, names, SPEC_FIELD_NR, hint, sizeof(hint));
	if (choice < 0 || choice == SPEC_FIELD_ERROR)
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"nothing called '%s' is measured%s", scanner->word, hint);
	bound->field = (enum spec_field)choice;
	return 0;
}

static int value_failed(const struct scanner *scanner, const char *field, enum spec_unit unit,
			const char *word, int err)
{
	static const char *const examples[] = {
		[SPEC_UNIT_COUNT] = "a whole number, e.g. 100",
		[SPEC_UNIT_BYTES] = "a size, e.g. 512, 64KiB or 1.5MiB",
		[SPEC_UNIT_TIME] = "a time, e.g. 250us, 5ms or 2s",
	};

	if (err == -ERANGE)
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"%s: '%s' is too large; the most is 2^64 - 1", field, word);
	if (!*word)
		return text_problem_set(scanner->problem, place_of_word(scanner), "%s wants %s",
					field, examples[unit]);
	return text_problem_set(scanner->problem, place_of_word(scanner), "%s takes %s, not '%s'",
				field, examples[unit], word);
}

static int count_parse(const char *word, uint64_t *ret_count)
{
	char *end;

	if (!isdigit((unsigned char)*word))
		return -EINVAL;
	errno = 0;
	*ret_count = strtoull(word, &end, 10);
	return *end ? -EINVAL : -errno;
}

static int value_parse(const struct scanner *scanner, const char *field, enum spec_unit unit,
		       char *word, uint64_t *ret_value)
{
	size_t len = strlen(word);
	int err;

	if (unit == SPEC_UNIT_BYTES && len > 2 && !strcmp(word + len - 2, "/s") &&
	    !strcmp(field, spec_fields[SPEC_FIELD_RATE].name))
		word[len - 2] = '\0';
	if (unit == SPEC_UNIT_COUNT)
		err = count_parse(word, ret_value);
	else if (unit == SPEC_UNIT_BYTES)
		err = units_parse_size(word, ret_value);
	else
		err = units_parse_duration(word, ret_value);
	return err ? value_failed(scanner, field, unit, word, err) : 0;
}

/* `A..B`, of which the scanner has the word. */
static int range_parse(struct scanner *scanner, const char *field, enum spec_unit unit,
		       struct spec_bound *bound)
{
	char *dots = strstr(scanner->word, ".."), *high;
	int err;

	if (!dots)
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"'%s' is no range; write it without blanks: %s in 10..20",
					scanner->word, field);
	*dots = '\0';
	high = dots + 2;
	err = value_parse(scanner, field, unit, scanner->word, &bound->low);
	if (!err)
		err = value_parse(scanner, field, unit, high, &bound->high);
	if (!err && bound->low > bound->high)
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"%s in %s..%s: no value is in it; write the smaller one "
					"first",
					field, scanner->word, high);
	return err;
}

static int compare_fill(const struct scanner *scanner, const char *field, const char *op,
			uint64_t value, struct spec_bound *bound)
{
	bound->low = 0;
	bound->high = UINT64_MAX;
	bound->is_not = !strcmp(op, "!=");
	if (*op == '=' || bound->is_not) {
		bound->low = bound->high = value;
	} else if (!strcmp(op, "<=")) {
		bound->high = value;
	} else if (!strcmp(op, ">=")) {
		bound->low = value;
	} else if (*op == '<') {
		if (!value)
			return text_problem_set(scanner->problem, place_of_word(scanner),
						"%s < 0 never holds; write %s = 0", field, field);
		bound->high = value - 1;
	} else {
		if (value == UINT64_MAX)
			return value_failed(scanner, field, SPEC_UNIT_COUNT, scanner->word,
					    -ERANGE);
		bound->low = value + 1;
	}
	return 0;
}

/* The operator at the scanner, one that is known, or NULL. */
static const char *operator_read(struct scanner *scanner)
{
	static const char *const operators[] = { "!=", "<=", ">=", "=", "<", ">" };

	blanks_skip(scanner);
	scanner->word_at = scanner->at;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		size_t len = strlen(operators[i]);

		if (strncmp(scanner->at, operators[i], len) ||
		    strchr("=<>!", scanner->at[len] ?: ' '))
			continue;
		scanner->at += len;
		return operators[i];
	}
	return NULL;
}

static int condition_parse(struct scanner *scanner, const char *field, enum spec_unit unit,
			   struct spec_bound *bound)
{
	const char *op = operator_read(scanner);
	uint64_t value;
	int err;

	if (!op) {
		err = word_read(scanner, ",");
		if (err)
			return err;
		if (strcmp(scanner->word, "in"))
			return text_problem_set(scanner->problem, place_of_word(scanner),
						"%s%s%s behind '%s'; write one of = != < <= > >= "
						"or 'in 10..20'",
						*scanner->word ? "'" : "nothing", scanner->word,
						*scanner->word ? "'" : "", field);
		err = word_read(scanner, ",");
		return err ? err : range_parse(scanner, field, unit, bound);
	}
	err = word_read(scanner, ",");
	if (!err)
		err = value_parse(scanner, field, unit, scanner->word, &value);
	return err ? err : compare_fill(scanner, field, op, value, bound);
}

static int bound_parse(struct scanner *scanner, struct spec_rule *rule, struct spec_bound *bound)
{
	const char *start;
	char field[WORD_MAX];
	int err = field_parse(scanner, bound);

	if (err)
		return err;
	start = scanner->word_at;
	memcpy(field, scanner->word, sizeof(field));
	if (rule->is_memory && !spec_fields[bound->field].is_of_memory)
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"of shared memory no %s can be counted; only peers is "
					"known",
					field);
	err = condition_parse(scanner, field, spec_fields[bound->field].unit, bound);
	if (err)
		return err;
	bound->text = strndup(start, scanner->at - start);
	return bound->text ? 0 : -ENOMEM;
}

/* The comma behind a bound, or the end. */
static int bound_end_parse(struct scanner *scanner, bool *ret_is_last)
{
	blanks_skip(scanner);
	*ret_is_last = !*scanner->at;
	if (*ret_is_last || *scanner->at == ',') {
		scanner->at += !*ret_is_last;
		return 0;
	}
	return text_problem_set(scanner->problem, place_at(scanner, scanner->at),
				"'%.20s' behind a bound; put a comma between bounds", scanner->at);
}

static int bounds_parse(struct scanner *scanner, struct spec_rule *rule)
{
	bool is_last = false;
	int err = 0;

	rule->bounds = calloc(BOUNDS_MAX, sizeof(*rule->bounds));
	if (!rule->bounds)
		return -ENOMEM;
	while (!err && !is_last) {
		if (rule->bounds_nr == BOUNDS_MAX)
			return text_problem_set(scanner->problem, place_at(scanner, scanner->at),
						"more than %d bounds; write a second rule",
						BOUNDS_MAX);
		err = bound_parse(scanner, rule, &rule->bounds[rule->bounds_nr++]);
		if (!err)
			err = bound_end_parse(scanner, &is_last);
	}
	return err;
}

/* Rules ---------------------------------------------------------------------------------- */

/* What may stand behind the mechanism: a name, and bounds. */
static int tail_parse(struct scanner *scanner, struct spec_rule *rule)
{
	int err = word_read(scanner, "");

	if (err || is_at_end(scanner))
		return err;
	if (scanner->is_quoted || strcmp(scanner->word, "where")) {
		err = name_parse(scanner, rule);
		if (!err)
			err = word_read(scanner, "");
		if (err || is_at_end(scanner))
			return err;
	}
	if (scanner->is_quoted || strcmp(scanner->word, "where"))
		return text_problem_set(scanner->problem, place_of_word(scanner),
					"'%s' behind the name; write 'where' before bounds, and "
					"put a name with blanks in \"quotes\"",
					scanner->word);
	return bounds_parse(scanner, rule);
}

int rule_parse(const struct spec *spec, const char *text, struct spec_rule *rule,
	       struct text_problem *ret_problem)
{
	struct scanner scanner = { .text = text, .at = text, .problem = ret_problem };
	int err = side_parse(&scanner, spec, "that sends", &rule->from);

	if (!err)
		err = arrow_parse(&scanner, &rule->is_memory);
	if (!err)
		err = side_parse(&scanner, spec, "that receives", &rule->to);
	if (!err)
		err = mechanism_parse(&scanner, rule);
	return err ? err : tail_parse(&scanner, rule);
}

int rule_parse_count(const char *field, const char *text, struct spec_bound *bound,
		     struct text_problem *ret_problem)
{
	struct scanner scanner = { .text = text, .at = text, .problem = ret_problem };
	bool is_last;
	int err;

	blanks_skip(&scanner);
	if (strstr(text, "..")) {
		err = word_read(&scanner, "");
		if (!err)
			err = range_parse(&scanner, field, SPEC_UNIT_COUNT, bound);
	} else if (strchr("=<>!", *scanner.at) && *scanner.at) {
		err = condition_parse(&scanner, field, SPEC_UNIT_COUNT, bound);
	} else {
		err = word_read(&scanner, "");
		if (!err)
			err = value_parse(&scanner, field, SPEC_UNIT_COUNT, scanner.word,
					  &bound->low);
		bound->high = bound->low;
	}
	if (err)
		return err;
	err = bound_end_parse(&scanner, &is_last);
	if (!err && !is_last)
		err = text_problem_set(ret_problem, place_at(&scanner, scanner.at - 1),
				       "%s takes one number", field);
	return err;
}
