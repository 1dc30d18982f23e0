/* SPDX-License-Identifier: GPL-2.0-only */
/* Who maps shared memory, after all that mmap, munmap, fork and exec may do. */
#include "world_fixture.h"

#include <graph/graph.h>

#define MEMFD_INODE 7
#define FILE_INODE 8
#define SEGMENT_INODE 9
#define PAGE 0x1000ULL
#define A 0x7f0000000000ULL
#define B 0x7f0000100000ULL

static struct ipct_mapping mapping(uint32_t pid, uint8_t kind, uint64_t start, uint64_t pages)
{
	return (struct ipct_mapping){
		.event = head(pid, IPCT_EVENT_MAPPING, sizeof(struct ipct_mapping)),
		.start = start,
		.end = start + pages * PAGE,
		.kind = kind,
	};
}

static struct ipct_mapping map_of(uint32_t pid, uint64_t inode, uint64_t start, uint64_t pages,
				  bool is_writable)
{
	struct ipct_mapping record = mapping(pid, IPCT_MAPPING_MAP, start, pages);

	record.key = (struct ipct_key){ inode, 1 };
	record.mechanism = inode == MEMFD_INODE ? IPCT_MEMFD :
			   inode == FILE_INODE	? IPCT_SHARED_MAPPING :
						  IPCT_SYSV_SHM;
	record.rights = IPCT_MAPPING_READ | (is_writable ? IPCT_MAPPING_WRITE : 0);
	return record;
}

static void map(struct world *world, uint32_t pid, uint64_t inode, uint64_t start, uint64_t pages,
		bool is_writable)
{
	struct ipct_mapping record = map_of(pid, inode, start, pages, is_writable);

	apply(world, &record);
}

static void found(struct world *world, uint32_t pid, uint64_t inode, uint64_t start, uint64_t pages,
		  uint8_t origin)
{
	struct ipct_mapping record = map_of(pid, inode, start, pages, true);

	record.origin = origin;
	apply(world, &record);
}

static void change(struct world *world, uint32_t pid, uint8_t kind, uint64_t start, uint64_t pages,
		   uint8_t rights)
{
	struct ipct_mapping record = mapping(pid, kind, start, pages);

	record.rights = rights;
	apply(world, &record);
}

static void unmap(struct world *world, uint32_t pid, uint64_t start, uint64_t pages)
{
	change(world, pid, IPCT_MAPPING_UNMAP, start, pages, 0);
}

static void move(struct world *world, uint32_t pid, uint64_t from, uint64_t pages, uint64_t to,
		 uint64_t to_pages)
{
	struct ipct_mapping record = mapping(pid, IPCT_MAPPING_MOVE, to, to_pages);

	record.offset = from;
	record.old_len = pages * PAGE;
	apply(world, &record);
}

static void forks(struct world *world, uint32_t parent, uint32_t child, uint32_t flags)
{
	struct ipct_fork record = {
		.event = head(parent, IPCT_EVENT_FORK, sizeof(record)),
		.child_pid = child,
		.child_start_ns = child,
		.flags = flags,
	};

	apply(world, &record);
}

static void execs(struct world *world, uint32_t pid)
{
	static struct ipct_exec record;

	record = (struct ipct_exec){ .event = head(pid, IPCT_EVENT_EXEC, sizeof(record)) };
	apply(world, &record);
}

static void exits(struct world *world, uint32_t pid)
{
	struct ipct_exit record = { .event = head(pid, IPCT_EVENT_EXIT, sizeof(record)) };

	apply(world, &record);
}

/* The mapper's endpoint in the only channel; NULL: it has none. */
static const struct graph_endpoint *mapper(const struct graph *graph, uint32_t pid)
{
	assert_int_equal(graph->channels_nr, 1);
	for (size_t i = 0; i < graph->channels[0].endpoints_nr; i++)
		if (graph->processes[graph->channels[0].endpoints[i].process].pid == pid)
			return &graph->channels[0].endpoints[i];
	return NULL;
}

static void expect(const struct graph *graph, uint32_t pid, enum ipct_role role,
		   uint64_t operations, bool is_attached)
{
	const struct graph_endpoint *endpoint = mapper(graph, pid);

	assert_non_null(endpoint);
	assert_int_equal(endpoint->role, role);
	assert_int_equal(endpoint->operations, operations);
	assert_int_equal(endpoint->count.bytes, 0);
	assert_int_equal(endpoint->detached_ns == GRAPH_TIME_NONE, is_attached);
}

