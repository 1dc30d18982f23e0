/* SPDX-License-Identifier: GPL-2.0-only */
/* System V message queues: what both kinds of queue can, and types, flags, removal. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blocked.h"
#include "payload.h"
#include "process.h"
#include "queue.h"
#include "truth.h"
#include "try.h"

#define MSG_QUEUE_BYTES 16384 /* that a queue holds: what every machine allows */

struct message {
	long type;
	char text[QUEUE_MAX_SIZE];
};

/* Not more than some machines have, so that a few messages fill it. */
static int msg_make(key_t key)
{
	struct msqid_ds state;
	int id = msgget(key, IPC_CREAT | IPC_EXCL | 0600);

	if (id < 0 && errno == ENOSYS)
		try_skip("the kernel has no System V message queues");
	TRY(id);
	TRY(msgctl(id, IPC_STAT, &state));
	ENSURE(state.msg_qbytes >= MSG_QUEUE_BYTES);
	state.msg_qbytes = MSG_QUEUE_BYTES;
	TRY(msgctl(id, IPC_SET, &state));
	return id;
}

static int msg_make_named(char ret_name[NAMING_SIZE])
{
	return msg_make(naming_key(ret_name));
}

static int msg_make_private(char ret_name[NAMING_SIZE])
{
	*ret_name = '\0';
	return msg_make(IPC_PRIVATE);
}

static void msg_remove(const struct queue *queue)
{
	TRY(msgctl(queue->id, IPC_RMID, NULL));
}

static int msg_put(int id, const void *buf, size_t size, bool is_waiting)
{
	struct message message = { .type = 1 };

	memcpy(message.text, buf, size);
	return msgsnd(id, &message, size, is_waiting ? 0 : IPC_NOWAIT);
}

/* msgrcv() says ENOMSG where others say EAGAIN. */
static int msg_take(int id, void *buf, bool is_waiting)
{
	struct message message;
	int nr = msgrcv(id, &message, QUEUE_MAX_SIZE, 0, is_waiting ? 0 : IPC_NOWAIT);

	if (nr < 0) {
		errno = errno == ENOMSG ? EAGAIN : errno;
		return nr;
	}
	memcpy(buf, message.text, nr);
	return nr;
}

#define MSG_KIND(maker)                                                                            \
	{                                                                                          \
		.mechanism = "sysv-msg", .send_call = SYS_msgsnd, .receive_call = SYS_msgrcv,      \
		.open = maker, .remove = msg_remove, .send = msg_put, .receive = msg_take          \
	}

static const struct queue_kind msg_named = MSG_KIND(msg_make_named);
static const struct queue_kind msg_private = MSG_KIND(msg_make_private);

/* What follows sends messages of several types, and asks for them in another order. */
#define MSG_TYPES 5
#define MSG_ROUNDS 4 /* messages of each type: all fit into the queue */

/* One message of the type, and of a size that says the type. */
static void msg_send_typed(struct run *run, const struct queue *queue, long type)
{
	struct message message = { .type = type };
	const size_t size = 10 + type;

	payload_fill(run, message.text, size);
	TRY(msgsnd(queue->id, &message, size, 0));
	truth_count_sent(run->truth, queue->channel, 1, size);
}

static void msg_send_all_types(struct run *run, const struct queue *queue)
{
	unsigned int i;

	for (i = 0; i < MSG_ROUNDS * MSG_TYPES; i++)
		msg_send_typed(run, queue, i % MSG_TYPES + 1);
}

/* Asks for `wanted` and must get a message of the type; 0 is any. */
static void msg_receive_typed(struct run *run, const struct queue *queue, long wanted, int flags,
			      long type)
{
	struct message message;
	ssize_t size = TRY(msgrcv(queue->id, &message, sizeof(message.text), wanted, flags));

	ENSURE(size == 10 + message.type && (!type || message.type == type));
	payload_count(run, queue->channel, message.text, size);
}

static void msg_receive_last_type_first_body(struct run *run, const void *arg)
{
	unsigned int i;
	long type;

	for (type = MSG_TYPES; type > 0; type--) {
		for (i = 0; i < MSG_ROUNDS; i++)
			msg_receive_typed(run, arg, type, 0, type);
	}
}

static void msg_receive_lowest_first_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < MSG_ROUNDS * MSG_TYPES; i++)
		msg_receive_typed(run, arg, -MSG_TYPES, 0, i / MSG_ROUNDS + 1);
}

/* First all that are not of the type, then those that are. */
static void msg_receive_except_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < MSG_ROUNDS * (MSG_TYPES - 1); i++)
		msg_receive_typed(run, arg, 2, MSG_EXCEPT, 0);
	for (i = 0; i < MSG_ROUNDS; i++)
		msg_receive_typed(run, arg, 0, 0, 2);
}

static void msg_run_typed(struct run *run, process_body *body)
{
	struct queue queue = queue_open(run, 0);

	msg_send_all_types(run, &queue);
	process_wait(process_start(run, body, &queue));
	queue_close(run, &queue);
}

