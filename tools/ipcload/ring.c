/* SPDX-License-Identifier: GPL-2.0-only */
#define _GNU_SOURCE
#include "ring.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "try.h"

#define RING_IDLE_MS 20 /* until a polling thread of the kernel falls asleep */

static void *ring_map(const struct ring *ring, size_t size, uint64_t what)
{
	void *map =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd, what);

	ENSURE(map != MAP_FAILED);
	return map;
}

static void ring_map_queues(struct ring *ring, const struct io_uring_params *params)
{
	const struct io_sqring_offsets *sq = &params->sq_off;
	const struct io_cqring_offsets *cq = &params->cq_off;
	size_t sq_size = sq->array + params->sq_entries * sizeof(unsigned int);
	size_t cq_size = cq->cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	char *map = ring_map(ring, sq_size > cq_size ? sq_size : cq_size, IORING_OFF_SQ_RING);
	unsigned int *array = (unsigned int *)(map + sq->array);
	unsigned int i;

	ring->sq_tail = (unsigned int *)(map + sq->tail);
	ring->sq_flags = (unsigned int *)(map + sq->flags);
	ring->sq_mask = *(unsigned int *)(map + sq->ring_mask);
	ring->cq_head = (unsigned int *)(map + cq->head);
	ring->cq_tail = (unsigned int *)(map + cq->tail);
	ring->cq_mask = *(unsigned int *)(map + cq->ring_mask);
	ring->cqes = (struct io_uring_cqe *)(map + cq->cqes);
	ring->sqes = ring_map(ring, params->sq_entries * sizeof(*ring->sqes), IORING_OFF_SQES);
	for (i = 0; i < params->sq_entries; i++)
		array[i] = i;
}

void ring_open(struct ring *ring, unsigned int setup_flags)
{
	struct io_uring_params params = { .flags = setup_flags, .sq_thread_idle = RING_IDLE_MS };
	int fd = syscall(SYS_io_uring_setup, RING_ENTRIES, &params);

	if (fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EINVAL))
		try_skip("no io_uring");
	*ring = (struct ring){ .fd = TRY(fd), .setup_flags = setup_flags };
	if (!(params.features & IORING_FEAT_SINGLE_MMAP))
		try_skip("an io_uring of the first kind");
	if (setup_flags & IORING_SETUP_SQPOLL && !(params.features & IORING_FEAT_SQPOLL_NONFIXED))
		try_skip("io_uring polls registered files only");
	ring_map_queues(ring, &params);
}

int ring_register(struct ring *ring, unsigned int what, const void *arg, unsigned int nr)
{
	return syscall(SYS_io_uring_register, ring->fd, what, arg, nr);
}

struct io_uring_sqe *ring_prepare(struct ring *ring, unsigned int op, int fd, const void *address,
				  unsigned int len)
{
	struct io_uring_sqe *sqe = &ring->sqes[(*ring->sq_tail + ring->prepared) & ring->sq_mask];

	ENSURE(ring->prepared < RING_ENTRIES);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = op;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)address;
	sqe->len = len;
	if (op == IORING_OP_READ || op == IORING_OP_WRITE || op == IORING_OP_READV ||
	    op == IORING_OP_WRITEV || op == IORING_OP_READ_FIXED || op == IORING_OP_WRITE_FIXED)
		sqe->off = -1;
	ring->prepared++;
	return sqe;
}

/* Shows the kernel what was prepared, and returns how much of it it must still be told of. */
static unsigned int ring_publish(struct ring *ring)
{
	const unsigned int nr = ring->prepared;

	__atomic_store_n(ring->sq_tail, *ring->sq_tail + nr, __ATOMIC_SEQ_CST);
	ring->prepared = 0;
	return ring->setup_flags & IORING_SETUP_SQPOLL ? 0 : nr;
}

static void ring_enter(struct ring *ring, unsigned int to_submit)
{
	unsigned int flags = IORING_ENTER_GETEVENTS;
	int nr;

	if (__atomic_load_n(ring->sq_flags, __ATOMIC_SEQ_CST) & IORING_SQ_NEED_WAKEUP)
		flags |= IORING_ENTER_SQ_WAKEUP;
	nr = syscall(SYS_io_uring_enter, ring->fd, to_submit, 1, flags, NULL, 0);
	if (nr < 0 && errno == EINTR && !to_submit)
		return;
	ENSURE(TRY(nr) == (int)to_submit || ring->setup_flags & IORING_SETUP_SQPOLL);
}

struct ring_completion ring_take(struct ring *ring)
{
	const unsigned int head = *ring->cq_head;
	const struct io_uring_cqe *cqe = &ring->cqes[head & ring->cq_mask];
	struct ring_completion completion;

	if (ring->prepared)
		ring_enter(ring, ring_publish(ring));
	while (head == __atomic_load_n(ring->cq_tail, __ATOMIC_ACQUIRE))
		ring_enter(ring, 0);
	completion = (struct ring_completion){ .res = cqe->res, .flags = cqe->flags };
	__atomic_store_n(ring->cq_head, head + 1, __ATOMIC_RELEASE);
	return completion;
}

int ring_result(struct ring *ring)
{
	struct ring_completion completion = ring_take(ring);

	if (completion.res == -EINVAL)
		try_skip("no such operation of io_uring");
	return completion.res;
}
