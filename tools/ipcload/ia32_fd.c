/* SPDX-License-Identifier: GPL-2.0-only */
/* Pipes, eventfds and unix sockets, used as a 32-bit program uses them (ia32.h). */
#define _GNU_SOURCE
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "duct.h"
#include "ia32.h"
#include "payload.h"
#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define BATCH 4 /* messages of one sendmmsg() */

struct ia32_iovec {
	uint32_t base;
	uint32_t len;
};

struct ia32_msghdr {
	uint32_t name;
	uint32_t namelen;
	uint32_t iov;
	uint32_t iovlen;
	uint32_t control;
	uint32_t controllen;
	uint32_t flags;
};

struct ia32_mmsghdr {
	struct ia32_msghdr header;
	uint32_t len;
};

_Static_assert(sizeof(struct ia32_mmsghdr) == 32, "layout of ia32");

/* What calls point to. */
struct ia32_block {
	uint32_t args[6]; /* of socketcall() */
	struct ia32_iovec parts[BATCH];
	struct ia32_mmsghdr headers[BATCH];
};

/* One process's use of one end. */
struct ia32_end {
	int fd;
	size_t size;
	struct ia32_block *block;
	char *buf; /* BATCH messages */
};

/* Both return as the call does: bytes, or messages of a batch. */
struct ia32_way {
	const struct duct_kind *duct;
	long (*send)(const struct ia32_end *end, size_t size);
	long (*receive)(const struct ia32_end *end, size_t size);
	bool is_message; /* keeps boundaries, has no end */
	bool is_batch;
};

static void ia32_open_end(struct run *run, struct ia32_end *end, int fd)
{
	*end = (struct ia32_end){
		.fd = fd,
		.size = run->options.size,
		.block = ia32_alloc(sizeof(*end->block)),
		.buf = ia32_alloc(BATCH * run->options.size),
	};
}

static long ia32_read(const struct ia32_end *end, size_t size)
{
	return ia32_call(IA32_READ, end->fd, ia32_pointer(end->buf), size, 0, 0);
}

static long ia32_write(const struct ia32_end *end, size_t size)
{
	return ia32_call(IA32_WRITE, end->fd, ia32_pointer(end->buf), size, 0, 0);
}

/* The buffer in two parts. */
static void ia32_split(const struct ia32_end *end, size_t size)
{
	const size_t head = (size + 2) / 3;

	end->block->parts[0] = (struct ia32_iovec){ ia32_pointer(end->buf), head };
	end->block->parts[1] = (struct ia32_iovec){ ia32_pointer(end->buf) + head, size - head };
}

static long ia32_readv(const struct ia32_end *end, size_t size)
{
	ia32_split(end, size);
	return ia32_call(IA32_READV, end->fd, ia32_pointer(end->block->parts), 2, 0, 0);
}

static long ia32_writev(const struct ia32_end *end, size_t size)
{
	ia32_split(end, size);
	return ia32_call(IA32_WRITEV, end->fd, ia32_pointer(end->block->parts), 2, 0, 0);
}

/* Arguments that are not given are 0. */
static long ia32_socketcall(const struct ia32_end *end, unsigned int what, uint32_t b, uint32_t c,
			    uint32_t d)
{
	uint32_t *args = end->block->args;

	memset(args, 0, sizeof(end->block->args));
	args[0] = end->fd;
	args[1] = b;
	args[2] = c;
	args[3] = d;
	return ia32_call(IA32_SOCKETCALL, what, ia32_pointer(args), 0, 0, 0);
}

static long ia32_socketcall_send(const struct ia32_end *end, size_t size)
{
	return ia32_socketcall(end, IA32_SOCKETCALL_SEND, ia32_pointer(end->buf), size, 0);
}

static long ia32_socketcall_recv(const struct ia32_end *end, size_t size)
{
	return ia32_socketcall(end, IA32_SOCKETCALL_RECV, ia32_pointer(end->buf), size, 0);
}

static long ia32_socketcall_sendto(const struct ia32_end *end, size_t size)
{
	return ia32_socketcall(end, IA32_SOCKETCALL_SENDTO, ia32_pointer(end->buf), size, 0);
}

