/* SPDX-License-Identifier: GPL-2.0-only */
/* Which objects are left behind: the recorder lists what is there, the model decides. */
#include <stdio.h>

#include "world_fixture.h"

#define SPACE 7u /* an ipc namespace, or a device */
#define OTHER_SPACE 8u

/* As ipc_key_object() of the kernel side makes it; memory has a generation there. */
static struct ipct_key key_of(uint8_t mechanism, uint32_t id)
{
	uint64_t high = mechanism == IPCT_SYSV_SEM ? 1 : mechanism == IPCT_SYSV_MSG ? 2 : 0;

	if (mechanism == IPCT_SYSV_SHM || mechanism == IPCT_POSIX_SHM)
		high = 0xab000000u + mechanism;
	return (struct ipct_key){ id, high << 32 | SPACE };
}

static void describe(struct world *world, uint32_t pid, uint8_t mechanism, uint32_t id,
		     uint8_t origin)
{
	struct ipct_object record = {
		.event = head(pid, IPCT_EVENT_OBJECT, sizeof(record)),
		.key = key_of(mechanism, id),
		.queued_bytes = IPCT_LEVEL_UNKNOWN,
		.id = id,
		.ipc_key = 0x1000 + id,
		.name_space = SPACE,
		.mechanism = mechanism,
		.origin = origin,
	};

	if (mechanism == IPCT_POSIX_MQ || mechanism == IPCT_POSIX_SHM) {
		snprintf(record.name, sizeof(record.name), "/%u", id);
		record.name_len = strlen(record.name);
	}
	apply(world, &record);
}

static void standing(struct world *world, uint8_t origin, uint8_t kind, uint8_t mechanism,
		     uint32_t id)
{
	struct ipct_standing record = {
		.event = head(0, IPCT_EVENT_STANDING, offsetof(struct ipct_standing, name)),
		.space = SPACE,
		.mechanism = mechanism,
		.kind = kind,
		.origin = origin,
	};

	if (kind == IPCT_STANDING_THERE)
		record.key = key_of(mechanism, id);
	if (mechanism == IPCT_POSIX_SHM) /* ls knows no generations */
		record.key.object = SPACE;
	apply(world, &record);
}

static void there(struct world *world, uint8_t origin, uint8_t mechanism, uint32_t id)
{
	standing(world, origin, IPCT_STANDING_THERE, mechanism, id);
}

static void listed(struct world *world, uint8_t origin, uint8_t mechanism)
{
	standing(world, origin, IPCT_STANDING_LISTED, mechanism, 0);
}

/* The recorder's last word. */
static void told(struct world *world)
{
	listed(world, IPCT_ORIGIN_END, IPCT_MECHANISM_NONE);
}

static const struct graph_channel *channel_of(const struct graph *graph, uint8_t mechanism,
					      uint32_t id)
{
	char object[64];

	snprintf(object, sizeof(object), "%s:[%u]",
		 mechanism == IPCT_SYSV_SEM  ? "sysv-sem" :
		 mechanism == IPCT_SYSV_MSG  ? "sysv-msg" :
		 mechanism == IPCT_SYSV_SHM  ? "sysv-shm" :
		 mechanism == IPCT_POSIX_SHM ? "posix-shm" :
					       "posix-mq",
		 id);
	for (size_t i = 0; i < graph->channels_nr; i++)
		if (!strcmp(graph->channels[i].object, object))
			return &graph->channels[i];
	return NULL;
}

static const uint8_t kinds[] = { IPCT_SYSV_MSG, IPCT_SYSV_SEM, IPCT_SYSV_SHM, IPCT_POSIX_MQ,
				 IPCT_POSIX_SHM };
#define KINDS_NR (sizeof(kinds) / sizeof(kinds[0]))

