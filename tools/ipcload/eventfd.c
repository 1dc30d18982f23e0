/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * eventfd: a counter that writes add to and a read takes whole, or one of if it is a semaphore.
 *
 * A message is a write, of 8 bytes. A read takes all writes since the last one; a semaphore's
 * read takes one unit, and the write it is of with the first of its units, oldest write first.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define EVENT_FULL UINT64_C(0xfffffffffffffffe) /* no write fits after a write of it */
#define EVENT_MAX_PROCESSES 64

struct event {
	int fd;
	unsigned int channel;
};

/* Work of some processes on one event; what of it is used depends on the scenario. */
struct events {
	struct event event;
	struct event other;
	struct gate gates[EVENT_MAX_PROCESSES]; /* one for each child */
	struct gate answer;			/* of any child */
	unsigned int first;			/* actor number of the first child */
};

static struct event event_open(struct run *run, int flags, unsigned int truth_flags)
{
	return (struct event){
		.fd = TRY(eventfd(0, flags)),
		.channel = truth_add_channel(run->truth, "eventfd", "", truth_flags),
	};
}

static struct events events_open(struct run *run, int flags)
{
	struct events events = { .event = event_open(run, flags, 0) };

	events.first = truth_actors(run->truth);
	return events;
}

static void events_open_gates(struct run *run, struct events *events, unsigned int nr)
{
	unsigned int i;

	ENSURE(nr <= EVENT_MAX_PROCESSES);
	for (i = 0; i < nr; i++)
		events->gates[i] = gate_open(run);
	events->answer = gate_open(run);
}

static void event_write(struct run *run, const struct event *event, uint64_t value)
{
	ENSURE(TRY(write(event->fd, &value, sizeof(value))) == sizeof(value));
	truth_count_sent(run->truth, event->channel, 1, sizeof(value));
}

static void event_write_ones(struct run *run, const struct event *event)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		event_write(run, event, 1);
}

static uint64_t event_read(const struct event *event)
{
	uint64_t value;

	ENSURE(TRY(read(event->fd, &value, sizeof(value))) == sizeof(value));
	return value;
}

static void event_count(struct run *run, const struct event *event, unsigned int from,
			uint64_t writes)
{
	truth_count_received(run->truth, event->channel, from, writes, writes * sizeof(uint64_t));
}

/* Reads until `nr` writes of 1, all of actor `from`, have been taken. */
static void event_read_ones(struct run *run, const struct event *event, unsigned int from,
			    unsigned int nr)
{
	uint64_t value;

	while (nr) {
		value = event_read(event);
		ENSURE(value <= nr);
		event_count(run, event, from, value);
		nr -= value;
	}
}

static void event_write_body(struct run *run, const void *arg)
{
	event_write_ones(run, arg);
}

/* Also for a semaphore, where each read takes a single one. */
static void event_run_simple(struct run *run)
{
	const int *flags = run->scenario->arg;
	struct events events = events_open(run, flags ? *flags : 0);

	(void)process_start(run, event_write_body, &events.event);
	event_read_ones(run, &events.event, events.first, run->options.messages);
	process_wait_all();
}

static void event_answer_body(struct run *run, const void *arg)
{
	const struct events *events = arg;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		event_read_ones(run, &events->event, 0, 1);
		event_write(run, &events->other, 1);
	}
}

/* Two counters with one inode: only the context behind them tells them apart. */
static void event_run_ping_pong(struct run *run)
{
	struct events events = events_open(run, 0);
	unsigned int i;

	events.other = event_open(run, 0, 0);
	(void)process_start(run, event_answer_body, &events);
	for (i = 0; i < run->options.messages; i++) {
		event_write(run, &events.event, 1);
		event_read_ones(run, &events.other, events.first, 1);
	}
	process_wait_all();
}

static void event_read_body(struct run *run, const void *arg)
{
	event_read_ones(run, arg, 0, run->options.messages);
}

/* A process with two counters, each with a reader of its own. */
static void event_run_two(struct run *run)
{
	struct events events = events_open(run, 0);
	unsigned int i;

	events.other = event_open(run, 0, 0);
	(void)process_start(run, event_read_body, &events.event);
	(void)process_start(run, event_read_body, &events.other);
	for (i = 0; i < run->options.messages; i++) {
		event_write(run, &events.event, 1);
		event_write(run, &events.other, 1);
	}
	process_wait_all();
}

