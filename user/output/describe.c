/* SPDX-License-Identifier: GPL-2.0-only */
#include "output/describe.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "base/utf8.h"

#define NS_PER_S 1000000000

__attribute__((format(printf, 1, 2))) static char *text_new(const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	return len < 0 ? NULL : text;
}

/* `text` and then `more`, both taken over; NULL if either is. */
static char *text_append(char *text, char *more)
{
	char *both = text && more ? text_new("%s%s", text, more) : NULL;

	free(text);
	free(more);
	return both;
}

char *describe_window(const struct graph_capture *capture)
{
	time_t seconds = (time_t)(capture->start_realtime_ns / NS_PER_S);
	char start[64] = "?", duration[UNITS_TEXT_MAX];
	struct tm utc;

	units_format_duration(duration, sizeof(duration), capture->duration_ns);
	if (gmtime_r(&seconds, &utc))
		(void)strftime(start, sizeof(start), "%F %T UTC", &utc); /* fits any year */
	return text_new("%s from %s", duration, start);
}

static const char *or_unknown(const char *text)
{
	return text && *text ? text : "?";
}

char *describe_host(const struct graph_capture *capture)
{
	return text_new("%s, Linux %s %s", or_unknown(capture->host), or_unknown(capture->kernel),
			or_unknown(capture->arch));
}

char *describe_scope(const struct graph_capture *capture)
{
	char *text;
	size_t i;

	if (capture->scope == GRAPH_SCOPE_SYSTEM)
		return text_new("whole system");
	if (capture->scope == GRAPH_SCOPE_PIDS)
		return text_new("chosen processes");
	text = text_new("command");
	for (i = 0; capture->command && capture->command[i]; i++)
		text = text_append(text, text_new(" %s", capture->command[i]));
	return text;
}

char *describe_ledger(const struct graph_ledger *ledger)
{
	return text_new("seen %" PRIu64 "  recorded %" PRIu64 "  aggregated %" PRIu64
			"  lost %" PRIu64,
			ledger->seen, ledger->recorded, ledger->aggregated, ledger->lost);
}

static char *describe_lost(const struct graph_ledger *ledger)
{
	const char *separator = " (";
	char *text;
	size_t i;

	text = text_new("LOST %" PRIu64 " records", ledger->lost);
	for (i = 0; i < ledger->causes_nr; i++) {
		const struct graph_cause *cause = &ledger->causes[i];

		if (!cause->count)
			continue;
		text = text_append(text,
				   text_new("%s%s %" PRIu64, separator, cause->name, cause->count));
		separator = ", ";
	}
	return text_append(text, text_new("%s: every number is a lower bound",
					  *separator == ',' ? ")" : ""));
}

static char *add_sentence(char *text, const char *sentence)
{
	return text_append(text, text_new("%s%s", text && *text ? "; " : "", sentence));
}

char *describe_trouble(const struct graph *graph)
{
	const struct graph_ledger *ledger = &graph->ledger;
	char *text = text_new("%s", "");

	if (ledger->lost) {
		free(text);
		text = describe_lost(ledger);
	}
	if (ledger->seen != ledger->recorded + ledger->aggregated + ledger->lost)
		text = add_sentence(text, "the ledger does not balance: a bug in ipctrace");
	if (!graph->capture.is_complete)
		text = add_sentence(text,
				    "the recorder did not end this capture: its end is missing");
	return text;
}

char *describe_process(const struct graph_process *process)
{
	const char *comm = or_unknown(process->comm);

	if (process->members > 1)
		return text_new("%s ×%u", comm, process->members);
	if (!process->pid)
		return text_new("%s", comm);
	return text_new("%s[%u]", comm, process->pid);
}

const char *describe_channel(const struct graph *graph, uint32_t channel)
{
	const struct graph_channel *at;

	if (channel == GRAPH_NONE)
		return "";
	at = &graph->channels[channel];
	if (at->name && *at->name)
		return at->name;
	return at->object ? at->object : "";
}

/* The inode of a socket, as the channel's object has one or both: `socket:[1] socket:[2]`. */
static void describe_socket_end(const char *object, uint32_t end, char *text, size_t size)
{
	const char *space = strchrnul(object, ' ');

	if (end == GRAPH_END_LISTEN)
		snprintf(text, size, "listen");
	else if (end == GRAPH_END_SECOND)
		snprintf(text, size, "%s", *space ? space + 1 : "connected");
	else
		snprintf(text, size, "%.*s", (int)(space - object), object);
}

void describe_end(const struct graph_channel *channel, uint32_t end, char *text, size_t size)
{
	bool is_first = end == GRAPH_END_FIRST;

	switch (channel->mechanism) {
	case IPCT_UNIX_STREAM:
	case IPCT_UNIX_DGRAM:
	case IPCT_UNIX_SEQPACKET:
	case IPCT_TCP:
	case IPCT_UDP:
	case IPCT_VSOCK:
	case IPCT_NETLINK:
		describe_socket_end(channel->object, end, text, size);
		return;
	case IPCT_PTY:
		snprintf(text, size, "%s", is_first ? "master" : "slave");
		return;
	default:
		snprintf(text, size, "%s", is_first ? "read" : "write");
	}
}

