/* SPDX-License-Identifier: GPL-2.0-only */
#include "verify/learn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/escape.h"
#include "model/channel.h"
#include "model/mechanism_set.h"
#include "verify/evaluate.h"
#include "verify/roles.h"
#include "verify/scene.h"

#define CANDIDATES_MAX 2000 /* beyond these a specification helps nobody */

/* A rule that may be written. */
struct candidate {
	char *text;	 /* `A -> B via pipe`, without bounds */
	char *group;	 /* the same without a name; equal to `text` where there is none */
	bool is_outside; /* one end is no process that has a role */
	enum ipct_mechanism mechanism;
	bool is_memory;
	bool is_needed; /* of one without a name: an edge has none, or its name is not stable */
	/* of all runs in which it was seen */
	size_t runs;
	struct measure messages, bytes; /* low and high over them */
	bool is_exact, is_read;
	UT_hash_handle hh;
};

struct learn {
	const struct graph *const *graphs;
	size_t graphs_nr;
	struct spec *roles; /* a specification of only those */
	char *roles_text;
	struct candidate *candidates; /* uthash, in the order in which they were seen */
	bool *has_children;	      /* by role */
	FILE *out;
};

/* Whether anybody has to wait, or signals come in one, is chance. */
static uint64_t chance_mechanisms(void)
{
	return mechanism_set_of_models(1U << IPCT_MODEL_WAKE) | MECHANISM_SET_BIT(IPCT_NETLINK);
}

/* Candidates -------------------------------------------------------------------------------- */

static void candidate_free(struct candidate *candidate)
{
	free(candidate->text);
	free(candidate->group);
	free(candidate);
}

/* NULL without memory, or where there are too many. Takes `text` over. */
static struct candidate *candidate_get(struct learn *learn, char *text, const char *group)
{
	struct candidate *candidate;

	if (!text)
		return NULL;
	HASH_FIND_STR(learn->candidates, text, candidate);
	if (candidate || HASH_COUNT(learn->candidates) >= CANDIDATES_MAX) {
		free(text);
		return candidate;
	}
	candidate = calloc(1, sizeof(*candidate));
	if (!candidate) {
		free(text);
		return NULL;
	}
	candidate->text = text;
	candidate->group = strdup(group);
	candidate->is_exact = candidate->is_read = true;
	candidate->messages.low = candidate->bytes.low = UINT64_MAX;
	if (!candidate->group) {
		candidate_free(candidate);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, learn->candidates, candidate->text, strlen(candidate->text), candidate);
	return candidate;
}

/* A name as it stands in a rule: in quotes where it would end too early. */
static char *named_text(const char *group, const char *glob)
{
	char *text = malloc(strlen(group) + 2 * strlen(glob) + 4), *to = text;

	if (!text)
		return NULL;
	to = stpcpy(stpcpy(to, group), " ");
	if (!strpbrk(glob, " \t\"") && strcmp(glob, "where")) {
		strcpy(to, glob);
		return text;
	}
	*to++ = '"';
	for (; *glob; glob++) {
		if (*glob == '"' || *glob == '\\')
			*to++ = '\\';
		*to++ = *glob;
	}
	strcpy(to, "\"");
	return text;
}

/* A channel between two roles: a rule with its name, and one without. 0 or -ENOMEM. */
static int candidate_note(struct learn *learn, uint32_t from, uint32_t to,
			  const struct graph_channel *channel, bool is_memory)
{
	char *group = NULL, *glob = learn_name_glob(channel->mechanism, channel->name);
	bool is_outside = from < SPEC_ROLE_BUILTIN_NR || to < SPEC_ROLE_BUILTIN_NR;
	struct candidate *all = NULL, *one = NULL;

	if (asprintf(&group, "%s %s %s via %s", spec_role_name(learn->roles, from),
		     is_memory ? "--" : "->", spec_role_name(learn->roles, to),
		     channel_mechanism_name(channel->mechanism)) < 0)
		group = NULL;
	if (group && glob)
		all = candidate_get(learn, strdup(group), group);
	if (all && *glob)
		one = candidate_get(learn, named_text(group, glob), group);
	if (all && !*glob)
		all->is_needed = true;
	for (int i = 0; i < 2; i++) {
		struct candidate *candidate = i ? one : all;

		if (!candidate)
			continue;
		candidate->is_outside = is_outside;
		candidate->mechanism = channel->mechanism;
		candidate->is_memory = is_memory;
	}
	free(group);
	free(glob);
	return all || HASH_COUNT(learn->candidates) >= CANDIDATES_MAX ? 0 : -ENOMEM;
}