#define COLLAPSED 5
#define COLLAPSED_SUM 15

static unsigned int event_rounds(const struct run *run, unsigned int messages)
{
	return (run->options.messages + messages - 1) / messages;
}

static void event_read_collapsed_body(struct run *run, const void *arg)
{
	const struct events *events = arg;
	unsigned int i;

	for (i = 0; i < event_rounds(run, COLLAPSED); i++) {
		gate_pass(run, &events->gates[0]);
		ENSURE(event_read(&events->event) == COLLAPSED_SUM);
		event_count(run, &events->event, 0, COLLAPSED);
		gate_release(run, &events->answer, 1);
	}
}

static void event_run_collapsed(struct run *run)
{
	struct events events = events_open(run, 0);
	unsigned int i, value;

	events_open_gates(run, &events, 1);
	(void)process_start(run, event_read_collapsed_body, &events);
	for (i = 0; i < event_rounds(run, COLLAPSED); i++) {
		for (value = 1; value <= COLLAPSED; value++)
			event_write(run, &events.event, value);
		gate_release(run, &events.gates[0], 1);
		gate_pass(run, &events.answer);
	}
	process_wait_all();
}

/* Never writes again before its bit was taken. */
static void event_write_bit_body(struct run *run, const void *arg)
{
	const struct events *events = arg;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		event_write(run, &events->event, UINT64_C(1) << run->rank);
		gate_pass(run, &events->gates[run->rank]);
	}
}

/* Each writer has a bit of the counter, so that a read tells whose writes it took. */
static void event_run_many_writers(struct run *run)
{
	const unsigned int nr = run->options.processes;
	uint64_t left = (uint64_t)nr * run->options.messages;
	struct events events = events_open(run, 0);
	uint64_t value;
	unsigned int i;

	events_open_gates(run, &events, nr);
	process_start_group(run, nr, event_write_bit_body, &events);
	while (left) {
		value = event_read(&events.event);
		for (i = 0; i < nr; i++) {
			if (!(value & UINT64_C(1) << i))
				continue;
			event_count(run, &events.event, events.first + i, 1);
			gate_release(run, &events.gates[i], 1);
			left--;
		}
		ENSURE(!(value >> nr));
	}
	process_wait_all();
}

#define HANDED_OVER 7 /* any value */

static void event_read_turn_body(struct run *run, const void *arg)
{
	const struct events *events = arg;
	unsigned int i;

	for (i = run->rank; i < run->options.messages; i += run->options.processes) {
		gate_pass(run, &events->gates[run->rank]);
		ENSURE(event_read(&events->event) == HANDED_OVER);
		event_count(run, &events->event, 0, 1);
		gate_release(run, &events->answer, 1);
	}
}

/* One reader at a time: the write is for whose turn it is. */
static void event_run_many_readers(struct run *run)
{
	const unsigned int nr = run->options.processes;
	struct events events = events_open(run, 0);
	unsigned int i;

	events_open_gates(run, &events, nr);
	process_start_group(run, nr, event_read_turn_body, &events);
	for (i = 0; i < run->options.messages; i++) {
		event_write(run, &events.event, HANDED_OVER);
		gate_release(run, &events.gates[i % nr], 1);
		gate_pass(run, &events.answer);
	}
	process_wait_all();
}

/* Whose write a read took is not to be seen, but in the end all were taken. */
static void event_run_semaphore_many_writers(struct run *run)
{
	struct events events = events_open(run, EFD_SEMAPHORE);
	unsigned int nr = run->options.processes;
	unsigned int i;

	process_start_group(run, nr, event_write_body, &events.event);
	for (i = 0; i < nr * run->options.messages; i++) {
		ENSURE(event_read(&events.event) == 1);
		event_count(run, &events.event, events.first + i / run->options.messages, 1);
	}
	process_wait_all();
}

