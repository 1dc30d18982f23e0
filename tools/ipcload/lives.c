/* SPDX-License-Identifier: GPL-2.0-only */
/* Lives of processes: threads, exec, orphans, many short ones. All write to the parent's pipe. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "payload.h"
#include "process.h"
#include "stream.h"
#include "truth.h"
#include "try.h"

/* The parent's part, after it has started the writers. */
static void lives_receive(struct run *run, struct duct *duct)
{
	duct_keep_rx(duct);
	stream_receive_all(run, duct->rx, duct->channel, run->options.size);
	process_wait_all();
}

static void lives_write(struct run *run, const struct duct *duct)
{
	stream_send(run, duct->tx, duct->channel, run->options.messages, run->options.size);
}

#define THREADS 4

struct thread_work {
	const char *message;
	size_t size;
	unsigned int messages;
	int fd;
};

static void *lives_write_thread(void *arg)
{
	const struct thread_work *work = arg;
	unsigned int i;

	for (i = 0; i < work->messages; i++)
		ENSURE(TRY(write(work->fd, work->message, work->size)) == (ssize_t)work->size);
	return NULL;
}

/* Threads do not count: the process does, when they are done. */
static void lives_threads_body(struct run *run, const void *arg)
{
	const struct duct *duct = arg;
	const struct options *options = &run->options;
	char *message = payload_alloc(options->size);
	struct thread_work work = { message, options->size, options->messages, duct->tx };
	pthread_t threads[THREADS];
	unsigned int i;

	payload_fill(run, message, options->size);
	for (i = 0; i < THREADS; i++)
		ENSURE(!pthread_create(&threads[i], NULL, lives_write_thread, &work));
	for (i = 0; i < THREADS; i++)
		ENSURE(!pthread_join(threads[i], NULL));
	truth_count_sent(run->truth, duct->channel, (uint64_t)THREADS * options->messages,
			 (uint64_t)THREADS * options->messages * options->size);
	free(message);
}

static void lives_run_threads(struct run *run)
{
	struct duct duct = duct_open(run, &duct_pipe, 0);

	(void)process_start(run, lives_threads_body, &duct);
	lives_receive(run, &duct);
}

/* Numbers for a process that goes on after an exec. */
#define LIVES_NUMBERS(duct)                                                                        \
	{                                                                                          \
		(duct)->tx, (int)(duct)->channel                                                   \
	}

static void lives_reexec(struct run *run, const int *numbers)
{
	const struct duct duct = { .rx = -1, .tx = numbers[0], .channel = numbers[1] };

	lives_write(run, &duct);
}

static void lives_run_vfork(struct run *run)
{
	struct duct duct = duct_open(run, &duct_pipe, 0);
	const int numbers[] = LIVES_NUMBERS(&duct);
	unsigned int i;

	for (i = 0; i < run->options.processes; i++)
		(void)process_spawn(run, numbers, 2);
	lives_receive(run, &duct);
}

struct thread_exec {
	struct run *run;
	const struct duct *duct;
};

static void *lives_exec_thread(void *arg)
{
	const struct thread_exec *exec = arg;
	const int numbers[] = LIVES_NUMBERS(exec->duct);

	process_exec(exec->run, numbers, 2);
}

/* Writes as the leader, then a thread takes the process over. */
static void lives_thread_exec_body(struct run *run, const void *arg)
{
	struct thread_exec exec = { run, arg };
	pthread_t thread;

	lives_write(run, arg);
	ENSURE(!pthread_create(&thread, NULL, lives_exec_thread, &exec));
	ENSURE(!pthread_join(thread, NULL));
}

static void lives_run_thread_exec(struct run *run)
{
	struct duct duct = duct_open(run, &duct_pipe, 0);

	(void)process_start(run, lives_thread_exec_body, &duct);
	lives_receive(run, &duct);
}