static bool is_role_of_file(uint32_t role)
{
	return role >= SPEC_ROLE_BUILTIN_NR;
}

static int edges_note(struct learn *learn, const struct graph *graph, const uint32_t *roles)
{
	int err = 0;

	for (size_t i = 0; i < graph->edges_nr && !err; i++) {
		const struct graph_edge *edge = &graph->edges[i];
		uint32_t from = roles[edge->from], to = roles[edge->to];

		/* what `closed` does not judge need not be allowed */
		if (edge->from == edge->to || from == SPEC_ROLE_BEFORE ||
		    from == SPEC_ROLE_KERNEL || (!is_role_of_file(from) && !is_role_of_file(to)))
			continue;
		err = candidate_note(learn, from, to, &graph->channels[edge->channel], false);
	}
	return err;
}

static int pairs_note(struct learn *learn, const struct graph *graph, const uint32_t *roles)
{
	const struct scene scene = { .spec = learn->roles, .graph = graph, .roles = roles };
	struct verdict_pair *pairs = NULL;
	size_t nr = 0;
	int err =
		scene_pairs(&scene, mechanism_set_of_models(1U << IPCT_MODEL_MAPPING), &pairs, &nr);

	for (size_t i = 0; i < nr && !err; i++) {
		uint32_t a = roles[pairs[i].from], b = roles[pairs[i].to];

		if (!is_role_of_file(a) && !is_role_of_file(b))
			continue;
		/* the order of the two says nothing */
		err = candidate_note(learn, a > b ? a : b, a > b ? b : a,
				     &graph->channels[pairs[i].channel], true);
	}
	free(pairs);
	return err;
}

static int graph_note(struct learn *learn, const struct graph *graph)
{
	uint32_t *roles;
	int err = roles_assign(learn->roles, graph, &roles);

	if (err)
		return err;
	for (size_t i = 0; i < graph->processes_nr; i++)
		if (graph->processes[i].parent != GRAPH_NONE)
			learn->has_children[roles[graph->processes[i].parent]] = true;
	err = edges_note(learn, graph, roles);
	if (!err)
		err = pairs_note(learn, graph, roles);
	free(roles);
	return err;
}

/* Measuring --------------------------------------------------------------------------------- */

static bool is_pipe(const struct candidate *candidate)
{
	return candidate->mechanism == IPCT_PIPE || candidate->mechanism == IPCT_FIFO;
}

/* All candidates as one specification, in their order. */
static char *candidates_text(const struct learn *learn)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);

	if (!stream)
		return NULL;
	fprintf(stream, "ipctrace: 1\n%srequire:\n", learn->roles_text);
	for (const struct candidate *candidate = learn->candidates; candidate;
	     candidate = candidate->hh.next) {
		char *rule;

		if (asprintf(&rule, "%s%s", candidate->text,
			     is_pipe(candidate) ? " where unread = 0" : "") < 0)
			break;
		fputs("  - ", stream);
		learn_write_quoted(rule, stream);
		fputc('\n', stream);
		free(rule);
	}
	if (!fclose(stream))
		return text;
	free(text);
	return NULL;
}

static void range_widen(struct measure *range, const struct measure *run)
{
	if (run->low < range->low)
		range->low = run->low;
	if (run->high > range->high)
		range->high = run->high;
}

static void verdict_note(struct candidate *candidate, const struct verdict *verdict)
{
	if (verdict->reason == VERDICT_REASON_ABSENT || verdict->reason == VERDICT_REASON_UNPROVEN)
		return;
	candidate->runs++;
	candidate->is_exact &= verdict->messages.low == verdict->messages.high &&
			       verdict->bytes.low == verdict->bytes.high;
	candidate->is_read &= verdict->bounds_nr && verdict->bounds[0].holds == CERTAIN_YES;
	range_widen(&candidate->messages, &verdict->messages);
	range_widen(&candidate->bytes, &verdict->bytes);
}

