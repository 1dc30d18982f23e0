/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * File locks of three kinds: flock(), the fcntl() locks of a process, and those of an open file
 * description. A message is a call that was blocked and got its lock because another process let
 * go of it: whoever lets go first sees that the other one sleeps in its call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blocked.h"
#include "duct.h"
#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define ROUNDS 20
#define MAX_WAITERS 50 /* as many as there may be processes */
#define WHOLE_FILE 0   /* as a length */

struct lock_kind {
	long call; /* number of the system call */
	/* Sets a lock of that type (F_WRLCK, F_RDLCK, F_UNLCK); negative with errno on failure. */
	int (*set)(int fd, short type, off_t start, off_t length, bool is_waiting);
	bool is_of_process; /* gone when the process closes any descriptor of the file */
};

static int lock_set_flock(int fd, short type, off_t start, off_t length, bool is_waiting)
{
	int operation = LOCK_UN;

	ENSURE(start == 0 && length == WHOLE_FILE);
	if (type == F_WRLCK)
		operation = LOCK_EX;
	else if (type == F_RDLCK)
		operation = LOCK_SH;
	return flock(fd, operation | (is_waiting ? 0 : LOCK_NB));
}

static int lock_set_posix(int fd, short type, off_t start, off_t length, bool is_waiting)
{
	struct flock range = { .l_type = type, .l_start = start, .l_len = length };

	return fcntl(fd, is_waiting ? F_SETLKW : F_SETLK, &range);
}

static int lock_set_ofd(int fd, short type, off_t start, off_t length, bool is_waiting)
{
	struct flock range = { .l_type = type, .l_start = start, .l_len = length };

	return fcntl(fd, is_waiting ? F_OFD_SETLKW : F_OFD_SETLK, &range);
}

static const struct lock_kind lock_flock = { .call = SYS_flock, .set = lock_set_flock };
static const struct lock_kind lock_ofd = { .call = SYS_fcntl, .set = lock_set_ofd };
static const struct lock_kind lock_posix = {
	.call = SYS_fcntl,
	.set = lock_set_posix,
	.is_of_process = true,
};

/* A file to lock, and gates to do it in order. Each process opens the file itself. */
struct locks {
	const struct lock_kind *kind;
	char path[108];
	unsigned int channel;
	int fd; /* of the calling process */
	struct gate to_parent;
	struct gate to_children;
};

static void lock_open(struct locks *locks)
{
	locks->fd = TRY(open(locks->path, O_RDWR | O_CLOEXEC));
}

static struct locks lock_make(struct run *run)
{
	struct locks locks = { .kind = run->scenario->arg };

	duct_name_path(run, "locked", locks.path);
	TRY(close(TRY(open(locks.path, O_RDWR | O_CREAT | O_EXCL, 0600))));
	locks.channel = truth_add_channel(run->truth, "file-lock", locks.path, TRUTH_UNBALANCED);
	locks.to_parent = gate_open(run);
	locks.to_children = gate_open(run);
	lock_open(&locks);
	return locks;
}

/* In a child: a descriptor of its own, for flock() locks belong to what both would share. */
static struct locks lock_take(const void *arg)
{
	struct locks locks = *(const struct locks *)arg;

	TRY(close(locks.fd));
	lock_open(&locks);
	return locks;
}

static void lock_finish(const struct locks *locks)
{
	process_wait_all();
	TRY(unlink(locks->path));
}

static void lock_range(const struct locks *locks, short type, off_t start, off_t length)
{
	TRY(locks->kind->set(locks->fd, type, start, length, true));
}

static void lock_file(const struct locks *locks, short type)
{
	lock_range(locks, type, 0, WHOLE_FILE);
}

/* Has been blocked until the actor let go. */
static void lock_count(struct run *run, const struct locks *locks, unsigned int from)
{
	truth_count_received(run->truth, locks->channel, from, 1, 0);
}

static void lock_await_waiter(const struct locks *locks, pid_t pid)
{
	blocked_wait(pid, locks->kind->call);
}

