/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/session.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "command/child.h"

#define DRAIN_WAIT_MS 50
#define SWEEP_NS 2000000000ULL
#define PROBLEM_MAX 512

struct session {
	const struct target *target;
	const struct session_hooks *hooks;
	struct session_result *result;
	struct capture *capture;
	struct child child;
	sigset_t mask; /* before ours */
	int signals;   /* signalfd */
	int interrupts;
	uint64_t deadline_ns; /* 0: none */
	uint64_t sweep_ns;    /* when to sweep next */
};

uint64_t session_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int command_copy(char *const *command, char ***ret_copy)
{
	size_t nr = 0;
	char **copy;

	while (command[nr])
		nr++;
	copy = calloc(nr + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*ret_copy = copy;
	for (size_t i = 0; i < nr; i++) {
		copy[i] = strdup(command[i]);
		if (!copy[i])
			return -ENOMEM;
	}
	return 0;
}

int session_describe(const struct target *target, struct capture_info *ret_info)
{
	struct timespec now;
	struct utsname name;

	uname(&name);
	clock_gettime(CLOCK_REALTIME, &now);
	*ret_info = (struct capture_info){
		.host = strdup(name.nodename),
		.kernel = strdup(name.release),
		.arch = strdup(name.machine),
		.scope = strdup(target_scope(target)),
		.hooks = strdup("all"),
		.mechanisms = strdup(target->mechanisms_text),
		.start_realtime_ns = now.tv_sec * 1000000000LL + now.tv_nsec,
		.start_boottime_ns = session_now_ns(),
	};
	if (!ret_info->host || !ret_info->kernel || !ret_info->arch || !ret_info->scope ||
	    !ret_info->hooks || !ret_info->mechanisms)
		return -ENOMEM;
	return target->command ? command_copy(target->command, &ret_info->command) : 0;
}

_Static_assert(LEDGER_CPUS_MAX == CAPTURE_CPUS_MAX, "lists of CPUs");

void session_fill_ledger(const struct capture_ledger *counted, const char *end,
			 struct ledger_info *ret)
{
	*ret = (struct ledger_info){
		.time_ns = session_now_ns(),
		.seen = counted->seen,
		.recorded = counted->recorded,
		.aggregated = counted->aggregated,
		.filtered = counted->filtered,
		.barrier_cpus = counted->barrier_cpus,
		.barrier_reached = counted->barrier_reached,
	};
	for (int i = 0; i < IPCT_LOSS_NR; i++) {
		if (!counted->lost[i])
			continue;
		snprintf(ret->causes[ret->causes_nr].name, LEDGER_CAUSE_LEN, "%s",
			 capture_loss_name(i));
		ret->causes[ret->causes_nr++].count = counted->lost[i];
	}
	snprintf(ret->end, sizeof(ret->end), "%s", end);
	snprintf(ret->barrier_missed, sizeof(ret->barrier_missed), "%s", counted->barrier_missed);
}

void session_print_ledger(const struct ledger_info *ledger)
{
	log_info("seen %llu  recorded %llu  aggregated %llu  lost %llu",
		 (unsigned long long)ledger->seen, (unsigned long long)ledger->recorded,
		 (unsigned long long)ledger->aggregated,
		 (unsigned long long)ledger_info_lost(ledger));
	for (size_t i = 0; i < ledger->causes_nr; i++)
		log_warn("lost %llu: %s", (unsigned long long)ledger->causes[i].count,
			 ledger->causes[i].name);
}

/*
 * Signals are read, not handled. SIGPIPE is not even read: a reader that is gone is an error of
 * a write, and the end of a capture is still to come.
 */
static int signals_open(struct session *session)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	session->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (session->signals < 0)
		return -errno;
	sigaddset(&set, SIGPIPE);
	return sigprocmask(SIG_BLOCK, &set, &session->mask) ? -errno : 0;
}

/*
 * Ctrl-C reaches CMD too, from the terminal: wait for it to end, unless asked twice. NULL: go
 * on.
 */
static const char *signals_read(struct session *session)
{
	struct signalfd_siginfo info;

	while (read(session->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGINT || !session->child.pid || session->interrupts++)
			return "interrupt";
	}
	return NULL;
}

/* The first error ends the recording, but not the capture. */
static void session_note(struct session *session, int err)
{
	if (err >= 0 || session->result->error)
		return;
	session->result->error = err;
	session->hooks->failed(session->hooks->context, err);
}

/* A sink that never fails: the rings are emptied, whatever becomes of the records. */
static int session_take(void *context, __u32 stream, const struct ipct_event *event)
{
	struct session *session = context;

	session_note(session, session->hooks->take(session->hooks->context, stream, event));
	return 0;
}

/* Why it is over; NULL: it is not. */
static const char *session_is_over(struct session *session)
{
	const char *end = signals_read(session);

	if (end)
		return end;
	child_poll(&session->child);
	if (session->child.is_over)
		return "command";
	if (session->deadline_ns && session_now_ns() >= session->deadline_ns)
		return "duration";
	return target_is_gone(session->target) ? "exit" : NULL;
}

static int session_sweep(struct session *session)
{
	uint64_t now_ns = session_now_ns();

	if (now_ns < session->sweep_ns)
		return 0;
	session->sweep_ns = now_ns + SWEEP_NS;
	return capture_sweep(session->capture, session_take, session);
}

/* SESSION_ENOUGH ends the capture. */
static int session_step(struct session *session)
{
	const struct session_hooks *hooks = session->hooks;
	struct capture_ledger ledger;
	int err;

	session_note(session,
		     capture_drain(session->capture, DRAIN_WAIT_MS, session_take, session));
	session_note(session, session_sweep(session));
	if (session->result->error)
		return 0;
	capture_read_ledger(session->capture, &ledger);
	err = hooks->tick(hooks->context, &ledger);
	session_note(session, err);
	return err;
}

