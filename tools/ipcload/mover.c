/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * splice, tee, vmsplice, sendfile: data that moves without passing through user memory.
 *
 * A source sends to the mover over the in channel, the mover moves it on over the out channel,
 * each call one message. The mover sees no payload; so the receiver, who reads all of it, says
 * what the mover took in and from whom.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "duct.h"
#include "payload.h"
#include "process.h"
#include "scenario.h"
#include "stream.h"
#include "truth.h"
#include "try.h"

struct mover_kind {
	const struct duct_kind *in;  /* NULL: a file */
	const struct duct_kind *out; /* NULL: a file */
	ssize_t (*move)(int in, int out, size_t size);
	bool does_copy; /* the data stays in the in channel: the mover then reads it */
};

struct mover {
	const struct mover_kind *kind;
	struct duct in;
	struct duct out;
	unsigned int self;     /* actor that moves */
	unsigned int receiver; /* actor that reads the out channel */
};

static ssize_t mover_splice(int in, int out, size_t size)
{
	return splice(in, NULL, out, NULL, size, 0);
}

static ssize_t mover_tee(int in, int out, size_t size)
{
	return tee(in, out, size, 0);
}

static ssize_t mover_sendfile(int in, int out, size_t size)
{
	return sendfile(out, in, NULL, size);
}

/* An unlinked file without content; only a duct's end that is used is valid. */
static struct duct mover_open_file(struct run *run)
{
	char path[108];
	int fd;

	duct_name_path(run, "file", path);
	fd = TRY(open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
	TRY(unlink(path));
	return (struct duct){ .rx = fd, .tx = TRY(dup(fd)) };
}

static void mover_fill_file(struct run *run, int fd)
{
	char *buf = payload_alloc(run->options.size);
	unsigned int i;

	payload_fill(run, buf, run->options.size);
	for (i = 0; i < run->options.messages; i++)
		ENSURE(TRY(write(fd, buf, run->options.size)) == (ssize_t)run->options.size);
	TRY(lseek(fd, 0, SEEK_SET));
	free(buf);
}

static void mover_source_body(struct run *run, const void *arg)
{
	struct mover mover = *(const struct mover *)arg;

	duct_close(&mover.out);
	duct_keep_tx(&mover.in);
	stream_send(run, mover.in.tx, mover.in.channel, run->options.messages, run->options.size);
}

/* Counts what the mover received on the in channel, by the marks that arrived here. */
static void mover_count_in(struct run *run, const struct mover *mover, const char *buf, size_t nr)
{
	size_t i;

	for (i = 0; i < nr; i++)
		truth_count_edge(run->truth, mover->in.channel, buf[i] & 0x7f, mover->self,
				 buf[i] & 0x80 ? 1 : 0, 1);
}

static void mover_receive_body(struct run *run, const void *arg)
{
	struct mover mover = *(const struct mover *)arg;
	const bool does_count_in = mover.kind->in && !mover.kind->does_copy;
	char buf[4096];
	ssize_t nr;

	duct_keep_rx(&mover.out);
	while ((nr = TRY(read(mover.out.rx, buf, sizeof(buf))))) {
		truth_count_received(run->truth, mover.out.channel, mover.self, 0, nr);
		if (does_count_in)
			mover_count_in(run, &mover, buf, nr);
	}
}

/* One call, one message; who gets its first byte is certain, since there is one receiver. */
static void mover_move_all(struct run *run, const struct mover *mover)
{
	ssize_t nr;

	while ((nr = TRY(mover->kind->move(mover->in.rx, mover->out.tx, run->options.size)))) {
		if (mover->kind->out) {
			truth_count_sent(run->truth, mover->out.channel, 1, nr);
			truth_count_edge(run->truth, mover->out.channel, mover->self,
					 mover->receiver, 1, 0);
		}
		if (mover->kind->does_copy)
			stream_receive_total(run, mover->in.rx, mover->in.channel, nr, nr);
	}
}

/* What was moved into a file was received by the mover: nobody else reads it. */
static void mover_count_file(struct run *run, const struct mover *mover)
{
	TRY(lseek(mover->out.tx, 0, SEEK_SET));
	stream_receive_all(run, mover->out.tx, mover->in.channel, 4096);
}

/*
 * splice() to a full socket sleeps with the in pipe's mutex held, and so would the receiver in
 * close() if it had to drop an end of that pipe: so it is started before there is one.
 */
static void mover_start_receiver(struct run *run, struct mover *mover)
{
	mover->in = (struct duct){ -1, -1, mover->out.channel + 1 };
	mover->receiver = truth_actors(run->truth);
	if (mover->kind->out)
		(void)process_start(run, mover_receive_body, mover);
}

static void mover_start_source(struct run *run, struct mover *mover)
{
	const unsigned int announced = mover->in.channel;

	if (!mover->kind->in) {
		mover->in = mover_open_file(run);
		mover_fill_file(run, mover->in.rx);
		return;
	}
	mover->in = duct_open(run, mover->kind->in, 0);
	ENSURE(mover->in.channel == announced || !mover->kind->out);
	(void)process_start(run, mover_source_body, mover);
}

static void mover_run(struct run *run)
{
	struct mover mover = {
		.kind = run->scenario->arg,
		.self = truth_self(run->truth),
	};

	mover.out = mover.kind->out ? duct_open(run, mover.kind->out, 0) : mover_open_file(run);
	mover_start_receiver(run, &mover);
	mover_start_source(run, &mover);
	duct_keep_rx(&mover.in);
	duct_keep_tx(&mover.out);
	mover_move_all(run, &mover);
	if (!mover.kind->out)
		mover_count_file(run, &mover);
	duct_close(&mover.in);
	duct_close(&mover.out);
	process_wait_all();
}

/* Receives into user memory: on a read end vmsplice() is a read. */
static void vmsplice_receive_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;
	char *buf = payload_alloc(run->options.size);
	struct iovec part = { buf, run->options.size };
	ssize_t nr;