/* Readers compete, but each knows what it got. */
static void event_run_semaphore_many_readers(struct run *run)
{
	struct events events = events_open(run, EFD_SEMAPHORE);
	unsigned int i;

	process_start_group(run, run->options.processes, event_read_body, &events.event);
	for (i = 0; i < run->options.processes; i++)
		event_write_ones(run, &events.event);
	process_wait_all();
}

#define UNITS 3
#define UNIT_READS 2 /* in a turn */

struct unit_turn {
	unsigned int reader;
	unsigned int writes; /* whose first unit is taken in this turn */
};

/* Two writes of three units, taken by two readers: 1 1 | 1 2 | 2 2. */
static const struct unit_turn unit_turns[] = { { 0, 1 }, { 1, 1 }, { 0, 0 } };

#define UNIT_TURNS (sizeof(unit_turns) / sizeof(*unit_turns))

static void event_read_units(struct run *run, const struct event *event, unsigned int writes)
{
	unsigned int i;

	for (i = 0; i < UNIT_READS; i++)
		ENSURE(event_read(event) == 1);
	if (writes)
		event_count(run, event, 0, writes);
}

static void event_read_units_body(struct run *run, const void *arg)
{
	const struct events *events = arg;
	unsigned int i;

	for (i = 0; i < UNIT_TURNS * event_rounds(run, 2); i++) {
		const struct unit_turn *turn = &unit_turns[i % UNIT_TURNS];

		if (turn->reader != run->rank)
			continue;
		gate_pass(run, &events->gates[run->rank]);
		event_read_units(run, &events->event, turn->writes);
		gate_release(run, &events->answer, 1);
	}
}

static void event_run_semaphore_units(struct run *run)
{
	struct events events = events_open(run, EFD_SEMAPHORE);
	unsigned int i, turn;

	events_open_gates(run, &events, 2);
	process_start_group(run, 2, event_read_units_body, &events);
	for (i = 0; i < event_rounds(run, 2); i++) {
		event_write(run, &events.event, UNITS);
		event_write(run, &events.event, UNITS);
		for (turn = 0; turn < UNIT_TURNS; turn++) {
			gate_release(run, &events.gates[unit_turns[turn].reader], 1);
			gate_pass(run, &events.answer);
		}
	}
	process_wait_all();
}

static void event_write_full_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		event_write(run, arg, EVENT_FULL);
}

/* Every write but the first waits until the one before was taken. */
static void event_run_full(struct run *run)
{
	struct events events = events_open(run, 0);
	unsigned int i;

	(void)process_start(run, event_write_full_body, &events.event);
	for (i = 0; i < run->options.messages; i++) {
		ENSURE(event_read(&events.event) == EVENT_FULL);
		event_count(run, &events.event, events.first, 1);
	}
	process_wait_all();
}

static void event_poll(const struct event *event, short what)
{
	struct pollfd poller = { .fd = event->fd, .events = what };

	ENSURE(TRY(poll(&poller, 1, -1)) == 1);
}

static void event_read_nonblock_body(struct run *run, const void *arg)
{
	const struct event *event = arg;
	unsigned int left = run->options.messages;
	uint64_t value;

	while (left) {
		if (read(event->fd, &value, sizeof(value)) < 0) {
			ENSURE(errno == EAGAIN);
			event_poll(event, POLLIN);
			continue;
		}
		ENSURE(value == EVENT_FULL);
		event_count(run, event, 0, 1);
		left--;
	}
}

/* The counter is empty or full: each end finds it in the wrong state at least once. */
static void event_run_nonblock(struct run *run)
{
	struct events events = events_open(run, EFD_NONBLOCK);
	const uint64_t value = EVENT_FULL;
	unsigned int sent = 1;
	uint64_t nothing;

	ENSURE(read(events.event.fd, &nothing, sizeof(nothing)) < 0 && errno == EAGAIN);
	event_write(run, &events.event, value);
	ENSURE(write(events.event.fd, &value, sizeof(value)) < 0 && errno == EAGAIN);
	(void)process_start(run, event_read_nonblock_body, &events.event);
	while (sent < run->options.messages) {
		if (write(events.event.fd, &value, sizeof(value)) < 0) {
			ENSURE(errno == EAGAIN);
			event_poll(&events.event, POLLOUT);
			continue;
		}
		truth_count_sent(run->truth, events.event.channel, 1, sizeof(value));
		sent++;
	}
	process_wait_all();
}

