/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channels as nodes: of a snapshot, and shared memory. A line for each process that holds an
 * end, with an arrow in the direction in which data go through that end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/units.h"
#include "output/describe.h"
#include "graph/graph_memory.h"
#include "graph/graph_view.h"
#include "output/dot_internal.h"

#define MEMORY_MAX 30	     /* nodes of a capture, which has edges besides */
#define MEMORY_LINES_MAX 200 /* and lines, all together */
#define CHANNELS_MAX 150     /* of a snapshot */
#define CHANNELS_LINES_MAX 500
#define BOTH_ENDS (GRAPH_END_FIRST | GRAPH_END_SECOND)

static bool is_holder(const struct graph_endpoint *endpoint)
{
	return endpoint->role == IPCT_ROLE_HOLD || ipct_role_maps(endpoint->role);
}

static bool is_memory(const struct graph_channel *channel)
{
	return channel->mechanism >= IPCT_SYSV_SHM && channel->mechanism <= IPCT_SHARED_MAPPING;
}

/* Data go one way from end to end, and the ends tell which. */
static bool is_directed(const struct graph_channel *channel)
{
	return channel->mechanism == IPCT_PIPE || channel->mechanism == IPCT_FIFO ||
	       channel->mechanism == IPCT_POSIX_MQ || channel->mechanism == IPCT_EVENTFD;
}

static bool has_two_holders(const struct graph_channel *channel)
{
	uint32_t first = GRAPH_NONE;

	for (size_t i = 0; i < channel->endpoints_nr; i++) {
		const struct graph_endpoint *endpoint = &channel->endpoints[i];

		if (!is_holder(endpoint))
			continue;
		if (first == GRAPH_NONE)
			first = endpoint->process;
		else if (endpoint->process != first)
			return true;
	}
	return false;
}

/* Those of a snapshot that have two holders, in the order of the graph. */
static int choose_held(struct dot_channels *channels, const struct graph *graph)
{
	channels->chosen = calloc(graph->channels_nr + 1, sizeof(*channels->chosen));
	if (!channels->chosen)
		return -ENOMEM;
	for (uint32_t i = 0; i < graph->channels_nr; i++) {
		if (has_two_holders(&graph->channels[i]))
			channels->chosen[channels->nr++] = i;
		else
			channels->lone++;
	}
	return 0;
}

static int choose_memory(struct dot_channels *channels, const struct graph *graph)
{
	channels->chosen = graph_memory_channels(graph, 2, &channels->nr);
	return channels->chosen ? 0 : -ENOMEM;
}

static void leave_out(struct dot_channels *channels, const struct graph *graph, size_t nodes_max,
		      size_t lines_max)
{
	size_t found = channels->nr, lines = 0;

	channels->nr = 0;
	for (size_t i = 0; i < found; i++) {
		uint32_t index = channels->chosen[i];
		size_t wanted = graph->channels[index].endpoints_nr;

		if (channels->nr == nodes_max || lines + wanted > lines_max)
			continue;
		lines += wanted;
		channels->chosen[channels->nr++] = index;
	}
	channels->left_out = found - channels->nr;
}

int dot_channels_init(struct dot_channels *channels, const struct graph *graph, bool *drawn)
{
	bool is_snapshot = graph->capture.is_snapshot;
	int err;

	*channels = (struct dot_channels){};
	err = is_snapshot ? choose_held(channels, graph) : choose_memory(channels, graph);
	if (err)
		return err;
	leave_out(channels, graph, is_snapshot ? CHANNELS_MAX : MEMORY_MAX,
		  is_snapshot ? CHANNELS_LINES_MAX : MEMORY_LINES_MAX);
	for (size_t i = 0; i < channels->nr; i++) {
		const struct graph_channel *channel = &graph->channels[channels->chosen[i]];

		for (size_t e = 0; e < channel->endpoints_nr; e++)
			if (is_holder(&channel->endpoints[e]))
				drawn[channel->endpoints[e].process] = true;
	}
	return 0;
}

void dot_channels_fini(struct dot_channels *channels)
{
	free(channels->chosen);
}

/* Memory and other channels are told apart by the letter. */
static char letter_of(const struct graph_channel *channel)
{
	return is_memory(channel) ? 'm' : 'c';
}

/* `4.0 KiB` of memory, `12 B waiting` in another channel. */
static void put_amount(FILE *stream, const struct graph_channel *channel)
{
	uint64_t bytes = channel->size ? channel->size : channel->unread.bytes;
	char text[UNITS_TEXT_MAX];

	if (!bytes)
		return;
	units_format_bytes(text, sizeof(text), bytes);
	fprintf(stream, "<BR/>%s%s", text, is_memory(channel) ? "" : " waiting");
}