static void lock_pong(struct run *run, const struct locks *locks, unsigned int rounds)
{
	while (rounds--) {
		lock_file(locks, F_WRLCK);
		lock_count(run, locks, 0);
		gate_release(run, &locks->to_parent, 1);
		lock_await_waiter(locks, getppid());
		lock_file(locks, F_UNLCK);
		gate_pass(run, &locks->to_children);
	}
}

/* The caller holds the lock at first and in the end. */
static void lock_ping(struct run *run, const struct locks *locks, unsigned int rounds, pid_t child)
{
	while (rounds--) {
		lock_await_waiter(locks, child);
		lock_file(locks, F_UNLCK);
		gate_pass(run, &locks->to_parent);
		lock_file(locks, F_WRLCK);
		lock_count(run, locks, 1);
		gate_release(run, &locks->to_children, 1);
	}
}

static void lock_pong_body(struct run *run, const void *arg)
{
	const struct locks locks = lock_take(arg);

	lock_pong(run, &locks, run->options.messages);
}

static void lock_run_ping_pong(struct run *run)
{
	struct locks locks = lock_make(run);

	lock_file(&locks, F_WRLCK);
	lock_ping(run, &locks, run->options.messages, process_start(run, lock_pong_body, &locks));
	lock_file(&locks, F_UNLCK);
	lock_finish(&locks);
}

static void lock_once_body(struct run *run, const void *arg)
{
	struct locks locks = lock_take(arg);

	lock_file(&locks, F_WRLCK);
	lock_count(run, &locks, 0);
}

/* A child for each round, which leaves the lock to its exit when nobody waits. */
static void lock_run_close(struct run *run)
{
	struct locks locks = lock_make(run);
	unsigned int i;
	pid_t child;

	for (i = 0; i < ROUNDS; i++) {
		lock_file(&locks, F_WRLCK);
		child = process_start(run, lock_once_body, &locks);
		lock_await_waiter(&locks, child);
		if (locks.kind->is_of_process)
			TRY(close(TRY(open(locks.path, O_RDONLY))));
		else
			TRY(close(locks.fd));
		process_wait(child);
		if (!locks.kind->is_of_process)
			lock_open(&locks);
	}
	lock_finish(&locks);
}

/* Dies with the lock when the next one waits for it, as the parent says. */
static void lock_exit_body(struct run *run, const void *arg)
{
	const struct locks locks = lock_take(arg);

	lock_file(&locks, F_WRLCK);
	if (run->rank > 0)
		lock_count(run, &locks, truth_self(run->truth) - 1);
	gate_release(run, &locks.to_parent, 1);
	gate_pass(run, &locks.to_children);
}

static void lock_run_exit(struct run *run)
{
	struct locks locks = lock_make(run);
	pid_t child;

	for (run->rank = 0; run->rank < run->options.processes; run->rank++) {
		child = process_start(run, lock_exit_body, &locks);
		if (run->rank > 0) {
			lock_await_waiter(&locks, child);
			gate_release(run, &locks.to_children, 1);
		}
		gate_pass(run, &locks.to_parent);
	}
	gate_release(run, &locks.to_children, 1);
	lock_finish(&locks);
}

static void lock_read_body(struct run *run, const void *arg)
{
	const struct locks locks = lock_take(arg);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		gate_pass(run, &locks.to_children);
		lock_file(&locks, F_RDLCK);
		lock_count(run, &locks, 0);
		lock_file(&locks, F_UNLCK);
		gate_release(run, &locks.to_parent, 1);
	}
}

/* Lets all of them in at once, as `type` says: an unlock, or a lock that they may share. */
static void lock_release_readers(struct run *run, short type)
{
	struct locks locks = lock_make(run);
	const unsigned int nr = run->options.processes;
	pid_t pids[MAX_WAITERS];
	unsigned int i, j;

	ENSURE(nr <= MAX_WAITERS);
	for (run->rank = 0; run->rank < nr; run->rank++)
		pids[run->rank] = process_start(run, lock_read_body, &locks);
	for (i = 0; i < ROUNDS; i++) {
		lock_file(&locks, F_WRLCK);
		gate_release(run, &locks.to_children, nr);
		for (j = 0; j < nr; j++)
			lock_await_waiter(&locks, pids[j]);
		lock_file(&locks, type);
		for (j = 0; j < nr; j++)
			gate_pass(run, &locks.to_parent);
	}
	lock_finish(&locks);
}