/* P writes, Q may only read; Q maps it twice. A process has one endpoint. */
static void test_mappers(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	map(world, P, MEMFD_INODE, A, 4, true);
	map(world, Q, MEMFD_INODE, A, 4, false);
	map(world, Q, MEMFD_INODE, B, 4, false);
	map(world, P, MEMFD_INODE, B, 1, false); /* it is still a writer */
	exits(world, Q);
	graph = world_end(world);
	expect(graph, P, IPCT_ROLE_MAP_RW, 2, true);
	expect(graph, Q, IPCT_ROLE_MAP_RO, 2, false);
	assert_int_equal(graph->channels[0].endpoints_nr, 2);
	assert_int_equal(graph->edges_nr, 0);
	assert_int_equal(mapper(graph, P)->attached_ns, 20000000);
	graph_free(graph);
}

/* Unmapped from both ends and in the middle; the child comes between the last two. */
static void test_unmap_in_pieces(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	map(world, P, MEMFD_INODE, A, 8, true);
	unmap(world, P, A - PAGE, 2);
	unmap(world, P, A + 7 * PAGE, 4);
	unmap(world, P, A + 3 * PAGE, 2);
	unmap(world, P, A + PAGE, 2);
	forks(world, P, Q, 0);
	unmap(world, P, A, 8);
	forks(world, P, R, 0);
	graph = world_end(world);
	expect(graph, P, IPCT_ROLE_MAP_RW, 1, false);
	expect(graph, Q, IPCT_ROLE_MAP_RW, 1, true);
	assert_null(mapper(graph, R));
	graph_free(graph);
}

/* Something else is mapped in its place: another object, and then nothing shared. */
static void test_replaced(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	map(world, P, MEMFD_INODE, A, 4, true);
	map(world, P, FILE_INODE, A, 4, true);
	forks(world, P, Q, 0);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 2);
	assert_int_equal(graph->channels[0].endpoints_nr, 1);
	assert_true(graph->channels[0].endpoints[0].detached_ns > 0);
	assert_int_equal(graph->channels[1].endpoints_nr, 2);
	graph_free(graph);
}

/* The right to write comes later, or goes before the child comes. */
static void test_protect(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	map(world, P, MEMFD_INODE, A, 4, false);
	map(world, R, MEMFD_INODE, A, 4, false);
	change(world, P, IPCT_MAPPING_PROTECT, A + PAGE, 1, IPCT_MAPPING_WRITE);
	forks(world, P, S, 0);
	change(world, P, IPCT_MAPPING_PROTECT, A, 8, IPCT_MAPPING_READ);
	forks(world, P, Q, 0);
	graph = world_end(world);
	expect(graph, P, IPCT_ROLE_MAP_RW, 1, true);
	expect(graph, Q, IPCT_ROLE_MAP_RO, 1, true);
	expect(graph, R, IPCT_ROLE_MAP_RO, 1, true);
	expect(graph, S, IPCT_ROLE_MAP_RW, 1, true);
	graph_free(graph);
}

/* Moved and made larger, shrunk in place, and then unmapped where it is now. */
static void test_move(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	map(world, P, MEMFD_INODE, A, 4, true);
	move(world, P, A, 4, B, 8);
	unmap(world, P, A, 4);
	forks(world, P, Q, 0);
	move(world, P, B, 8, B, 2);
	unmap(world, P, B, 2);
	forks(world, P, R, 0);
	unmap(world, Q, B, 4);
	forks(world, Q, S, 0); /* the other half is left to inherit */
	graph = world_end(world);
	expect(graph, P, IPCT_ROLE_MAP_RW, 1, false);
	expect(graph, Q, IPCT_ROLE_MAP_RW, 1, true);
	expect(graph, S, IPCT_ROLE_MAP_RW, 1, true);
	assert_null(mapper(graph, R));
	graph_free(graph);
}

/* A segment is detached as a whole, also when a part was unmapped, also when it was moved. */
static void test_shmdt(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	map(world, P, SEGMENT_INODE, A, 8, true);
	map(world, P, SEGMENT_INODE, B, 8, true);
	unmap(world, P, A + 2 * PAGE, 2);
	unmap(world, P, A, 0);
	forks(world, P, Q, 0);
	unmap(world, P, B, 0);
	forks(world, P, R, 0);
	graph = world_end(world);
	expect(graph, P, IPCT_ROLE_MAP_RW, 2, false);
	expect(graph, Q, IPCT_ROLE_MAP_RW, 1, true);
	assert_null(mapper(graph, R));
	graph_free(graph);
}

