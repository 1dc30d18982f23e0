/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Transfers by io_uring: the channels are those of the other scenarios, but there is no system
 * call for each message. An operation that moved bytes is a message, whatever ran it: the
 * submitting call, a worker or a polling thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "address.h"
#include "duct.h"
#include "payload.h"
#include "process.h"
#include "ring.h"
#include "scenario.h"
#include "stream.h"
#include "truth.h"
#include "try.h"

enum uring_way {
	URING_READ_WRITE,
	URING_VECTORS,
	URING_FIXED, /* registered buffer and file */
	URING_SEND_RECV,
	URING_MSG,
};

struct uring_kind {
	const struct duct_kind *duct;
	enum uring_way way;
	unsigned int setup_flags; /* of rings */
	unsigned int sqe_flags;
	bool is_message; /* keeps boundaries, has no end */
	bool is_mixed;	 /* every second transfer is a plain read or write */
};

/* One end of a duct, as one process uses it through a ring of its own. */
struct uring {
	const struct uring_kind *kind;
	struct ring ring;
	int fd;
	char *buf;
	size_t size;
	struct iovec part;
	struct msghdr header;
};

static void uring_register(struct uring *uring)
{
	const struct iovec part = { uring->buf, uring->size };

	TRY(ring_register(&uring->ring, IORING_REGISTER_BUFFERS, &part, 1));
	TRY(ring_register(&uring->ring, IORING_REGISTER_FILES, &uring->fd, 1));
}

/* `uring` must not move: operations point into it. */
static void uring_open(struct run *run, struct uring *uring, int fd)
{
	*uring = (struct uring){
		.kind = run->scenario->arg,
		.fd = fd,
		.buf = payload_alloc(run->options.size),
		.size = run->options.size,
	};
	uring->header = (struct msghdr){ .msg_iov = &uring->part, .msg_iovlen = 1 };
	ring_open(&uring->ring, uring->kind->setup_flags);
	if (uring->kind->way == URING_FIXED)
		uring_register(uring);
}

static unsigned int uring_op(enum uring_way way, bool is_send)
{
	switch (way) {
	case URING_VECTORS:
		return is_send ? IORING_OP_WRITEV : IORING_OP_READV;
	case URING_FIXED:
		return is_send ? IORING_OP_WRITE_FIXED : IORING_OP_READ_FIXED;
	case URING_SEND_RECV:
		return is_send ? IORING_OP_SEND : IORING_OP_RECV;
	case URING_MSG:
		return is_send ? IORING_OP_SENDMSG : IORING_OP_RECVMSG;
	default:
		return is_send ? IORING_OP_WRITE : IORING_OP_READ;
	}
}

/* A transfer of up to `size` bytes of the buffer, in the way that the scenario is about. */
static struct io_uring_sqe *uring_prepare(struct uring *uring, bool is_send, size_t size)
{
	const unsigned int op = uring_op(uring->kind->way, is_send);
	const void *what = uring->buf;
	struct io_uring_sqe *sqe;
	size_t len = size;

	uring->part = (struct iovec){ uring->buf, size };
	if (uring->kind->way == URING_VECTORS || uring->kind->way == URING_MSG) {
		what = uring->kind->way == URING_MSG ? (void *)&uring->header :
						       (void *)&uring->part;
		len = 1;
	}
	sqe = ring_prepare(&uring->ring, op, uring->fd, what, len);
	sqe->flags = uring->kind->sqe_flags;
	if (uring->kind->way == URING_FIXED) {
		sqe->fd = 0;
		sqe->flags |= IOSQE_FIXED_FILE;
	}
	return sqe;
}

static ssize_t uring_check(int result)
{
	errno = result < 0 ? -result : 0;
	return TRY(result < 0 ? -1 : result);
}

static ssize_t uring_transfer(struct uring *uring, bool is_send, size_t size)
{
	(void)uring_prepare(uring, is_send, size);
	return uring_check(ring_result(&uring->ring));
}

/* As stream_send(): what a partial write leaves is a message of its own. */
static void uring_send_all(struct run *run, struct uring *uring, unsigned int channel)
{
	size_t left = uring->size * run->options.messages;
	unsigned int turn = 0;
	size_t size;
	ssize_t nr;

	while (left) {
		size = left < uring->size ? left : uring->size;
		payload_fill(run, uring->buf, size);
		if (uring->kind->is_mixed && turn++ & 1)
			nr = TRY(write(uring->fd, uring->buf, size));
		else
			nr = uring_transfer(uring, true, size);
		truth_count_sent(run->truth, channel, 1, nr);
		left -= nr;
	}
}