static void event_run_unread(struct run *run)
{
	struct event event = event_open(run, 0, TRUTH_UNREAD);

	event_write_ones(run, &event);
	process_wait(process_start(run, event_read_body, &event));
	event_write_ones(run, &event);
	TRY(close(event.fd));
}

static void event_run_self(struct run *run)
{
	struct event event = event_open(run, 0, 0);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		event_write(run, &event, 1);
		event_read_ones(run, &event, 0, 1);
	}
}

static void event_reexec(struct run *run, const int *numbers)
{
	const struct event event = { .fd = numbers[0], .channel = numbers[1] };

	event_write_ones(run, &event);
}

static void event_run_inherited(struct run *run)
{
	struct events events = events_open(run, 0);
	const int numbers[] = { events.event.fd, (int)events.event.channel };

	(void)process_spawn(run, numbers, 2);
	event_read_ones(run, &events.event, events.first, run->options.messages);
	process_wait_all();
}

static void event_read_preopened_body(struct run *run, const void *arg)
{
	const struct events *events = arg;

	ENSURE(event_read(&events->event) == HANDED_OVER);
	ENSURE(TRY(write(events->other.fd, &(uint64_t){ 1 }, sizeof(uint64_t))) ==
	       sizeof(uint64_t));
	gate_pass(run, &events->gates[0]);
	event_read_body(run, &events->event);
}

/* Before the truth begins, a value goes there and, through another counter, one comes back. */
static void event_run_preopened(struct run *run)
{
	struct events events = events_open(run, 0);
	const uint64_t value = HANDED_OVER;

	events_open_gates(run, &events, 1);
	events.other.fd = TRY(eventfd(0, 0));
	(void)process_start(run, event_read_preopened_body, &events);
	ENSURE(TRY(write(events.event.fd, &value, sizeof(value))) == sizeof(value));
	(void)event_read(&events.other);
	process_wait_stdin(run);
	gate_release(run, &events.gates[0], 1);
	event_write_ones(run, &events.event);
	process_wait_all();
}

static const int event_semaphore = EFD_SEMAPHORE;

#define EVENT_SCENARIO(suffix, text, function) SCENARIO("eventfd", suffix, NULL, text, function)

const struct scenario eventfd_scenarios[] = {
	EVENT_SCENARIO("", "one writer, one reader", event_run_simple),
	EVENT_SCENARIO("-ping-pong", "there through one, back through another",
		       event_run_ping_pong),
	EVENT_SCENARIO("-two", "one writer of two, a reader for each", event_run_two),
	EVENT_SCENARIO("-collapsed", "5 writes, one read", event_run_collapsed),
	EVENT_SCENARIO("-many-writers", "P writers, one reader", event_run_many_writers),
	EVENT_SCENARIO("-many-readers", "one writer, P readers in turn", event_run_many_readers),
	SCENARIO("eventfd", "-semaphore", &event_semaphore, "a read takes one write",
		 event_run_simple),
	EVENT_SCENARIO("-semaphore-many-writers", "a semaphore, P writers",
		       event_run_semaphore_many_writers),
	EVENT_SCENARIO("-semaphore-many-readers", "a semaphore, P readers that compete",
		       event_run_semaphore_many_readers),
	EVENT_SCENARIO("-semaphore-units", "a semaphore, writes of 3, two readers in turn",
		       event_run_semaphore_units),
	EVENT_SCENARIO("-full", "writes that wait for a read", event_run_full),
	EVENT_SCENARIO("-nonblock", "EAGAIN at both ends, poll() to wait", event_run_nonblock),
	EVENT_SCENARIO("-unread", "closed with writes that nobody took", event_run_unread),
	EVENT_SCENARIO("-self", "a process writes to itself", event_run_self),
	{ .name = "eventfd-inherited",
	  .mechanism = "eventfd",
	  .summary = "the writer got it through exec",
	  .run = event_run_inherited,
	  .reexec = event_reexec },
	EVENT_SCENARIO("-preopened", "set up and used before it is counted", event_run_preopened),
	{ 0 },
};
