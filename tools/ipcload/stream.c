/* SPDX-License-Identifier: GPL-2.0-only */
#include "stream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "payload.h"
#include "process.h"
#include "truth.h"
#include "try.h"

#define MIB (1024 * 1024)

static void stream_send_bytes(struct run *run, int fd, unsigned int channel, char *buf, size_t size)
{
	ssize_t nr;

	while (size) {
		payload_fill(run, buf, size);
		nr = TRY(write(fd, buf, size));
		truth_count_sent(run->truth, channel, 1, nr);
		size -= nr;
	}
}

void stream_send(struct run *run, int fd, unsigned int channel, unsigned int nr, size_t size)
{
	char *buf = payload_alloc(size);

	while (nr--)
		stream_send_bytes(run, fd, channel, buf, size);
	free(buf);
}

size_t stream_receive(struct run *run, int fd, unsigned int channel, size_t size)
{
	char *buf = payload_alloc(size);
	size_t nr = TRY(read(fd, buf, size));

	payload_count(run, channel, buf, nr);
	free(buf);
	return nr;
}

void stream_receive_all(struct run *run, int fd, unsigned int channel, size_t size)
{
	while (stream_receive(run, fd, channel, size))
		;
}

void stream_receive_total(struct run *run, int fd, unsigned int channel, size_t size, size_t total)
{
	size_t nr;

	while (total) {
		nr = stream_receive(run, fd, channel, total < size ? total : size);
		ENSURE(nr);
		total -= nr;
	}
}

/* A duct with how to use it, as the bodies of the child processes get it. */
struct stream {
	struct duct duct;
	unsigned int messages; /* of each writer */
	size_t write_size;
	size_t read_size;
};

static struct stream stream_open(struct run *run, unsigned int flags)
{
	return (struct stream){
		.duct = duct_open(run, run->scenario->arg, flags),
		.messages = run->options.messages,
		.write_size = run->options.size,
		.read_size = run->options.size,
	};
}

static void stream_write_body(struct run *run, const void *arg)
{
	struct stream stream = *(const struct stream *)arg;

	duct_keep_tx(&stream.duct);
	stream_send(run, stream.duct.tx, stream.duct.channel, stream.messages, stream.write_size);
}

static void stream_read_body(struct run *run, const void *arg)
{
	struct stream stream = *(const struct stream *)arg;

	duct_keep_rx(&stream.duct);
	stream_receive_all(run, stream.duct.rx, stream.duct.channel, stream.read_size);
}

/* Children do everything: the parent has to be no reader or writer by accident. */
static void stream_run_children(struct run *run, struct stream *stream, unsigned int writers,
				unsigned int readers)
{
	process_start_group(run, readers, stream_read_body, stream);
	process_start_group(run, writers, stream_write_body, stream);
	duct_close(&stream->duct);
	process_wait_all();
}

void stream_run_simple(struct run *run)
{
	struct stream stream = stream_open(run, 0);

	stream_run_children(run, &stream, 1, 1);
}

void stream_run_partial_reads(struct run *run)
{
	struct stream stream = stream_open(run, 0);

	stream.read_size = 7;
	stream_run_children(run, &stream, 1, 1);
}

void stream_run_large_reads(struct run *run)
{
	struct stream stream = stream_open(run, 0);

	stream.read_size = 10 * stream.write_size + 1;
	stream_run_children(run, &stream, 1, 1);
}

void stream_run_big_writes(struct run *run)
{
	struct stream stream = stream_open(run, 0);

	stream.messages = 8;
	stream.write_size = MIB;
	stream.read_size = 65536;
	stream_run_children(run, &stream, 1, 1);
}

void stream_run_many_writers(struct run *run)
{
	struct stream stream = stream_open(run, 0);

	stream_run_children(run, &stream, run->options.processes, 1);
}

void stream_run_many_readers(struct run *run)
{
	struct stream stream = stream_open(run, 0);

	stream_run_children(run, &stream, 1, run->options.processes);
}

void stream_run_many_to_many(struct run *run)
{
	struct stream stream = stream_open(run, 0);

	stream_run_children(run, &stream, run->options.processes, run->options.processes);
}

/* Only for streams of packets: what a short read leaves of one is lost. */
void stream_run_truncated(struct run *run)
{
	struct stream stream = stream_open(run, TRUTH_TRUNCATES);

	stream.read_size = (stream.write_size + 1) / 2;
	stream_run_children(run, &stream, 1, 1);
}

static void stream_read_half_body(struct run *run, const void *arg)
{
	struct stream stream = *(const struct stream *)arg;

	duct_keep_rx(&stream.duct);
	stream_receive_total(run, stream.duct.rx, stream.duct.channel, stream.read_size,
			     stream.messages * stream.write_size / 2 + 3);
}

/* As much as any stream holds without a reader, so that nobody blocks. */
void stream_run_unread(struct run *run)
{
	struct stream stream = stream_open(run, TRUTH_UNREAD);

	stream.messages = 100;
	stream.write_size = 64;
	stream_send(run, stream.duct.tx, stream.duct.channel, stream.messages, stream.write_size);
	process_wait(process_start(run, stream_read_half_body, &stream));
	duct_close(&stream.duct);
}

#define WARM_UP_MESSAGES 3

struct preconnected {
	struct stream stream;
	struct gate gate;
	int warm_tx; /* a pipe that is used only before the counted part begins */
};

/* Reads to the last byte and does not count: this is before the truth begins. */
static void stream_skip(int fd, size_t total)
{
	char *buf = payload_alloc(total);
	size_t done = 0;
	ssize_t nr;

	while (done < total) {
		nr = TRY(read(fd, buf, total - done));
		ENSURE(nr);
		done += nr;
	}
	free(buf);
}

static void stream_read_preconnected_body(struct run *run, const void *arg)
{
	const struct preconnected *preconnected = arg;
	struct stream stream = preconnected->stream;

	duct_keep_rx(&stream.duct);
	stream_skip(stream.duct.rx, WARM_UP_MESSAGES * stream.write_size);
	ENSURE(TRY(write(preconnected->warm_tx, "", 1)) == 1);
	gate_pass(run, &preconnected->gate);
	stream_receive_all(run, stream.duct.rx, stream.duct.channel, stream.read_size);
}

static void stream_warm_up(const struct stream *stream)
{
	char *buf = payload_alloc(stream->write_size);
	unsigned int i;

	memset(buf, 0, stream->write_size);
	for (i = 0; i < WARM_UP_MESSAGES; i++)
		ENSURE(TRY(write(stream->duct.tx, buf, stream->write_size)) ==
		       (ssize_t)stream->write_size);
	free(buf);
}

void stream_run_preconnected(struct run *run)
{
	struct preconnected preconnected = { .stream = stream_open(run, 0) };
	struct duct *duct = &preconnected.stream.duct;
	int warm[2];

	preconnected.gate = gate_open(run);
	TRY(pipe(warm));
	preconnected.warm_tx = warm[1];
	(void)process_start(run, stream_read_preconnected_body, &preconnected);
	duct_keep_tx(duct);
	stream_warm_up(&preconnected.stream);
	stream_skip(warm[0], 1);
	process_wait_stdin(run);
	gate_release(run, &preconnected.gate, 1);
	stream_send(run, duct->tx, duct->channel, run->options.messages, run->options.size);
	duct_close(duct);
	process_wait_all();
}
