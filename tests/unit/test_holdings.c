/* SPDX-License-Identifier: GPL-2.0-only */
/* Who holds what: what belongs to a channel, its name, its ends and what waits in it. */
#include "model/holdings.h"
#include "world_fixture.h"

struct fixture {
	struct world *world;
	struct holdings *holdings;
};

static struct fixture begin(bool is_system_wide)
{
	struct fixture f;

	now_ns = 0;
	f.world = world_new(is_system_wide);
	f.holdings = holdings_new(f.world);
	assert_non_null(f.holdings);
	return f;
}

static void put(struct fixture *f, const void *record)
{
	const struct ipct_event *event = record;

	assert_int_equal(event_check(event, event->size), EVENT_GOOD);
	assert_int_equal(holdings_apply(f->holdings, event), 0);
}

static struct graph *end(struct fixture *f)
{
	assert_int_equal(holdings_finish(f->holdings), 0);
	holdings_free(f->holdings);
	return world_end(f->world);
}

static void hold(struct fixture *f, uint32_t pid, uint8_t mechanism, uint64_t object, uint8_t flags)
{
	struct ipct_hold record = {
		.event = head(pid, IPCT_EVENT_HOLD, sizeof(record)),
		.key = { object, object },
		.mechanism = mechanism,
		.flags = flags,
	};

	put(f, &record);
}

static void hold_socket(struct fixture *f, uint32_t pid, uint8_t mechanism, uint64_t object)
{
	hold(f, pid, mechanism, object, IPCT_HOLD_READ | IPCT_HOLD_WRITE);
}

static void unix_socket(struct fixture *f, uint8_t mechanism, uint64_t object, uint64_t peer,
			const char *name, uint64_t queued)
{
	struct ipct_socket record = description(mechanism, object, IPCT_ORIGIN_START);

	record.peer = (struct ipct_key){ peer, peer };
	record.queued_bytes = queued;
	record.name_len = strlen(name);
	memcpy(record.name, name, record.name_len);
	put(f, &record);
}

#define LISTENS 10
#define NOWHERE ((struct ipct_address){})

static void inet_socket(struct fixture *f, uint8_t mechanism, uint64_t object, uint8_t state,
			struct ipct_address local, struct ipct_address remote)
{
	struct ipct_socket record = description(mechanism, object, IPCT_ORIGIN_START);

	record.local = local;
	record.remote = remote;
	record.state = state;
	put(f, &record);
}

static void object(struct fixture *f, uint8_t mechanism, uint64_t id, const char *name,
		   uint32_t ipc_key, uint64_t size, uint32_t messages)
{
	struct ipct_object record = {
		.event = head(0, IPCT_EVENT_OBJECT, sizeof(record)),
		.key = { id, id },
		.size = size,
		.queued_bytes = 10 * messages,
		.queued_messages = messages,
		.id = id,
		.ipc_key = ipc_key,
		.mechanism = mechanism,
		.name_len = strlen(name),
	};

	memcpy(record.name, name, record.name_len);
	put(f, &record);
}

static void map(struct fixture *f, uint32_t pid, uint8_t mechanism, uint64_t id, uint8_t rights,
		uint64_t offset, uint64_t len)
{
	struct ipct_mapping record = {
		.event = head(pid, IPCT_EVENT_MAPPING, sizeof(record)),
		.key = { id, id },
		.start = 0x1000,
		.end = 0x1000 + len,
		.offset = offset,
		.mechanism = mechanism,
		.kind = IPCT_MAPPING_MAP,
		.rights = rights,
	};

	put(f, &record);
}

#define READS IPCT_MAPPING_READ
#define WRITES (IPCT_MAPPING_READ | IPCT_MAPPING_WRITE)

static const struct graph_channel *channel_at(const struct graph *graph, const char *object)
{
	for (size_t i = 0; i < graph->channels_nr; i++)
		if (!strcmp(graph->channels[i].object, object))
			return &graph->channels[i];
	return NULL;
}

static const struct graph_endpoint *endpoint_of(const struct graph *graph,
						const struct graph_channel *channel, uint32_t pid)
{
	assert_non_null(channel);
	for (size_t i = 0; i < channel->endpoints_nr; i++)
		if (graph->processes[channel->endpoints[i].process].pid == pid)
			return &channel->endpoints[i];
	return NULL;
}