/* The name if it has one; memory without one is told by its size. */
static int put_name(FILE *stream, const struct graph *graph, uint32_t index)
{
	const struct graph_channel *channel = &graph->channels[index];
	bool has_name = channel->name && *channel->name;
	int err;

	if (!has_name && is_memory(channel))
		return 0;
	fputs(has_name ? "<BR/><B>" : "<BR/>", stream);
	err = dot_put_borrowed(stream, describe_channel(graph, index), NAME_COLUMNS,
			       escape_dot_html);
	fputs(has_name ? "</B>" : "", stream);
	return err;
}

static int put_node(FILE *stream, const struct graph *graph, uint32_t index)
{
	const struct graph_channel *channel = &graph->channels[index];
	struct dot_style style = dot_style_of(channel->mechanism);
	int err;

	fprintf(stream, "\t%c%u [shape=%s, style=filled, fillcolor=\"%s\", color=\"%s\", ",
		letter_of(channel), index + 1, is_memory(channel) ? "cylinder" : "ellipse",
		is_memory(channel) ? "#FFF6E0" : "#FFFFFF", style.line);
	fprintf(stream, "fontcolor=\"%s\", fontsize=10, margin=\"0.05,0.03\", label=<%s",
		style.text, graph_mechanism_name(channel->mechanism));
	err = put_name(stream, graph, index);
	put_amount(stream, channel);
	fputs(">, tooltip=\"", stream);
	if (!err)
		err = dot_put_borrowed(stream, channel->object, TOOLTIP_COLUMNS, escape_dot);
	fputs("\"];\n", stream);
	return err;
}

/* Which end it is where no arrow tells, and how many descriptors name it. */
static int put_line_label(FILE *stream, const struct graph_channel *channel,
			  const struct graph_endpoint *endpoint)
{
	bool is_named = channel->mechanism == IPCT_PTY || endpoint->ends == GRAPH_END_LISTEN;
	char ends[DESCRIBE_END_MAX] = "";
	char *text;

	if (endpoint->role != IPCT_ROLE_HOLD || (!is_named && endpoint->descriptors <= 1))
		return 0;
	if (is_named)
		describe_ends(channel, endpoint, ends, sizeof(ends));
	if (endpoint->descriptors <= 1)
		text = strdup(ends);
	else if (asprintf(&text, "%s%s×%u", ends, is_named ? " " : "", endpoint->descriptors) < 0)
		text = NULL;
	fputs(", label=\"", stream);
	if (dot_put_text(stream, text, NAME_COLUMNS, escape_dot))
		return -ENOMEM;
	fputc('"', stream);
	return 0;
}

static const char *direction_of(const struct graph_channel *channel,
				const struct graph_endpoint *endpoint)
{
	if (endpoint->role != IPCT_ROLE_HOLD || !is_directed(channel))
		return "none";
	return (endpoint->ends & BOTH_ENDS) == BOTH_ENDS ? "both" : "forward";
}

/*
 * What is read from stands left of who reads it. Of a connection's two ends the second stands
 * on the right.
 */
static int put_line(FILE *stream, const struct graph *graph, uint32_t index,
		    const struct graph_endpoint *endpoint)
{
	const struct graph_channel *channel = &graph->channels[index];
	struct dot_style style = dot_style_of(channel->mechanism);
	uint32_t right_end = is_directed(channel) ? GRAPH_END_FIRST : GRAPH_END_SECOND;
	char letter = letter_of(channel);
	bool is_right = endpoint->role == IPCT_ROLE_HOLD && endpoint->ends == right_end;
	int err;

	if (is_right)
		fprintf(stream, "\t%c%u -> p%u", letter, index + 1, endpoint->process + 1);
	else
		fprintf(stream, "\tp%u -> %c%u", endpoint->process + 1, letter, index + 1);
	fprintf(stream, " [dir=%s, color=\"%s\", style=%s, fontcolor=\"%s\", tooltip=\"",
		direction_of(channel, endpoint), style.line,
		endpoint->role == IPCT_ROLE_MAP_RO ? "dashed" : "solid", style.text);
	err = dot_put_text(stream, describe_process(&graph->processes[endpoint->process]),
			   TOOLTIP_COLUMNS, escape_dot);
	fprintf(stream, " %s\"", graph_role_name(endpoint->role));
	if (!err)
		err = put_line_label(stream, channel, endpoint);
	fputs("];\n", stream);
	return err;
}

static int channel_put(FILE *stream, const struct graph *graph, uint32_t index)
{
	const struct graph_channel *channel = &graph->channels[index];
	int err = put_node(stream, graph, index);

	for (size_t i = 0; i < channel->endpoints_nr && !err; i++)
		if (is_holder(&channel->endpoints[i]))
			err = put_line(stream, graph, index, &channel->endpoints[i]);
	return err;
}

int dot_channels_put(FILE *stream, const struct dot_channels *channels, const struct graph *graph)
{
	int err = 0;

	for (size_t i = 0; i < channels->nr && !err; i++)
		err = channel_put(stream, graph, channels->chosen[i]);
	return err;
}