static long ia32_socketcall_recvfrom(const struct ia32_end *end, size_t size)
{
	return ia32_socketcall(end, IA32_SOCKETCALL_RECVFROM, ia32_pointer(end->buf), size, 0);
}

static uint32_t ia32_header(const struct ia32_end *end, size_t size)
{
	struct ia32_msghdr *header = &end->block->headers[0].header;

	ia32_split(end, size);
	*header = (struct ia32_msghdr){ .iov = ia32_pointer(end->block->parts), .iovlen = 2 };
	return ia32_pointer(header);
}

static long ia32_socketcall_sendmsg(const struct ia32_end *end, size_t size)
{
	return ia32_socketcall(end, IA32_SOCKETCALL_SENDMSG, ia32_header(end, size), 0, 0);
}

static long ia32_socketcall_recvmsg(const struct ia32_end *end, size_t size)
{
	return ia32_socketcall(end, IA32_SOCKETCALL_RECVMSG, ia32_header(end, size), 0, 0);
}

/* The calls that are no part of socketcall(). Without an address, its length is not looked at. */
static long ia32_sendto(const struct ia32_end *end, size_t size)
{
	return ia32_call(IA32_SENDTO, end->fd, ia32_pointer(end->buf), size, 0, 0);
}

static long ia32_recvfrom(const struct ia32_end *end, size_t size)
{
	return ia32_call(IA32_RECVFROM, end->fd, ia32_pointer(end->buf), size, 0, 0);
}

static long ia32_sendmsg(const struct ia32_end *end, size_t size)
{
	return ia32_call(IA32_SENDMSG, end->fd, ia32_header(end, size), 0, 0, 0);
}

static long ia32_recvmsg(const struct ia32_end *end, size_t size)
{
	return ia32_call(IA32_RECVMSG, end->fd, ia32_header(end, size), 0, 0, 0);
}

static uint32_t ia32_headers(const struct ia32_end *end, size_t size)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		end->block->parts[i] =
			(struct ia32_iovec){ ia32_pointer(end->buf + i * size), size };
		end->block->headers[i].header = (struct ia32_msghdr){
			.iov = ia32_pointer(&end->block->parts[i]),
			.iovlen = 1,
		};
	}
	return ia32_pointer(end->block->headers);
}

static long ia32_socketcall_sendmmsg(const struct ia32_end *end, size_t size)
{
	return ia32_socketcall(end, IA32_SOCKETCALL_SENDMMSG, ia32_headers(end, size), BATCH, 0);
}

static long ia32_socketcall_recvmmsg(const struct ia32_end *end, size_t size)
{
	return ia32_socketcall(end, IA32_SOCKETCALL_RECVMMSG, ia32_headers(end, size), BATCH,
			       MSG_WAITFORONE);
}

static long ia32_sendmmsg(const struct ia32_end *end, size_t size)
{
	return ia32_call(IA32_SENDMMSG, end->fd, ia32_headers(end, size), BATCH, 0, 0);
}

static long ia32_recvmmsg(const struct ia32_end *end, size_t size)
{
	return ia32_call(IA32_RECVMMSG, end->fd, ia32_headers(end, size), BATCH, MSG_WAITFORONE, 0);
}

static void ia32_send_one_by_one(struct run *run, const struct ia32_end *end, unsigned int channel)
{
	const struct ia32_way *way = run->scenario->arg;
	size_t left = end->size * run->options.messages;
	size_t size;
	long nr;

	while (left) {
		size = left < end->size ? left : end->size;
		payload_fill(run, end->buf, size);
		nr = TRY(way->send(end, size));
		truth_count_sent(run->truth, channel, 1, nr);
		left -= nr;
	}
}

static unsigned int ia32_batches(const struct run *run)
{
	return (run->options.messages + BATCH - 1) / BATCH;
}

