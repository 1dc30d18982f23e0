/* SPDX-License-Identifier: GPL-2.0-only */
/* POSIX message queues: what both kinds of queue can, and priorities, timeouts, notification. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "payload.h"
#include "process.h"
#include "queue.h"
#include "truth.h"
#include "try.h"

#define MQ_MESSAGES 8 /* that a queue holds; anybody may have 10 */

static int mq_make(char ret_name[NAMING_SIZE])
{
	struct mq_attr attr = { .mq_maxmsg = MQ_MESSAGES, .mq_msgsize = QUEUE_MAX_SIZE };
	mqd_t mq;

	naming_slash(ret_name);
	mq = mq_open(ret_name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (mq < 0 && errno == ENOSYS)
		try_skip("the kernel has no POSIX message queues");
	return TRY(mq);
}

static void mq_remove(const struct queue *queue)
{
	TRY(mq_unlink(queue->name));
}

/* For the file description, so for everybody who has inherited it. */
static void mq_set_nonblock(int id)
{
	struct mq_attr attr = { .mq_flags = O_NONBLOCK };

	TRY(mq_setattr(id, &attr, NULL));
}

static int mq_put(int id, const void *buf, size_t size, bool is_waiting)
{
	if (!is_waiting)
		mq_set_nonblock(id);
	return mq_send(id, buf, size, 0);
}

static int mq_take(int id, void *buf, bool is_waiting)
{
	unsigned int priority;
	int nr;

	if (!is_waiting)
		mq_set_nonblock(id);
	nr = mq_receive(id, buf, QUEUE_MAX_SIZE, &priority);
	ENSURE(nr < 0 || priority == 0);
	return nr;
}

static const struct queue_kind mq_kind = {
	.mechanism = "posix-mq",
	.send_call = SYS_mq_timedsend,
	.receive_call = SYS_mq_timedreceive,
	.open = mq_make,
	.remove = mq_remove,
	.send = mq_put,
	.receive = mq_take,
};

/* Each process opens the queue itself, by its name. */
static void mq_open_and_receive_body(struct run *run, const void *arg)
{
	struct queue queue = *(const struct queue *)arg;

	queue.id = TRY(mq_open(queue.name, O_RDONLY));
	queue_receive(run, &queue, run->options.messages);
	TRY(mq_close(queue.id));
}

static void mq_open_and_send_body(struct run *run, const void *arg)
{
	struct queue queue = *(const struct queue *)arg;

	queue.id = TRY(mq_open(queue.name, O_WRONLY));
	queue_send(run, &queue, run->options.messages, queue_size(run));
	TRY(mq_close(queue.id));
}

static void mq_run_by_name(struct run *run)
{
	struct queue queue = queue_open(run, 0);

	TRY(mq_close(queue.id));
	(void)process_start(run, mq_open_and_receive_body, &queue);
	(void)process_start(run, mq_open_and_send_body, &queue);
	process_wait_all();
	queue_close(run, &queue);
}

static void mq_receive_rest_body(struct run *run, const void *arg)
{
	queue_receive(run, arg, MQ_MESSAGES);
}

/* Has no name any more when its messages are received. */
static void mq_run_unlinked(struct run *run)
{
	struct queue queue = queue_open(run, 0);

	queue_send(run, &queue, MQ_MESSAGES, queue_size(run));
	queue_close(run, &queue);
	process_wait(process_start(run, mq_receive_rest_body, &queue));
}

#define ROUNDS 20

/* Two processes that take turns with one queue. */
struct turns {
	struct queue queue;
	struct gate to_child;
	struct gate to_parent;
	sigset_t set;
	unsigned int signal_channel;
};

static struct turns mq_open_turns(struct run *run)
{
	struct turns turns = { .queue = queue_open(run, 0) };

	turns.to_child = gate_open(run);
	turns.to_parent = gate_open(run);
	return turns;
}

/* In the order in which they are sent, and the place at which each is received. */
static const unsigned int priorities[MQ_MESSAGES] = { 0, 5, 3, 5, 31, 0, 32767, 3 };
static const unsigned int received_order[MQ_MESSAGES] = { 6, 4, 1, 3, 2, 7, 0, 5 };

/* The size says which message it is. */
static size_t mq_size_of(unsigned int number)
{
	return 10 + number;
}

static void mq_receive_by_priority_body(struct run *run, const void *arg)
{
	const struct turns *turns = arg;
	char buf[QUEUE_MAX_SIZE];
	unsigned int round, i, priority;
	ssize_t size;

	for (round = 0; round < ROUNDS; round++) {
		gate_pass(run, &turns->to_child);
		for (i = 0; i < MQ_MESSAGES; i++) {
			size = TRY(mq_receive(turns->queue.id, buf, sizeof(buf), &priority));
			ENSURE((size_t)size == mq_size_of(received_order[i]));
			ENSURE(priority == priorities[received_order[i]]);
			payload_count(run, turns->queue.channel, buf, size);
		}
		gate_release(run, &turns->to_parent, 1);
	}
}

static void mq_run_priorities(struct run *run)
{
	struct turns turns = mq_open_turns(run);
	char buf[QUEUE_MAX_SIZE];
	unsigned int round, i;

	(void)process_start(run, mq_receive_by_priority_body, &turns);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < MQ_MESSAGES; i++) {
			payload_fill(run, buf, mq_size_of(i));
			TRY(mq_send(turns.queue.id, buf, mq_size_of(i), priorities[i]));
			truth_count_sent(run->truth, turns.queue.channel, 1, mq_size_of(i));
		}
		gate_release(run, &turns.to_child, 1);
		gate_pass(run, &turns.to_parent);
	}
	process_wait_all();
	queue_close(run, &turns.queue);
}

