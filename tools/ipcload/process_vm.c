/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of another process, by process_vm_readv(), process_vm_writev() and /proc/PID/mem. A
 * message is a call, the channel is the memory, the edge goes where the data go: the caller sees
 * all of it, the process whose memory it is need not even run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "payload.h"
#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define NOBODY 65534

/* Some memory of a process; others know where it is because they were forked from one parent. */
struct memory {
	char *buf;
	size_t size;
	unsigned int channel;
	pid_t pid;
	int actor;
	struct gate ready;
	struct gate done;
};

static struct memory memory_new(struct run *run)
{
	return (struct memory){
		.buf = payload_alloc(run->options.size),
		.size = run->options.size,
		.channel = truth_add_channel(run->truth, "process-vm", "", TRUTH_UNBALANCED),
	};
}

static struct iovec memory_whole(const struct memory *memory)
{
	return (struct iovec){ memory->buf, memory->size };
}

static ssize_t memory_check(ssize_t nr)
{
	if (nr < 0 && (errno == ENOSYS || errno == EPERM))
		try_skip("no right to other processes' memory");
	return TRY(nr);
}

/* Its child: has the memory filled, then waits until the parent has done what it wants. */
static void memory_owner_body(struct run *run, const void *arg)
{
	const struct memory *memory = arg;

	payload_fill(run, memory->buf, memory->size);
	gate_release(run, &memory->ready, 1);
	gate_pass(run, &memory->done);
}

static void memory_start_owner(struct run *run, struct memory *memory, process_body *body)
{
	memory->ready = gate_open(run);
	memory->done = gate_open(run);
	memory->actor = truth_actors(run->truth);
	memory->pid = process_start(run, body, memory);
	gate_pass(run, &memory->ready);
}

static void memory_end(struct run *run, struct memory *memory)
{
	gate_release(run, &memory->done, 1);
	process_wait_all();
	free(memory->buf);
}

/* What the payload says: one message of the owner, and all of it. */
static void memory_count_read(struct run *run, const struct memory *memory, const char *buf,
			      size_t size)
{
	size_t i;

	ENSURE(size && (unsigned char)buf[0] == (0x80 | memory->actor));
	for (i = 1; i < size; i++)
		ENSURE(buf[i] == memory->actor);
	truth_count_received(run->truth, memory->channel, memory->actor, 1, size);
}

static void memory_count_write(struct run *run, const struct memory *memory, size_t size)
{
	truth_count_edge(run->truth, memory->channel, truth_self(run->truth), memory->actor, 1,
			 size);
}

static void memory_run_read(struct run *run)
{
	struct memory memory = memory_new(run);
	struct iovec remote = memory_whole(&memory);
	struct iovec local = { payload_alloc(memory.size), memory.size };
	unsigned int i;
	ssize_t nr;

	memory_start_owner(run, &memory, memory_owner_body);
	for (i = 0; i < run->options.messages; i++) {
		nr = memory_check(process_vm_readv(memory.pid, &local, 1, &remote, 1, 0));
		ENSURE((size_t)nr == memory.size);
		memory_count_read(run, &memory, local.iov_base, nr);
	}
	memory_end(run, &memory);
	free(local.iov_base);
}

/* Here the payload is what the parent wrote, and the owner verifies it. */
static void memory_written_body(struct run *run, const void *arg)
{
	const struct memory *memory = arg;
	size_t i;

	gate_release(run, &memory->ready, 1);
	gate_pass(run, &memory->done);
	ENSURE((unsigned char)memory->buf[0] == 0x80);
	for (i = 1; i < memory->size; i++)
		ENSURE(memory->buf[i] == 0);
}

static void memory_run_write(struct run *run)
{
	struct memory memory = memory_new(run);
	struct iovec remote = memory_whole(&memory);
	struct iovec local = { payload_alloc(memory.size), memory.size };
	unsigned int i;
	ssize_t nr;

	payload_fill(run, local.iov_base, memory.size);
	memory_start_owner(run, &memory, memory_written_body);
	for (i = 0; i < run->options.messages; i++) {
		nr = memory_check(process_vm_writev(memory.pid, &local, 1, &remote, 1, 0));
		ENSURE((size_t)nr == memory.size);
		memory_count_write(run, &memory, nr);
	}
	memory_end(run, &memory);
	free(local.iov_base);
}