static void ensure_ends(const struct graph *graph, const struct graph_channel *channel,
			uint32_t pid, uint32_t ends, uint32_t descriptors)
{
	const struct graph_endpoint *endpoint = endpoint_of(graph, channel, pid);

	assert_non_null(endpoint);
	assert_int_equal(endpoint->role, IPCT_ROLE_HOLD);
	assert_int_equal(endpoint->ends, ends);
	assert_int_equal(endpoint->descriptors, descriptors);
}

/* P and Q hold the ends of a pipe, Q twice its read end; the description comes last. */
static void test_pipe(void **state)
{
	struct fixture f = begin(true);
	struct graph *graph;
	struct ipct_pipe pipe;

	(void)state;
	hold(&f, P, IPCT_PIPE, 7, IPCT_HOLD_WRITE);
	hold(&f, Q, IPCT_PIPE, 7, IPCT_HOLD_READ);
	hold(&f, Q, IPCT_PIPE, 7, IPCT_HOLD_READ);
	hold(&f, R, IPCT_PIPE, 7, IPCT_HOLD_READ);
	hold(&f, R, IPCT_PIPE, 7, IPCT_HOLD_WRITE);
	pipe = (struct ipct_pipe){ .event = head(P, IPCT_EVENT_PIPE, sizeof(pipe)),
				   .key = { 7, 7 },
				   .queued_bytes = 5,
				   .mechanism = IPCT_PIPE };
	put(&f, &pipe);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 1);
	ensure_ends(graph, &graph->channels[0], P, GRAPH_END_SECOND, 1);
	ensure_ends(graph, &graph->channels[0], Q, GRAPH_END_FIRST, 2);
	ensure_ends(graph, &graph->channels[0], R, GRAPH_END_FIRST | GRAPH_END_SECOND, 2);
	assert_string_equal(graph->channels[0].object, "pipe:[7]");
	assert_int_equal(graph->channels[0].unread.bytes, 5);
	graph_free(graph);
}

/* A listener, a connection that it accepted, and one whose other end nobody holds. */
static void test_unix_stream(void **state)
{
	struct fixture f = begin(true);
	const struct graph_channel *channel;
	struct graph *graph;

	(void)state;
	unix_socket(&f, IPCT_UNIX_STREAM, 2, 3, "", 4);
	unix_socket(&f, IPCT_UNIX_STREAM, 3, 2, "/run/s", 6);
	unix_socket(&f, IPCT_UNIX_STREAM, 4, 9, "", 0);
	unix_socket(&f, IPCT_UNIX_STREAM, 5, 6, "", 0);
	unix_socket(&f, IPCT_UNIX_STREAM, 6, 5, "", 0); /* nobody's, nor is the other end */
	hold_socket(&f, P, IPCT_UNIX_STREAM, 2);
	hold_socket(&f, Q, IPCT_UNIX_STREAM, 3);
	hold_socket(&f, R, IPCT_UNIX_STREAM, 4);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 2);
	channel = channel_at(graph, "socket:[2] socket:[3]");
	ensure_ends(graph, channel, P, GRAPH_END_FIRST, 1);
	ensure_ends(graph, channel, Q, GRAPH_END_SECOND, 1);
	assert_string_equal(channel->name, "/run/s");
	assert_int_equal(channel->unread.bytes, 10);
	ensure_ends(graph, channel_at(graph, "socket:[4]"), R, GRAPH_END_FIRST, 1);
	graph_free(graph);
}

