/* SPDX-License-Identifier: GPL-2.0-only */
#define _GNU_SOURCE
#include "queue.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "blocked.h"
#include "payload.h"
#include "process.h"
#include "truth.h"
#include "try.h"

static const struct queue_kind *queue_kind(const struct run *run)
{
	return run->scenario->arg;
}

struct queue queue_open(struct run *run, unsigned int flags)
{
	struct queue queue = { .name = "" };

	queue.id = queue_kind(run)->open(queue.name);
	queue.channel =
		truth_add_channel(run->truth, queue_kind(run)->mechanism, queue.name, flags);
	return queue;
}

void queue_close(struct run *run, const struct queue *queue)
{
	queue_kind(run)->remove(queue);
}

size_t queue_size(const struct run *run)
{
	return run->options.size < QUEUE_MAX_SIZE ? run->options.size : QUEUE_MAX_SIZE;
}

void queue_send(struct run *run, const struct queue *queue, unsigned int nr, size_t size)
{
	char buf[QUEUE_MAX_SIZE];

	payload_fill(run, buf, size);
	while (nr--) {
		TRY(queue_kind(run)->send(queue->id, buf, size, true));
		truth_count_sent(run->truth, queue->channel, 1, size);
	}
}

/* Returns the bytes of the message. */
static size_t queue_receive_one(struct run *run, const struct queue *queue)
{
	char buf[QUEUE_MAX_SIZE];
	size_t size = TRY(queue_kind(run)->receive(queue->id, buf, true));

	payload_count(run, queue->channel, buf, size);
	return size;
}

void queue_receive(struct run *run, const struct queue *queue, unsigned int nr)
{
	while (nr--)
		ENSURE(queue_receive_one(run, queue) > 0);
}

static void queue_send_body(struct run *run, const void *arg)
{
	queue_send(run, arg, run->options.messages, queue_size(run));
}

static void queue_receive_body(struct run *run, const void *arg)
{
	queue_receive(run, arg, run->options.messages);
}

void queue_run_simple(struct run *run)
{
	struct queue queue = queue_open(run, 0);

	(void)process_start(run, queue_receive_body, &queue);
	(void)process_start(run, queue_send_body, &queue);
	process_wait_all();
	queue_close(run, &queue);
}

#define BLOCKED_ROUNDS 20
#define FULL_MESSAGES 40 /* of QUEUE_MAX_SIZE: more than the rounds and a queue */

static void queue_fill_body(struct run *run, const void *arg)
{
	queue_send(run, arg, FULL_MESSAGES, QUEUE_MAX_SIZE);
}

void queue_run_full(struct run *run)
{
	struct queue queue = queue_open(run, 0);
	pid_t sender = process_start(run, queue_fill_body, &queue);
	unsigned int i;

	for (i = 0; i < BLOCKED_ROUNDS; i++) {
		blocked_wait(sender, queue_kind(run)->send_call);
		queue_receive(run, &queue, 1);
	}
	queue_receive(run, &queue, FULL_MESSAGES - BLOCKED_ROUNDS);
	process_wait_all();
	queue_close(run, &queue);
}

static void queue_receive_some_body(struct run *run, const void *arg)
{
	queue_receive(run, arg, BLOCKED_ROUNDS);
}

void queue_run_empty_queue(struct run *run)
{
	struct queue queue = queue_open(run, 0);
	pid_t receiver = process_start(run, queue_receive_some_body, &queue);
	unsigned int i;

	for (i = 0; i < BLOCKED_ROUNDS; i++) {
		blocked_wait(receiver, queue_kind(run)->receive_call);
		queue_send(run, &queue, 1, queue_size(run));
	}
	process_wait_all();
	queue_close(run, &queue);
}

/* Both return false if they would have had to wait. */
static bool queue_try_send(struct run *run, const struct queue *queue, size_t size)
{
	char buf[QUEUE_MAX_SIZE];

	payload_fill(run, buf, size);
	if (queue_kind(run)->send(queue->id, buf, size, false) < 0) {
		ENSURE(errno == EAGAIN);
		return false;
	}
	truth_count_sent(run->truth, queue->channel, 1, size);
	return true;
}

static bool queue_try_receive(struct run *run, const struct queue *queue)
{
	char buf[QUEUE_MAX_SIZE];
	int size = queue_kind(run)->receive(queue->id, buf, false);

	if (size < 0) {
		ENSURE(errno == EAGAIN);
		return false;
	}
	payload_count(run, queue->channel, buf, size);
	return true;
}

struct nonblock {
	struct queue queue;
	unsigned int messages;
};

static void queue_try_receive_body(struct run *run, const void *arg)
{
	const struct nonblock *nonblock = arg;
	unsigned int i;

	for (i = 0; i < nonblock->messages; i++) {
		while (!queue_try_receive(run, &nonblock->queue))
			sched_yield();
	}
	ENSURE(!queue_try_receive(run, &nonblock->queue));
}

