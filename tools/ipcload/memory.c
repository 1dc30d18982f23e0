/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared memory: no messages, but who has it mapped, and whether to write. A mapping handed down
 * by fork counts for the child; one that was dropped before does not, and neither does an exec.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "duct.h"
#include "process.h"
#include "region.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define MARK "shared"

/* Memory with the gates that put its users into an order. */
struct memory {
	struct region region;
	struct gate gate;
};

static struct memory memory_open(struct run *run)
{
	struct memory memory = { .region = region_open(run, run->scenario->arg) };

	memory.gate = gate_open(run);
	return memory;
}

static void memory_write(const struct region *region)
{
	memcpy(region->bytes, MARK, sizeof(MARK));
}

static void memory_check(const struct region *region)
{
	ENSURE(!memcmp(region->bytes, MARK, sizeof(MARK)));
}

static void memory_map_and_write_body(struct run *run, const void *arg)
{
	struct memory memory = *(const struct memory *)arg;

	region_map(run, &memory.region, true);
	memory_write(&memory.region);
}

static void memory_map_and_read_body(struct run *run, const void *arg)
{
	struct memory memory = *(const struct memory *)arg;

	region_map(run, &memory.region, false);
	memory_check(&memory.region);
}

static void memory_map_and_offer_body(struct run *run, const void *arg)
{
	const struct memory *memory = arg;

	memory_map_and_write_body(run, memory);
	gate_release(run, &memory->gate, run->options.processes);
}

static void memory_map_when_offered_body(struct run *run, const void *arg)
{
	const struct memory *memory = arg;

	gate_pass(run, &memory->gate);
	memory_map_and_read_body(run, memory);
}

static void memory_run_simple(struct run *run)
{
	struct memory memory = memory_open(run);

	(void)process_start(run, memory_map_and_offer_body, &memory);
	process_start_group(run, run->options.processes, memory_map_when_offered_body, &memory);
	process_wait_all();
	region_remove(&memory.region);
}

/* Has what its parent had when it was forked. */
static void memory_inherit_body(struct run *run, const void *arg)
{
	const struct memory *memory = arg;

	memory_check(&memory->region);
	region_inherit(run, &memory->region, true);
}

static void memory_inherit_read_only_body(struct run *run, const void *arg)
{
	const struct memory *memory = arg;

	(void)*(volatile char *)memory->region.bytes; /* or it dies */
	region_inherit(run, &memory->region, false);
}

static void memory_run_inherited(struct run *run)
{
	struct memory memory = memory_open(run);

	region_map(run, &memory.region, true);
	memory_write(&memory.region);
	process_start_group(run, run->options.processes, memory_inherit_body, &memory);
	process_wait_all();
	region_remove(&memory.region);
}

static void memory_run_inherited_read_only(struct run *run)
{
	struct memory memory = memory_open(run);

	process_wait(process_start(run, memory_map_and_write_body, &memory));
	region_map(run, &memory.region, false);
	process_start_group(run, run->options.processes, memory_inherit_read_only_body, &memory);
	process_wait_all();
	region_remove(&memory.region);
}

/* Is a process, and no user of the memory. */
static void memory_nothing_body(struct run *run, const void *arg)
{
	const struct memory *memory = arg;

	gate_pass(run, &memory->gate);
}

static void memory_start_nobody(struct run *run, const struct memory *memory)
{
	pid_t pid = process_start(run, memory_nothing_body, memory);

	gate_release(run, &memory->gate, 1);
	process_wait(pid);
}

/* One child gets it, the next one comes when it is unmapped. */
static void memory_run_detached(struct run *run)
{
	struct memory memory = memory_open(run);

	region_map(run, &memory.region, true);
	memory_write(&memory.region);
	process_wait(process_start(run, memory_inherit_body, &memory));
	region_unmap(&memory.region);
	memory_start_nobody(run, &memory);
	region_remove(&memory.region);
}