/* `socket:[812]` as 812: in a line that has the mechanism, too. */
static void shorten_socket_end(char *text)
{
	static const char before[] = "socket:[";
	size_t len = strcspn(text, "]");

	if (strncmp(text, before, strlen(before)) || !text[len])
		return;
	text[len] = '\0';
	memmove(text, text + strlen(before), len - strlen(before) + 1);
}

void describe_ends(const struct graph_channel *channel, const struct graph_endpoint *endpoint,
		   char *text, size_t size)
{
	size_t len = 0;

	snprintf(text, size, "-");
	for (uint32_t end = GRAPH_END_FIRST; end < GRAPH_END_NR; end <<= 1) {
		if (!(endpoint->ends & end))
			continue;
		if (len && len + 1 < size)
			text[len++] = '+';
		describe_end(channel, end, text + len, size - len);
		shorten_socket_end(text + len);
		len = strlen(text);
	}
}

#define ORIGIN_NAMES_MAX 8 /* processes that are named of those with the same origin */

static char *append_process(char *text, const char *separator, const struct graph *graph,
			    uint32_t process)
{
	text = text_append(text, text_new("%s", separator));
	return text_append(text, describe_process(&graph->processes[process]));
}

static bool endpoints_agree(const struct graph_endpoint *a, const struct graph_endpoint *b)
{
	return a->origin == b->origin && a->origin_from == b->origin_from;
}

/* Is the endpoint the first of its process and origin, or, with `any`, of its origin? */
static bool endpoint_is_first(const struct graph_channel *channel, size_t index, bool any)
{
	const struct graph_endpoint *endpoint = &channel->endpoints[index];
	size_t i;

	for (i = 0; i < index; i++)
		if (endpoints_agree(&channel->endpoints[i], endpoint) &&
		    (any || channel->endpoints[i].process == endpoint->process))
			return false;
	return true;
}

/* `inherited from sh[10] by head[11], cat[12]` of the endpoints that agree with the first one. */
static char *append_origin(char *text, const struct graph *graph,
			   const struct graph_channel *channel, size_t first)
{
	static const char *const verbs[GRAPH_ORIGIN_NR] = {
		[GRAPH_ORIGIN_CREATED] = "created",
		[GRAPH_ORIGIN_OPENED] = "opened",
		[GRAPH_ORIGIN_INHERITED] = "inherited",
		[GRAPH_ORIGIN_PASSED] = "passed",
		[GRAPH_ORIGIN_BEFORE] = "held before the capture",
	};
	const struct graph_endpoint *endpoint = &channel->endpoints[first];
	bool is_passed = endpoint->origin == GRAPH_ORIGIN_PASSED;
	size_t named = 0, i;

	text = text_append(text,
			   text_new("%s%s", text && *text ? "; " : "", verbs[endpoint->origin]));
	if (endpoint->origin_from != GRAPH_NONE)
		text = append_process(text, is_passed ? " by " : " from ", graph,
				      endpoint->origin_from);
	for (i = first; i < channel->endpoints_nr; i++) {
		if (!endpoints_agree(&channel->endpoints[i], endpoint) ||
		    !endpoint_is_first(channel, i, false))
			continue;
		if (named < ORIGIN_NAMES_MAX)
			text = append_process(text,
					      named	? ", " :
					      is_passed ? " to " :
							  " by ",
					      graph, channel->endpoints[i].process);
		named++;
	}
	if (named > ORIGIN_NAMES_MAX)
		text = text_append(text, text_new(" +%zu", named - ORIGIN_NAMES_MAX));
	return text;
}

/* Who made it may not use it. */
static bool creator_is_endpoint(const struct graph_channel *channel)
{
	size_t i;

	for (i = 0; i < channel->endpoints_nr; i++)
		if (channel->endpoints[i].process == channel->created_by &&
		    channel->endpoints[i].origin == GRAPH_ORIGIN_CREATED)
			return true;
	return false;
}

char *describe_origins(const struct graph *graph, uint32_t channel)
{
	const struct graph_channel *at = &graph->channels[channel];
	char *text = text_new("%s", "");
	size_t i;

	if (at->created_by != GRAPH_NONE && !creator_is_endpoint(at))
		text = append_process(text, "created by ", graph, at->created_by);
	for (i = 0; i < at->endpoints_nr; i++)
		if (at->endpoints[i].origin != GRAPH_ORIGIN_UNKNOWN &&
		    endpoint_is_first(at, i, true))
			text = append_origin(text, graph, at, i);
	if (at->left_at_exit == GRAPH_LEFT_YES)
		text = text_append(text, text_new("%sleft behind", text && *text ? "; " : ""));
	return text;
}

/* The last part of `text` that fits into `columns`. */
static const char *tail_of(const char *text, size_t columns)
{
	size_t skipped = utf8_width(text) - columns;
	const char *tail = text + utf8_fit(text, skipped);

	while (utf8_width(tail) > columns)
		tail += utf8_fit(tail, utf8_fit(tail, 1) ? 1 : 2);
	return tail;
}

char *describe_shorten(const char *text, size_t columns)
{
	size_t head;

	if (utf8_width(text) <= columns)
		return strdup(text);
	if (!columns)
		return strdup("");
	head = (columns - 1) / 3;
	return text_new("%.*s…%s", (int)utf8_fit(text, head), text,
			tail_of(text, columns - 1 - head));
}