static int graph_measure(struct learn *learn, const struct spec *spec, const struct graph *graph)
{
	const struct evaluate_options options = {};
	struct candidate *candidate = learn->candidates;
	struct verdicts verdicts;
	int err = evaluate(spec, graph, &options, &verdicts);

	if (err)
		return err;
	for (size_t i = 0; candidate && i < verdicts.nr; candidate = candidate->hh.next)
		verdict_note(candidate, &verdicts.all[i++]);
	verdicts_fini(&verdicts);
	return 0;
}

/* A text of our own: what is wrong with it is a bug. */
static int own_parse(const char *text, struct spec **ret_spec)
{
	struct text_problem problem;
	int err = text ? spec_parse(text, strlen(text), ret_spec, &problem) : -ENOMEM;

	return err == -EINVAL ? -EBADMSG : err;
}

static int candidates_measure(struct learn *learn)
{
	char *text = candidates_text(learn);
	struct spec *spec = NULL;
	int err = own_parse(text, &spec);

	for (size_t i = 0; i < learn->graphs_nr && !err; i++)
		err = graph_measure(learn, spec, learn->graphs[i]);
	spec_free(spec);
	free(text);
	return err;
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
		     range || (is_pipe(candidate) && candidate->is_read) ? " where " : "", bound,
		     range && is_pipe(candidate) && candidate->is_read ? ", " : "",
		     is_pipe(candidate) && candidate->is_read ? "unread = 0" : "") < 0)
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
		if (!learn->has_children[role])
			continue;
		snprintf(text, sizeof(text), "* -> %s via signal SIGCHLD",
			 spec_role_name(learn->roles, role));
		allowed_write(text, learn->out);
	}
	fputs("  # stdin, stdout and stderr may be pipes of whoever runs this\n", learn->out);
	allowed_write("other -> * via pipe", learn->out);
	allowed_write("* -> other via pipe", learn->out);
}

static void closed_write(struct learn *learn)
{
	const char *separator = ",\n         roles: [";

	fputs("\n# Anything else between these processes is a violation. Left out: terminals, "
	      "netlink,"
	      "\n# and semaphores and locks, where it is chance whether somebody has to wait.\n"
	      "closed: {mechanisms: [pipe, fifo, unix, tcp, udp, vsock, signal, queue, eventfd,\n"
	      "                      shared-memory, process-vm]",
	      learn->out);
	for (uint32_t role = SPEC_ROLE_BUILTIN_NR; role < learn->roles->roles_nr; role++) {
		fprintf(learn->out, "%s%s", separator, spec_role_name(learn->roles, role));
		separator = ", ";
	}
	fputs(learn->roles->roles_nr > SPEC_ROLE_BUILTIN_NR ? "]}\n" : "}\n", learn->out);
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

static int all_write(struct learn *learn)
{
	int err = head_write(learn);

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

/* ------------------------------------------------------------------------------------------- */

static int roles_learn(struct learn *learn)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&learn->roles_text, &len);
	int err = stream ? learn_write_roles(learn->graphs, learn->graphs_nr, stream) : -ENOMEM;

	if (stream && fclose(stream))
		err = -ENOMEM;
	if (!err && asprintf(&text, "ipctrace: 1\n%s", learn->roles_text) < 0)
		err = -ENOMEM;
	if (!err)
		err = own_parse(text, &learn->roles);
	free(text);
	if (err)
		return err;
	learn->has_children = calloc(learn->roles->roles_nr, sizeof(*learn->has_children));
	return learn->has_children ? 0 : -ENOMEM;
}

int learn_write(const struct graph *const *graphs, size_t graphs_nr, FILE *stream)
{
	struct learn learn = { .graphs = graphs, .graphs_nr = graphs_nr, .out = stream };
	struct candidate *candidate, *next;
	int err = roles_learn(&learn);

	for (size_t i = 0; i < graphs_nr && !err; i++)
		err = graph_note(&learn, graphs[i]);
	if (!err)
		err = candidates_measure(&learn);
	if (!err) {
		names_judge(&learn);
		err = all_write(&learn);
	}
	HASH_ITER (hh, learn.candidates, candidate, next) {
		HASH_DEL(learn.candidates, candidate);
		candidate_free(candidate);
	}
	free(learn.has_children);
	spec_free(learn.roles);
	free(learn.roles_text);
	return err;
}
