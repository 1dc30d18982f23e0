/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors passed from process to process, by SCM_RIGHTS and by pidfd_getfd().
 *
 * A message is a descriptor that was received, without bytes; the byte that carries it counts on
 * the socket. There is a channel for each socket and channel that was passed over it, one for
 * all passed files that are no channel, and one for each channel and process it was taken from.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "address.h"
#include "duct.h"
#include "message.h"
#include "pass.h"
#include "process.h"
#include "scenario.h"
#include "stream.h"
#include "truth.h"
#include "try.h"

/* Takes the write end of a pipe and uses it. */
static void pass_use_body(struct run *run, const void *arg)
{
	struct pass pass = *(const struct pass *)arg;

	duct_close(&pass.goods[0]);
	pass_receive(run, &pass, &pass.goods[0].tx, 1);
	pass_count(run, &pass, 0, 0, 1);
	stream_send(run, pass.goods[0].tx, pass.goods[0].channel, run->options.messages,
		    run->options.size);
	duct_close(&pass.goods[0]);
}

static void pass_run_pipe(struct run *run)
{
	struct pass pass = pass_open(run);
	struct duct *pipe = &pass.goods[0];

	*pipe = duct_open(run, &duct_pipe, 0);
	(void)process_start(run, pass_use_body, &pass);
	pass_send(run, &pass, &pipe->tx, 1);
	duct_keep_rx(pipe);
	stream_receive_all(run, pipe->rx, pipe->channel, run->options.size);
	process_wait_all();
}

/* A process for each end, and the pipe has been in nobody's hands between. */
static void pass_take_rx_body(struct run *run, const void *arg)
{
	struct pass pass = *(const struct pass *)arg;

	gate_pass(run, &pass.gate);
	pass_receive(run, &pass, &pass.goods[0].rx, 1);
	pass_count(run, &pass, 0, 1, 1);
	stream_receive_all(run, pass.goods[0].rx, pass.goods[0].channel, run->options.size);
}

/* Made, written to, passed and closed by a process that ends before anybody receives it. */
static void pass_leave_body(struct run *run, const void *arg)
{
	struct pass pass = *(const struct pass *)arg;
	int fds[2];

	TRY(pipe(fds));
	stream_send(run, fds[1], pass.goods[0].channel, 10, 64);
	pass_send(run, &pass, &fds[0], 1);
}

static void pass_run_gone(struct run *run)
{
	struct pass pass = pass_open(run);
	pid_t sender;

	pass.goods[0].channel = truth_add_channel(run->truth, "pipe", "", 0);
	pass.gate = gate_open(run);
	sender = process_start(run, pass_leave_body, &pass);
	(void)process_start(run, pass_take_rx_body, &pass);
	process_wait(sender);
	gate_release(run, &pass.gate, 1);
	process_wait_all();
}

/* Both ends of one pipe, an end of another, and a file: three channels in one message. */
static void pass_take_several_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	unsigned int i;
	int fds[4];

	for (i = 0; i < run->options.messages; i++) {
		pass_receive(run, pass, fds, 4);
		pass_count(run, pass, 0, 0, 2);
		pass_count(run, pass, 1, 0, 1);
		truth_count_received(run->truth, pass->channels[1] + 1, 0, 1, 0);
		TRY(close(fds[0]));
		TRY(close(fds[1]));
		TRY(close(fds[2]));
		TRY(close(fds[3]));
	}
}

/* The file of the program itself: one that is no channel. */
static int pass_open_file(void)
{
	return TRY(open("/proc/self/exe", O_RDONLY));
}

static void pass_run_several(struct run *run)
{
	struct pass pass = pass_open(run);
	unsigned int i;
	int fds[4];

	pass.channels[1] = pass_add_channel(run);
	ENSURE(pass_add_channel(run) == pass.channels[1] + 1);
	pass.goods[0] = duct_open(run, &duct_pipe, 0);
	pass.goods[1] = duct_open(run, &duct_pipe, 0);
	fds[0] = pass.goods[0].rx;
	fds[1] = pass.goods[1].tx;
	fds[2] = pass.goods[0].tx;
	fds[3] = pass_open_file();
	(void)process_start(run, pass_take_several_body, &pass);
	for (i = 0; i < run->options.messages; i++)
		pass_send(run, &pass, fds, 4);
	process_wait_all();
}