/* exec drops all; what a vfork child sees is its parent's; MADV_DONTFORK keeps it back. */
static void test_lives(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	map(world, P, MEMFD_INODE, A, 4, true);
	forks(world, P, Q, IPCT_FORK_SAME_MEMORY);
	forks(world, Q, R, 0); /* a copy of P's memory */
	execs(world, Q);
	execs(world, R);
	forks(world, R, S, 0);
	change(world, P, IPCT_MAPPING_ADVISE, A, 4, IPCT_MAPPING_NO_FORK);
	forks(world, P, 105, 0);
	change(world, P, IPCT_MAPPING_ADVISE, A + PAGE, 1, 0);
	forks(world, P, 106, 0);
	graph = world_end(world);
	expect(graph, P, IPCT_ROLE_MAP_RW, 1, true);
	assert_null(mapper(graph, Q));
	expect(graph, R, IPCT_ROLE_MAP_RW, 1, false);
	assert_null(mapper(graph, S));
	assert_null(mapper(graph, 105));
	expect(graph, 106, IPCT_ROLE_MAP_RW, 1, true);
	graph_free(graph);
}

/* A snapshot finds what is known already, what is older, and somebody who came unseen. */
static void test_snapshot(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	map(world, P, MEMFD_INODE, A, 4, true);
	found(world, P, MEMFD_INODE, A, 4, IPCT_ORIGIN_START);
	found(world, Q, MEMFD_INODE, A, 4, IPCT_ORIGIN_START);
	found(world, Q, MEMFD_INODE, B, 4, IPCT_ORIGIN_START);
	map(world, Q, MEMFD_INODE, B + 16 * PAGE, 4, false);
	found(world, R, MEMFD_INODE, A, 4, IPCT_ORIGIN_END);
	found(world, Q, MEMFD_INODE, A, 4, IPCT_ORIGIN_END);
	graph = world_end(world);
	expect(graph, P, IPCT_ROLE_MAP_RW, 1, true);
	assert_int_equal(mapper(graph, P)->attached_ns, 20000000);
	expect(graph, Q, IPCT_ROLE_MAP_RW, 2, true);
	expect(graph, R, IPCT_ROLE_MAP_RW, 1, true);
	assert_true(mapper(graph, Q)->attached_ns == GRAPH_TIME_NONE);
	graph_free(graph);
}

static void describe(struct world *world, uint8_t mechanism, uint64_t inode, const char *name,
		     uint32_t ipc_key)
{
	static struct ipct_object record;

	record = (struct ipct_object){
		.event = head(P, IPCT_EVENT_OBJECT, sizeof(record)),
		.key = { inode, 1 },
		.size = 4096,
		.mechanism = mechanism,
		.ipc_key = ipc_key,
		.name_len = strlen(name),
	};
	memcpy(record.name, name, record.name_len);
	apply(world, &record);
}

/* What is only described or can only be read is no channel; names are those of the contract. */
static void test_channels(void **state)
{
	struct world *world = world_begin();
	struct graph *graph;

	(void)state;
	describe(world, IPCT_SHARED_MAPPING, FILE_INODE, "/usr/lib/locale/locale-archive", 0);
	map(world, P, FILE_INODE, A, 4, false);
	map(world, Q, FILE_INODE, A, 4, false);
	describe(world, IPCT_SYSV_SHM, SEGMENT_INODE, "", 0x1234abcd);
	map(world, P, SEGMENT_INODE, B, 4, false);
	describe(world, IPCT_MEMFD, MEMFD_INODE, "buffer", 0);
	graph = world_end(world);
	assert_int_equal(graph->channels_nr, 1);
	assert_string_equal(graph->channels[0].name, "0x1234abcd");
	assert_string_equal(graph->channels[0].object, "sysv-shm:[9]");
	assert_int_equal(graph->channels[0].size, 4096);
	graph_free(graph);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mappers),	 cmocka_unit_test(test_unmap_in_pieces),
		cmocka_unit_test(test_replaced), cmocka_unit_test(test_protect),
		cmocka_unit_test(test_move),	 cmocka_unit_test(test_shmdt),
		cmocka_unit_test(test_lives),	 cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_channels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