/* Two senders of one datagram socket; a pair of datagram sockets; a chain. */
static void test_unix_datagram(void **state)
{
	struct fixture f = begin(true);
	const struct graph_channel *inbox, *chain;
	struct graph *graph;

	(void)state;
	unix_socket(&f, IPCT_UNIX_DGRAM, 2, 1, "", 0);
	unix_socket(&f, IPCT_UNIX_DGRAM, 1, 0, "/dev/log", 8);
	unix_socket(&f, IPCT_UNIX_DGRAM, 3, 1, "", 0);
	unix_socket(&f, IPCT_UNIX_DGRAM, 4, 5, "", 0);
	unix_socket(&f, IPCT_UNIX_DGRAM, 5, 4, "", 0);
	unix_socket(&f, IPCT_UNIX_DGRAM, 6, 2, "", 0); /* sends to one that sends itself */
	hold_socket(&f, P, IPCT_UNIX_DGRAM, 1);
	hold_socket(&f, Q, IPCT_UNIX_DGRAM, 2);
	hold_socket(&f, R, IPCT_UNIX_DGRAM, 3);
	hold_socket(&f, P, IPCT_UNIX_DGRAM, 4);
	hold_socket(&f, Q, IPCT_UNIX_DGRAM, 5);
	hold_socket(&f, S, IPCT_UNIX_DGRAM, 6);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 3);
	inbox = channel_named(graph, "/dev/log");
	ensure_ends(graph, inbox, P, GRAPH_END_FIRST, 1);
	ensure_ends(graph, inbox, Q, GRAPH_END_SECOND, 1);
	ensure_ends(graph, inbox, R, GRAPH_END_SECOND, 1);
	assert_string_equal(inbox->object, "socket:[1]");
	assert_int_equal(inbox->unread.bytes, 8);
	assert_non_null(channel_at(graph, "socket:[4] socket:[5]"));
	chain = channel_at(graph, "socket:[2] socket:[6]");
	ensure_ends(graph, chain, Q, GRAPH_END_FIRST, 1);
	ensure_ends(graph, chain, S, GRAPH_END_SECOND, 1);
	graph_free(graph);
}

/* The accepting side gives the name, whichever comes first and whatever the ports. */
static void test_tcp(void **state)
{
	struct fixture f = begin(true);
	struct graph *graph;

	(void)state;
	inet_socket(&f, IPCT_TCP, 2, 1, v4(127, 0, 0, 1, 1000), v4(127, 0, 0, 1, 40000));
	inet_socket(&f, IPCT_TCP, 1, LISTENS, v4(0, 0, 0, 0, 40000), NOWHERE);
	inet_socket(&f, IPCT_TCP, 3, 1, v4(127, 0, 0, 1, 40000), v4(127, 0, 0, 1, 1000));
	inet_socket(&f, IPCT_TCP, 4, 1, v4(10, 0, 0, 1, 50000), v4(10, 9, 9, 9, 443));
	inet_socket(&f, IPCT_TCP, 5, 7, NOWHERE, NOWHERE);
	hold_socket(&f, P, IPCT_TCP, 1);
	hold_socket(&f, P, IPCT_TCP, 3);
	hold_socket(&f, Q, IPCT_TCP, 2);
	hold_socket(&f, Q, IPCT_TCP, 4);
	hold_socket(&f, Q, IPCT_TCP, 5);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 4);
	ensure_ends(graph, channel_named(graph, "0.0.0.0:40000"), P, GRAPH_END_LISTEN, 1);
	ensure_ends(graph, channel_named(graph, "127.0.0.1:40000"), Q, GRAPH_END_FIRST, 1);
	ensure_ends(graph, channel_named(graph, "127.0.0.1:40000"), P, GRAPH_END_SECOND, 1);
	ensure_ends(graph, channel_named(graph, "10.9.9.9:443"), Q, GRAPH_END_FIRST, 1);
	assert_string_equal(channel_at(graph, "socket:[5]")->name, "");
	graph_free(graph);
}

static void inet_socket_in(struct fixture *f, uint32_t network, uint64_t object,
			   struct ipct_address local, struct ipct_address remote)
{
	struct ipct_socket record = description(IPCT_TCP, object, IPCT_ORIGIN_START);

	record.local = local;
	record.remote = remote;
	record.network = network;
	put(f, &record);
}

/* A connection between two namespaces is one; their loopbacks have nothing to do with each other.
 */
static void test_tcp_across_networks(void **state)
{
	struct fixture f = begin(true);
	struct graph *graph;

	(void)state;
	inet_socket_in(&f, 1, 1, v4(10, 0, 0, 1, 80), v4(10, 0, 0, 2, 4000));
	inet_socket_in(&f, 2, 2, v4(10, 0, 0, 2, 4000), v4(10, 0, 0, 1, 80));
	inet_socket_in(&f, 1, 3, v4(127, 0, 0, 1, 80), v4(127, 0, 0, 1, 4000));
	inet_socket_in(&f, 2, 4, v4(127, 0, 0, 1, 4000), v4(127, 0, 0, 1, 80));
	for (uint64_t i = 1; i <= 4; i++)
		hold_socket(&f, i % 2 ? P : Q, IPCT_TCP, i);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 3);
	assert_non_null(channel_at(graph, "socket:[1] socket:[2]"));
	assert_non_null(channel_at(graph, "socket:[3]"));
	assert_non_null(channel_at(graph, "socket:[4]"));
	graph_free(graph);
}