static void lock_run_readers(struct run *run)
{
	lock_release_readers(run, F_UNLCK);
}

static void lock_run_downgrade(struct run *run)
{
	lock_release_readers(run, F_RDLCK);
}

/* What those who wait know of each other: the contents of the file that they lock. */
struct queue_state {
	unsigned int holder; /* actor that has let go last */
	pid_t waiters[MAX_WAITERS];
	bool is_served[MAX_WAITERS];
};

/* Lets go only when all the others wait again: an unlock wakes all, and one gets the lock. */
static void lock_queue_body(struct run *run, const void *arg)
{
	const struct locks locks = lock_take(arg);
	struct queue_state state;
	unsigned int i;

	lock_file(&locks, F_WRLCK);
	ENSURE(TRY(pread(locks.fd, &state, sizeof(state), 0)) == sizeof(state));
	lock_count(run, &locks, state.holder);
	state.holder = truth_self(run->truth);
	state.is_served[run->rank] = true;
	ENSURE(TRY(pwrite(locks.fd, &state, sizeof(state), 0)) == sizeof(state));
	for (i = 0; i < run->options.processes; i++) {
		if (!state.is_served[i])
			lock_await_waiter(&locks, state.waiters[i]);
	}
	lock_file(&locks, F_UNLCK);
}

static void lock_run_queue(struct run *run)
{
	struct locks locks = lock_make(run);
	struct queue_state state = { .holder = 0 };
	unsigned int i;

	ENSURE(run->options.processes <= MAX_WAITERS);
	lock_file(&locks, F_WRLCK);
	for (run->rank = 0; run->rank < run->options.processes; run->rank++)
		state.waiters[run->rank] = process_start(run, lock_queue_body, &locks);
	ENSURE(TRY(pwrite(locks.fd, &state, sizeof(state), 0)) == sizeof(state));
	for (i = 0; i < run->options.processes; i++)
		lock_await_waiter(&locks, state.waiters[i]);
	lock_file(&locks, F_UNLCK);
	lock_finish(&locks);
}

static void lock_try_body(struct run *run, const void *arg)
{
	const struct locks locks = lock_take(arg);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		gate_pass(run, &locks.to_children);
		ENSURE(locks.kind->set(locks.fd, F_WRLCK, 0, WHOLE_FILE, false) < 0 &&
		       (errno == EAGAIN || errno == EACCES));
		gate_release(run, &locks.to_parent, 1);
		gate_pass(run, &locks.to_children);
		lock_file(&locks, F_WRLCK);
		lock_file(&locks, F_UNLCK);
		gate_release(run, &locks.to_parent, 1);
	}
}

/* They have it in turns, and neither ever waits in a call that locks. */
static void lock_run_uncontended(struct run *run)
{
	struct locks locks = lock_make(run);
	unsigned int i;

	(void)process_start(run, lock_try_body, &locks);
	for (i = 0; i < ROUNDS; i++) {
		lock_file(&locks, F_WRLCK);
		gate_release(run, &locks.to_children, 1);
		gate_pass(run, &locks.to_parent);
		lock_file(&locks, F_UNLCK);
		gate_release(run, &locks.to_children, 1);
		gate_pass(run, &locks.to_parent);
	}
	lock_finish(&locks);
}

/* The child with rank 0 wants bytes 10 to 19, the one with rank 1 bytes 50 to 59. */
static void lock_range_body(struct run *run, const void *arg)
{
	const struct locks locks = lock_take(arg);
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		gate_pass(run, &locks.to_children);
		lock_range(&locks, F_WRLCK, run->rank ? 50 : 10, 10);
		lock_count(run, &locks, 0);
		lock_range(&locks, F_UNLCK, 0, WHOLE_FILE);
		gate_release(run, &locks.to_parent, 1);
	}
}

