/* SPDX-License-Identifier: GPL-2.0-only */
#include "flags.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "duct.h"
#include "message.h"
#include "payload.h"
#include "process.h"
#include "truth.h"
#include "try.h"

#define UNTOUCHED 0xff /* a byte that is in no payload */

struct pull;

/* One call of recv() or a few; what it leaves of the message is received after it. */
typedef size_t pull_receive(struct run *run, const struct pull *pull, char *buf);

struct pull {
	struct duct duct;
	pull_receive *receive;
	size_t size;	    /* of all sends for one request */
	unsigned int sends; /* for one request */
};

static void pull_receive_body(struct run *run, const void *arg)
{
	struct pull pull = *(const struct pull *)arg;
	char *buf = payload_alloc(pull.size);
	unsigned int i;
	size_t nr;

	duct_keep_rx(&pull.duct);
	for (i = 0; i < run->options.messages; i++) {
		nr = pull.receive(run, &pull, buf);
		if (nr < pull.size)
			message_receive(run, pull.duct.rx, pull.duct.channel, pull.size - nr);
	}
	free(buf);
}

/* The other side is the parent: it sends what it is asked for. */
static void pull_run(struct run *run, pull_receive *receive, unsigned int flags, unsigned int sends)
{
	struct pull pull = {
		.duct = duct_open(run, run->scenario->arg, flags),
		.receive = receive,
		.size = run->options.size * sends,
		.sends = sends,
	};
	const struct duct *duct = &pull.duct;
	unsigned int i, j;

	(void)process_start(run, pull_receive_body, &pull);
	duct_keep_tx(&pull.duct);
	for (i = 0; i < run->options.messages; i++) {
		message_receive(run, duct->tx, duct->channel, 1);
		for (j = 0; j < sends; j++)
			message_send(run, duct->tx, duct->channel, run->options.size);
	}
	process_wait_all();
}

static void pull_ask(struct run *run, const struct pull *pull)
{
	message_send(run, pull->duct.rx, pull->duct.channel, 1);
}

static void pull_wait(const struct pull *pull)
{
	struct pollfd poller = { .fd = pull->duct.rx, .events = POLLIN };

	ENSURE(TRY(poll(&poller, 1, -1)) == 1);
}

static size_t pull_peek(struct run *run, const struct pull *pull, char *buf)
{
	ssize_t peeked, nr;

	pull_ask(run, pull);
	peeked = TRY(recv(pull->duct.rx, buf, pull->size, MSG_PEEK));
	nr = TRY(recv(pull->duct.rx, buf, pull->size, 0));
	ENSURE(peeked > 0 && nr >= peeked);
	payload_count(run, pull->duct.channel, buf, nr);
	return nr;
}

void flags_run_peek(struct run *run)
{
	pull_run(run, pull_peek, 0, 1);
}

static size_t pull_dontwait(struct run *run, const struct pull *pull, char *buf)
{
	ssize_t nr = recv(pull->duct.rx, buf, pull->size, MSG_DONTWAIT);

	ENSURE(nr < 0 && errno == EAGAIN);
	pull_ask(run, pull);
	pull_wait(pull);
	nr = TRY(recv(pull->duct.rx, buf, pull->size, MSG_DONTWAIT));
	payload_count(run, pull->duct.channel, buf, nr);
	return nr;
}

void flags_run_dontwait(struct run *run)
{
	pull_run(run, pull_dontwait, 0, 1);
}

/*
 * A datagram socket returns the whole length but copies what fits, TCP discards instead of
 * copying, a unix stream knows no such flag: what was copied is seen in the buffer.
 */
static size_t pull_msg_trunc(struct run *run, const struct pull *pull, char *buf)
{
	const size_t room = (pull->size + 1) / 2;
	size_t copied = 0;
	ssize_t nr;

	memset(buf, UNTOUCHED, pull->size);
	pull_ask(run, pull);
	nr = TRY(recv(pull->duct.rx, buf, room, MSG_TRUNC));
	while (copied < room && (unsigned char)buf[copied] != UNTOUCHED)
		copied++;
	payload_count(run, pull->duct.channel, buf, copied);
	return nr;
}

void flags_run_msg_trunc(struct run *run)
{
	pull_run(run, pull_msg_trunc, TRUTH_TRUNCATES, 1);
}

static size_t pull_recvmsg_trunc(struct run *run, const struct pull *pull, char *buf)
{
	struct iovec part = { buf, pull->size / 2 };
	struct msghdr header = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t nr;

	pull_ask(run, pull);
	nr = TRY(recvmsg(pull->duct.rx, &header, 0));
	ENSURE(nr == (ssize_t)part.iov_len && header.msg_flags & MSG_TRUNC);
	payload_count(run, pull->duct.channel, buf, nr);
	return pull->size;
}

void flags_run_recvmsg_trunc(struct run *run)
{
	if (run->options.size < 2)
		run->options.size = 2;
	pull_run(run, pull_recvmsg_trunc, TRUTH_TRUNCATES, 1);
}

static size_t pull_waitall(struct run *run, const struct pull *pull, char *buf)
{
	ssize_t nr;

	pull_ask(run, pull);
	nr = TRY(recv(pull->duct.rx, buf, pull->size, MSG_WAITALL));
	ENSURE(nr == (ssize_t)pull->size);
	payload_count(run, pull->duct.channel, buf, nr);
	return nr;
}

void flags_run_waitall(struct run *run)
{
	pull_run(run, pull_waitall, 0, 3);
}