/* Parts that differ in number and length at the two sides; one call all the same. */
static void memory_run_vectored(struct run *run)
{
	struct memory memory = memory_new(run);
	const size_t half = (memory.size + 1) / 2;
	char *buf = payload_alloc(memory.size);
	const struct iovec remote[] = { { memory.buf, half },
					{ NULL, 0 },
					{ memory.buf + half, memory.size - half } };
	const struct iovec local[] = { { buf, 1 }, { buf + 1, memory.size - 1 } };
	unsigned int i;
	ssize_t nr;

	memory_start_owner(run, &memory, memory_owner_body);
	for (i = 0; i < run->options.messages; i++) {
		nr = memory_check(process_vm_readv(memory.pid, local, 2, remote, 3, 0));
		ENSURE((size_t)nr == memory.size);
		memory_count_read(run, &memory, buf, nr);
	}
	memory_end(run, &memory);
	free(buf);
}

/* The second page of the memory is not there: a call that wants both gets what there is. */
static void memory_run_partial(struct run *run)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	struct memory memory = memory_new(run);
	struct iovec local = { payload_alloc(2 * page), 2 * page };
	struct iovec remote;
	unsigned int i;
	ssize_t nr;

	free(memory.buf);
	memory.size = page;
	memory.buf =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ENSURE(memory.buf != MAP_FAILED);
	TRY(munmap(memory.buf + page, page));
	remote = (struct iovec){ memory.buf, 2 * page };
	memory_start_owner(run, &memory, memory_owner_body);
	for (i = 0; i < run->options.messages; i++) {
		nr = memory_check(process_vm_readv(memory.pid, &local, 1, &remote, 1, 0));
		ENSURE((size_t)nr == page);
		memory_count_read(run, &memory, local.iov_base, nr);
	}
	TRY(munmap(memory.buf, page));
	memory.buf = NULL;
	memory_end(run, &memory);
	free(local.iov_base);
}

static void memory_fail(pid_t pid, void *address, int err)
{
	char byte;
	struct iovec local = { &byte, 1 };
	struct iovec remote = { address, 1 };

	ENSURE(process_vm_readv(pid, &local, 1, &remote, 1, 0) < 0 && errno == err);
	ENSURE(process_vm_writev(pid, &local, 1, &remote, 1, 0) < 0 && errno == err);
}

static void memory_nothing_body(struct run *run, const void *arg)
{
	(void)run;
	(void)arg;
}

/* Not its memory any more: it is nobody. */
static void memory_denied_body(struct run *run, const void *arg)
{
	const struct memory *memory = arg;

	(void)run;
	if (setresuid(NOBODY, NOBODY, NOBODY) < 0) {
		ENSURE(errno == EINVAL); /* there is no such user in this namespace */
		return;
	}
	memory_fail(getppid(), memory->buf, EPERM);
}

/* Calls that fail, around one that does not. */
static void memory_run_failed(struct run *run)
{
	struct memory memory = memory_new(run);
	struct iovec remote = memory_whole(&memory);
	struct iovec local = { payload_alloc(memory.size), memory.size };
	pid_t gone = process_start(run, memory_nothing_body, NULL);
	ssize_t nr;

	process_wait(gone);
	if (geteuid() == 0)
		process_wait(process_start(run, memory_denied_body, &memory));
	memory_start_owner(run, &memory, memory_owner_body);
	nr = memory_check(process_vm_readv(memory.pid, &local, 1, &remote, 1, 0));
	memory_count_read(run, &memory, local.iov_base, nr);
	memory_fail(memory.pid, NULL, EFAULT);
	memory_fail(gone, memory.buf, ESRCH);
	memory_end(run, &memory);
	free(local.iov_base);
}

/* P processes look at the memory of their parent. */
static void memory_read_parent_body(struct run *run, const void *arg)
{
	const struct memory *memory = arg;
	struct iovec remote = memory_whole(memory);
	struct iovec local = { payload_alloc(memory->size), memory->size };
	unsigned int i;
	ssize_t nr;

	for (i = 0; i < run->options.messages; i++) {
		nr = memory_check(process_vm_readv(memory->pid, &local, 1, &remote, 1, 0));
		memory_count_read(run, memory, local.iov_base, nr);
	}
	free(local.iov_base);
}

