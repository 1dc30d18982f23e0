/* SPDX-License-Identifier: GPL-2.0-only */
/* What is required, what is allowed, and the text of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "model/mechanism_set.h"
#include "verify/learn_internal.h"

#define COLUMNS_MAX 80 /* where a list goes on in the next line */

/* Whether anybody has to wait, or signals come in one, is chance. */
static uint64_t chance_mechanisms(void)
{
	return mechanism_set_of_models(1U << IPCT_MODEL_WAKE) | MECHANISM_SET_BIT(IPCT_NETLINK);
}

static bool is_system_wide(const struct learn *learn)
{
	return learn->graphs[0]->capture.scope == GRAPH_SCOPE_SYSTEM;
}

/* Choosing ---------------------------------------------------------------------------------- */

static bool is_named(const struct candidate *candidate)
{
	return strcmp(candidate->text, candidate->group) != 0;
}

/* Where a name was not there every time, it is not stable: the rule without it takes its place. */
static void names_judge(struct learn *learn)
{
	struct candidate *candidate, *all;

	for (candidate = learn->candidates; candidate; candidate = candidate->hh.next) {
		if (!is_named(candidate) || candidate->runs == learn->graphs_nr)
			continue;
		HASH_FIND_STR(learn->candidates, candidate->group, all);
		if (all)
			all->is_needed = true;
	}
}

/* One rule for all of a group, or one for each name. */
static bool is_written(const struct learn *learn, const struct candidate *candidate)
{
	struct candidate *all;

	if (!is_named(candidate))
		return candidate->is_needed;
	HASH_FIND_STR(learn->candidates, candidate->group, all);
	return !all || !all->is_needed;
}

static bool is_sigchld(const struct candidate *candidate)
{
	return candidate->mechanism == IPCT_SIGNAL && strstr(candidate->text, " SIGCHLD");
}

static bool is_required(const struct learn *learn, const struct candidate *candidate)
{
	return candidate->runs == learn->graphs_nr && !candidate->is_outside &&
	       !is_sigchld(candidate) &&
	       !(chance_mechanisms() & MECHANISM_SET_BIT(candidate->mechanism));
}

/* Writing ----------------------------------------------------------------------------------- */

static uint64_t widened(uint64_t value)
{
	return value > UINT64_MAX / 3 ? UINT64_MAX : (value * 3 + 1) / 2;
}

static uint64_t narrowed(uint64_t value)
{
	return value / 3 * 2 + value % 3 * 2 / 3;
}

/* How many times a signal comes, or how often a terminal is written to, is nobody's promise. */
static const struct measure *bounded(const struct candidate *candidate, const char **ret_field)
{
	uint64_t streams = mechanism_set_of_models(1U << IPCT_MODEL_STREAM);
	uint64_t bit = MECHANISM_SET_BIT(candidate->mechanism);

	if (!candidate->is_exact || candidate->is_memory || candidate->mechanism == IPCT_SIGNAL ||
	    candidate->mechanism == IPCT_PTY)
		return NULL;
	*ret_field = streams & bit ? "bytes" : "messages";
	return streams & bit ? &candidate->bytes : &candidate->messages;
}

static void seen_write(const struct candidate *candidate, FILE *out)
{
	if (candidate->is_memory) {
		fputs("  # both have it mapped\n", out);
		return;
	}
	if (candidate->messages.low == candidate->messages.high)
		fprintf(out, "  # seen: %" PRIu64 " messages", candidate->messages.low);
	else
		fprintf(out, "  # seen: %" PRIu64 "..%" PRIu64 " messages", candidate->messages.low,
			candidate->messages.high);
	if (candidate->bytes.low == candidate->bytes.high)
		fprintf(out, ", %" PRIu64 " bytes\n", candidate->bytes.low);
	else
		fprintf(out, ", %" PRIu64 "..%" PRIu64 " bytes\n", candidate->bytes.low,
			candidate->bytes.high);
}

static int required_write(const struct candidate *candidate, FILE *out)
{
	const char *field = NULL;
	const struct measure *range = bounded(candidate, &field);
	char bound[80] = "", *rule;

	if (range)
		snprintf(bound, sizeof(bound), "%s in %" PRIu64 "..%" PRIu64, field,
			 narrowed(range->low), widened(range->high));
	if (asprintf(&rule, "%s%s%s%s%s", candidate->text,
		     range || (learn_is_pipe(candidate) && candidate->is_read) ? " where " : "",
		     bound, range && learn_is_pipe(candidate) && candidate->is_read ? ", " : "",
		     learn_is_pipe(candidate) && candidate->is_read ? "unread = 0" : "") < 0)
		return -ENOMEM;
	seen_write(candidate, out);
	fputs("  - ", out);
	learn_write_quoted(rule, out);
	fputc('\n', out);
	free(rule);
	return 0;
}

static int require_write(struct learn *learn)
{
	int err = 0;

	fputs("\n# Seen in every run; bounds are what was seen, wider by half.\nrequire:\n",
	      learn->out);
	for (const struct candidate *candidate = learn->candidates; candidate && !err;
	     candidate = candidate->hh.next)
		if (is_written(learn, candidate) && is_required(learn, candidate))
			err = required_write(candidate, learn->out);
	return err;
}

