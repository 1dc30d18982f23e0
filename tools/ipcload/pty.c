/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pseudo-terminals: raw, where bytes go through as they are, and cooked, where the line
 * discipline echoes and translates. A message is a write. What counts are the bytes that
 * processes wrote and that others read, not what the line discipline adds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "payload.h"
#include "process.h"
#include "scenario.h"
#include "stream.h"
#include "truth.h"
#include "try.h"

struct terminal {
	int master;
	int slave;
	char name[128]; /* of the slave */
	unsigned int channel;
	struct gate gate;
};

static void terminal_make_raw(int slave)
{
	struct termios modes;

	TRY(tcgetattr(slave, &modes));
	cfmakeraw(&modes);
	TRY(tcsetattr(slave, TCSANOW, &modes));
}

static int terminal_open_master(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	if (master < 0 && (errno == ENOENT || errno == ENOSPC))
		try_skip("no pseudo-terminals");
	TRY(master);
	TRY(grantpt(master));
	TRY(unlockpt(master));
	return master;
}

/*
 * Both ends in this process, no controlling terminal. The parent keeps them open until all is
 * read: the last close of an end may drop what is on its way.
 */
static struct terminal terminal_open(struct run *run, unsigned int flags)
{
	struct terminal terminal = { .master = terminal_open_master() };

	ENSURE(ptsname_r(terminal.master, terminal.name, sizeof(terminal.name)) == 0);
	terminal.slave = TRY(open(terminal.name, O_RDWR | O_NOCTTY));
	terminal.channel = truth_add_channel(run->truth, "pty", terminal.name, flags);
	return terminal;
}

static struct terminal terminal_open_raw(struct run *run, unsigned int flags)
{
	struct terminal terminal = terminal_open(run, flags);

	terminal_make_raw(terminal.slave);
	return terminal;
}

static void terminal_close(const struct terminal *terminal)
{
	TRY(close(terminal->slave));
	TRY(close(terminal->master));
}

static void terminal_send(struct run *run, const struct terminal *terminal, int fd)
{
	stream_send(run, fd, terminal->channel, run->options.messages, run->options.size);
}

static void terminal_receive(struct run *run, const struct terminal *terminal, int fd,
			     unsigned int senders)
{
	stream_receive_total(run, fd, terminal->channel, run->options.size,
			     run->options.size * run->options.messages * senders);
}

/* Children that have only one end, as a terminal emulator and its shell. */
static void pty_write_slave_body(struct run *run, const void *arg)
{
	const struct terminal *terminal = arg;

	TRY(close(terminal->master));
	terminal_send(run, terminal, terminal->slave);
}

static void pty_read_slave_body(struct run *run, const void *arg)
{
	const struct terminal *terminal = arg;

	TRY(close(terminal->master));
	terminal_receive(run, terminal, terminal->slave, 1);
}

static void pty_run_up(struct run *run)
{
	struct terminal terminal = terminal_open_raw(run, 0);

	(void)process_start(run, pty_write_slave_body, &terminal);
	terminal_receive(run, &terminal, terminal.master, 1);
	process_wait_all();
	terminal_close(&terminal);
}

static void pty_run_down(struct run *run)
{
	struct terminal terminal = terminal_open_raw(run, 0);

	(void)process_start(run, pty_read_slave_body, &terminal);
	terminal_send(run, &terminal, terminal.master);
	process_wait_all();
	terminal_close(&terminal);
}

/* Either end, answering every message with one of its own. */
static void pty_play(struct run *run, const struct terminal *terminal, int fd, bool does_begin)
{
	const size_t size = run->options.size;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		if (does_begin)
			stream_send(run, fd, terminal->channel, 1, size);
		stream_receive_total(run, fd, terminal->channel, size, size);
		if (!does_begin)
			stream_send(run, fd, terminal->channel, 1, size);
	}
}

/* A peer of the master that needs no name and no /dev/pts. */
static void pty_answer_peer_body(struct run *run, const void *arg)
{
	struct terminal terminal = *(const struct terminal *)arg;

	terminal.slave = TRY(ioctl(terminal.master, TIOCGPTPEER, O_RDWR | O_NOCTTY));
	TRY(close(terminal.master));
	pty_play(run, &terminal, terminal.slave, false);
}

static void pty_run_peer(struct run *run)
{
	struct terminal terminal = terminal_open_raw(run, 0);

	(void)process_start(run, pty_answer_peer_body, &terminal);
	pty_play(run, &terminal, terminal.master, true);
	process_wait_all();
	terminal_close(&terminal);
}

static void pty_answer_slave_body(struct run *run, const void *arg)
{
	const struct terminal *terminal = arg;

	TRY(close(terminal->master));
	pty_play(run, terminal, terminal->slave, false);
}