static void pass_take_files_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	char magic[4];
	unsigned int i;
	int fds[2];

	for (i = 0; i < run->options.messages; i++) {
		pass_receive(run, pass, fds, 2);
		pass_count(run, pass, 0, 0, 2);
		ENSURE(TRY(pread(fds[0], magic, sizeof(magic), 0)) == sizeof(magic));
		ENSURE(!memcmp(magic, "\177ELF", sizeof(magic)));
		TRY(close(fds[0]));
		TRY(close(fds[1]));
	}
}

/* A regular file and /dev/null. */
static void pass_run_files(struct run *run)
{
	struct pass pass = pass_open(run);
	const int fds[] = { pass_open_file(), TRY(open("/dev/null", O_RDONLY)) };
	unsigned int i;

	(void)process_start(run, pass_take_files_body, &pass);
	for (i = 0; i < run->options.messages; i++)
		pass_send(run, &pass, fds, 2);
	process_wait_all();
}

/* A peek gives descriptors as well, but it takes nothing out of the socket. */
static void pass_peek_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	unsigned int i;
	int fd, flags;

	for (i = 0; i < run->options.messages; i++) {
		ENSURE(pass_receive_some(run, pass, &fd, 1, MSG_PEEK, &flags) == 1);
		TRY(close(fd));
		pass_receive(run, pass, &fd, 1);
		TRY(close(fd));
		pass_count(run, pass, 0, 0, 1);
	}
}

/* Sends the read end of a pipe that nobody uses, for each message that `body` receives. */
static void pass_run_unused(struct run *run, process_body *body, unsigned int nr)
{
	struct pass pass = pass_open(run);
	int fds[PASS_MAX];
	unsigned int i;

	pass.goods[0] = duct_open(run, &duct_pipe, 0);
	for (i = 0; i < nr; i++)
		fds[i] = pass.goods[0].rx;
	(void)process_start(run, body, &pass);
	for (i = 0; i < run->options.messages; i++)
		pass_send(run, &pass, fds, nr);
	process_wait_all();
}

static void pass_run_peek(struct run *run)
{
	pass_run_unused(run, pass_peek_body, 1);
}

#define CUT_SENT 5
#define CUT_ROOM 2

/* The rest is closed by the kernel. Every second time there is no room at all. */
static void pass_cut_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	unsigned int i, j, room;
	int fds[CUT_ROOM];
	int flags;

	for (i = 0; i < run->options.messages; i++) {
		room = i & 1 ? 0 : CUT_ROOM;
		ENSURE(pass_receive_some(run, pass, fds, room, 0, &flags) == room);
		ENSURE(flags & MSG_CTRUNC);
		if (room)
			pass_count(run, pass, 0, 0, room);
		for (j = 0; j < room; j++)
			TRY(close(fds[j]));
	}
}

static void pass_run_truncated(struct run *run)
{
	pass_run_unused(run, pass_cut_body, CUT_SENT);
}

/* Takes the byte with a plain read: what came with it is dropped. */
static void pass_read_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		message_receive(run, pass->over.rx, pass->over.channel, 1);
}

static void pass_run_ignored(struct run *run)
{
	pass_run_unused(run, pass_read_body, 1);
}

/* In the socket when it is closed. */
static void pass_run_unreceived(struct run *run)
{
	struct pass pass = { .over = duct_open(run, run->scenario->arg, TRUTH_UNREAD) };

	pass.channels[0] = pass_add_channel(run);
	pass.goods[0] = duct_open(run, &duct_pipe, 0);
	pass_send(run, &pass, &pass.goods[0].rx, 1);
	duct_close(&pass.goods[0]);
	duct_close(&pass.over);
}

/* Every message is for whoever is first: each of P children counts what it got. */
static void pass_share_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	unsigned int i;
	int fd;

	for (i = 0; i < run->options.messages; i++) {
		pass_receive(run, pass, &fd, 1);
		TRY(close(fd));
		pass_count(run, pass, 0, 0, 1);
	}
}

static void pass_run_many_readers(struct run *run)
{
	struct pass pass = pass_open(run);
	unsigned int i;

	pass.goods[0] = duct_open(run, &duct_pipe, 0);
	process_start_group(run, run->options.processes, pass_share_body, &pass);
	for (i = 0; i < run->options.processes * run->options.messages; i++)
		pass_send(run, &pass, &pass.goods[0].rx, 1);
	process_wait_all();
}

/* There and on to the next: each sees only who gave it to him. */
static void pass_forward_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	struct pass next = *pass;
	int fd;

	next.over = pass->goods[1];
	pass_receive(run, pass, &fd, 1);
	pass_count(run, pass, 0, 0, 1);
	pass_send(run, &next, &fd, 1);
}