static size_t uring_receive(struct run *run, struct uring *uring, unsigned int channel,
			    bool is_plain)
{
	ssize_t nr;

	if (is_plain)
		nr = TRY(read(uring->fd, uring->buf, uring->size));
	else
		nr = uring_transfer(uring, false, uring->size);
	payload_count(run, channel, uring->buf, nr);
	return nr;
}

/* To the end of a stream, or all messages of the only sender. */
static void uring_receive_all(struct run *run, struct uring *uring, unsigned int channel)
{
	unsigned int i;
	size_t nr;

	for (i = 0; !uring->kind->is_message || i < run->options.messages; i++) {
		nr = uring_receive(run, uring, channel, uring->kind->is_mixed && i & 1);
		if (!nr)
			return;
	}
}

static void uring_write_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;
	struct uring uring;

	duct_keep_tx(&duct);
	uring_open(run, &uring, duct.tx);
	uring_send_all(run, &uring, duct.channel);
}

static void uring_read_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;
	struct uring uring;

	duct_keep_rx(&duct);
	uring_open(run, &uring, duct.rx);
	uring_receive_all(run, &uring, duct.channel);
}

static struct duct uring_open_duct(struct run *run)
{
	const struct uring_kind *kind = run->scenario->arg;

	return duct_open(run, kind->duct, 0);
}

static void uring_run_simple(struct run *run)
{
	struct duct duct = uring_open_duct(run);

	(void)process_start(run, uring_read_body, &duct);
	(void)process_start(run, uring_write_body, &duct);
	duct_close(&duct);
	process_wait_all();
}

static void uring_run_many_writers(struct run *run)
{
	struct duct duct = uring_open_duct(run);

	(void)process_start(run, uring_read_body, &duct);
	process_start_group(run, run->options.processes, uring_write_body, &duct);
	duct_close(&duct);
	process_wait_all();
}

#define LINKED 4

/* Sends LINKED of them at once; one that is not sent in full cancels those behind it. */
static size_t uring_send_linked(struct run *run, struct uring *uring, unsigned int channel,
				size_t left)
{
	const size_t size = left < uring->size ? left : uring->size;
	const unsigned int nr = left / size < LINKED ? left / size : LINKED;
	size_t sent = 0;
	unsigned int i;
	int result;

	payload_fill(run, uring->buf, size);
	for (i = 0; i < nr; i++)
		uring_prepare(uring, true, size)->flags |= i < nr - 1 ? IOSQE_IO_LINK : 0;
	for (i = 0; i < nr; i++) {
		result = ring_take(&uring->ring).res;
		if (result == -ECANCELED)
			continue;
		truth_count_sent(run->truth, channel, 1, uring_check(result));
		sent += result;
	}
	return sent;
}

static void uring_write_linked_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;
	struct uring uring;
	size_t left;

	duct_keep_tx(&duct);
	uring_open(run, &uring, duct.tx);
	left = uring.size * run->options.messages;
	while (left)
		left -= uring_send_linked(run, &uring, duct.channel, left);
}

static void uring_run_linked(struct run *run)
{
	struct duct duct = uring_open_duct(run);

	(void)process_start(run, uring_read_body, &duct);
	(void)process_start(run, uring_write_linked_body, &duct);
	duct_close(&duct);
	process_wait_all();
}

struct uring_pull {
	struct duct duct;
	struct gate gate; /* the reader has found nothing */
};

/* Waits for what is not there, and takes it back; then for what comes. */
static void uring_cancel_body(struct run *run, const void *arg)
{
	struct uring_pull pull = *(const struct uring_pull *)arg;
	struct uring uring;
	unsigned int i;

	duct_keep_rx(&pull.duct);
	uring_open(run, &uring, pull.duct.rx);
	for (i = 0; i < run->options.messages; i++) {
		uring_prepare(&uring, false, uring.size)->user_data = 1;
		(void)ring_prepare(&uring.ring, IORING_OP_ASYNC_CANCEL, -1, (void *)1, 0);
		/* The two in any order: the cancel finds it, so it returns 0. */
		ENSURE(ring_take(&uring.ring).res + ring_take(&uring.ring).res == -ECANCELED);
		gate_release(run, &pull.gate, 1);
		stream_receive_total(run, pull.duct.rx, pull.duct.channel, 1, 1);
		if (uring.size > 1)
			ENSURE(uring_receive(run, &uring, pull.duct.channel, false));
	}
	uring_receive_all(run, &uring, pull.duct.channel);
}