static void memory_run_dontfork(struct run *run)
{
	struct memory memory = memory_open(run);

	region_map(run, &memory.region, true);
	memory_write(&memory.region);
	process_wait(process_start(run, memory_inherit_body, &memory));
	TRY(madvise(memory.region.bytes, region_size(), MADV_DONTFORK));
	memory_start_nobody(run, &memory);
	region_remove(&memory.region);
}

/* Numbers for the program that follows an exec. */
enum { EXEC_RX, EXEC_CHANNEL, EXEC_ACTOR, EXEC_NR };

struct execution {
	struct memory memory;
	unsigned int actor; /* of the new program's child */
};

static void memory_exec_body(struct run *run, const void *arg)
{
	const struct execution *execution = arg;
	const int numbers[EXEC_NR] = {
		[EXEC_RX] = execution->memory.gate.rx,
		[EXEC_CHANNEL] = execution->memory.gate.channel,
		[EXEC_ACTOR] = execution->actor,
	};

	memory_inherit_body(run, &execution->memory);
	process_exec(run, numbers, EXEC_NR);
}

/* The new program has no mapping to hand down. */
static void memory_reexec(struct run *run, const int *numbers)
{
	const struct gate gate = { .rx = numbers[EXEC_RX], .channel = numbers[EXEC_CHANNEL] };
	pid_t pid = TRY(fork());

	if (!pid) {
		truth_become(run->truth, numbers[EXEC_ACTOR]);
		gate_pass(run, &gate);
		process_finish(run);
	}
	process_wait(pid);
}

/* The child is an endpoint because it had the mapping until its exec; its own child is none. */
static void memory_run_exec(struct run *run)
{
	struct execution execution = { .memory = memory_open(run) };
	struct memory *memory = &execution.memory;

	region_map(run, &memory->region, true);
	memory_write(&memory->region);
	execution.actor = truth_add_actor(run->truth);
	(void)process_start(run, memory_exec_body, &execution);
	gate_release(run, &memory->gate, 1);
	process_wait_all();
	region_remove(&memory->region);
}

/* Who was forked before the change may only read. */
static void memory_run_mprotect(struct run *run)
{
	struct memory memory = memory_open(run);

	region_map_protected(run, &memory.region);
	process_wait(process_start(run, memory_inherit_read_only_body, &memory));
	region_unprotect(run, &memory.region);
	memory_write(&memory.region);
	process_wait(process_start(run, memory_inherit_body, &memory));
	region_remove(&memory.region);
}

/* What is left of the mapping is handed down like the whole of it. */
static void memory_run_munmap(struct run *run)
{
	struct memory memory = memory_open(run);
	char *last;

	region_map(run, &memory.region, true);
	memory_write(&memory.region);
	last = memory.region.bytes + region_size() - region_page();
	TRY(munmap(last, region_page()));
	process_wait(process_start(run, memory_inherit_body, &memory));
	TRY(munmap(memory.region.bytes, region_size() - region_page()));
	memory_start_nobody(run, &memory);
	region_remove(&memory.region);
}