struct orphan {
	struct duct duct;
	struct gate gate;
	unsigned int actor; /* of the grandchild */
};

/* The child's only deed; it counts nothing, and the grandchild waits until it is gone. */
static void lives_orphan_body(struct run *run, const void *arg)
{
	const struct orphan *orphan = arg;

	if (TRY(fork()))
		return;
	truth_become(run->truth, orphan->actor);
	gate_pass(run, &orphan->gate);
	lives_write(run, &orphan->duct);
	process_finish(run);
}

/* The orphan is not ours to reap: its counts are in the slot before the pipe ends. */
static void lives_run_orphan(struct run *run)
{
	struct orphan orphan = { .duct = duct_open(run, &duct_pipe, 0) };

	orphan.gate = gate_open(run);
	orphan.actor = truth_add_actor(run->truth);
	process_wait(process_start(run, lives_orphan_body, &orphan));
	gate_release(run, &orphan.gate, 1);
	lives_receive(run, &orphan.duct);
}

static void lives_fork_body(struct run *run, const void *arg)
{
	const struct orphan *family = arg;
	pid_t pid;

	lives_write(run, &family->duct);
	pid = TRY(fork());
	if (!pid) {
		truth_become(run->truth, family->actor);
		lives_write(run, &family->duct);
		process_finish(run);
	}
	lives_write(run, &family->duct);
	process_wait(pid);
}

static void lives_run_fork(struct run *run)
{
	struct orphan family = { .duct = duct_open(run, &duct_pipe, 0) };

	family.actor = truth_add_actor(run->truth);
	(void)process_start(run, lives_fork_body, &family);
	lives_receive(run, &family.duct);
}

#define BRIEF_PROCESSES 500
#define BRIEF_AT_ONCE 50
#define BRIEF_SIZE 64 /* one atomic write, so the reader gets it whole */

static void lives_brief_body(struct run *run, const void *arg)
{
	const struct duct *duct = arg;
	char buf[BRIEF_SIZE];

	payload_fill_wide(run, buf, sizeof(buf));
	ENSURE(TRY(write(duct->tx, buf, sizeof(buf))) == sizeof(buf));
	truth_count_sent(run->truth, duct->channel, 1, sizeof(buf));
}

static void lives_run_brief(struct run *run)
{
	struct duct duct = duct_open(run, &duct_pipe, 0);
	char buf[BRIEF_SIZE];
	unsigned int i;

	for (i = 0; i < BRIEF_PROCESSES; i++) {
		if (i % BRIEF_AT_ONCE == 0)
			process_start_group(run, BRIEF_AT_ONCE, lives_brief_body, &duct);
		ENSURE(TRY(read(duct.rx, buf, sizeof(buf))) == sizeof(buf));
		payload_count_wide(run, duct.channel, buf, sizeof(buf));
		if (i % BRIEF_AT_ONCE == BRIEF_AT_ONCE - 1)
			process_wait_all();
	}
}

#define LIVES_SCENARIO(scenario, text, ...)                                                        \
	{                                                                                          \
		.name = scenario, .mechanism = "pipe", .summary = text, __VA_ARGS__                \
	}

const struct scenario lives_scenarios[] = {
	LIVES_SCENARIO("process-threads", "4 threads of one process write",
		       .run = lives_run_threads),
	LIVES_SCENARIO("process-fork", "a child and its child write", .run = lives_run_fork),
	LIVES_SCENARIO("process-vfork-exec", "P programs started with vfork write",
		       .run = lives_run_vfork, .reexec = lives_reexec),
	LIVES_SCENARIO("process-thread-exec", "a thread that is not the leader does the exec",
		       .run = lives_run_thread_exec, .reexec = lives_reexec),
	LIVES_SCENARIO("process-orphan", "writes when its parent is gone", .run = lives_run_orphan),
	LIVES_SCENARIO("process-brief", "500 processes that live for one message",
		       .run = lives_run_brief),
	{ 0 },
};