static void pty_run_openpty(struct run *run)
{
	struct terminal terminal;

	if (openpty(&terminal.master, &terminal.slave, NULL, NULL, NULL) < 0)
		try_skip("no pseudo-terminals");
	ENSURE(ptsname_r(terminal.master, terminal.name, sizeof(terminal.name)) == 0);
	terminal.channel = truth_add_channel(run->truth, "pty", terminal.name, 0);
	terminal_make_raw(terminal.slave);
	(void)process_start(run, pty_answer_slave_body, &terminal);
	pty_play(run, &terminal, terminal.master, true);
	process_wait_all();
	terminal_close(&terminal);
}

/* Two terminals of one process: their masters are the same node of the file system. */
static void pty_run_two(struct run *run)
{
	struct terminal one = terminal_open_raw(run, 0);
	struct terminal other = terminal_open_raw(run, 0);

	(void)process_start(run, pty_answer_slave_body, &one);
	(void)process_start(run, pty_answer_slave_body, &other);
	pty_play(run, &one, one.master, true);
	pty_play(run, &other, other.master, true);
	process_wait_all();
	terminal_close(&one);
	terminal_close(&other);
}

#define BIG_WRITES 4
#define BIG_SIZE (256 * 1024)

static void pty_run_big_up(struct run *run)
{
	run->options.messages = BIG_WRITES;
	run->options.size = BIG_SIZE;
	pty_run_up(run);
}

static void pty_run_big_down(struct run *run)
{
	run->options.messages = BIG_WRITES;
	run->options.size = BIG_SIZE;
	pty_run_down(run);
}

static void pty_run_many_writers(struct run *run)
{
	struct terminal terminal = terminal_open_raw(run, 0);

	process_start_group(run, run->options.processes, pty_write_slave_body, &terminal);
	terminal_receive(run, &terminal, terminal.master, run->options.processes);
	process_wait_all();
	terminal_close(&terminal);
}

static void pty_poll(int fd, short what)
{
	struct pollfd poller = { .fd = fd, .events = what };

	ENSURE(TRY(poll(&poller, 1, -1)) == 1);
}

static void pty_write_nonblock_body(struct run *run, const void *arg)
{
	const struct terminal *terminal = arg;
	size_t left = run->options.size * run->options.messages;
	char *buf = payload_alloc(run->options.size);
	ssize_t nr;

	while (left) {
		payload_fill(run, buf, run->options.size);
		nr = write(terminal->slave, buf,
			   left < run->options.size ? left : run->options.size);
		if (nr < 0 && errno == EAGAIN) {
			pty_poll(terminal->slave, POLLOUT);
			continue;
		}
		truth_count_sent(run->truth, terminal->channel, 1, TRY(nr));
		left -= nr;
	}
	free(buf);
}

static void pty_run_nonblock(struct run *run)
{
	struct terminal terminal = terminal_open_raw(run, 0);
	size_t left = run->options.size * run->options.messages;
	char buf[4096];
	ssize_t nr;

	TRY(fcntl(terminal.master, F_SETFL, O_RDWR | O_NONBLOCK));
	TRY(fcntl(terminal.slave, F_SETFL, O_RDWR | O_NONBLOCK));
	ENSURE(read(terminal.master, buf, 1) < 0 && errno == EAGAIN);
	(void)process_start(run, pty_write_nonblock_body, &terminal);
	while (left) {
		nr = read(terminal.master, buf, sizeof(buf));
		if (nr < 0 && errno == EAGAIN) {
			pty_poll(terminal.master, POLLIN);
			continue;
		}
		payload_count(run, terminal.channel, buf, TRY(nr));
		left -= nr;
	}
	process_wait_all();
	terminal_close(&terminal);
}

#define UNREAD_MESSAGES 10 /* fit without a reader */
#define UNREAD_SIZE 64

static void pty_run_unread(struct run *run)
{
	struct terminal terminal = terminal_open_raw(run, TRUTH_UNREAD);

	run->options.messages = UNREAD_MESSAGES;
	run->options.size = UNREAD_SIZE;
	process_wait(process_start(run, pty_write_slave_body, &terminal));
	stream_receive_total(run, terminal.master, terminal.channel, UNREAD_SIZE,
			     UNREAD_MESSAGES / 2 * UNREAD_SIZE + 3);
	terminal_close(&terminal);
}