static void uring_run_cancelled(struct run *run)
{
	struct uring_pull pull = { .duct = uring_open_duct(run) };
	unsigned int i;

	if (run->options.size > 4096)
		run->options.size = 4096; /* so that one read has all of it */
	pull.gate = gate_open(run);
	(void)process_start(run, uring_cancel_body, &pull);
	duct_keep_tx(&pull.duct);
	for (i = 0; i < run->options.messages; i++) {
		gate_pass(run, &pull.gate);
		stream_send(run, pull.duct.tx, pull.duct.channel, 1, run->options.size);
	}
	duct_close(&pull.duct);
	process_wait_all();
}

static void uring_fail(struct uring *uring, unsigned int op, int fd, int err)
{
	struct io_uring_sqe *sqe = ring_prepare(&uring->ring, op, fd, uring->buf, 1);
	int res;

	if (op == IORING_OP_SEND)
		sqe->msg_flags = MSG_NOSIGNAL;
	if (err == EAGAIN)
		sqe->rw_flags = RWF_NOWAIT;
	res = ring_take(&uring->ring).res;
	/* Pipes know RWF_NOWAIT since 6.4 (afed6271f5b0). */
	ENSURE(res == -err || (err == EAGAIN && res == -EOPNOTSUPP));
}

/* Operations that move nothing, then a stream that is as if they had not been. */
static void uring_run_failed(struct run *run)
{
	struct duct duct = uring_open_duct(run);
	struct duct pair =
		duct_open(run, &(struct duct_kind)DUCT_PAIR("unix-stream", SOCK_STREAM), 0);
	struct uring uring;

	uring_open(run, &uring, duct.tx);
	uring_fail(&uring, IORING_OP_READ, duct.rx, EAGAIN);
	uring_fail(&uring, IORING_OP_READ, duct.tx, EBADF);
	uring_fail(&uring, IORING_OP_WRITE, duct.rx, EBADF);
	uring_fail(&uring, IORING_OP_READ, -1, EBADF);
	uring_fail(&uring, IORING_OP_RECV, duct.rx, ENOTSOCK);
	TRY(close(pair.rx));
	uring_fail(&uring, IORING_OP_SEND, pair.tx, EPIPE);
	(void)process_start(run, uring_read_body, &duct);
	uring_send_all(run, &uring, duct.channel);
	duct_close(&duct);
	process_wait_all();
}

#define BUFFERS 16
#define BUFFER_SIZE 4096
#define BUFFER_GROUP 5

static void uring_provide(struct ring *ring, char *buffers)
{
	struct io_uring_sqe *sqe =
		ring_prepare(ring, IORING_OP_PROVIDE_BUFFERS, BUFFERS, buffers, BUFFER_SIZE);

	sqe->buf_group = BUFFER_GROUP;
	ENSURE(ring_result(ring) >= 0);
}

static void uring_arm_multishot(struct ring *ring, int fd)
{
	struct io_uring_sqe *sqe = ring_prepare(ring, IORING_OP_RECV, fd, NULL, 0);

	sqe->flags = IOSQE_BUFFER_SELECT;
	sqe->ioprio = IORING_RECV_MULTISHOT;
	sqe->buf_group = BUFFER_GROUP;
}

/* Until the operation ends; returns the buffers that it used. */
static unsigned int uring_take_multishot(struct run *run, struct ring *ring, const char *buffers,
					 unsigned int channel, int *ret_result)
{
	struct ring_completion done;
	unsigned int nr = 0;

	do {
		done = ring_take(ring);
		if (done.res <= 0)
			continue;
		payload_count(run, channel,
			      buffers + (done.flags >> IORING_CQE_BUFFER_SHIFT) * BUFFER_SIZE,
			      done.res);
		nr++;
	} while (done.flags & IORING_CQE_F_MORE);
	*ret_result = done.res;
	return nr;
}

/* One operation receives again and again, until it has no buffers left. */
static void uring_multishot_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;
	char *buffers = payload_alloc(BUFFERS * BUFFER_SIZE);
	unsigned int used = BUFFERS;
	struct ring ring;
	int result;

	duct_keep_rx(&duct);
	ring_open(&ring, 0);
	do {
		if (used == BUFFERS) {
			uring_provide(&ring, buffers);
			used = 0;
		}
		uring_arm_multishot(&ring, duct.rx);
		used += uring_take_multishot(run, &ring, buffers, duct.channel, &result);
		if (result == -EINVAL)
			try_skip("no multishot receive");
		ENSURE(result >= 0 || (result == -ENOBUFS && used == BUFFERS));
	} while (result);
	free(buffers);
}