/* Made and never used: it is left, and who made it is known. */
static void made_and_left(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	for (size_t i = 0; i < KINDS_NR; i++)
		describe(world, P, kinds[i], 5, IPCT_ORIGIN_CREATE);
	for (size_t i = 0; i < KINDS_NR; i++) {
		listed(world, IPCT_ORIGIN_END, kinds[i]);
		there(world, IPCT_ORIGIN_END, kinds[i], 5);
	}
	told(world);
	graph = world_end(world);
	assert_true(graph->capture.knows_leftovers);
	assert_int_equal(graph->channels_nr, KINDS_NR);
	for (size_t i = 0; i < KINDS_NR; i++) {
		const struct graph_channel *channel = channel_of(graph, kinds[i], 5);

		assert_non_null(channel);
		assert_int_equal(channel->left_at_exit, GRAPH_LEFT_YES);
		assert_int_not_equal(channel->created_by, GRAPH_NONE);
		assert_int_equal(graph->processes[channel->created_by].pid, P);
	}
	assert_string_equal(channel_of(graph, IPCT_SYSV_SEM, 5)->name, "0x00001005");
	graph_free(graph);
}

static void made_and_removed(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	for (size_t i = 0; i < KINDS_NR; i++)
		describe(world, P, kinds[i], 5, IPCT_ORIGIN_CREATE);
	for (size_t i = 0; i < KINDS_NR; i++)
		listed(world, IPCT_ORIGIN_END, kinds[i]);
	told(world);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 0);
	graph_free(graph);
}

/* It was there at the start: who says that it may be made has not made it. */
static void there_before(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	for (size_t i = 0; i < KINDS_NR; i++)
		there(world, IPCT_ORIGIN_START, kinds[i], 5);
	for (size_t i = 0; i < KINDS_NR; i++)
		describe(world, P, kinds[i], 5, IPCT_ORIGIN_CREATE);
	for (size_t i = 0; i < KINDS_NR; i++) {
		listed(world, IPCT_ORIGIN_END, kinds[i]);
		there(world, IPCT_ORIGIN_END, kinds[i], 5);
	}
	told(world);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 0);
	graph_free(graph);
}

/* The hooks were there before the recorder looked for what is older. */
static void made_before_the_first_list(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	describe(world, P, IPCT_SYSV_MSG, 5, IPCT_ORIGIN_CREATE);
	there(world, IPCT_ORIGIN_START, IPCT_SYSV_MSG, 5);
	there(world, IPCT_ORIGIN_END, IPCT_SYSV_MSG, 5);
	told(world);
	graph = world_end(world);
	assert_int_equal(channel_of(graph, IPCT_SYSV_MSG, 5)->left_at_exit, GRAPH_LEFT_YES);
	graph_free(graph);
}

/* P made it with a flag that Q gave, too, later: it is P's. */
static void first_one_made_it(void **state)
{
	struct world *world = world_begin();
	const struct graph_channel *channel;
	struct graph *graph;

	(void)state;
	describe(world, P, IPCT_POSIX_MQ, 5, IPCT_ORIGIN_CREATE);
	describe(world, Q, IPCT_POSIX_MQ, 5, IPCT_ORIGIN_CREATE);
	there(world, IPCT_ORIGIN_END, IPCT_POSIX_MQ, 5);
	told(world);
	graph = world_end(world);
	channel = channel_of(graph, IPCT_POSIX_MQ, 5);
	assert_int_equal(graph->processes[channel->created_by].pid, P);
	graph_free(graph);
}

/* Q opened what was seen a while ago, of which nobody has seen who made it: nobody here did. */
static void made_by_nobody_here(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	describe(world, P, IPCT_POSIX_MQ, 5, IPCT_ORIGIN_OPEN);
	describe(world, Q, IPCT_POSIX_MQ, 5, IPCT_ORIGIN_CREATE);
	there(world, IPCT_ORIGIN_END, IPCT_POSIX_MQ, 5);
	told(world);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 0);
	graph_free(graph);
}