/* Half of it stays, at another address. */
static void memory_run_mremap(struct run *run)
{
	struct memory memory = memory_open(run);
	const size_t half = region_size() / 2;
	char *moved;

	region_map(run, &memory.region, true);
	memory_write(&memory.region);
	TRY(munmap(memory.region.bytes + half, half));
	moved = mmap(NULL, half, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ENSURE(moved != MAP_FAILED);
	moved = mremap(memory.region.bytes, half, half, MREMAP_MAYMOVE | MREMAP_FIXED, moved);
	ENSURE(moved != MAP_FAILED && moved != memory.region.bytes);
	memory.region.bytes = moved;
	process_wait(process_start(run, memory_inherit_body, &memory));
	TRY(munmap(moved, half));
	memory_start_nobody(run, &memory);
	region_remove(&memory.region);
}

struct preopened {
	struct memory memory;
	int warm_tx; /* a pipe that is used only before the counted part begins */
};

static void memory_stay_body(struct run *run, const void *arg)
{
	const struct preopened *preopened = arg;

	memory_inherit_body(run, &preopened->memory);
	ENSURE(TRY(write(preopened->warm_tx, "", 1)) == 1);
	gate_pass(run, &preopened->memory.gate);
}

static void memory_map_and_stay_body(struct run *run, const void *arg)
{
	const struct preopened *preopened = arg;
	struct region region = preopened->memory.region;

	region_map(run, &region, false);
	ENSURE(TRY(write(preopened->warm_tx, "", 1)) == 1);
	gate_pass(run, &preopened->memory.gate);
}

/* One reader is there before the capture, where there can be one, and one comes later. */
static void memory_run_preopened(struct run *run)
{
	struct preopened preopened = { .memory = memory_open(run) };
	struct memory *memory = &preopened.memory;
	const bool is_anonymous = memory->region.kind == &region_anonymous;
	int warm[2], i;
	char byte;

	TRY(pipe(warm));
	preopened.warm_tx = warm[1];
	if (!is_anonymous)
		(void)process_start(run, memory_map_and_stay_body, &preopened);
	region_map(run, &memory->region, true);
	memory_write(&memory->region);
	(void)process_start(run, memory_stay_body, &preopened);
	for (i = 0; i < (is_anonymous ? 1 : 2); i++)
		ENSURE(TRY(read(warm[0], &byte, 1)) == 1);
	process_wait_stdin(run);
	(void)process_start(run, memory_inherit_body, memory);
	gate_release(run, &memory->gate, is_anonymous ? 1 : 2);
	process_wait_all();
	region_remove(&memory->region);
}

struct plain_file {
	char path[108];
	struct gate gate;
};

static struct plain_file memory_open_file(struct run *run)
{
	struct plain_file file = { .gate = gate_open(run) };
	int fd;

	duct_name_path(run, "plain", file.path);
	fd = TRY(open(file.path, O_RDWR | O_CREAT | O_EXCL, 0600));
	TRY(ftruncate(fd, region_size()));
	TRY(close(fd));
	return file;
}

/* Maps the file when all have been started, so that all of them have it at once. */
static char *memory_map_file(struct run *run, const struct plain_file *file, int open_flags,
			     int protection, int map_flags)
{
	int fd = TRY(open(file->path, open_flags));
	char *bytes = mmap(NULL, region_size(), protection, map_flags, fd, 0);

	ENSURE(bytes != MAP_FAILED && !*bytes);
	TRY(close(fd));
	gate_pass(run, &file->gate);
	return bytes;
}

static void memory_map_privately_body(struct run *run, const void *arg)
{
	char *bytes = memory_map_file(run, arg, O_RDWR, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	memcpy(bytes, MARK, sizeof(MARK)); /* nobody sees it */
}

static void memory_map_for_reading_body(struct run *run, const void *arg)
{
	(void)memory_map_file(run, arg, O_RDONLY, PROT_READ, MAP_SHARED);
}

/* Nothing can be said over either of these: there is no channel but the gate. */
static void memory_run_file(struct run *run, process_body *body)
{
	struct plain_file file = memory_open_file(run);

	process_start_group(run, run->options.processes, body, &file);
	gate_release(run, &file.gate, run->options.processes);
	process_wait_all();
	TRY(unlink(file.path));
}

static void memory_run_private_file(struct run *run)
{
	memory_run_file(run, memory_map_privately_body);
}

static void memory_run_read_only_file(struct run *run)
{
	memory_run_file(run, memory_map_for_reading_body);
}

/* A program that was started with vfork() never had a copy of the mapping. */
static void memory_spawned(struct run *run, const int *numbers)
{
	const struct gate gate = { .rx = numbers[EXEC_RX], .channel = numbers[EXEC_CHANNEL] };

	gate_pass(run, &gate);
}

static void memory_run_spawn(struct run *run)
{
	struct memory memory = memory_open(run);
	const int numbers[] = { memory.gate.rx, memory.gate.channel };

	region_map(run, &memory.region, true);
	memory_write(&memory.region);
	process_wait(process_start(run, memory_inherit_body, &memory));
	(void)process_spawn(run, numbers, 2);
	gate_release(run, &memory.gate, 1);
	process_wait_all();
	region_remove(&memory.region);
}

#define MEMORY_SCENARIO(prefix, group, suffix, kind, text, function, ...)                          \
	{                                                                                          \
		.name = prefix suffix, .mechanism = group, .arg = kind, .summary = text,           \
		.run = function, __VA_ARGS__                                                       \
	}

/* Where the parent maps it, once. */
#define MEMORY_HANDED_DOWN(prefix, group, kind)                                                    \
	MEMORY_SCENARIO(prefix, group, "-inherited", kind, "P children have it by fork",           \
			memory_run_inherited),                                                     \
		MEMORY_SCENARIO(prefix, group, "-detached", kind, "unmapped before a fork",        \
				memory_run_detached),                                              \
		MEMORY_SCENARIO(prefix, group, "-dontfork", kind, "MADV_DONTFORK before a fork",   \
				memory_run_dontfork),                                              \
		MEMORY_SCENARIO(prefix, group, "-exec", kind, "dropped by an exec",                \
				memory_run_exec, .reexec = memory_reexec),                         \
		MEMORY_SCENARIO(prefix, group, "-spawn", kind, "a program started with vfork",     \
				memory_run_spawn, .reexec = memory_spawned),                       \
		MEMORY_SCENARIO(prefix, group, "-preopened", kind, "mapped before it is counted",  \
				memory_run_preopened)

/* Where several processes map it themselves. */
#define MEMORY_MAPPED_BY_ALL(prefix, group, kind)                                                  \
	MEMORY_SCENARIO(prefix, group, "", kind, "one writes, P may only read",                    \
			memory_run_simple),                                                        \
		MEMORY_SCENARIO(prefix, group, "-inherited-ro", kind,                              \
				"P children may only read, by fork",                               \
				memory_run_inherited_read_only)

/* Where it is mapped with mmap(). */
#define MEMORY_CHANGED(prefix, group, kind)                                                        \
	MEMORY_SCENARIO(prefix, group, "-mprotect", kind, "made writable later",                   \
			memory_run_mprotect),                                                      \
		MEMORY_SCENARIO(prefix, group, "-munmap", kind, "unmapped piece by piece",         \
				memory_run_munmap),                                                \
		MEMORY_SCENARIO(prefix, group, "-mremap", kind, "moved to another address",        \
				memory_run_mremap)

#define MEMORY_MAPPED(prefix, group, kind)                                                         \
	MEMORY_MAPPED_BY_ALL(prefix, group, kind), MEMORY_HANDED_DOWN(prefix, group, kind),        \
		MEMORY_CHANGED(prefix, group, kind)

const struct scenario memory_scenarios[] = {
	MEMORY_MAPPED_BY_ALL("sysv-shm", "sysv-shm", &region_sysv),
	MEMORY_HANDED_DOWN("sysv-shm", "sysv-shm", &region_sysv),
	MEMORY_SCENARIO("sysv-shm", "sysv-shm", "-private", &region_sysv_private, "IPC_PRIVATE",
			memory_run_simple),
	MEMORY_MAPPED("posix-shm", "posix-shm", &region_posix),
	MEMORY_MAPPED("memfd", "memfd", &region_memfd),
	MEMORY_MAPPED("shared-mapping", "shared-mapping", &region_file),
	MEMORY_SCENARIO("shared-mapping", "shared-mapping", "-private", NULL,
			"a file mapped privately: no channel", memory_run_private_file),
	MEMORY_SCENARIO("shared-mapping", "shared-mapping", "-read-only", NULL,
			"a file that all map to read: no channel", memory_run_read_only_file),
	MEMORY_HANDED_DOWN("anonymous-mapping", "shared-mapping", &region_anonymous),
	MEMORY_CHANGED("anonymous-mapping", "shared-mapping", &region_anonymous),
	{ 0 },
};
