/* SPDX-License-Identifier: GPL-2.0-only */
/* Stream scenarios about descriptors: how they are waited for, numbered, shared and replaced. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "payload.h"
#include "process.h"
#include "stream.h"
#include "truth.h"
#include "try.h"

static void stream_poll(int fd, short events)
{
	struct pollfd poller = { .fd = fd, .events = events };

	ENSURE(TRY(poll(&poller, 1, -1)) == 1);
}

static void stream_set_nonblock(int fd)
{
	TRY(fcntl(fd, F_SETFL, O_NONBLOCK));
}

/* Sends until all is sent or, without a poll, until the stream is full. Returns bytes sent. */
static size_t stream_send_nonblock(struct run *run, const struct duct *duct, size_t size,
				   size_t total, bool does_wait)
{
	char *buf = payload_alloc(size);
	size_t done = 0;
	ssize_t nr;

	while (done < total) {
		payload_fill(run, buf, size);
		nr = write(duct->tx, buf, total - done < size ? total - done : size);
		if (nr < 0 && errno == EAGAIN && !does_wait)
			break;
		if (nr < 0 && errno == EAGAIN) {
			stream_poll(duct->tx, POLLOUT);
			continue;
		}
		truth_count_sent(run->truth, duct->channel, 1, TRY(nr));
		done += nr;
	}
	free(buf);
	return done;
}

static void stream_read_nonblock_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;
	char buf[16384];
	ssize_t nr;

	duct_keep_rx(&duct);
	do {
		nr = read(duct.rx, buf, sizeof(buf));
		if (nr < 0 && errno == EAGAIN)
			stream_poll(duct.rx, POLLIN);
		else
			payload_count(run, duct.channel, buf, TRY(nr));
	} while (nr);
}

void stream_run_nonblock(struct run *run)
{
	struct duct duct = duct_open(run, run->scenario->arg, 0);
	const size_t total = 32 * 1024 * 1024;
	size_t done;
	char byte;

	stream_set_nonblock(duct.rx);
	stream_set_nonblock(duct.tx);
	ENSURE(read(duct.rx, &byte, 1) < 0 && errno == EAGAIN);
	done = stream_send_nonblock(run, &duct, 100000, total, false);
	ENSURE(done < total);
	(void)process_start(run, stream_read_nonblock_body, &duct);
	duct_keep_tx(&duct);
	(void)stream_send_nonblock(run, &duct, 100000, total - done, true);
	duct_close(&duct);
	process_wait_all();
}

#define VECTOR_PARTS 3

/* Parts of unequal length, one of them empty. */
static void stream_split(char *buf, size_t size, struct iovec ret_parts[VECTOR_PARTS])
{
	size_t head = (size + 2) / 3;

	ret_parts[0] = (struct iovec){ buf, head };
	ret_parts[1] = (struct iovec){ NULL, 0 };
	ret_parts[2] = (struct iovec){ buf + head, size - head };
}

/* The calls that a vectored scenario is about; both move at most the parts' bytes. */
struct vector_calls {
	struct duct duct;
	ssize_t (*send)(int fd, const struct iovec *parts, int nr);
	ssize_t (*receive)(int fd, const struct iovec *parts, int nr);
};

static void stream_read_vectored_body(struct run *run, const void *arg)
{
	struct vector_calls calls = *(const struct vector_calls *)arg;
	struct iovec parts[VECTOR_PARTS];
	size_t size = run->options.size;
	char *buf = payload_alloc(size);
	ssize_t nr;

	duct_keep_rx(&calls.duct);
	stream_split(buf, size, parts);
	while ((nr = TRY(calls.receive(calls.duct.rx, parts, VECTOR_PARTS))))
		payload_count(run, calls.duct.channel, buf, nr);
	free(buf);
}

static void stream_run_vector_calls(struct run *run, struct vector_calls *calls)
{
	struct iovec parts[VECTOR_PARTS];
	size_t size = run->options.size;
	char *buf = payload_alloc(size);
	unsigned int i;

	calls->duct = duct_open(run, run->scenario->arg, 0);
	(void)process_start(run, stream_read_vectored_body, calls);
	duct_keep_tx(&calls->duct);
	payload_fill(run, buf, size);
	stream_split(buf, size, parts);
	for (i = 0; i < run->options.messages; i++) {
		ENSURE(TRY(calls->send(calls->duct.tx, parts, VECTOR_PARTS)) == (ssize_t)size);
		truth_count_sent(run->truth, calls->duct.channel, 1, size);
	}
	duct_close(&calls->duct);
	process_wait_all();
	free(buf);
}

void stream_run_vectored(struct run *run)
{
	struct vector_calls calls = { .send = writev, .receive = readv };

	stream_run_vector_calls(run, &calls);
}

static ssize_t stream_pwritev2(int fd, const struct iovec *parts, int nr)
{
	return pwritev2(fd, parts, nr, -1, 0);
}

static ssize_t stream_preadv2(int fd, const struct iovec *parts, int nr)
{
	return preadv2(fd, parts, nr, -1, 0);
}

void stream_run_preadv2(struct run *run)
{
	struct vector_calls calls = { .send = stream_pwritev2, .receive = stream_preadv2 };

	stream_run_vector_calls(run, &calls);
}

#define DUP_WAYS 5
#define DUP_NUMBER 200 /* far above what the process has open */

