/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small io_uring by its raw system calls: what is prepared is submitted by the next take. A
 * ring belongs to the process that opened it and lives until that exits. Errors of the ring end
 * the process (try.h), those of operations are results.
 */
#ifndef IPCLOAD_RING_H
#define IPCLOAD_RING_H

#include <linux/io_uring.h>
#include <sys/types.h>

#define RING_ENTRIES 64

struct ring {
	int fd;
	unsigned int setup_flags;
	unsigned int prepared; /* and not submitted */
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	/* What is shared with the kernel. */
	unsigned int *sq_tail;
	unsigned int *sq_flags;
	unsigned int *cq_head;
	unsigned int *cq_tail;
	unsigned int sq_mask;
	unsigned int cq_mask;
};

struct ring_completion {
	int res;
	unsigned int flags;
};

/* setup_flags: IORING_SETUP_*. Skips the scenario where there is no io_uring. */
void ring_open(struct ring *ring, unsigned int setup_flags);
/* For io_uring_register(); returns its result. */
int ring_register(struct ring *ring, unsigned int what, const void *arg, unsigned int nr);

/*
 * The next operation, at the file's own position, to be refined by the caller. Not more than
 * RING_ENTRIES at once.
 */
struct io_uring_sqe *ring_prepare(struct ring *ring, unsigned int op, int fd, const void *address,
				  unsigned int len);
/* One completion; waits for it. */
struct ring_completion ring_take(struct ring *ring);
/* The result of the only operation; skips the scenario where the kernel does not know it. */
int ring_result(struct ring *ring);

#endif