static void pass_arrive_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	struct pass last = *pass;
	int fd;

	last.over = pass->goods[1];
	pass_receive(run, &last, &fd, 1);
	pass_count(run, pass, 1, 1, 1);
	stream_send(run, fd, pass->goods[0].channel, run->options.messages, run->options.size);
}

static void pass_run_relay(struct run *run)
{
	struct pass pass = pass_open(run);

	pass.channels[1] = pass_add_channel(run);
	pass.goods[0] = duct_open(run, &duct_pipe, 0);
	pass.goods[1] = duct_open(run, run->scenario->arg, 0);
	(void)process_start(run, pass_forward_body, &pass);
	pass_send(run, &pass, &pass.goods[0].tx, 1);
	duct_keep_rx(&pass.goods[0]);
	(void)process_start(run, pass_arrive_body, &pass);
	stream_receive_total(run, pass.goods[0].rx, pass.goods[0].channel, run->options.size,
			     run->options.size * run->options.messages);
	process_wait_all();
}

/* The other end of a pair stays with the parent. */
static void pass_pair_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	unsigned int i;
	int fd;

	pass_receive(run, pass, &fd, 1);
	pass_count(run, pass, 0, 0, 1);
	for (i = 0; i < run->options.messages; i++) {
		stream_receive_total(run, fd, pass->goods[0].channel, run->options.size,
				     run->options.size);
		stream_send(run, fd, pass->goods[0].channel, 1, run->options.size);
	}
}

static const struct duct_kind pass_stream = DUCT_PAIR("unix-stream", SOCK_STREAM);

static void pass_run_pair(struct run *run)
{
	struct pass pass = pass_open(run);
	struct duct *pair = &pass.goods[0];
	unsigned int i;

	pair->channel = pass.channels[0] + 1;
	(void)process_start(run, pass_pair_body, &pass);
	*pair = duct_open(run, &pass_stream, 0);
	ENSURE(pair->channel == pass.channels[0] + 1);
	pass_send(run, &pass, &pair->rx, 1);
	duct_keep_tx(pair);
	for (i = 0; i < run->options.messages; i++) {
		stream_send(run, pair->tx, pair->channel, 1, run->options.size);
		stream_receive_total(run, pair->tx, pair->channel, run->options.size,
				     run->options.size);
	}
	process_wait_all();
}

/* A listener, its clients, and a worker that gets the connections without having accepted them. */
struct reception {
	struct pass pass;
	struct address address;
	unsigned int first_passed; /* channels, one of each kind for each client */
	unsigned int first_connection;
};

static void reception_client_body(struct run *run, const void *arg)
{
	const struct reception *reception = arg;
	const unsigned int channel = reception->first_connection + run->rank;
	int fd = address_connect(&reception->address, SOCK_STREAM);

	stream_send(run, fd, channel, run->options.messages, run->options.size);
	stream_receive_total(run, fd, channel, 1, 1);
}

static void reception_worker_body(struct run *run, const void *arg)
{
	const struct reception *reception = arg;
	unsigned int i;
	int fd;

	for (i = 0; i < run->options.processes; i++) {
		pass_receive(run, &reception->pass, &fd, 1);
		truth_count_received(run->truth, reception->first_passed + i, 0, 1, 0);
		stream_receive_total(run, fd, reception->first_connection + i, run->options.size,
				     run->options.size * run->options.messages);
		stream_send(run, fd, reception->first_connection + i, 1, 1);
		TRY(close(fd));
	}
}

/* A client is started when the one before was accepted: so the order is known. */
static void reception_run(struct run *run, const char *mechanism, const char *address)
{
	struct reception reception = { .address = address_parse(run, address) };
	int listener = address_listen(&reception.address, SOCK_STREAM);
	const unsigned int nr = run->options.processes;
	char name[ADDRESS_NAME_SIZE];
	unsigned int i;
	int fd;

	reception.address = address_of(listener);
	address_name(&reception.address, name);
	reception.pass = pass_open(run);
	reception.first_passed = reception.pass.channels[0];
	reception.first_connection = reception.first_passed + nr;
	for (i = 1; i < nr; i++)
		(void)pass_add_channel(run);
	for (i = 0; i < nr; i++)
		ENSURE(truth_add_channel(run->truth, mechanism, name, 0) ==
		       reception.first_connection + i);
	(void)process_start(run, reception_worker_body, &reception);
	for (run->rank = 0; run->rank < nr; run->rank++) {
		(void)process_start(run, reception_client_body, &reception);
		fd = TRY(accept(listener, NULL, NULL));
		pass_send(run, &reception.pass, &fd, 1);
		TRY(close(fd));
	}
	process_wait_all();
	address_remove(&reception.address);
}