static void mq_receive_null_body(struct run *run, const void *arg)
{
	const struct queue *queue = arg;
	char buf[QUEUE_MAX_SIZE];
	unsigned int i;
	ssize_t size;

	for (i = 0; i < run->options.messages; i++) {
		size = TRY(mq_receive(queue->id, buf, sizeof(buf), NULL));
		payload_count(run, queue->channel, buf, size);
	}
}

static void mq_run_null_priority(struct run *run)
{
	struct queue queue = queue_open(run, 0);

	(void)process_start(run, mq_receive_null_body, &queue);
	queue_send(run, &queue, run->options.messages, queue_size(run));
	process_wait_all();
	queue_close(run, &queue);
}

/* An absolute time that a call that has to wait surely reaches. */
static struct timespec mq_soon(void)
{
	struct timespec when;

	TRY(clock_gettime(CLOCK_REALTIME, &when));
	when.tv_nsec += 1000000;
	if (when.tv_nsec >= 1000000000) {
		when.tv_nsec -= 1000000000;
		when.tv_sec++;
	}
	return when;
}

static void mq_receive_late_body(struct run *run, const void *arg)
{
	const struct turns *turns = arg;
	char buf[QUEUE_MAX_SIZE];
	struct timespec when;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		when = mq_soon();
		ENSURE(mq_timedreceive(turns->queue.id, buf, sizeof(buf), NULL, &when) < 0 &&
		       errno == ETIMEDOUT);
		gate_release(run, &turns->to_parent, 1);
		queue_receive(run, &turns->queue, 1);
	}
}

static void mq_run_timeout(struct run *run)
{
	struct turns turns = mq_open_turns(run);
	unsigned int i;

	(void)process_start(run, mq_receive_late_body, &turns);
	for (i = 0; i < ROUNDS; i++) {
		gate_pass(run, &turns.to_parent);
		queue_send(run, &turns.queue, 1, queue_size(run));
	}
	process_wait_all();
	queue_close(run, &turns.queue);
}

/* Registers anew each time: a registration is good for one message. */
static void mq_notified_body(struct run *run, const void *arg)
{
	const struct turns *turns = arg;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	siginfo_t info;
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		TRY(mq_notify(turns->queue.id, &event));
		gate_release(run, &turns->to_parent, 1);
		while (sigwaitinfo(&turns->set, &info) < 0)
			ENSURE(errno == EINTR);
		ENSURE(info.si_code == SI_MESGQ);
		truth_count_received(run->truth, turns->signal_channel,
				     truth_find_actor(run->truth, info.si_pid), 1, 0);
		queue_receive(run, &turns->queue, 1);
	}
}

static void mq_run_notify(struct run *run)
{
	struct turns turns = mq_open_turns(run);
	unsigned int i;

	turns.signal_channel = truth_add_channel(run->truth, "signal", "SIGUSR1", TRUTH_UNBALANCED);
	sigemptyset(&turns.set);
	sigaddset(&turns.set, SIGUSR1);
	TRY(sigprocmask(SIG_BLOCK, &turns.set, NULL));
	(void)process_start(run, mq_notified_body, &turns);
	for (i = 0; i < ROUNDS; i++) {
		gate_pass(run, &turns.to_parent);
		queue_send(run, &turns.queue, 1, queue_size(run));
	}
	process_wait_all();
	queue_close(run, &turns.queue);
}

/* The descriptor can be read, too: a line of text about the queue, not a message. */
static void mq_read_status(const struct queue *queue)
{
	char text[128];

	TRY(lseek(queue->id, 0, SEEK_SET));
	ENSURE(TRY(read(queue->id, text, sizeof(text))) > 6 && !memcmp(text, "QSIZE:", 6));
}

static void mq_read_and_receive_body(struct run *run, const void *arg)
{
	const struct queue *queue = arg;
	unsigned int i;

	for (i = 0; i < MQ_MESSAGES; i++) {
		mq_read_status(queue);
		queue_receive(run, queue, 1);
	}
	mq_read_status(queue);
}

static void mq_run_status(struct run *run)
{
	struct queue queue = queue_open(run, 0);

	queue_send(run, &queue, MQ_MESSAGES, queue_size(run));
	process_wait(process_start(run, mq_read_and_receive_body, &queue));
	queue_close(run, &queue);
}

const struct scenario posix_mq_scenarios[] = {
	QUEUE_SCENARIOS("posix-mq", &mq_kind),
	SCENARIO("posix-mq", "-by-name", &mq_kind, "each process opens it itself", mq_run_by_name),
	SCENARIO("posix-mq", "-unlinked", &mq_kind, "received when the name is gone",
		 mq_run_unlinked),
	SCENARIO("posix-mq", "-priorities", &mq_kind, "received by priority", mq_run_priorities),
	SCENARIO("posix-mq", "-null-priority", &mq_kind, "received without asking for the priority",
		 mq_run_null_priority),
	SCENARIO("posix-mq", "-timeout", &mq_kind, "receives that time out", mq_run_timeout),
	SCENARIO("posix-mq", "-notify", &mq_kind, "mq_notify: the sender's message is a signal",
		 mq_run_notify),
	SCENARIO("posix-mq", "-status", &mq_kind, "the descriptor is read as text", mq_run_status),
	{ 0 },
};
