/* SPDX-License-Identifier: GPL-2.0-only */
/* Queues, semaphores and signals, used as a 32-bit program uses them (ia32.h). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <unistd.h>

#include "ia32.h"
#include "payload.h"
#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define QUEUE_MAX_SIZE 4096 /* what every queue takes */

static size_t queue_size(const struct run *run)
{
	return run->options.size < QUEUE_MAX_SIZE ? run->options.size : QUEUE_MAX_SIZE;
}

/* ipc(): one number for all of System V. */
static long ia32_ipc(unsigned int what, uint32_t first, uint32_t second, uint32_t third,
		     const void *low)
{
	return ia32_call(IA32_IPC, what, first, second, third, low ? ia32_pointer(low) : 0);
}

struct ia32_msgbuf {
	int32_t type;
	char text[QUEUE_MAX_SIZE];
};

/* How ipc() is told two things with one pointer. */
struct ia32_kludge {
	uint32_t buf;
	int32_t type;
};

struct queue {
	int id;
	unsigned int channel;
};

static void queue_send_sysv_body(struct run *run, const void *arg)
{
	struct ia32_msgbuf *message = ia32_alloc(sizeof(*message));
	const struct queue *queue = arg;
	const size_t size = queue_size(run);
	unsigned int i;

	message->type = 1;
	payload_fill(run, message->text, size);
	for (i = 0; i < run->options.messages; i++) {
		TRY(ia32_ipc(IA32_IPC_MSGSND, queue->id, size, 0, message));
		truth_count_sent(run->truth, queue->channel, 1, size);
	}
}

static void queue_receive_sysv(struct run *run, const struct queue *queue)
{
	struct ia32_msgbuf *message = ia32_alloc(sizeof(*message));
	struct ia32_kludge *kludge = ia32_alloc(sizeof(*kludge));
	const size_t size = queue_size(run);
	unsigned int i;

	*kludge = (struct ia32_kludge){ .buf = ia32_pointer(message) };
	for (i = 0; i < run->options.messages; i++) {
		ENSURE(TRY(ia32_ipc(IA32_IPC_MSGRCV, queue->id, size, 0, kludge)) == (long)size);
		payload_count(run, queue->channel, message->text, size);
	}
}

static void ia32_run_sysv_msg(struct run *run)
{
	const unsigned int key = 0x1b000000 + getpid();
	struct queue queue;
	char name[16];

	ia32_probe();
	queue.id = ia32_ipc(IA32_IPC_MSGGET, key, IPC_CREAT | IPC_EXCL | 0600, 0, NULL);
	if (queue.id < 0 && errno == ENOSYS)
		try_skip("no System V message queues");
	TRY(queue.id);
	snprintf(name, sizeof(name), "0x%08x", key);
	queue.channel = truth_add_channel(run->truth, "sysv-msg", name, 0);
	(void)process_start(run, queue_send_sysv_body, &queue);
	queue_receive_sysv(run, &queue);
	process_wait_all();
	TRY(ia32_ipc(IA32_IPC_MSGCTL, queue.id, IPC_RMID, 0, NULL));
}

struct ia32_sembuf {
	uint16_t number;
	int16_t change;
	int16_t flags;
};

static void sem_change(const struct queue *set, struct ia32_sembuf *operation)
{
	long err;

	/* More than 32767 units do not fit: the others will take some. */
	do {
		err = ia32_ipc(IA32_IPC_SEMOP, set->id, 1, 0, operation);
	} while (err < 0 && errno == ERANGE);
	TRY(err);
}

static void sem_post_body(struct run *run, const void *arg)
{
	struct ia32_sembuf *post = ia32_alloc(sizeof(*post));
	unsigned int i;

	post->change = 1;
	for (i = 0; i < run->options.messages; i++)
		sem_change(arg, post);
}

/* One process puts in all units, the other takes them, one by one. */
static void ia32_run_sysv_sem(struct run *run)
{
	struct ia32_sembuf *wait;
	struct queue set;
	unsigned int i;

	ia32_probe();
	wait = ia32_alloc(sizeof(*wait));
	wait->change = -1;
	set.id = ia32_ipc(IA32_IPC_SEMGET, IPC_PRIVATE, 1, IPC_CREAT | 0600, NULL);
	if (set.id < 0 && errno == ENOSYS)
		try_skip("no System V semaphores");
	TRY(set.id);
	set.channel = truth_add_channel(run->truth, "sysv-sem", "", TRUTH_UNBALANCED);
	(void)process_start(run, sem_post_body, &set);
	for (i = 0; i < run->options.messages; i++) {
		sem_change(&set, wait);
		truth_count_received(run->truth, set.channel, 1, 1, 0);
	}
	process_wait_all();
	TRY(ia32_ipc(IA32_IPC_SEMCTL, set.id, 0, IPC_RMID, ia32_alloc(sizeof(uint32_t))));
}