/* As it is for a shell: the terminal is its own, its standard files, and came through exec. */
static void pty_session_body(struct run *run, const void *arg)
{
	const struct terminal *terminal = arg;
	const int numbers[] = { (int)terminal->channel };
	int slave;

	TRY(close(terminal->master));
	TRY(close(terminal->slave));
	TRY(setsid());
	slave = TRY(open(terminal->name, O_RDWR));
	ENSURE(tcgetsid(slave) == getpid());
	TRY(dup2(slave, STDIN_FILENO));
	TRY(dup2(slave, STDOUT_FILENO));
	TRY(close(slave));
	process_exec(run, numbers, 1);
}

/*
 * What a leader wrote last may be dropped when it exits, and the terminal hangs up: so it waits
 * to be told that all has arrived.
 */
static void pty_session_reexec(struct run *run, const int *numbers)
{
	const unsigned int channel = numbers[0];
	const size_t size = run->options.size;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		stream_receive_total(run, STDIN_FILENO, channel, size, size);
		stream_send(run, STDOUT_FILENO, channel, 1, size);
	}
	stream_receive_total(run, STDIN_FILENO, channel, 1, 1);
}

static void pty_run_session(struct run *run)
{
	struct terminal terminal = terminal_open_raw(run, 0);

	(void)process_start(run, pty_session_body, &terminal);
	pty_play(run, &terminal, terminal.master, true);
	stream_send(run, terminal.master, terminal.channel, 1, 1);
	process_wait_all();
	terminal_close(&terminal);
}

static void pty_preopened_body(struct run *run, const void *arg)
{
	const struct terminal *terminal = arg;
	char byte;

	ENSURE(TRY(read(terminal->slave, &byte, 1)) == 1);
	ENSURE(TRY(write(terminal->slave, &byte, 1)) == 1);
	gate_pass(run, &terminal->gate);
	pty_answer_slave_body(run, terminal);
}

/* Before the truth begins, a byte goes down and comes back. */
static void pty_run_preopened(struct run *run)
{
	struct terminal terminal = terminal_open_raw(run, 0);
	char byte = 0;

	terminal.gate = gate_open(run);
	(void)process_start(run, pty_preopened_body, &terminal);
	ENSURE(TRY(write(terminal.master, &byte, 1)) == 1);
	ENSURE(TRY(read(terminal.master, &byte, 1)) == 1);
	process_wait_stdin(run);
	gate_release(run, &terminal.gate, 1);
	pty_play(run, &terminal, terminal.master, true);
	process_wait_all();
	terminal_close(&terminal);
}

/*
 * Cooked: the user types lower-case lines that end in \r, which becomes \n; the program reads
 * them line by line and answers with an upper-case line whose \n becomes \r\n.
 */
struct cooked_kind {
	size_t read_size;   /* of the program; 0: any line fits */
	unsigned int lines; /* in one write of the user */
	bool is_silent;	    /* no echo, as for a password */
};

#define COOKED_MAX_LINE 500 /* what the line discipline holds is not much */
#define COOKED_MAX_LINES 3

static size_t cooked_line(const struct run *run)
{
	const size_t size = run->options.size;

	return size < 2 ? 2 : size > COOKED_MAX_LINE ? COOKED_MAX_LINE : size;
}

static void cooked_set_modes(const struct terminal *terminal, bool is_silent)
{
	const tcflag_t local = ICANON | ISIG | ECHO;
	struct termios modes;

	TRY(tcgetattr(terminal->slave, &modes));
	ENSURE((modes.c_lflag & local) == local && modes.c_iflag & ICRNL);
	ENSURE((modes.c_oflag & (OPOST | ONLCR)) == (OPOST | ONLCR));
	if (is_silent)
		modes.c_lflag &= ~ECHO;
	TRY(tcsetattr(terminal->slave, TCSANOW, &modes));
}

/* A read returns at most one line: so the lines of one write come in as many reads. */
static void cooked_read_lines(struct run *run, const struct terminal *terminal)
{
	const struct cooked_kind *kind = run->scenario->arg;
	size_t left = cooked_line(run) * kind->lines;
	char buf[COOKED_MAX_LINE * 2];
	unsigned int messages = 1;
	ssize_t nr, i;

	while (left) {
		nr = TRY(read(terminal->slave, buf, kind->read_size ?: sizeof(buf)));
		ENSURE(nr && (size_t)nr <= cooked_line(run));
		for (i = 0; i < nr; i++)
			ENSURE(buf[i] == 'a' || (buf[i] == '\n' && i == nr - 1));
		truth_count_received(run->truth, terminal->channel, 0, messages, nr);
		messages = 0;
		left -= nr;
	}
}