static void memory_run_many_readers(struct run *run)
{
	struct memory memory = memory_new(run);

	memory.pid = getpid();
	memory.actor = truth_self(run->truth);
	payload_fill(run, memory.buf, memory.size);
	process_start_group(run, run->options.processes, memory_read_parent_body, &memory);
	process_wait_all();
	free(memory.buf);
}

static void memory_run_self(struct run *run)
{
	struct memory memory = memory_new(run);

	memory.pid = getpid();
	memory.actor = truth_self(run->truth);
	payload_fill(run, memory.buf, memory.size);
	memory_read_parent_body(run, &memory);
	free(memory.buf);
}

static int memory_open_file(const struct memory *memory)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", memory->pid);
	fd = open(path, O_RDWR);
	if (fd < 0 && (errno == EACCES || errno == EPERM || errno == ENOENT))
		try_skip("no right to other processes' memory");
	return TRY(fd);
}

/* With an offset of its own and with the descriptor's, by turns. */
static void memory_run_file_read(struct run *run)
{
	struct memory memory = memory_new(run);
	char *buf = payload_alloc(memory.size);
	const off_t offset = (off_t)memory.buf;
	unsigned int i;
	ssize_t nr;
	int fd;

	memory_start_owner(run, &memory, memory_owner_body);
	fd = memory_open_file(&memory);
	for (i = 0; i < run->options.messages; i++) {
		if (i & 1) {
			nr = TRY(pread(fd, buf, memory.size, offset));
		} else {
			ENSURE(lseek(fd, offset, SEEK_SET) == offset);
			nr = TRY(read(fd, buf, memory.size));
		}
		memory_count_read(run, &memory, buf, nr);
	}
	ENSURE(pread(fd, buf, 1, 0) < 0 && errno == EIO);
	TRY(close(fd));
	memory_end(run, &memory);
	free(buf);
}

static void memory_run_file_write(struct run *run)
{
	struct memory memory = memory_new(run);
	char *buf = payload_alloc(memory.size);
	const off_t offset = (off_t)memory.buf;
	unsigned int i;
	ssize_t nr;
	int fd;

	payload_fill(run, buf, memory.size);
	memory_start_owner(run, &memory, memory_written_body);
	fd = memory_open_file(&memory);
	for (i = 0; i < run->options.messages; i++) {
		if (i & 1) {
			nr = TRY(pwrite(fd, buf, memory.size, offset));
		} else {
			ENSURE(lseek(fd, offset, SEEK_SET) == offset);
			nr = TRY(write(fd, buf, memory.size));
		}
		ENSURE((size_t)nr == memory.size);
		memory_count_write(run, &memory, nr);
	}
	ENSURE(pwrite(fd, buf, 1, 0) < 0 && errno == EIO);
	TRY(close(fd));
	memory_end(run, &memory);
	free(buf);
}

#define MEMORY_SCENARIO(suffix, text, function) SCENARIO("process-vm", suffix, NULL, text, function)

const struct scenario process_vm_scenarios[] = {
	MEMORY_SCENARIO("", "process_vm_readv", memory_run_read),
	MEMORY_SCENARIO("-write", "process_vm_writev", memory_run_write),
	MEMORY_SCENARIO("-vectored", "parts at both sides, not the same ones", memory_run_vectored),
	MEMORY_SCENARIO("-partial", "half of it is not there", memory_run_partial),
	MEMORY_SCENARIO("-failed", "EPERM, ESRCH, EFAULT", memory_run_failed),
	MEMORY_SCENARIO("-many-readers", "P processes read one", memory_run_many_readers),
	MEMORY_SCENARIO("-self", "a process reads its own memory", memory_run_self),
	MEMORY_SCENARIO("-file", "read and pread of /proc/PID/mem", memory_run_file_read),
	MEMORY_SCENARIO("-file-write", "write and pwrite to /proc/PID/mem", memory_run_file_write),
	{ 0 },
};