/* P maps it first; the file of Q's mapping says that Q has made it. */
static void memory_tells_late(void **state)
{
	struct world *world = world_begin();
	const struct graph_channel *channel;
	struct graph *graph;

	(void)state;
	describe(world, P, IPCT_POSIX_SHM, 5, IPCT_ORIGIN_TRANSFER);
	describe(world, Q, IPCT_POSIX_SHM, 5, IPCT_ORIGIN_CREATE);
	there(world, IPCT_ORIGIN_END, IPCT_POSIX_SHM, 5);
	told(world);
	graph = world_end(world);
	channel = channel_of(graph, IPCT_POSIX_SHM, 5);
	assert_int_equal(channel->left_at_exit, GRAPH_LEFT_YES);
	assert_int_equal(graph->processes[channel->created_by].pid, Q);
	graph_free(graph);
}

/* Its namespace has no process any more, and nobody could list what is there. */
static void namespace_is_gone(void **state)
{
	struct world *world = world_begin();
	struct ipct_standing other = {
		.event = head(0, IPCT_EVENT_STANDING, offsetof(struct ipct_standing, name)),
		.space = OTHER_SPACE,
		.mechanism = IPCT_SYSV_MSG,
		.kind = IPCT_STANDING_LISTED,
		.origin = IPCT_ORIGIN_END,
	};
	struct graph *graph;

	(void)state;
	describe(world, P, IPCT_SYSV_MSG, 5, IPCT_ORIGIN_CREATE);
	listed(world, IPCT_ORIGIN_START, IPCT_SYSV_MSG);
	apply(world, &other);
	listed(world, IPCT_ORIGIN_END, IPCT_SYSV_SEM);
	told(world);
	graph = world_end(world);
	assert_int_equal(channel_of(graph, IPCT_SYSV_MSG, 5)->left_at_exit, GRAPH_LEFT_UNKNOWN);
	graph_free(graph);
}

/* What was made after the list began need not be in it. */
static void made_after_the_list(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	listed(world, IPCT_ORIGIN_END, IPCT_SYSV_MSG);
	describe(world, P, IPCT_SYSV_MSG, 5, IPCT_ORIGIN_CREATE);
	told(world);
	graph = world_end(world);
	assert_int_equal(channel_of(graph, IPCT_SYSV_MSG, 5)->left_at_exit, GRAPH_LEFT_UNKNOWN);
	graph_free(graph);
}

static void queue_use(struct world *world)
{
	struct ipct_transfer t = transfer(P, IPCT_SYSV_MSG, SEND, 5, 10);

	t.key = key_of(IPCT_SYSV_MSG, 5);
	apply(world, &t);
}

/* A capture that was made before there were such records, or whose end is missing. */
static void nobody_looked(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	describe(world, P, IPCT_SYSV_MSG, 5, IPCT_ORIGIN_CREATE);
	describe(world, P, IPCT_SYSV_MSG, 6, IPCT_ORIGIN_CREATE);
	queue_use(world);
	pipe_create(world, 9);
	pipe_move(world, P, SEND, 9, 10, AT(1, 0));
	there(world, IPCT_ORIGIN_START, IPCT_SYSV_MSG, 5);
	graph = world_end(world);
	assert_false(graph->capture.knows_leftovers);
	assert_int_equal(graph->channels_nr, 2); /* an unused object need not show */
	assert_int_equal(channel_of(graph, IPCT_SYSV_MSG, 5)->left_at_exit, GRAPH_LEFT_UNKNOWN);
	for (size_t i = 0; i < graph->channels_nr; i++)
		if (graph->channels[i].mechanism == IPCT_PIPE) /* never outlives anybody */
			assert_int_equal(graph->channels[i].left_at_exit, GRAPH_LEFT_NO);
	graph_free(graph);
}