static void uring_run_multishot(struct run *run)
{
	struct duct duct = uring_open_duct(run);

	(void)process_start(run, uring_multishot_body, &duct);
	(void)process_start(run, uring_write_body, &duct);
	duct_close(&duct);
	process_wait_all();
}

struct uring_event {
	int fd;
	unsigned int channel;
};

static void uring_write_event_body(struct run *run, const void *arg)
{
	const struct uring_event *event = arg;
	const uint64_t one = 1;
	struct ring ring;
	unsigned int i;

	ring_open(&ring, 0);
	for (i = 0; i < run->options.messages; i++) {
		(void)ring_prepare(&ring, IORING_OP_WRITE, event->fd, &one, sizeof(one));
		ENSURE(ring_result(&ring) == sizeof(one));
		truth_count_sent(run->truth, event->channel, 1, sizeof(one));
	}
}

/* Reads take what has come together, as many writes as the value says. */
static void uring_run_eventfd(struct run *run)
{
	struct uring_event event = {
		.fd = TRY(eventfd(0, 0)),
		.channel = truth_add_channel(run->truth, "eventfd", "", 0),
	};
	unsigned int left = run->options.messages;
	struct ring ring;
	uint64_t value;

	ring_open(&ring, 0);
	(void)process_start(run, uring_write_event_body, &event);
	while (left) {
		(void)ring_prepare(&ring, IORING_OP_READ, event.fd, &value, sizeof(value));
		ENSURE(ring_result(&ring) == sizeof(value) && value <= left);
		truth_count_received(run->truth, event.channel, 1, value, value * sizeof(value));
		left -= value;
	}
	process_wait_all();
}

struct uring_service {
	struct address address;
	unsigned int channel;
};

static void uring_connect_body(struct run *run, const void *arg)
{
	const struct uring_service *service = arg;
	const struct address *address = &service->address;
	struct io_uring_sqe *sqe;
	struct uring uring;

	uring_open(run, &uring, TRY(socket(address->socket.any.sa_family, SOCK_STREAM, 0)));
	sqe = ring_prepare(&uring.ring, IORING_OP_CONNECT, uring.fd, &address->socket, 0);
	sqe->off = address->len;
	ENSURE(ring_result(&uring.ring) == 0);
	uring_send_all(run, &uring, service->channel);
}

/* There is no connect() and no accept() to see either. */
static void uring_run_accept(struct run *run)
{
	const struct uring_kind *kind = run->scenario->arg;
	struct uring_service service = { .address = address_parse(run, kind->duct->address) };
	int listener = address_listen(&service.address, SOCK_STREAM);
	char name[ADDRESS_NAME_SIZE];
	struct uring uring;

	service.address = address_of(listener);
	address_name(&service.address, name);
	service.channel = truth_add_channel(run->truth, kind->duct->mechanism, name, 0);
	(void)process_start(run, uring_connect_body, &service);
	uring_open(run, &uring, -1);
	(void)ring_prepare(&uring.ring, IORING_OP_ACCEPT, listener, NULL, 0);
	uring.fd = uring_check(ring_result(&uring.ring));
	uring_receive_all(run, &uring, service.channel);
	process_wait_all();
	address_remove(&service.address);
}

static const struct duct_kind uring_pair = DUCT_PAIR("unix-stream", SOCK_STREAM);
static const struct duct_kind uring_path = DUCT_CONNECTION("unix-stream", SOCK_STREAM, "/listener");
static const struct duct_kind uring_tcp = DUCT_CONNECTION("tcp", SOCK_STREAM, "127.0.0.1");
static const struct duct_kind uring_dgram = DUCT_PAIR("unix-dgram", SOCK_DGRAM);

static const struct uring_kind pipe_plain = { .duct = &duct_pipe };
static const struct uring_kind pipe_vectors = { .duct = &duct_pipe, .way = URING_VECTORS };
static const struct uring_kind pipe_fixed = { .duct = &duct_pipe, .way = URING_FIXED };
static const struct uring_kind pipe_poll = { .duct = &duct_pipe,
					     .setup_flags = IORING_SETUP_SQPOLL };