/* Two clients of a server; one of a server elsewhere, whose port is bound here, too. */
static void test_udp(void **state)
{
	struct fixture f = begin(true);
	const struct graph_channel *server;
	struct graph *graph;

	(void)state;
	inet_socket(&f, IPCT_UDP, 1, 7, v4(0, 0, 0, 0, 53), NOWHERE);
	inet_socket(&f, IPCT_UDP, 2, 1, v4(127, 0, 0, 1, 4000), v4(127, 0, 0, 1, 53));
	inet_socket(&f, IPCT_UDP, 3, 1, v4(10, 0, 0, 1, 4001), v4(10, 0, 0, 1, 53));
	inet_socket(&f, IPCT_UDP, 4, 1, v4(10, 0, 0, 1, 4002), v4(10, 9, 9, 9, 53));
	hold_socket(&f, P, IPCT_UDP, 1);
	hold_socket(&f, Q, IPCT_UDP, 2);
	hold_socket(&f, R, IPCT_UDP, 3);
	hold_socket(&f, S, IPCT_UDP, 4);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 2);
	server = channel_named(graph, "0.0.0.0:53");
	ensure_ends(graph, server, P, GRAPH_END_FIRST, 1);
	ensure_ends(graph, server, Q, GRAPH_END_SECOND, 1);
	ensure_ends(graph, server, R, GRAPH_END_SECOND, 1);
	ensure_ends(graph, channel_named(graph, "10.9.9.9:53"), S, GRAPH_END_FIRST, 1);
	graph_free(graph);
}

/* Which of two servers at one port gets a datagram cannot be told. */
static void test_udp_shared_port(void **state)
{
	struct fixture f = begin(true);
	struct graph *graph;

	(void)state;
	inet_socket(&f, IPCT_UDP, 1, 7, v4(127, 0, 0, 1, 53), NOWHERE);
	inet_socket(&f, IPCT_UDP, 2, 7, v4(127, 0, 0, 1, 53), NOWHERE);
	inet_socket(&f, IPCT_UDP, 3, 1, v4(127, 0, 0, 1, 4000), v4(127, 0, 0, 1, 53));
	hold_socket(&f, P, IPCT_UDP, 1);
	hold_socket(&f, Q, IPCT_UDP, 2);
	hold_socket(&f, R, IPCT_UDP, 3);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 3);
	graph_free(graph);
}

static void test_terminal(void **state)
{
	struct fixture f = begin(true);
	struct graph *graph;

	(void)state;
	hold(&f, P, IPCT_PTY, 3, IPCT_HOLD_READ | IPCT_HOLD_WRITE | IPCT_HOLD_MASTER);
	hold(&f, Q, IPCT_PTY, 3, IPCT_HOLD_READ | IPCT_HOLD_WRITE);
	hold(&f, R, IPCT_PTY, 3, IPCT_HOLD_READ | IPCT_HOLD_WRITE | IPCT_HOLD_MASTER);
	hold(&f, R, IPCT_PTY, 3, IPCT_HOLD_READ | IPCT_HOLD_WRITE);
	object(&f, IPCT_PTY, 3, "", 0, 7, 1); /* 10 bytes one way, 7 the other */
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 1);
	ensure_ends(graph, &graph->channels[0], P, GRAPH_END_FIRST, 1);
	ensure_ends(graph, &graph->channels[0], Q, GRAPH_END_SECOND, 1);
	ensure_ends(graph, &graph->channels[0], R, GRAPH_END_FIRST | GRAPH_END_SECOND, 2);
	assert_string_equal(graph->channels[0].object, "pty:[2]");
	assert_int_equal(graph->channels[0].unread.bytes, 17);
	assert_int_equal(graph->channels[0].size, 0);
	graph_free(graph);
}

