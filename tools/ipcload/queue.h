/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios over message queues of either kind: POSIX and System V. */
#ifndef IPCLOAD_QUEUE_H
#define IPCLOAD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "naming.h"
#include "scenario.h"

#define QUEUE_MAX_SIZE 4096 /* of a message, whatever --size says; every machine allows it */

struct queue {
	int id;
	unsigned int channel;
	char name[NAMING_SIZE]; /* what the graph shows */
};

struct queue_kind {
	const char *mechanism;
	long send_call; /* numbers of the system calls */
	long receive_call;
	/* Makes an empty queue that holds a few messages of QUEUE_MAX_SIZE. */
	int (*open)(char ret_name[NAMING_SIZE]);
	void (*remove)(const struct queue *queue);
	/* Send returns 0; both return negative with errno EAGAIN instead of waiting, if told so. */
	int (*send)(int id, const void *buf, size_t size, bool is_waiting);
	int (*receive)(int id, void *buf, bool is_waiting);
};

/* Opens a queue of the scenario's kind and adds its channel with flags of enum truth_flag. */
struct queue queue_open(struct run *run, unsigned int flags);
void queue_close(struct run *run, const struct queue *queue);
/* Bytes of a message: what the options say, as far as a queue takes it. */
size_t queue_size(const struct run *run);

void queue_send(struct run *run, const struct queue *queue, unsigned int nr, size_t size);
void queue_receive(struct run *run, const struct queue *queue, unsigned int nr);

void queue_run_simple(struct run *run);
void queue_run_full(struct run *run);
void queue_run_empty_queue(struct run *run);
void queue_run_nonblock(struct run *run);
void queue_run_many_writers(struct run *run);
void queue_run_many_readers(struct run *run);
void queue_run_many_to_many(struct run *run);
void queue_run_empty(struct run *run);
void queue_run_self(struct run *run);
void queue_run_unread(struct run *run);
void queue_run_preopened(struct run *run);

#define QUEUE_SCENARIOS(prefix, kind)                                                              \
	SCENARIO(prefix, "", kind, "one sender, one receiver", queue_run_simple),                  \
		SCENARIO(prefix, "-full", kind, "the sender waits, the queue is full",             \
			 queue_run_full),                                                          \
		SCENARIO(prefix, "-waiting", kind, "the receiver waits for each message",          \
			 queue_run_empty_queue),                                                   \
		SCENARIO(prefix, "-nonblock", kind, "EAGAIN at both ends", queue_run_nonblock),    \
		SCENARIO(prefix, "-many-writers", kind, "P senders, one receiver",                 \
			 queue_run_many_writers),                                                  \
		SCENARIO(prefix, "-many-readers", kind, "one sender, P receivers",                 \
			 queue_run_many_readers),                                                  \
		SCENARIO(prefix, "-many-to-many", kind, "P senders, P receivers",                  \
			 queue_run_many_to_many),                                                  \
		SCENARIO(prefix, "-empty", kind, "messages of no bytes", queue_run_empty),         \
		SCENARIO(prefix, "-self", kind, "a process sends to itself", queue_run_self),      \
		SCENARIO(prefix, "-unread", kind, "removed with messages that nobody got",         \
			 queue_run_unread),                                                        \
		SCENARIO(prefix, "-preopened", kind, "made and used before it is counted",         \
			 queue_run_preopened)

#endif