static void allowed_write(const char *text, FILE *out)
{
	fputs("  - ", out);
	learn_write_quoted(text, out);
	fputc('\n', out);
}

static void allow_write(struct learn *learn)
{
	char text[200];

	fputs("\n# Seen, but not in every run, or left to chance, or with processes from outside.\n"
	      "allow:\n",
	      learn->out);
	for (const struct candidate *candidate = learn->candidates; candidate;
	     candidate = candidate->hh.next)
		if (is_written(learn, candidate) && candidate->runs &&
		    !is_required(learn, candidate) && !is_sigchld(candidate))
			allowed_write(candidate->text, learn->out);
	fputs("  # the end of a child; several may come in one\n", learn->out);
	for (uint32_t role = SPEC_ROLE_BUILTIN_NR; role < learn->roles->roles_nr; role++) {
		if (!learn->has_children[role] || !learn_is_described(learn, role))
			continue;
		snprintf(text, sizeof(text), "* -> %s via signal SIGCHLD",
			 spec_role_name(learn->roles, role));
		allowed_write(text, learn->out);
	}
	if (is_system_wide(learn))
		return;
	fputs("  # stdin, stdout and stderr may be pipes of whoever runs this\n", learn->out);
	allowed_write(LEARN_OUTSIDE " -> * via pipe", learn->out);
	allowed_write("* -> " LEARN_OUTSIDE " via pipe", learn->out);
}

static void closed_write(struct learn *learn)
{
	size_t column = 0;

	fputs("\n# Anything else between these processes is a violation. Left out: terminals, "
	      "netlink,"
	      "\n# and semaphores and locks, where it is chance whether somebody has to wait.\n"
	      "closed:\n"
	      "  mechanisms: [pipe, fifo, unix, tcp, udp, vsock, signal, queue, eventfd, "
	      "shared-memory,\n"
	      "               process-vm]\n",
	      learn->out);
	for (uint32_t role = SPEC_ROLE_BUILTIN_NR; role < learn->roles->roles_nr; role++) {
		const char *name = spec_role_name(learn->roles, role);

		if (!learn_is_described(learn, role))
			continue;
		fputs(!column		   ? "  roles: [" :
		      column < COLUMNS_MAX ? ", " :
					     ",\n          ",
		      learn->out);
		column = !column || column >= COLUMNS_MAX ? 10 : column + 2;
		column += fprintf(learn->out, "%s", name);
	}
	fputs(column ? "]\n" : "", learn->out);
}

/* How many objects each run left; the same in all, or there is no such line. */
static int leftovers_write(struct learn *learn)
{
	static const struct {
		const char *name;
		uint64_t mechanisms;
	} kinds[] = {
		{ "sysv-msg", MECHANISM_SET_BIT(IPCT_SYSV_MSG) },
		{ "sysv-sem", MECHANISM_SET_BIT(IPCT_SYSV_SEM) },
		{ "sysv-shm", MECHANISM_SET_BIT(IPCT_SYSV_SHM) },
		{ "posix-mq", MECHANISM_SET_BIT(IPCT_POSIX_MQ) },
	};

	for (size_t i = 0; i < learn->graphs_nr; i++)
		if (!learn->graphs[i]->capture.knows_leftovers)
			return 0;
	fputs("\n# Objects that were left at the end.\nat_exit:\n", learn->out);
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		size_t most = 0;

		for (size_t i = 0; i < learn->graphs_nr; i++) {
			struct graph_leftovers left;

			if (graph_leftovers_find(learn->graphs[i], kinds[kind].mechanisms, &left))
				return -ENOMEM;
			most = left.nr > most ? left.nr : most;
			free(left.channels);
		}
		fprintf(learn->out, "  %s: \"<= %zu\"\n", kinds[kind].name, most);
	}
	return 0;
}

static void exit_write(struct learn *learn)
{
	int status = learn->graphs[0]->capture.command_status;

	for (size_t i = 1; i < learn->graphs_nr; i++)
		if (learn->graphs[i]->capture.command_status != status)
			status = -1;
	if (status >= 0)
		fprintf(learn->out, "\nexit: %d\n", status);
	else
		fputs("\n# It did not end with the same status each time.\nexit: any\n",
		      learn->out);
}

static int head_write(struct learn *learn)
{
	const struct graph_capture *capture = &learn->graphs[0]->capture;

	fprintf(learn->out,
		"# Written by `ipctrace verify --learn` from %zu run%s; read it before you trust "
		"it.\n",
		learn->graphs_nr, learn->graphs_nr == 1 ? "" : "s");
	if (capture->command)
		fputs("#   ", learn->out);
	for (char *const *word = capture->command; word && *word; word++) {
		char *shown = escape_line(*word, strlen(*word));

		if (!shown)
			return -ENOMEM;
		fprintf(learn->out, "%s%s", word == capture->command ? "" : " ", shown);
		free(shown);
	}
	fprintf(learn->out, "%sipctrace: 1\n\n%s", capture->command ? "\n" : "", learn->roles_text);
	return 0;
}

int learn_write_text(struct learn *learn)
{
	int err = head_write(learn);

	names_judge(learn);
	if (!err)
		err = require_write(learn);
	if (err)
		return err;
	allow_write(learn);
	closed_write(learn);
	err = leftovers_write(learn);
	exit_write(learn);
	return !err && ferror(learn->out) ? -EIO : err;
}