/* A socket that waits sends the whole batch. */
static void ia32_send_batches(struct run *run, const struct ia32_end *end, unsigned int channel)
{
	const struct ia32_way *way = run->scenario->arg;
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		payload_fill(run, end->buf + i * end->size, end->size);
	for (i = 0; i < ia32_batches(run); i++) {
		ENSURE(TRY(way->send(end, end->size)) == BATCH);
		truth_count_sent(run->truth, channel, BATCH, BATCH * end->size);
	}
}

static void ia32_receive_one_by_one(struct run *run, const struct ia32_end *end,
				    unsigned int channel)
{
	const struct ia32_way *way = run->scenario->arg;
	unsigned int i;
	long nr;

	for (i = 0; !way->is_message || i < run->options.messages; i++) {
		nr = TRY(way->receive(end, end->size));
		if (!nr)
			return;
		payload_count(run, channel, end->buf, nr);
	}
}

static void ia32_receive_batches(struct run *run, const struct ia32_end *end, unsigned int channel)
{
	const struct ia32_way *way = run->scenario->arg;
	unsigned int left = ia32_batches(run) * BATCH;
	long nr, i;

	while (left) {
		nr = TRY(way->receive(end, end->size));
		ENSURE(nr && nr <= left);
		for (i = 0; i < nr; i++)
			payload_count(run, channel, end->buf + i * end->size,
				      end->block->headers[i].len);
		left -= nr;
	}
}

static void ia32_send_body(struct run *run, const void *arg)
{
	const struct ia32_way *way = run->scenario->arg;
	struct duct duct = *(const struct duct *)arg;
	struct ia32_end end;

	duct_keep_tx(&duct);
	ia32_open_end(run, &end, duct.tx);
	if (way->is_batch)
		ia32_send_batches(run, &end, duct.channel);
	else
		ia32_send_one_by_one(run, &end, duct.channel);
}

static void ia32_receive_body(struct run *run, const void *arg)
{
	const struct ia32_way *way = run->scenario->arg;
	struct duct duct = *(const struct duct *)arg;
	struct ia32_end end;

	duct_keep_rx(&duct);
	ia32_open_end(run, &end, duct.rx);
	if (way->is_batch)
		ia32_receive_batches(run, &end, duct.channel);
	else
		ia32_receive_one_by_one(run, &end, duct.channel);
}

static void ia32_run_way(struct run *run)
{
	const struct ia32_way *way = run->scenario->arg;
	struct duct duct;

	ia32_probe();
	duct = duct_open(run, way->duct, 0);
	(void)process_start(run, ia32_receive_body, &duct);
	(void)process_start(run, ia32_send_body, &duct);
	duct_close(&duct);
	process_wait_all();
}

static void ia32_open_pair(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
			   char ret_name[128])
{
	uint32_t *args = ia32_alloc(sizeof(*args) * 6);
	int *fds = (int *)(args + 4);

	(void)run;
	(void)ret_name; /* a pair has none */
	args[0] = AF_UNIX;
	args[1] = kind->type;
	args[3] = ia32_pointer(fds);
	TRY(ia32_call(IA32_SOCKETCALL, IA32_SOCKETCALL_SOCKETPAIR, ia32_pointer(args), 0, 0, 0));
	ret_duct->rx = fds[0];
	ret_duct->tx = fds[1];
}

struct ia32_event {
	int fd;
	unsigned int channel;
};

static void ia32_write_event_body(struct run *run, const void *arg)
{
	const struct ia32_event *event = arg;
	uint64_t *value = ia32_alloc(sizeof(*value));
	unsigned int i;

	*value = 1;
	for (i = 0; i < run->options.messages; i++) {
		ENSURE(TRY(ia32_call(IA32_WRITE, event->fd, ia32_pointer(value), sizeof(*value), 0,
				     0)) == sizeof(*value));
		truth_count_sent(run->truth, event->channel, 1, sizeof(*value));
	}
}