struct ia32_mq_attr {
	int32_t flags;
	int32_t maxmsg;
	int32_t msgsize;
	int32_t curmsgs;
	int32_t reserved[4];
};

#define MQ_MESSAGES 8
#define MQ_PRIORITY 3

/* The kernel's name has no slash. */
static int mq_open_low(struct run *run, const char *low_name)
{
	struct ia32_mq_attr *attr = ia32_alloc(sizeof(*attr));
	int fd;

	*attr = (struct ia32_mq_attr){ .maxmsg = MQ_MESSAGES, .msgsize = queue_size(run) };
	fd = ia32_call(IA32_MQ_OPEN, ia32_pointer(low_name), O_RDWR | O_CREAT | O_EXCL, 0600,
		       ia32_pointer(attr), 0);
	if (fd < 0 && errno == ENOSYS)
		try_skip("no POSIX message queues");
	return TRY(fd);
}

static void queue_send_posix_body(struct run *run, const void *arg)
{
	const struct queue *queue = arg;
	const size_t size = queue_size(run);
	char *buf = ia32_alloc(size);
	unsigned int i;

	payload_fill(run, buf, size);
	for (i = 0; i < run->options.messages; i++) {
		TRY(ia32_call(IA32_MQ_TIMEDSEND, queue->id, ia32_pointer(buf), size, MQ_PRIORITY,
			      0));
		truth_count_sent(run->truth, queue->channel, 1, size);
	}
}

static void queue_receive_posix(struct run *run, const struct queue *queue)
{
	uint32_t *priority = ia32_alloc(sizeof(*priority));
	const size_t size = queue_size(run);
	char *buf = ia32_alloc(size);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		ENSURE(TRY(ia32_call(IA32_MQ_TIMEDRECEIVE, queue->id, ia32_pointer(buf), size,
				     ia32_pointer(priority), 0)) == (long)size);
		ENSURE(*priority == MQ_PRIORITY);
		payload_count(run, queue->channel, buf, size);
	}
}

static void ia32_run_posix_mq(struct run *run)
{
	struct queue queue;
	char name[32];
	char *low;

	ia32_probe();
	low = ia32_alloc(sizeof(name));
	snprintf(name, sizeof(name), "/ipcload.%d", getpid());
	memcpy(low, name + 1, sizeof(name) - 1);
	queue.id = mq_open_low(run, low);
	queue.channel = truth_add_channel(run->truth, "posix-mq", name, 0);
	(void)process_start(run, queue_send_posix_body, &queue);
	queue_receive_posix(run, &queue);
	process_wait_all();
	TRY(ia32_call(IA32_MQ_UNLINK, ia32_pointer(low), 0, 0, 0, 0));
	TRY(close(queue.id));
}

struct killer {
	sigset_t set;
	unsigned int channel;
	struct gate gate;
};

static void signal_wait_body(struct run *run, const void *arg)
{
	const struct killer *killer = arg;
	siginfo_t info;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		ENSURE(TRY(sigwaitinfo(&killer->set, &info)) == SIGUSR1);
		truth_count_received(run->truth, killer->channel,
				     truth_find_actor(run->truth, info.si_pid), 1, 0);
		gate_release(run, &killer->gate, 1);
	}
}

static void ia32_run_kill(struct run *run)
{
	struct killer killer;
	unsigned int i;
	pid_t child;

	ia32_probe();
	sigemptyset(&killer.set);
	sigaddset(&killer.set, SIGUSR1);
	TRY(sigprocmask(SIG_BLOCK, &killer.set, NULL));
	killer.gate = gate_open(run);
	killer.channel = truth_add_channel(run->truth, "signal", "SIGUSR1", TRUTH_UNBALANCED);
	child = process_start(run, signal_wait_body, &killer);
	for (i = 0; i < run->options.messages; i++) {
		TRY(ia32_call(IA32_KILL, child, SIGUSR1, 0, 0, 0));
		gate_pass(run, &killer.gate);
	}
	process_wait_all();
}

const struct scenario ia32_ipc_scenarios[] = {
	SCENARIO("sysv-msg", "-ia32", NULL, "ipc: MSGGET, MSGSND, MSGRCV", ia32_run_sysv_msg),
	SCENARIO("sysv-sem", "-ia32", NULL, "ipc: SEMGET, SEMOP", ia32_run_sysv_sem),
	SCENARIO("posix-mq", "-ia32", NULL, "32-bit mq_timedsend and mq_timedreceive",
		 ia32_run_posix_mq),
	SCENARIO("signal", "-ia32", NULL, "32-bit kill", ia32_run_kill),
	{ 0 },
};
