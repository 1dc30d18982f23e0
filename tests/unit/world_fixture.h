/* SPDX-License-Identifier: GPL-2.0-only */
/* Records made by hand, applied to a world, and what its graph says then. */
#ifndef WORLD_FIXTURE_H
#define WORLD_FIXTURE_H

/* Records go in, the graph comes out. Each test's comment says what happened in the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/graph_build.h"
#include "model/world.h"
#include "store/event_check.h"

enum { P = 101, Q = 102, R = 103, S = 104 };
#define BEFORE "before capture"
#define START_NS 1000000000ULL

static uint64_t now_ns;

static inline struct ipct_event head(uint32_t pid, uint16_t type, uint16_t size)
{
	now_ns += 20000000; /* further apart than any race */
	return (struct ipct_event){ .time_ns = START_NS + now_ns,
				    .start_ns = pid,
				    .pid = pid,
				    .tid = pid,
				    .type = type,
				    .size = size };
}

/* What the reader of a capture would do with the record. */
static inline void apply(struct world *world, const void *record)
{
	const struct ipct_event *event = record;

	if (event_check(event, event->size) == EVENT_GOOD)
		assert_int_equal(world_apply(world, event), 0);
}

static inline struct ipct_address v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port)
{
	return (struct ipct_address){ .family = 2,
				      .port = port,
				      .ip = { [10] = 0xff, [11] = 0xff, a, b, c, d } };
}

static inline struct ipct_transfer transfer(uint32_t pid, uint8_t mechanism, uint8_t role,
					    uint64_t object, int64_t bytes)
{
	return (struct ipct_transfer){
		.event = head(pid, IPCT_EVENT_TRANSFER, sizeof(struct ipct_transfer)),
		.key = { object, mechanism < IPCT_UNIX_STREAM ? 1 : object },
		.result = bytes,
		.copied = bytes > 0 ? bytes : 0,
		.fd = 5,
		.mechanism = mechanism,
		.role = role,
	};
}

static inline struct ipct_socket description(uint8_t mechanism, uint64_t object, uint8_t origin)
{
	return (struct ipct_socket){
		.event = head(0, IPCT_EVENT_SOCKET, sizeof(struct ipct_socket)),
		.key = { object, object },
		.queued_bytes = IPCT_LEVEL_UNKNOWN,
		.network = 1,
		.mechanism = mechanism,
		.origin = origin,
		.state = 1,
	};
}

static inline void inet(struct world *world, uint8_t mechanism, uint64_t object, uint8_t origin,
			struct ipct_address local, struct ipct_address remote)
{
	struct ipct_socket record = description(mechanism, object, origin);

	record.local = local;
	record.remote = remote;
	record.sequence_local = remote.port ? local.port : 0;
	record.sequence_remote = remote.port;
	apply(world, &record);
}

static inline void udp(struct world *world, uint32_t pid, uint8_t role, uint64_t object,
		       int64_t bytes, struct ipct_address other)
{
	struct ipct_transfer t = transfer(pid, IPCT_UDP, role, object, bytes);

	t.address = other;
	if (other.port)
		t.flags |= IPCT_TRANSFER_ADDRESS;
	apply(world, &t);
}

static inline void fifo_open(struct world *world, uint64_t object, const char *name,
			     uint64_t position)
{
	struct ipct_pipe record = {
		.event = head(P, IPCT_EVENT_PIPE, sizeof(record)),
		.key = { object, 1 },
		.mechanism = IPCT_FIFO,
		.origin = IPCT_ORIGIN_OPEN,
		.name_len = strlen(name),
		.send_position = position,
		.receive_position = position & ~0xffffffffULL,
	};

	memcpy(record.name, name, record.name_len);
	apply(world, &record);
}

static inline void pipe_create(struct world *world, uint64_t object)
{
	struct ipct_pipe record = {
		.event = head(P, IPCT_EVENT_PIPE, sizeof(record)),
		.key = { object, 1 },
		.mechanism = IPCT_PIPE,
		.origin = IPCT_ORIGIN_CREATE,
	};

	apply(world, &record);
}

static inline void pipe_move(struct world *world, uint32_t pid, uint8_t role, uint64_t object,
			     int64_t bytes, uint64_t position)
{
	struct ipct_transfer t = transfer(pid, IPCT_PIPE, role, object, bytes);

	t.position = position;
	t.flags = IPCT_TRANSFER_POSITION;
	apply(world, &t);
}

static inline struct world *world_begin(void)
{
	now_ns = 0;
	return world_new(true);
}

static inline struct graph *world_end(struct world *world)
{
	struct capture_info info = { .host = "",
				     .kernel = "",
				     .arch = "",
				     .scope = "system",
				     .hooks = "all",
				     .mechanisms = "all",
				     .start_boottime_ns = START_NS };
	struct ledger_info ledger = {};
	struct graph *graph;

	assert_int_equal(graph_build(world, &info, &ledger, true, &graph), 0);
	world_free(world);
	return graph;
}

static inline const struct graph_edge *edge_of(const struct graph *graph, uint32_t from,
					       uint32_t to)
{
	for (size_t i = 0; i < graph->edges_nr; i++)
		if (graph->processes[graph->edges[i].from].pid == from &&
		    graph->processes[graph->edges[i].to].pid == to)
			return &graph->edges[i];
	return NULL;
}

/* Messages from a node to a process, over all channels. */
static inline uint64_t from_node(const struct graph *graph, const char *node, uint32_t to)
{
	uint64_t messages = 0;

	for (size_t i = 0; i < graph->edges_nr; i++)
		if (!strcmp(graph->processes[graph->edges[i].from].comm, node) &&
		    graph->processes[graph->edges[i].to].pid == to)
			messages += graph->edges[i].count.messages;
	return messages;
}

static inline uint64_t messages_of(const struct graph *graph, uint32_t from, uint32_t to)
{
	uint64_t messages = 0;

	for (size_t i = 0; i < graph->edges_nr; i++)
		if (graph->processes[graph->edges[i].from].pid == from &&
		    graph->processes[graph->edges[i].to].pid == to)
			messages += graph->edges[i].count.messages;
	return messages;
}

static inline uint64_t bytes_of(const struct graph *graph, uint32_t from, uint32_t to)
{
	const struct graph_edge *edge = edge_of(graph, from, to);

	return edge ? edge->count.bytes : 0;
}

static inline const struct graph_channel *channel_named(const struct graph *graph, const char *name)
{
	for (size_t i = 0; i < graph->channels_nr; i++)
		if (!strcmp(graph->channels[i].name, name))
			return &graph->channels[i];
	return NULL;
}

#define NOBODY ((struct ipct_address){})
#define SEND IPCT_ROLE_SEND
#define RECEIVE IPCT_ROLE_RECEIVE
#define AT(buffer, offset) ((uint64_t)(buffer) << 32 | (offset))

#endif