/* As many writes as the value says, taken by one read. */
static void ia32_run_eventfd(struct run *run)
{
	struct ia32_event event = {
		.channel = truth_add_channel(run->truth, "eventfd", "", 0),
	};
	unsigned int left = run->options.messages;
	uint64_t *value;

	ia32_probe();
	value = ia32_alloc(sizeof(*value));
	event.fd = TRY(ia32_call(IA32_EVENTFD2, 0, 0, 0, 0, 0));
	(void)process_start(run, ia32_write_event_body, &event);
	while (left) {
		ENSURE(TRY(ia32_call(IA32_READ, event.fd, ia32_pointer(value), sizeof(*value), 0,
				     0)) == sizeof(*value));
		ENSURE(*value <= left);
		truth_count_received(run->truth, event.channel, 1, *value, *value * sizeof(*value));
		left -= *value;
	}
	process_wait_all();
}

static const struct duct_kind ia32_stream = { .mechanism = "unix-stream",
					      .open = ia32_open_pair,
					      .type = SOCK_STREAM };
static const struct duct_kind ia32_dgram = { .mechanism = "unix-dgram",
					     .open = ia32_open_pair,
					     .type = SOCK_DGRAM };
static const struct duct_kind ia32_tcp = DUCT_CONNECTION("tcp", SOCK_STREAM, "127.0.0.1");

static const struct ia32_way pipe_plain = { &duct_pipe, ia32_write, ia32_read, false, false };
static const struct ia32_way pipe_vectors = { &duct_pipe, ia32_writev, ia32_readv, false, false };
static const struct ia32_way stream_send = { &ia32_stream, ia32_socketcall_send,
					     ia32_socketcall_recv, false, false };
static const struct ia32_way stream_msg = { &ia32_stream, ia32_socketcall_sendmsg,
					    ia32_socketcall_recvmsg, false, false };
static const struct ia32_way stream_direct = { &ia32_stream, ia32_sendto, ia32_recvfrom, false,
					       false };
static const struct ia32_way tcp_send = { &ia32_tcp, ia32_socketcall_send, ia32_socketcall_recv,
					  false, false };
static const struct ia32_way dgram_sendto = { &ia32_dgram, ia32_socketcall_sendto,
					      ia32_socketcall_recvfrom, true, false };
static const struct ia32_way dgram_direct = { &ia32_dgram, ia32_sendmsg, ia32_recvmsg, true,
					      false };
static const struct ia32_way dgram_batch = { &ia32_dgram, ia32_socketcall_sendmmsg,
					     ia32_socketcall_recvmmsg, true, true };
static const struct ia32_way dgram_batch_direct = { &ia32_dgram, ia32_sendmmsg, ia32_recvmmsg, true,
						    true };

const struct scenario ia32_fd_scenarios[] = {
	SCENARIO("pipe", "-ia32", &pipe_plain, "32-bit read and write", ia32_run_way),
	SCENARIO("pipe", "-ia32-vectored", &pipe_vectors, "32-bit readv and writev", ia32_run_way),
	SCENARIO("unix-stream", "-ia32", &stream_send, "socketcall: socketpair, send, recv",
		 ia32_run_way),
	SCENARIO("unix-stream", "-ia32-msg", &stream_msg, "socketcall: sendmsg, recvmsg",
		 ia32_run_way),
	SCENARIO("unix-stream", "-ia32-direct", &stream_direct, "32-bit sendto and recvfrom",
		 ia32_run_way),
	SCENARIO("tcp", "-ia32", &tcp_send, "socketcall: send, recv", ia32_run_way),
	SCENARIO("unix-dgram", "-ia32", &dgram_sendto, "socketcall: sendto, recvfrom",
		 ia32_run_way),
	SCENARIO("unix-dgram", "-ia32-direct", &dgram_direct, "32-bit sendmsg and recvmsg",
		 ia32_run_way),
	SCENARIO("unix-dgram", "-ia32-batched", &dgram_batch, "socketcall: sendmmsg, recvmmsg",
		 ia32_run_way),
	SCENARIO("unix-dgram", "-ia32-batched-direct", &dgram_batch_direct,
		 "32-bit sendmmsg and recvmmsg", ia32_run_way),
	SCENARIO("eventfd", "-ia32", NULL, "32-bit eventfd2, read and write", ia32_run_eventfd),
	{ 0 },
};