/* The recorder was stopped while it looked: what it has found is there all the same. */
static void not_all_was_told(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	describe(world, P, IPCT_SYSV_MSG, 5, IPCT_ORIGIN_CREATE);
	describe(world, P, IPCT_POSIX_MQ, 6, IPCT_ORIGIN_CREATE);
	there(world, IPCT_ORIGIN_END, IPCT_SYSV_MSG, 5);
	graph = world_end(world);
	assert_false(graph->capture.knows_leftovers);
	assert_int_equal(graph->channels_nr, 1);
	assert_int_equal(channel_of(graph, IPCT_SYSV_MSG, 5)->left_at_exit, GRAPH_LEFT_YES);
	graph_free(graph);
}

/* Files ------------------------------------------------------------------------------------- */

static void file(struct world *world, uint32_t pid, uint8_t mechanism, uint64_t object,
		 uint8_t kind, const char *path)
{
	struct ipct_standing record = {
		.event = head(pid, IPCT_EVENT_STANDING, sizeof(record)),
		.key = { object, mechanism == IPCT_FIFO ? 1 : object },
		.mechanism = mechanism,
		.kind = kind,
		.origin = IPCT_ORIGIN_END,
	};

	if (mechanism == IPCT_FIFO && kind != IPCT_STANDING_THERE)
		record.key = (struct ipct_key){};
	record.name_len = strlen(path);
	memcpy(record.name, path, record.name_len);
	apply(world, &record);
}

static void bind_unix(struct world *world, uint8_t mechanism, uint64_t object, const char *name)
{
	struct ipct_socket record = description(mechanism, object, IPCT_ORIGIN_OPEN);

	record.name_len = strlen(name);
	memcpy(record.name, name, record.name_len);
	apply(world, &record);
}

/* A listener's file is a channel, called as its connections are, whatever the real path is. */
static void socket_files(void **state)
{
	struct world *world = world_begin();
	const struct graph_channel *channel;
	struct graph *graph;

	(void)state;
	bind_unix(world, IPCT_UNIX_STREAM, 20, "/var/run/s");
	bind_unix(world, IPCT_UNIX_STREAM, 21, "/gone");
	bind_unix(world, IPCT_UNIX_STREAM, 22, "/unseen");
	file(world, P, IPCT_UNIX_STREAM, 20, IPCT_STANDING_THERE, "/run/s");
	file(world, P, IPCT_UNIX_STREAM, 21, IPCT_STANDING_GONE, "/gone");
	file(world, P, IPCT_UNIX_STREAM, 22, IPCT_STANDING_UNKNOWN, "/unseen");
	file(world, P, IPCT_UNIX_STREAM, 23, IPCT_STANDING_THERE, "/not-described");
	told(world);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 3);
	channel = channel_named(graph, "/var/run/s");
	assert_int_equal(channel->left_at_exit, GRAPH_LEFT_YES);
	assert_int_equal(graph->processes[channel->created_by].pid, P);
	assert_int_equal(channel_named(graph, "/unseen")->left_at_exit, GRAPH_LEFT_UNKNOWN);
	assert_int_equal(channel_named(graph, "/not-described")->left_at_exit, GRAPH_LEFT_YES);
	graph_free(graph);
}

/* An inbox that was used is the channel itself. */
static void datagram_file(void **state)
{
	struct world *world = world_begin();
	struct ipct_transfer t;
	struct graph *graph;

	(void)state;
	bind_unix(world, IPCT_UNIX_DGRAM, 20, "/inbox");
	t = transfer(P, IPCT_UNIX_DGRAM, SEND, 30, 10);
	t.peer = 20;
	apply(world, &t);
	file(world, Q, IPCT_UNIX_DGRAM, 20, IPCT_STANDING_THERE, "/inbox");
	told(world);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 1);
	assert_int_equal(graph->channels[0].left_at_exit, GRAPH_LEFT_YES);
	assert_int_equal(graph->channels[0].endpoints_nr, 1);
	graph_free(graph);
}