static const char *session_loop(struct session *session)
{
	bool is_waiting = false;
	const char *end;

	for (;;) {
		if (session_step(session) == SESSION_ENOUGH)
			return "enough";
		end = session_is_over(session);
		if (end)
			return end;
		if (!session->result->error || is_waiting)
			continue;
		if (!session->child.pid)
			return "error";
		is_waiting = true;
		log_info("nothing more is recorded; waiting for the command to end, Ctrl-C twice "
			 "stops that");
	}
}

/* Once the capture has begun, an error ends the recording, and what was recorded stays. */
static void session_end(struct session *session, const char *end)
{
	struct session_result *result = session->result;
	struct capture_ledger ledger;

	if (!result->error)
		session_note(session, capture_snapshot(session->capture, IPCT_ORIGIN_END,
						       session_take, session));
	session_note(session, capture_finish(session->capture, session_take, session));
	capture_read_ledger(session->capture, &ledger);
	session_fill_ledger(&ledger, end, &result->ledger);
	result->end = end;
	child_poll(&session->child);
	if (session->child.is_over)
		result->command_status = session->child.status;
}

static int exec_failed(const struct target *target, int err, struct session_result *result)
{
	char *name = escape_line(target->command[0], strlen(target->command[0]));

	if (err == -ENOENT)
		log_err("cannot run '%s': not found; check the name and PATH", name ? name : "");
	else
		log_err("cannot run '%s': %s", name ? name : "", strerror(-err));
	free(name);
	result->command_status = err == -ENOENT ? EXIT_CODE_NOT_FOUND : EXIT_CODE_NOT_EXECUTABLE;
	return result->command_status;
}

/* Of a process in another root, a file of the same name is another library. */
static void warn_of_other_library(pid_t pid, const char *library)
{
	struct stat own, other;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%d/root%s", pid, library);
	if (!stat(library, &own) &&
	    (stat(path, &other) || own.st_dev != other.st_dev || own.st_ino != other.st_ino))
		log_warn("--uprobes: process %d has another C library; only %s is watched", pid,
			 library);
}

/* What --uprobes cannot see. */
static void warn_of_uprobes(const struct target *target)
{
	char text[PROBLEM_MAX];

	if (!target->uses_uprobes)
		return;
	if (!capture_tell_uprobes(text, sizeof(text))) {
		log_warn("--uprobes: %s, which is not seen", text);
		return;
	}
	for (size_t i = 0; i < target->pids_nr; i++)
		warn_of_other_library(target->pids[i], text);
}

static int session_attach(struct session *session)
{
	const struct target *target = session->target;
	struct capture_options options = {
		.mechanisms = target->mechanisms,
		.is_system_wide = target->is_system_wide,
		.pids = target->pids,
		.pids_nr = target->pids_nr,
		.command_pid = session->child.pid,
		.ring_bytes = target->ring_bytes,
		.uses_uprobes = target->uses_uprobes,
		.is_verbose = target->is_verbose,
	};
	char problem[PROBLEM_MAX];
	int err = capture_open(&options, &session->capture, problem, sizeof(problem));

	if (!err)
		err = capture_attach(session->capture, problem, sizeof(problem));
	if (err) {
		log_err("%s", problem);
		return EXIT_CODE_CANNOT_TRACE;
	}
	warn_of_uprobes(target);
	child_poll(&session->child);
	if (session->child.is_over) { /* Ctrl-C while the programs were loaded */
		log_err("the command was ended before it ran; nothing was recorded");
		session->result->command_status = session->child.status;
		return session->child.status;
	}
	return EXIT_CODE_OK;
}

static int session_begin(struct session *session)
{
	const struct session_hooks *hooks = session->hooks;
	int status = hooks->begin ? hooks->begin(hooks->context) : EXIT_CODE_OK;
	int err;

	if (status)
		return status;
	err = capture_snapshot(session->capture, IPCT_ORIGIN_START, session_take, session);
	if (err)
		log_err("cannot take the snapshot of what is there: %s", strerror(-err));
	return err || session->result->error ? EXIT_CODE_IO : EXIT_CODE_OK;
}

static int session_start(struct session *session)
{
	const struct target *target = session->target;
	int err = target->command ? child_check(target->command[0]) : 0;
	int status;

	if (err)
		return exec_failed(target, err, session->result);
	if (signals_open(session)) {
		log_err("cannot watch signals: %s", strerror(errno));
		return EXIT_CODE_CANNOT_TRACE;
	}
	if (target->command) {
		err = child_start(&session->child, target->command, &session->mask);
		if (err) {
			log_err("cannot start a process: %s", strerror(-err));
			return EXIT_CODE_CANNOT_TRACE;
		}
	}
	status = session_attach(session);
	if (!status)
		status = session_begin(session);
	if (status)
		return status;
	session->hooks->ready(session->hooks->context);
	if (target->duration_ns)
		session->deadline_ns = session_now_ns() + target->duration_ns;
	err = target->command ? child_release(&session->child) : 0;
	return err ? exec_failed(target, err, session->result) : EXIT_CODE_OK;
}

int session_run(const struct target *target, const struct session_hooks *hooks,
		struct session_result *ret_result)
{
	struct session session = {
		.target = target,
		.hooks = hooks,
		.result = ret_result,
		.signals = -1,
	};
	int status;

	*ret_result = (struct session_result){ .command_status = -1, .end = "error" };
	status = session_start(&session);
	if (!status)
		session_end(&session, session_loop(&session));
	else
		child_abandon(&session.child);
	capture_close(session.capture);
	if (session.signals >= 0)
		close(session.signals);
	return status;
}
