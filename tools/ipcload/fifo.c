/* SPDX-License-Identifier: GPL-2.0-only */
/* FIFOs: who opens first, one path used again, both ways at once. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process.h"
#include "stream.h"
#include "truth.h"
#include "try.h"

struct fifo {
	char path[108];
	unsigned int channel;
	struct gate gate;
};

static void fifo_init(struct run *run, struct fifo *fifo)
{
	duct_name_path(run, "fifo", fifo->path);
	TRY(mkfifo(fifo->path, 0600));
	fifo->channel = truth_add_channel(run->truth, "fifo", fifo->path, 0);
}

static void fifo_open_and_read(struct run *run, const struct fifo *fifo)
{
	int fd = TRY(open(fifo->path, O_RDONLY));

	stream_receive_all(run, fd, fifo->channel, run->options.size);
	TRY(close(fd));
}

static void fifo_open_and_write(struct run *run, const struct fifo *fifo)
{
	int fd = TRY(open(fifo->path, O_WRONLY));

	stream_send(run, fd, fifo->channel, run->options.messages, run->options.size);
	TRY(close(fd));
}

static void fifo_read_body(struct run *run, const void *arg)
{
	const struct fifo *fifo = arg;

	gate_release(run, &fifo->gate, 1);
	fifo_open_and_read(run, fifo);
}

static void fifo_write_body(struct run *run, const void *arg)
{
	const struct fifo *fifo = arg;

	gate_release(run, &fifo->gate, 1);
	fifo_open_and_write(run, fifo);
}

static void fifo_run_reader_first(struct run *run)
{
	struct fifo fifo;

	fifo_init(run, &fifo);
	fifo.gate = gate_open(run);
	(void)process_start(run, fifo_read_body, &fifo);
	gate_pass(run, &fifo.gate);
	fifo_open_and_write(run, &fifo);
	process_wait_all();
	TRY(unlink(fifo.path));
}

static void fifo_run_writer_first(struct run *run)
{
	struct fifo fifo;

	fifo_init(run, &fifo);
	fifo.gate = gate_open(run);
	(void)process_start(run, fifo_write_body, &fifo);
	gate_pass(run, &fifo.gate);
	fifo_open_and_read(run, &fifo);
	process_wait_all();
	TRY(unlink(fifo.path));
}

static void fifo_read_only_body(struct run *run, const void *arg)
{
	fifo_open_and_read(run, arg);
}

static void fifo_write_only_body(struct run *run, const void *arg)
{
	fifo_open_and_write(run, arg);
}

/* The path stays, the channel behind it is another one. */
static void fifo_run_reopened(struct run *run)
{
	struct fifo fifo;

	fifo_init(run, &fifo);
	(void)process_start(run, fifo_read_only_body, &fifo);
	(void)process_start(run, fifo_write_only_body, &fifo);
	process_wait_all();
	fifo.channel = truth_add_channel(run->truth, "fifo", fifo.path, 0);
	(void)process_start(run, fifo_read_only_body, &fifo);
	(void)process_start(run, fifo_write_only_body, &fifo);
	process_wait_all();
	TRY(unlink(fifo.path));
}

#define RDWR_MESSAGES 100 /* fit into any FIFO */
#define RDWR_SIZE 64

static void fifo_read_half_body(struct run *run, const void *arg)
{
	const struct fifo *fifo = arg;
	int fd = TRY(open(fifo->path, O_RDONLY));

	stream_receive_total(run, fd, fifo->channel, RDWR_SIZE, RDWR_MESSAGES / 2 * RDWR_SIZE);
}

static void fifo_run_rdwr(struct run *run)
{
	struct fifo fifo;
	int fd;

	fifo_init(run, &fifo);
	fd = TRY(open(fifo.path, O_RDWR));
	stream_send(run, fd, fifo.channel, RDWR_MESSAGES, RDWR_SIZE);
	(void)process_start(run, fifo_read_half_body, &fifo);
	stream_receive_total(run, fd, fifo.channel, RDWR_SIZE, RDWR_MESSAGES / 2 * RDWR_SIZE);
	process_wait_all();
	TRY(unlink(fifo.path));
}

const struct scenario fifo_scenarios[] = {
	STREAM_SCENARIOS("fifo", &duct_fifo),
	SCENARIO("fifo", "-reader-first", NULL, "the reader waits in open()",
		 fifo_run_reader_first),
	SCENARIO("fifo", "-writer-first", NULL, "the writer waits in open()",
		 fifo_run_writer_first),
	SCENARIO("fifo", "-reopened", NULL, "one path, two generations of processes",
		 fifo_run_reopened),
	SCENARIO("fifo", "-rdwr", NULL, "opened for both, shared with a reader", fifo_run_rdwr),
	{ 0 },
};