static const struct uring_kind pipe_async = { .duct = &duct_pipe, .sqe_flags = IOSQE_ASYNC };
static const struct uring_kind pipe_mixed = { .duct = &duct_pipe, .is_mixed = true };
static const struct uring_kind fifo_plain = { .duct = &duct_fifo };
static const struct uring_kind stream_plain = { .duct = &uring_pair };
static const struct uring_kind stream_send_recv = { .duct = &uring_pair, .way = URING_SEND_RECV };
static const struct uring_kind stream_msg = { .duct = &uring_pair, .way = URING_MSG };
static const struct uring_kind stream_poll = { .duct = &uring_pair,
					       .way = URING_SEND_RECV,
					       .setup_flags = IORING_SETUP_SQPOLL };
static const struct uring_kind stream_path = { .duct = &uring_path, .way = URING_SEND_RECV };
static const struct uring_kind stream_mixed = { .duct = &uring_pair,
						.way = URING_SEND_RECV,
						.is_mixed = true };
static const struct uring_kind tcp_send_recv = { .duct = &uring_tcp, .way = URING_SEND_RECV };
static const struct uring_kind tcp_msg = { .duct = &uring_tcp, .way = URING_MSG };
static const struct uring_kind dgram_send_recv = { .duct = &uring_dgram,
						   .way = URING_SEND_RECV,
						   .is_message = true };
static const struct uring_kind dgram_msg = { .duct = &uring_dgram,
					     .way = URING_MSG,
					     .is_message = true };

const struct scenario uring_scenarios[] = {
	SCENARIO("pipe", "-uring", &pipe_plain, "io_uring at both ends", uring_run_simple),
	SCENARIO("pipe", "-uring-vectored", &pipe_vectors, "READV and WRITEV", uring_run_simple),
	SCENARIO("pipe", "-uring-fixed", &pipe_fixed, "registered buffers and files",
		 uring_run_simple),
	SCENARIO("pipe", "-uring-sqpoll", &pipe_poll, "a thread of the kernel submits",
		 uring_run_simple),
	SCENARIO("pipe", "-uring-async", &pipe_async, "IOSQE_ASYNC: done by workers",
		 uring_run_simple),
	SCENARIO("pipe", "-uring-mixed", &pipe_mixed, "system calls and io_uring by turns",
		 uring_run_simple),
	SCENARIO("pipe", "-uring-many-writers", &pipe_plain, "P writers, one reader",
		 uring_run_many_writers),
	SCENARIO("pipe", "-uring-linked", &pipe_plain, "4 linked writes at a time",
		 uring_run_linked),
	SCENARIO("pipe", "-uring-cancelled", &pipe_plain, "reads cancelled before anything came",
		 uring_run_cancelled),
	SCENARIO("pipe", "-uring-failed", &pipe_plain, "operations that fail move nothing",
		 uring_run_failed),
	SCENARIO("fifo", "-uring", &fifo_plain, "io_uring at both ends", uring_run_simple),
	SCENARIO("unix-stream", "-uring", &stream_send_recv, "SEND and RECV", uring_run_simple),
	SCENARIO("unix-stream", "-uring-read", &stream_plain, "READ and WRITE", uring_run_simple),
	SCENARIO("unix-stream", "-uring-msg", &stream_msg, "SENDMSG and RECVMSG", uring_run_simple),
	SCENARIO("unix-stream", "-uring-sqpoll", &stream_poll, "a thread of the kernel submits",
		 uring_run_simple),
	SCENARIO("unix-stream", "-uring-mixed", &stream_mixed, "system calls and io_uring by turns",
		 uring_run_simple),
	SCENARIO("unix-stream", "-uring-multishot", &stream_send_recv,
		 "one RECV that receives again and again", uring_run_multishot),
	SCENARIO("unix-stream", "-uring-accept", &stream_path, "ACCEPT and CONNECT as well",
		 uring_run_accept),
	SCENARIO("tcp", "-uring", &tcp_send_recv, "SEND and RECV", uring_run_simple),
	SCENARIO("tcp", "-uring-msg", &tcp_msg, "SENDMSG and RECVMSG", uring_run_simple),
	SCENARIO("tcp", "-uring-accept", &tcp_send_recv, "ACCEPT and CONNECT as well",
		 uring_run_accept),
	SCENARIO("unix-dgram", "-uring", &dgram_send_recv, "SEND and RECV", uring_run_simple),
	SCENARIO("unix-dgram", "-uring-msg", &dgram_msg, "SENDMSG and RECVMSG", uring_run_simple),
	SCENARIO("eventfd", "-uring", NULL, "READ and WRITE", uring_run_eventfd),
	{ 0 },
};