/* Another number for the same end, in one of DUP_WAYS ways; the old number is gone after. */
static int stream_renumber(int fd, unsigned int way)
{
	int new_fd;

	switch (way % DUP_WAYS) {
	case 0:
		new_fd = TRY(dup(fd));
		break;
	case 1:
		new_fd = TRY(dup2(fd, DUP_NUMBER));
		break;
	case 2:
		new_fd = TRY(dup3(fd, DUP_NUMBER + 1, O_CLOEXEC));
		break;
	case 3:
		new_fd = TRY(fcntl(fd, F_DUPFD, DUP_NUMBER + 10));
		break;
	default:
		new_fd = TRY(fcntl(fd, F_DUPFD_CLOEXEC, DUP_NUMBER + 10));
	}
	TRY(dup2(new_fd, new_fd));
	TRY(close_range(fd, fd, way & 1 ? CLOSE_RANGE_UNSHARE : 0));
	if (close_range(new_fd, new_fd, CLOSE_RANGE_CLOEXEC))
		ENSURE(errno == EINVAL); /* since 5.11 */
	return new_fd;
}

static void stream_read_dup_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;
	unsigned int way = 0;

	duct_keep_rx(&duct);
	do {
		duct.rx = stream_renumber(duct.rx, way++);
	} while (stream_receive(run, duct.rx, duct.channel, run->options.size));
}

void stream_run_dup(struct run *run)
{
	struct duct duct = duct_open(run, run->scenario->arg, 0);
	unsigned int i;

	(void)process_start(run, stream_read_dup_body, &duct);
	duct_keep_tx(&duct);
	for (i = 0; i < run->options.messages; i++) {
		duct.tx = stream_renumber(duct.tx, i);
		stream_send(run, duct.tx, duct.channel, 1, run->options.size);
	}
	duct_close(&duct);
	process_wait_all();
}

static void stream_read_shared_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;

	duct_keep_rx(&duct);
	stream_receive_all(run, duct.rx, duct.channel, run->options.size);
}

static void stream_write_shared_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;

	stream_send(run, duct.tx, duct.channel, run->options.messages, run->options.size);
}

void stream_run_shared(struct run *run)
{
	struct duct duct = duct_open(run, run->scenario->arg, 0);

	(void)process_start(run, stream_read_shared_body, &duct);
	duct_keep_tx(&duct);
	(void)process_start(run, stream_write_shared_body, &duct);
	stream_write_shared_body(run, &duct);
	duct_close(&duct);
	process_wait_all();
}

#define REPLACE_ROUNDS 20

struct replacer {
	int fd;
	int gate_tx;
	char byte; /* for the gate; counted by the main thread */
};

/*
 * Puts /dev/null over the descriptor that the main thread reads from, then lets the writer go.
 * The sleep only makes it likely that the read is blocked by then: the reader sees if not.
 */
static void *stream_replace_thread(void *arg)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	struct replacer *replacer = arg;
	int null = TRY(open("/dev/null", O_RDONLY));

	(void)nanosleep(&pause, NULL);
	TRY(dup2(null, replacer->fd));
	TRY(close(null));
	ENSURE(TRY(write(replacer->gate_tx, &replacer->byte, 1)) == 1);
	return NULL;
}

/* One message; comes from the old file even though its number means another one by then. */
static void stream_read_replaced(struct run *run, struct replacer *replacer,
				 const struct duct *duct, int saved)
{
	size_t size = run->options.size;
	pthread_t thread;
	size_t nr;

	TRY(dup2(saved, replacer->fd));
	ENSURE(pthread_create(&thread, NULL, stream_replace_thread, replacer) == 0);
	nr = stream_receive(run, replacer->fd, duct->channel, size);
	ENSURE(pthread_join(thread, NULL) == 0);
	stream_receive_total(run, saved, duct->channel, size, size - nr);
}

struct replaced {
	struct duct duct;
	struct gate gate;
};

static void stream_read_replaced_body(struct run *run, const void *arg)
{
	struct replaced replaced = *(const struct replaced *)arg;
	struct replacer replacer = { .gate_tx = replaced.gate.tx };
	unsigned int i;
	int saved;

	duct_keep_rx(&replaced.duct);
	replacer.fd = replaced.duct.rx;
	saved = TRY(dup(replaced.duct.rx));
	payload_fill(run, &replacer.byte, 1);
	for (i = 0; i < REPLACE_ROUNDS; i++)
		stream_read_replaced(run, &replacer, &replaced.duct, saved);
	truth_count_sent(run->truth, replaced.gate.channel, REPLACE_ROUNDS, REPLACE_ROUNDS);
}

void stream_run_replaced(struct run *run)
{
	struct replaced replaced;
	unsigned int i;

	replaced.duct = duct_open(run, run->scenario->arg, 0);
	replaced.gate = gate_open(run);
	(void)process_start(run, stream_read_replaced_body, &replaced);
	duct_keep_tx(&replaced.duct);
	for (i = 0; i < REPLACE_ROUNDS; i++) {
		gate_pass(run, &replaced.gate);
		stream_send(run, replaced.duct.tx, replaced.duct.channel, 1, run->options.size);
	}
	process_wait_all();
}

void stream_run_self(struct run *run)
{
	struct duct duct = duct_open(run, run->scenario->arg, 0);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		stream_send(run, duct.tx, duct.channel, 1, run->options.size);
		stream_receive_total(run, duct.rx, duct.channel, run->options.size,
				     run->options.size);
	}
	duct_close(&duct);
}