static void msg_run_types(struct run *run)
{
	msg_run_typed(run, msg_receive_last_type_first_body);
}

static void msg_run_negative(struct run *run)
{
	msg_run_typed(run, msg_receive_lowest_first_body);
}

static void msg_run_except(struct run *run)
{
	msg_run_typed(run, msg_receive_except_body);
}

/* Each asks for its own type and waits for it in the same queue. */
static void msg_receive_own_type_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		msg_receive_typed(run, arg, run->rank + 1, 0, run->rank + 1);
}

static void msg_run_addressed(struct run *run)
{
	struct queue queue = queue_open(run, 0);
	unsigned int i, j;

	process_start_group(run, run->options.processes, msg_receive_own_type_body, &queue);
	for (i = 0; i < run->options.messages; i++) {
		for (j = 0; j < run->options.processes; j++)
			msg_send_typed(run, &queue, j + 1);
	}
	process_wait_all();
	queue_close(run, &queue);
}

/* A copy takes nothing out of the queue; its type is the place of the message in it. */
static void msg_peek(const struct queue *queue)
{
	struct message message;

	if (msgrcv(queue->id, &message, sizeof(message.text), 0, MSG_COPY | IPC_NOWAIT) < 0) {
		ENSURE(errno == ENOSYS);
		TRY(msgctl(queue->id, IPC_RMID, NULL));
		try_skip("the kernel has no MSG_COPY");
	}
}

static void msg_copy_and_receive_body(struct run *run, const void *arg)
{
	unsigned int i;

	for (i = 0; i < MSG_ROUNDS * MSG_TYPES; i++) {
		msg_peek(arg);
		msg_receive_typed(run, arg, 0, 0, i % MSG_TYPES + 1);
	}
}

static void msg_run_copy(struct run *run)
{
	msg_run_typed(run, msg_copy_and_receive_body);
}

/* What is longer than the buffer is an error without MSG_NOERROR, and cut off with it. */
static void msg_receive_half_body(struct run *run, const void *arg)
{
	const struct queue *queue = arg;
	const size_t half = (queue_size(run) + 1) / 2;
	struct message message;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		if (half < queue_size(run))
			ENSURE(msgrcv(queue->id, &message, half, 0, 0) < 0 && errno == E2BIG);
		ENSURE(TRY(msgrcv(queue->id, &message, half, 0, MSG_NOERROR)) == (ssize_t)half);
		payload_count(run, queue->channel, message.text, half);
	}
}

static void msg_run_noerror(struct run *run)
{
	struct queue queue = queue_open(run, TRUTH_TRUNCATES);

	(void)process_start(run, msg_receive_half_body, &queue);
	queue_send(run, &queue, run->options.messages, queue_size(run));
	process_wait_all();
	queue_close(run, &queue);
}

struct removal {
	struct queue queue;
	struct gate gate; /* the only message has been received */
};

static void msg_receive_until_removed_body(struct run *run, const void *arg)
{
	const struct removal *removal = arg;
	struct message message;

	queue_receive(run, &removal->queue, 1);
	gate_release(run, &removal->gate, 1);
	ENSURE(msgrcv(removal->queue.id, &message, sizeof(message.text), 0, 0) < 0 &&
	       errno == EIDRM);
}

/* The receiver gets one message and waits for a second one that never comes. */
static void msg_run_removed(struct run *run)
{
	struct removal removal = { .queue = queue_open(run, 0) };
	pid_t child;

	removal.gate = gate_open(run);
	queue_send(run, &removal.queue, 1, queue_size(run));
	child = process_start(run, msg_receive_until_removed_body, &removal);
	gate_pass(run, &removal.gate);
	blocked_wait(child, SYS_msgrcv);
	queue_close(run, &removal.queue);
	process_wait(child);
}

const struct scenario sysv_msg_scenarios[] = {
	QUEUE_SCENARIOS("sysv-msg", &msg_named),
	SCENARIO("sysv-msg", "-private", &msg_private, "IPC_PRIVATE", queue_run_simple),
	SCENARIO("sysv-msg", "-types", &msg_named, "received by type", msg_run_types),
	SCENARIO("sysv-msg", "-negative", &msg_named, "the lowest type first", msg_run_negative),
	SCENARIO("sysv-msg", "-except", &msg_named, "MSG_EXCEPT", msg_run_except),
	SCENARIO("sysv-msg", "-addressed", &msg_named, "P receivers, each waits for its type",
		 msg_run_addressed),
	SCENARIO("sysv-msg", "-copy", &msg_named, "MSG_COPY before each receive", msg_run_copy),
	SCENARIO("sysv-msg", "-noerror", &msg_named, "MSG_NOERROR cuts the messages",
		 msg_run_noerror),
	SCENARIO("sysv-msg", "-removed", &msg_named, "removed while a receiver waits",
		 msg_run_removed),
	{ 0 },
};