static void pass_run_accepted(struct run *run)
{
	reception_run(run, "unix-stream", "/listener");
}

static void pass_run_accepted_tcp(struct run *run)
{
	reception_run(run, "tcp", "127.0.0.1");
}

#define TAKEN_NUMBER 100 /* of the descriptor, in the process that it is taken from */

static void pass_owner_body(struct run *run, const void *arg)
{
	const struct pass *pass = arg;
	int fds[2];

	TRY(pipe(fds));
	TRY(dup2(fds[1], TAKEN_NUMBER));
	TRY(close(fds[1]));
	gate_release(run, &pass->gate, 1);
	stream_receive_total(run, fds[0], pass->goods[0].channel, run->options.size,
			     run->options.size * run->options.messages);
}

static int pass_take(int pidfd, int number)
{
	int fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		try_skip("no pidfd_getfd, or no right to");
	return fd;
}

/* Its owner does nothing for it, and may not even notice. */
static void pass_run_taken(struct run *run)
{
	struct pass pass = { .gate = gate_open(run) };
	pid_t owner;
	int pidfd, fd;

	pass.channels[0] = pass_add_channel(run);
	pass.goods[0].channel = truth_add_channel(run->truth, "pipe", "", 0);
	owner = process_start(run, pass_owner_body, &pass);
	pidfd = TRY(syscall(SYS_pidfd_open, owner, 0));
	gate_pass(run, &pass.gate);
	ENSURE(pass_take(pidfd, TAKEN_NUMBER + 1) < 0 && errno == EBADF);
	fd = TRY(pass_take(pidfd, TAKEN_NUMBER));
	pass_count(run, &pass, 0, 1, 1);
	stream_send(run, fd, pass.goods[0].channel, run->options.messages, run->options.size);
	process_wait_all();
}

static const struct duct_kind pass_dgram = DUCT_PAIR("unix-dgram", SOCK_DGRAM);
static const struct duct_kind pass_seqpacket = DUCT_PAIR("unix-seqpacket", SOCK_SEQPACKET);
static const struct duct_kind pass_connection =
	DUCT_CONNECTION("unix-stream", SOCK_STREAM, "@listener");

#define PASS_SCENARIO(suffix, kind, text, function)                                                \
	SCENARIO("fd-pass", suffix, &pass_##kind, text, function)

const struct scenario fdpass_scenarios[] = {
	PASS_SCENARIO("", stream, "a pipe's end, used by the receiver", pass_run_pipe),
	PASS_SCENARIO("-dgram", dgram, "the same over datagrams", pass_run_pipe),
	PASS_SCENARIO("-seqpacket", seqpacket, "the same over packets", pass_run_pipe),
	PASS_SCENARIO("-connection", connection, "the same over a connection", pass_run_pipe),
	PASS_SCENARIO("-gone", stream, "received when the sender is gone", pass_run_gone),
	PASS_SCENARIO("-several", stream, "three channels, four descriptors in a message",
		      pass_run_several),
	PASS_SCENARIO("-several-dgram", dgram, "the same over datagrams", pass_run_several),
	PASS_SCENARIO("-files", seqpacket, "files that are no channels", pass_run_files),
	PASS_SCENARIO("-peek", stream, "MSG_PEEK before each receive", pass_run_peek),
	PASS_SCENARIO("-truncated", stream, "no room for all: MSG_CTRUNC", pass_run_truncated),
	PASS_SCENARIO("-ignored", stream, "dropped by receives without room for controls",
		      pass_run_ignored),
	PASS_SCENARIO("-unreceived", stream, "closed before it is received", pass_run_unreceived),
	PASS_SCENARIO("-many-readers", seqpacket, "P processes receive what comes first",
		      pass_run_many_readers),
	PASS_SCENARIO("-relay", stream, "passed on by its receiver", pass_run_relay),
	PASS_SCENARIO("-pair", stream, "an end of a socketpair, made after the fork",
		      pass_run_pair),
	PASS_SCENARIO("-accepted", seqpacket, "connections, passed to a worker", pass_run_accepted),
	PASS_SCENARIO("-accepted-tcp", stream, "TCP connections, passed to a worker",
		      pass_run_accepted_tcp),
	SCENARIO("fd-pass", "-pidfd", NULL, "taken with pidfd_getfd()", pass_run_taken),
	{ 0 },
};
