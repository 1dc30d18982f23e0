/* SPDX-License-Identifier: GPL-2.0-only */
#define _GNU_SOURCE
#include "message.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "payload.h"
#include "process.h"
#include "truth.h"
#include "try.h"

void message_send(struct run *run, int fd, unsigned int channel, size_t size)
{
	char *buf = payload_alloc(size);

	payload_fill(run, buf, size);
	ENSURE(TRY(send(fd, buf, size, 0)) == (ssize_t)size);
	truth_count_sent(run->truth, channel, 1, size);
	free(buf);
}

void message_receive(struct run *run, int fd, unsigned int channel, size_t size)
{
	char *buf = payload_alloc(size);
	ssize_t nr = TRY(recv(fd, buf, size, 0));

	ENSURE(nr > 0);
	payload_count(run, channel, buf, nr);
	free(buf);
}

/* Half of the smallest usual receive buffer, with what the kernel adds to each message. */
unsigned int message_window(size_t size)
{
	size_t window = 100000 / (size + 1500);

	return window ? window : 1;
}

/* A duct with how to use it, as the bodies of the child processes get it. */
struct messages {
	struct duct duct;
	bool is_lossy;
	unsigned int nr; /* of each sender */
	unsigned int senders;
	size_t send_size;
	size_t receive_size;
};

static struct messages messages_open(struct run *run, unsigned int flags)
{
	const struct duct_kind *kind = run->scenario->arg;

	return (struct messages){
		.duct = duct_open(run, kind, flags),
		.is_lossy = kind->is_lossy,
		.nr = run->options.messages,
		.senders = 1,
		.send_size = run->options.size,
		.receive_size = run->options.size,
	};
}

static void messages_send_all(struct run *run, const struct messages *messages)
{
	const struct duct *duct = &messages->duct;
	unsigned int window = message_window(messages->send_size) / messages->senders + 1;
	unsigned int open = 0;
	unsigned int i;

	for (i = 0; i < messages->nr; i++) {
		if (messages->is_lossy && open == window) {
			message_receive(run, duct->tx, duct->channel, 1);
			open--;
		}
		message_send(run, duct->tx, duct->channel, messages->send_size);
		open++;
	}
	while (messages->is_lossy && open--)
		message_receive(run, duct->tx, duct->channel, 1);
}

static void messages_send_body(struct run *run, const void *arg)
{
	struct messages messages = *(const struct messages *)arg;

	duct_keep_tx(&messages.duct);
	messages_send_all(run, &messages);
}

static void messages_receive_body(struct run *run, const void *arg)
{
	struct messages messages = *(const struct messages *)arg;
	const struct duct *duct = &messages.duct;
	unsigned int i;

	duct_keep_rx(&messages.duct);
	for (i = 0; i < messages.nr * messages.senders; i++) {
		message_receive(run, duct->rx, duct->channel, messages.receive_size);
		if (messages.is_lossy)
			message_send(run, duct->rx, duct->channel, 1);
	}
}

static void messages_run_children(struct run *run, struct messages *messages)
{
	(void)process_start(run, messages_receive_body, messages);
	process_start_group(run, messages->senders, messages_send_body, messages);
	duct_close(&messages->duct);
	process_wait_all();
}

void message_run_simple(struct run *run)
{
	struct messages messages = messages_open(run, 0);

	messages_run_children(run, &messages);
}

void message_run_truncated(struct run *run)
{
	struct messages messages = messages_open(run, TRUTH_TRUNCATES);

	messages.receive_size = (messages.send_size + 1) / 2;
	messages_run_children(run, &messages);
}

void message_run_many_writers(struct run *run)
{
	struct messages messages = messages_open(run, 0);

	messages.senders = run->options.processes;
	messages_run_children(run, &messages);
}

#define EMPTY_WINDOW 8 /* empty messages cost a lossy socket as much as others */

static void messages_send_empty_body(struct run *run, const void *arg)
{
	struct messages messages = *(const struct messages *)arg;
	unsigned int i;

	duct_keep_tx(&messages.duct);
	for (i = 1; i <= messages.nr; i++) {
		ENSURE(TRY(send(messages.duct.tx, "", 0, 0)) == 0);
		truth_count_sent(run->truth, messages.duct.channel, 1, 0);
		if (i % EMPTY_WINDOW == 0)
			message_receive(run, messages.duct.tx, messages.duct.channel, 1);
	}
}