/* What the queue holds is sent before there is a receiver, so the sender surely finds it full. */
void queue_run_nonblock(struct run *run)
{
	struct nonblock nonblock = { .queue = queue_open(run, 0) };
	const size_t size = queue_size(run);
	unsigned int held = 0;
	unsigned int i;

	while (queue_try_send(run, &nonblock.queue, size))
		held++;
	nonblock.messages = held + run->options.messages;
	(void)process_start(run, queue_try_receive_body, &nonblock);
	for (i = 0; i < run->options.messages; i++) {
		while (!queue_try_send(run, &nonblock.queue, size))
			sched_yield();
	}
	process_wait_all();
	queue_close(run, &nonblock.queue);
}

static void queue_receive_of_all_body(struct run *run, const void *arg)
{
	queue_receive(run, arg, run->options.messages * run->options.processes);
}

void queue_run_many_writers(struct run *run)
{
	struct queue queue = queue_open(run, 0);

	(void)process_start(run, queue_receive_of_all_body, &queue);
	process_start_group(run, run->options.processes, queue_send_body, &queue);
	process_wait_all();
	queue_close(run, &queue);
}

/* Where several receive, a message of a single byte is the last one for whoever gets it. */
static void queue_share_body(struct run *run, const void *arg)
{
	while (queue_receive_one(run, arg) > 1)
		;
}

static size_t queue_shared_size(const struct run *run)
{
	size_t size = queue_size(run);

	return size < 2 ? 2 : size;
}

static void queue_send_shared_body(struct run *run, const void *arg)
{
	queue_send(run, arg, run->options.messages, queue_shared_size(run));
}

static void queue_run_shared(struct run *run, unsigned int writers)
{
	const unsigned int readers = run->options.processes;
	struct queue queue = queue_open(run, 0);
	pid_t pids[64];

	ENSURE(writers <= sizeof(pids) / sizeof(*pids));
	process_start_group(run, readers, queue_share_body, &queue);
	for (run->rank = 0; run->rank < writers; run->rank++)
		pids[run->rank] = process_start(run, queue_send_shared_body, &queue);
	while (writers--)
		process_wait(pids[writers]);
	queue_send(run, &queue, readers, 1);
	process_wait_all();
	queue_close(run, &queue);
}

void queue_run_many_readers(struct run *run)
{
	queue_run_shared(run, 1);
}

void queue_run_many_to_many(struct run *run)
{
	queue_run_shared(run, run->options.processes);
}

static void queue_send_empty_body(struct run *run, const void *arg)
{
	queue_send(run, arg, run->options.messages, 0);
}

/* Nothing in the message says who sent it: it is the parent's second child. */
static void queue_receive_empty_body(struct run *run, const void *arg)
{
	const struct queue *queue = arg;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		ENSURE(queue_receive_one(run, queue) == 0);
		truth_count_received(run->truth, queue->channel, truth_self(run->truth) + 1, 1, 0);
	}
}

void queue_run_empty(struct run *run)
{
	struct queue queue = queue_open(run, 0);

	(void)process_start(run, queue_receive_empty_body, &queue);
	(void)process_start(run, queue_send_empty_body, &queue);
	process_wait_all();
	queue_close(run, &queue);
}

void queue_run_self(struct run *run)
{
	struct queue queue = queue_open(run, 0);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		queue_send(run, &queue, 1, queue_size(run));
		queue_receive(run, &queue, 1);
	}
	queue_close(run, &queue);
}

/* Four of the largest messages fit into either kind of queue. */
#define UNREAD_SENT 4
#define UNREAD_RECEIVED 1

static void queue_receive_less_body(struct run *run, const void *arg)
{
	queue_receive(run, arg, UNREAD_RECEIVED);
}

void queue_run_unread(struct run *run)
{
	struct queue queue = queue_open(run, TRUTH_UNREAD);

	queue_send(run, &queue, UNREAD_SENT, queue_size(run));
	process_wait(process_start(run, queue_receive_less_body, &queue));
	queue_close(run, &queue);
}

#define WARM_UP_MESSAGES 3

struct preopened {
	struct queue queue;
	struct gate gate;
	int warm_tx; /* a pipe that is used only before the counted part begins */
};

static void queue_receive_preopened_body(struct run *run, const void *arg)
{
	const struct preopened *preopened = arg;
	char buf[QUEUE_MAX_SIZE];
	unsigned int i;

	for (i = 0; i < WARM_UP_MESSAGES; i++)
		TRY(queue_kind(run)->receive(preopened->queue.id, buf, true));
	ENSURE(TRY(write(preopened->warm_tx, "", 1)) == 1);
	gate_pass(run, &preopened->gate);
	queue_receive(run, &preopened->queue, run->options.messages);
}

void queue_run_preopened(struct run *run)
{
	struct preopened preopened = { .queue = queue_open(run, 0) };
	const char warm_up[8] = "warm up";
	int warm[2];
	unsigned int i;
	char byte;

	preopened.gate = gate_open(run);
	TRY(pipe(warm));
	preopened.warm_tx = warm[1];
	(void)process_start(run, queue_receive_preopened_body, &preopened);
	for (i = 0; i < WARM_UP_MESSAGES; i++)
		TRY(queue_kind(run)->send(preopened.queue.id, warm_up, sizeof(warm_up), true));
	ENSURE(TRY(read(warm[0], &byte, 1)) == 1);
	process_wait_stdin(run);
	gate_release(run, &preopened.gate, 1);
	queue_send(run, &preopened.queue, run->options.messages, queue_size(run));
	process_wait_all();
	queue_close(run, &preopened.queue);
}