static void cooked_write(struct run *run, const struct terminal *terminal, int fd, char letter,
			 char end, unsigned int lines)
{
	char buf[COOKED_MAX_LINE * COOKED_MAX_LINES];
	const size_t line = cooked_line(run);
	unsigned int i;

	memset(buf, letter, line * lines);
	for (i = 1; i <= lines; i++)
		buf[i * line - 1] = end;
	ENSURE(TRY(write(fd, buf, line * lines)) == (ssize_t)(line * lines));
	truth_count_sent(run->truth, terminal->channel, 1, line * lines);
}

static void cooked_program_body(struct run *run, const void *arg)
{
	const struct terminal *terminal = arg;
	unsigned int i;

	TRY(close(terminal->master));
	for (i = 0; i < run->options.messages; i++) {
		cooked_read_lines(run, terminal);
		cooked_write(run, terminal, terminal->slave, 'A', '\n', 1);
	}
}

/* The echo of the user's lines and the program's line, both with \r\n at each end. */
static void cooked_read_screen(struct run *run, const struct terminal *terminal)
{
	const struct cooked_kind *kind = run->scenario->arg;
	const unsigned int echoed = kind->is_silent ? 0 : kind->lines;
	size_t left = (echoed + 1) * (cooked_line(run) + 1);
	size_t counts[256] = { 0 };
	char buf[4096];
	ssize_t nr, i;

	while (left) {
		nr = TRY(read(terminal->master, buf, left < sizeof(buf) ? left : sizeof(buf)));
		for (i = 0; i < nr; i++)
			counts[(unsigned char)buf[i]]++;
		left -= nr;
	}
	ENSURE(counts['A'] == cooked_line(run) - 1);
	ENSURE(counts['a'] == (cooked_line(run) - 1) * echoed);
	ENSURE(counts['\n'] == echoed + 1 && counts['\r'] == echoed + 1);
	truth_count_received(run->truth, terminal->channel, 1, 1, cooked_line(run));
}

static void cooked_run(struct run *run)
{
	const struct cooked_kind *kind = run->scenario->arg;
	struct terminal terminal = terminal_open(run, 0);
	unsigned int i;

	cooked_set_modes(&terminal, kind->is_silent);
	(void)process_start(run, cooked_program_body, &terminal);
	for (i = 0; i < run->options.messages; i++) {
		cooked_write(run, &terminal, terminal.master, 'a', '\r', kind->lines);
		cooked_read_screen(run, &terminal);
	}
	process_wait_all();
	terminal_close(&terminal);
}

static const struct cooked_kind cooked_echo = { .lines = 1 };
static const struct cooked_kind cooked_silent = { .lines = 1, .is_silent = true };
static const struct cooked_kind cooked_partial = { .lines = 1, .read_size = 7 };
static const struct cooked_kind cooked_lines = { .lines = COOKED_MAX_LINES };

const struct scenario pty_scenarios[] = {
	SCENARIO("pty", "", NULL, "raw, from the slave to the master", pty_run_up),
	SCENARIO("pty", "-down", NULL, "raw, from the master to the slave", pty_run_down),
	SCENARIO("pty", "-big-writes", NULL, "raw, up, writes of 256 KiB", pty_run_big_up),
	SCENARIO("pty", "-big-writes-down", NULL, "raw, down, writes of 256 KiB", pty_run_big_down),
	SCENARIO("pty", "-many-writers", NULL, "raw, P processes write to the slave",
		 pty_run_many_writers),
	SCENARIO("pty", "-nonblock", NULL, "raw, EAGAIN, poll() to wait", pty_run_nonblock),
	SCENARIO("pty", "-unread", NULL, "raw, closed with data that nobody read", pty_run_unread),
	SCENARIO("pty", "-openpty", NULL, "raw, there and back, made by openpty()",
		 pty_run_openpty),
	SCENARIO("pty", "-peer", NULL, "raw, there and back, slave opened by TIOCGPTPEER",
		 pty_run_peer),
	SCENARIO("pty", "-two", NULL, "raw, there and back, two terminals", pty_run_two),
	{ .name = "pty-session",
	  .mechanism = "pty",
	  .summary = "raw, there and back, with a session leader's stdin and stdout",
	  .run = pty_run_session,
	  .reexec = pty_session_reexec },
	SCENARIO("pty", "-cooked", &cooked_echo, "lines, echoed; ICRNL and ONLCR", cooked_run),
	SCENARIO("pty", "-cooked-silent", &cooked_silent, "lines that are not echoed", cooked_run),
	SCENARIO("pty", "-cooked-partial", &cooked_partial, "lines, read 7 bytes at a time",
		 cooked_run),
	SCENARIO("pty", "-cooked-lines", &cooked_lines, "three lines in each write", cooked_run),
	SCENARIO("pty", "-preopened", NULL, "set up and used before it is counted",
		 pty_run_preopened),
	{ 0 },
};