/* Who maps it twice is one mapper; a file that is only read is no channel. */
static void test_memory(void **state)
{
	struct fixture f = begin(true);
	const struct graph_channel *file, *unnamed;
	struct graph *graph;

	(void)state;
	object(&f, IPCT_SHARED_MAPPING, 1, "/var/lib/db", 0, 0, 0);
	object(&f, IPCT_SHARED_MAPPING, 2, "/usr/lib/cache", 0, 0, 0);
	object(&f, IPCT_SYSV_SHM, 4, "", 0x1234, 5000, 0);
	map(&f, P, IPCT_SHARED_MAPPING, 1, WRITES, 0, 4096);
	map(&f, P, IPCT_SHARED_MAPPING, 1, READS, 4096, 8192);
	map(&f, Q, IPCT_SHARED_MAPPING, 1, READS, 0, 4096);
	map(&f, P, IPCT_SHARED_MAPPING, 2, READS, 0, 4096);
	map(&f, Q, IPCT_SHARED_MAPPING, 2, READS, 0, 4096);
	map(&f, P, IPCT_SHARED_MAPPING, 3, READS, 0, 4096);
	map(&f, P, IPCT_SYSV_SHM, 4, WRITES, 0, 8192);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 3);
	file = channel_named(graph, "/var/lib/db");
	assert_int_equal(file->endpoints_nr, 2);
	assert_int_equal(endpoint_of(graph, file, P)->role, IPCT_ROLE_MAP_RW);
	assert_int_equal(endpoint_of(graph, file, Q)->role, IPCT_ROLE_MAP_RO);
	assert_int_equal(file->size, 12288);
	unnamed = channel_at(graph, "shared-mapping:[3]");
	assert_int_equal(endpoint_of(graph, unnamed, P)->role, IPCT_ROLE_MAP_RO);
	assert_int_equal(channel_named(graph, "0x00001234")->size, 5000);
	graph_free(graph);
}

/* Objects of System V are there without holders; other objects are not shown then. */
static void test_standing(void **state)
{
	struct fixture f = begin(true);
	struct graph *graph;

	(void)state;
	object(&f, IPCT_SYSV_MSG, 1, "", 0x10, 0, 3);
	object(&f, IPCT_SYSV_SEM, 2, "", 0, 0, 0);
	unix_socket(&f, IPCT_UNIX_STREAM, 3, 0, "/run/s", 0);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 2);
	assert_int_equal(channel_named(graph, "0x00000010")->unread.messages, 3);
	assert_int_equal(channel_named(graph, "0x00000010")->unread.bytes, 30);
	assert_non_null(channel_at(graph, "sysv-sem:[2]"));
	graph_free(graph);
}

/* What an eventfd has counted are no bytes. */
static void test_eventfd(void **state)
{
	struct fixture f = begin(true);
	struct ipct_object record;
	struct graph *graph;

	(void)state;
	hold(&f, P, IPCT_EVENTFD, 1, IPCT_HOLD_READ | IPCT_HOLD_WRITE);
	record = (struct ipct_object){ .event = head(P, IPCT_EVENT_OBJECT, sizeof(record)),
				       .key = { 1, 1 },
				       .queued_bytes = 1000,
				       .mechanism = IPCT_EVENTFD };
	put(&f, &record);
	graph = end(&f);
	assert_int_equal(graph->channels[0].unread.bytes, 8);
	graph_free(graph);
}

static void process(struct fixture *f, uint32_t pid, bool is_traced)
{
	struct ipct_process record = {
		.event = head(pid, IPCT_EVENT_PROCESS, sizeof(record)),
		.comm = "some",
		.is_traced = is_traced,
	};

	put(f, &record);
}

/* Of chosen processes: what they hold, with everybody who holds it, and nothing else. */
static void test_scope(void **state)
{
	struct fixture f = begin(false);
	struct graph *graph;

	(void)state;
	process(&f, P, true);
	process(&f, Q, false);
	hold(&f, P, IPCT_PIPE, 1, IPCT_HOLD_WRITE);
	hold(&f, Q, IPCT_PIPE, 1, IPCT_HOLD_READ);
	hold(&f, Q, IPCT_PIPE, 2, IPCT_HOLD_READ);
	object(&f, IPCT_SYSV_MSG, 3, "", 0x10, 0, 3);
	graph = end(&f);
	assert_int_equal(graph->channels_nr, 1);
	ensure_ends(graph, channel_at(graph, "pipe:[1]"), Q, GRAPH_END_FIRST, 1);
	graph_free(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_unix_stream),
		cmocka_unit_test(test_unix_datagram),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_tcp_across_networks),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_udp_shared_port),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_standing),
		cmocka_unit_test(test_eventfd),
		cmocka_unit_test(test_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