/* Lets go of a piece in the middle first, then of more than the other one wants. */
static void lock_run_ranges(struct run *run)
{
	struct locks locks = lock_make(run);
	pid_t pids[2];
	unsigned int i;

	for (run->rank = 0; run->rank < 2; run->rank++)
		pids[run->rank] = process_start(run, lock_range_body, &locks);
	for (i = 0; i < ROUNDS; i++) {
		lock_range(&locks, F_WRLCK, 0, 100);
		gate_release(run, &locks.to_children, 2);
		lock_await_waiter(&locks, pids[0]);
		lock_await_waiter(&locks, pids[1]);
		lock_range(&locks, F_UNLCK, 50, 10);
		gate_pass(run, &locks.to_parent);
		lock_await_waiter(&locks, pids[0]);
		lock_range(&locks, F_UNLCK, 0, 30);
		gate_pass(run, &locks.to_parent);
	}
	lock_finish(&locks);
}

#define WARM_UP_ROUNDS 3

struct preopened {
	struct locks locks;
	int warm_tx; /* a pipe that is used only before the counted part begins */
};

static void lock_preopened_body(struct run *run, const void *arg)
{
	const struct preopened *preopened = arg;
	const struct locks locks = lock_take(&preopened->locks);
	unsigned int i;

	for (i = 0; i < WARM_UP_ROUNDS; i++) {
		lock_file(&locks, F_WRLCK);
		lock_file(&locks, F_UNLCK);
	}
	ENSURE(TRY(write(preopened->warm_tx, "", 1)) == 1);
	gate_pass(run, &locks.to_children);
	lock_pong(run, &locks, run->options.messages);
}

/* Held when the capture begins. */
static void lock_run_preopened(struct run *run)
{
	struct preopened preopened = { .locks = lock_make(run) };
	const struct locks *locks = &preopened.locks;
	pid_t child;
	int warm[2];
	char byte;

	TRY(pipe(warm));
	preopened.warm_tx = warm[1];
	child = process_start(run, lock_preopened_body, &preopened);
	ENSURE(TRY(read(warm[0], &byte, 1)) == 1);
	lock_file(locks, F_WRLCK);
	process_wait_stdin(run);
	gate_release(run, &locks->to_children, 1);
	lock_ping(run, locks, run->options.messages, child);
	lock_file(locks, F_UNLCK);
	lock_finish(locks);
}

#define LOCK_SCENARIO(scenario, kind, text, function)                                              \
	{                                                                                          \
		.name = scenario, .mechanism = "file-lock", .summary = text, .run = function,      \
		.arg = kind                                                                        \
	}

#define LOCK_SCENARIOS(prefix, kind)                                                               \
	LOCK_SCENARIO(prefix, kind, "handed over between two", lock_run_ping_pong),                \
		LOCK_SCENARIO(prefix "-close", kind, "released by a close", lock_run_close),       \
		LOCK_SCENARIO(prefix "-exit", kind, "released by an exit, P in turn",              \
			      lock_run_exit),                                                      \
		LOCK_SCENARIO(prefix "-readers", kind, "P readers let in at once",                 \
			      lock_run_readers),                                                   \
		LOCK_SCENARIO(prefix "-downgrade", kind, "P readers let in by a reader",           \
			      lock_run_downgrade),                                                 \
		LOCK_SCENARIO(prefix "-queue", kind, "P writers, one after the other",             \
			      lock_run_queue),                                                     \
		LOCK_SCENARIO(prefix "-uncontended", kind, "nobody is blocked: no edge",           \
			      lock_run_uncontended),                                               \
		LOCK_SCENARIO(prefix "-preopened", kind, "used and held before it is counted",     \
			      lock_run_preopened)

const struct scenario lock_scenarios[] = {
	LOCK_SCENARIOS("flock", &lock_flock),
	LOCK_SCENARIOS("posix-lock", &lock_posix),
	LOCK_SCENARIO("posix-lock-ranges", &lock_posix, "pieces of a file", lock_run_ranges),
	LOCK_SCENARIOS("ofd-lock", &lock_ofd),
	LOCK_SCENARIO("ofd-lock-ranges", &lock_ofd, "pieces of a file", lock_run_ranges),
	{ 0 },
};