	duct_keep_rx(&duct);
	while ((nr = TRY(vmsplice(duct.rx, &part, 1, 0))))
		payload_count(run, duct.channel, buf, nr);
	free(buf);
}

/* The pipe holds the buffer itself: it must stay as it is until all is read. */
static void vmsplice_run(struct run *run)
{
	struct duct duct = duct_open(run, run->scenario->arg, 0);
	size_t size = run->options.size;
	char *buf = payload_alloc(size);
	struct iovec part = { buf, size };
	unsigned int i;

	(void)process_start(run, vmsplice_receive_body, &duct);
	duct_keep_tx(&duct);
	payload_fill(run, buf, size);
	for (i = 0; i < run->options.messages; i++) {
		ENSURE(TRY(vmsplice(duct.tx, &part, 1, 0)) == (ssize_t)size);
		truth_count_sent(run->truth, duct.channel, 1, size);
	}
	duct_close(&duct);
	process_wait_all();
	free(buf);
}

static const struct duct_kind mover_socket = DUCT_PAIR("unix-stream", SOCK_STREAM);
static const struct duct_kind mover_tcp = DUCT_CONNECTION("tcp", SOCK_STREAM, "127.0.0.1");
static const struct mover_kind file_to_pipe = { NULL, &duct_pipe, mover_splice, false };
static const struct mover_kind pipe_to_pipe = { &duct_pipe, &duct_pipe, mover_splice, false };
static const struct mover_kind pipe_to_socket = { &duct_pipe, &mover_socket, mover_splice, false };
static const struct mover_kind socket_to_pipe = { &mover_socket, &duct_pipe, mover_splice, false };
static const struct mover_kind pipe_to_file = { &duct_pipe, NULL, mover_splice, false };
static const struct mover_kind tee_pipe = { &duct_pipe, &duct_pipe, mover_tee, true };
static const struct mover_kind send_socket = { NULL, &mover_socket, mover_sendfile, false };
static const struct mover_kind send_tcp = { NULL, &mover_tcp, mover_sendfile, false };
static const struct mover_kind send_pipe = { NULL, &duct_pipe, mover_sendfile, false };

#define MOVER_SCENARIO(scenario, over, text, kind)                                                 \
	{                                                                                          \
		.name = scenario, .mechanism = over, .summary = text, .run = mover_run,            \
		.arg = kind                                                                        \
	}

const struct scenario mover_scenarios[] = {
	MOVER_SCENARIO("splice-file-pipe", "pipe", "splice from a file to a pipe", &file_to_pipe),
	MOVER_SCENARIO("splice-pipe-pipe", "pipe", "splice from pipe to pipe", &pipe_to_pipe),
	MOVER_SCENARIO("splice-pipe-socket", "pipe", "splice from a pipe to a unix socket",
		       &pipe_to_socket),
	MOVER_SCENARIO("splice-socket-pipe", "unix-stream", "splice from a unix socket to a pipe",
		       &socket_to_pipe),
	MOVER_SCENARIO("splice-pipe-file", "pipe", "splice from a pipe to a file", &pipe_to_file),
	MOVER_SCENARIO("tee", "pipe", "tee to a pipe, then read the source", &tee_pipe),
	MOVER_SCENARIO("sendfile-socket", "unix-stream", "sendfile to a unix socket", &send_socket),
	MOVER_SCENARIO("sendfile-tcp", "tcp", "sendfile to a TCP socket", &send_tcp),
	MOVER_SCENARIO("sendfile-pipe", "pipe", "sendfile to a pipe", &send_pipe),
	{ .name = "vmsplice",
	  .mechanism = "pipe",
	  .summary = "vmsplice at both ends",
	  .run = vmsplice_run,
	  .arg = &duct_pipe },
	{ 0 },
};