/* The only message without a mark: the scenario has one sender, the parent's second child. */
static void messages_receive_empty_body(struct run *run, const void *arg)
{
	struct messages messages = *(const struct messages *)arg;
	const unsigned int sender = truth_self(run->truth) + 1;
	unsigned int i;
	char byte;

	duct_keep_rx(&messages.duct);
	for (i = 1; i <= messages.nr; i++) {
		ENSURE(TRY(recv(messages.duct.rx, &byte, 1, 0)) == 0);
		truth_count_received(run->truth, messages.duct.channel, sender, 1, 0);
		if (i % EMPTY_WINDOW == 0)
			message_send(run, messages.duct.rx, messages.duct.channel, 1);
	}
}

void message_run_empty(struct run *run)
{
	struct messages messages = messages_open(run, 0);

	(void)process_start(run, messages_receive_empty_body, &messages);
	(void)process_start(run, messages_send_empty_body, &messages);
	duct_close(&messages.duct);
	process_wait_all();
}

/* Reads until its end comes: a message of one byte, of which there is one for each reader. */
static void messages_share_body(struct run *run, const void *arg)
{
	const struct messages *messages = arg;
	const struct duct *duct = &messages->duct;
	char *buf = payload_alloc(messages->receive_size);
	ssize_t nr;

	do {
		nr = TRY(recv(duct->rx, buf, messages->receive_size, 0));
		ENSURE(nr > 0);
		payload_count(run, duct->channel, buf, nr);
		if (messages->is_lossy)
			message_send(run, duct->rx, duct->channel, 1);
	} while (nr > 1);
	free(buf);
}

void message_run_many_readers(struct run *run)
{
	struct messages messages = messages_open(run, 0);
	struct messages ends = messages;

	if (messages.send_size < 2)
		messages.send_size = messages.receive_size = 2;
	ends.nr = run->options.processes;
	ends.send_size = 1;
	process_start_group(run, run->options.processes, messages_share_body, &messages);
	messages_send_all(run, &messages);
	messages_send_all(run, &ends);
	process_wait_all();
}

#define BATCH 8

/* BATCH messages in one buffer. */
struct batch {
	struct mmsghdr headers[BATCH];
	struct iovec parts[BATCH];
	char *buf;
};

static void batch_init(struct batch *batch, size_t size)
{
	unsigned int i;

	*batch = (struct batch){ .buf = payload_alloc(BATCH * size) };
	for (i = 0; i < BATCH; i++) {
		batch->parts[i] = (struct iovec){ batch->buf + i * size, size };
		batch->headers[i].msg_hdr.msg_iov = &batch->parts[i];
		batch->headers[i].msg_hdr.msg_iovlen = 1;
	}
}

static void messages_receive_batches_body(struct run *run, const void *arg)
{
	struct messages messages = *(const struct messages *)arg;
	const struct duct *duct = &messages.duct;
	struct batch batch;
	unsigned int done = 0;
	int nr, i;

	batch_init(&batch, messages.receive_size);
	duct_keep_rx(&messages.duct);
	while (done < messages.nr) {
		nr = TRY(recvmmsg(duct->rx, batch.headers, BATCH, MSG_WAITFORONE, NULL));
		for (i = 0; i < nr; i++, done++) {
			payload_count(run, duct->channel, batch.parts[i].iov_base,
				      batch.headers[i].msg_len);
			if (messages.is_lossy)
				message_send(run, duct->rx, duct->channel, 1);
		}
	}
	free(batch.buf);
}

/* Batches until all is sent; sendmmsg() may send fewer than it was given. */
static void messages_send_batches(struct run *run, const struct messages *messages)
{
	const struct duct *duct = &messages->duct;
	struct batch batch;
	unsigned int done, left;
	int nr, i;

	batch_init(&batch, messages->send_size);
	for (i = 0; i < BATCH; i++)
		payload_fill(run, batch.parts[i].iov_base, messages->send_size);
	for (done = 0; done < messages->nr; done += nr) {
		left = messages->nr - done;
		nr = TRY(sendmmsg(duct->tx, batch.headers, left < BATCH ? left : BATCH, 0));
		truth_count_sent(run->truth, duct->channel, nr, nr * messages->send_size);
		for (i = 0; messages->is_lossy && i < nr; i++)
			message_receive(run, duct->tx, duct->channel, 1);
	}
	free(batch.buf);
}

void message_run_batched(struct run *run)
{
	struct messages messages = messages_open(run, 0);

	(void)process_start(run, messages_receive_batches_body, &messages);
	duct_keep_tx(&messages.duct);
	messages_send_batches(run, &messages);
	duct_close(&messages.duct);
	process_wait_all();
}

void message_run_self(struct run *run)
{
	struct messages messages = messages_open(run, 0);
	const struct duct *duct = &messages.duct;
	unsigned int i;

	for (i = 0; i < messages.nr; i++) {
		message_send(run, duct->tx, duct->channel, messages.send_size);
		message_receive(run, duct->rx, duct->channel, messages.receive_size);
	}
}