static void fifo_files(void **state)
{
	struct world *world = world_begin();
	struct ipct_transfer t;
	struct graph *graph;

	(void)state;
	fifo_open(world, 40, "/used", 0);
	t = transfer(P, IPCT_FIFO, SEND, 40, 10);
	apply(world, &t);
	fifo_open(world, 42, "/unseen", 0);
	t = transfer(P, IPCT_FIFO, SEND, 42, 10);
	apply(world, &t);
	file(world, P, IPCT_FIFO, 40, IPCT_STANDING_THERE, "/used");
	file(world, P, IPCT_FIFO, 41, IPCT_STANDING_THERE, "/unused");
	file(world, P, IPCT_FIFO, 0, IPCT_STANDING_UNKNOWN, "/unseen");
	file(world, P, IPCT_FIFO, 0, IPCT_STANDING_UNKNOWN, "/never-opened");
	told(world);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 3);
	assert_int_equal(channel_named(graph, "/used")->left_at_exit, GRAPH_LEFT_YES);
	assert_int_equal(channel_named(graph, "/unused")->left_at_exit, GRAPH_LEFT_YES);
	assert_int_equal(channel_named(graph, "/unseen")->left_at_exit, GRAPH_LEFT_UNKNOWN);
	graph_free(graph);
}

/* A process outside of the tree made them: they are none of the capture's. */
static void made_outside(void **state)
{
	struct world *world = world_new(false);
	struct graph *graph;

	(void)state;
	now_ns = 0;
	describe(world, P, IPCT_SYSV_MSG, 5, IPCT_ORIGIN_CREATE);
	there(world, IPCT_ORIGIN_END, IPCT_SYSV_MSG, 5);
	file(world, P, IPCT_FIFO, 40, IPCT_STANDING_THERE, "/fifo");
	told(world);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 0);
	graph_free(graph);
}

static void nonsense_is_refused(void **state)
{
	struct ipct_standing good = {
		.event = head(0, IPCT_EVENT_STANDING, sizeof(good)),
		.mechanism = IPCT_FIFO,
		.kind = IPCT_STANDING_THERE,
	}, bad = good;
	struct ipct_made made = {
		.event = head(0, IPCT_EVENT_MADE, sizeof(made)),
		.mechanism = IPCT_FIFO,
	};

	(void)state;
	assert_int_equal(event_check(&good.event, sizeof(good)), EVENT_GOOD);
	bad.kind = 5;
	assert_int_equal(event_check(&bad.event, sizeof(bad)), EVENT_BAD);
	bad = good;
	bad.mechanism = IPCT_MECHANISM_NONE;
	assert_int_equal(event_check(&bad.event, sizeof(bad)), EVENT_BAD);
	bad = good;
	bad.name_offset = IPCT_NAME_SPACE;
	bad.name_len = 1;
	assert_int_equal(event_check(&bad.event, sizeof(bad)), EVENT_BAD);
	bad = good;
	bad.event.size = offsetof(struct ipct_standing, name);
	bad.name_len = 1;
	assert_int_equal(event_check(&bad.event, sizeof(bad)), EVENT_BAD);
	assert_int_equal(event_check(&made.event, sizeof(made)), EVENT_GOOD);
	made.mechanism = IPCT_TCP;
	assert_int_equal(event_check(&made.event, sizeof(made)), EVENT_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_and_left),       cmocka_unit_test(made_and_removed),
		cmocka_unit_test(there_before),	       cmocka_unit_test(made_before_the_first_list),
		cmocka_unit_test(first_one_made_it),   cmocka_unit_test(made_by_nobody_here),
		cmocka_unit_test(memory_tells_late),   cmocka_unit_test(namespace_is_gone),
		cmocka_unit_test(made_after_the_list), cmocka_unit_test(nobody_looked),
		cmocka_unit_test(not_all_was_told),    cmocka_unit_test(socket_files),
		cmocka_unit_test(datagram_file),       cmocka_unit_test(fifo_files),
		cmocka_unit_test(made_outside),	       cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
