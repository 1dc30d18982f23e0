/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/target.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ipctrace/types.h>

#include "base/log.h"
#include "base/units.h"
#include "command/choose.h"

enum { OPTION_RING_SIZE = 0x200, OPTION_UPROBES };

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0, "trace every process of the machine", 1 },
	{ "pid", 'p', "PID[,PID]...", 0, "trace these processes and their children", 1 },
	{ "events", 'e', "MECHANISM,...", 0,
	  "only these mechanisms, as `ipctrace check` lists them, "
	  "or the groups unix, socket, queue, semaphore, shared-memory, all (default: all)",
	  1 },
	{ "duration", 'd', "TIME", 0, "stop after this time, e.g. 10s; CMD goes on", 1 },
	{ "ring-size", OPTION_RING_SIZE, "SIZE", 0,
	  "buffer for each CPU (default: 8M, with more than 32 CPUs less); what does not fit is "
	  "only counted",
	  1 },
	{ "uprobes", OPTION_UPROBES, NULL, 0,
	  "also see semaphores and mutexes of the C library that are used without a system call; "
	  "slows down each of these calls, of every process, by several microseconds",
	  1 },
	{ "verbose", 'v', NULL, 0, "show what libbpf says", 1 },
	{ 0 },
};

static const char *const mechanism_names[] = {
#define MECHANISM(symbol, number, name, group, model) name,
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	"unix", "socket", "queue", "semaphore", "shared-memory", "all", /* groups */
};

#define MECHANISM_NAMES_NR (sizeof(mechanism_names) / sizeof(mechanism_names[0]))

/* The mechanisms that go by this name; 0: none. */
static uint64_t mechanism_bits(const char *word)
{
	uint32_t groups = 0;
	uint64_t bits = 0;

	if (!strcmp(word, "all"))
		return ~0ULL;
	if (!strcmp(word, "unix"))
		groups = IPCT_GROUP_UNIX;
	else if (!strcmp(word, "socket"))
		groups = IPCT_GROUP_UNIX | IPCT_GROUP_INET | IPCT_GROUP_VSOCK | IPCT_GROUP_NETLINK;
	else if (!strcmp(word, "queue"))
		groups = IPCT_GROUP_QUEUE;
	else if (!strcmp(word, "semaphore"))
		groups = IPCT_GROUP_SEMAPHORE;
	else if (!strcmp(word, "shared-memory"))
		groups = IPCT_GROUP_MEMORY;
#define MECHANISM(symbol, number, name, group, model)                                              \
	if (!strcmp(word, name) || (groups & IPCT_GROUP_##group))                                  \
		bits |= 1ULL << (number);
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	return bits;
}

static int mechanism_add(const char *word, uint64_t *mechanisms)
{
	uint64_t bits = mechanism_bits(word);

	*mechanisms |= bits;
	if (bits)
		return 0;
	choose_name("-e", word, mechanism_names, MECHANISM_NAMES_NR);
	return EINVAL;
}

int target_set_mechanisms(struct target *target, const char *list)
{
	char *copy = strdup(list), *rest = copy, *word;
	int err = copy ? 0 : ENOMEM;

	target->mechanisms_text = list;
	target->mechanisms = 0;
	while (!err && (word = strsep(&rest, ",")))
		err = mechanism_add(word, &target->mechanisms);
	free(copy);
	return err;
}

uint64_t target_list_mechanisms(const char *list)
{
	char *copy = strdup(list), *rest = copy, *word;
	uint64_t mechanisms = 0;

	while (copy && (word = strsep(&rest, ",")))
		mechanisms |= mechanism_bits(word);
	free(copy);
	return mechanisms;
}

/* The process that a thread belongs to; 0 when it cannot be told. */
static int process_of(pid_t pid)
{
	char path[64], line[128];
	int process = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &process) == 1)
			break;
	if (file)
		fclose(file);
	return process;
}

static int pidfd_failed(pid_t pid, int err)
{
	int process = process_of(pid);

	if (err == ESRCH)
		log_err("-p: there is no process %d; `ps -e` lists them", pid);
	else if (process && process != pid)
		log_err("-p: %d is a thread of process %d; say -p %d", pid, process, process);
	else
		log_err("-p: cannot watch process %d: %s", pid, strerror(err));
	return EINVAL;
}

/* Takes over `pidfd`. */
static int pid_append(struct target *target, pid_t pid, int pidfd)
{
	pid_t *pids = reallocarray(target->pids, target->pids_nr + 1, sizeof(*pids));
	int *pidfds;

	if (pids)
		target->pids = pids;
	pidfds = reallocarray(target->pidfds, target->pids_nr + 1, sizeof(*pidfds));
	if (pidfds)
		target->pidfds = pidfds;
	if (!pids || !pidfds) {
		close(pidfd);
		return ENOMEM;
	}
	pidfds[target->pids_nr] = pidfd;
	pids[target->pids_nr++] = pid;
	return 0;
}

static int pid_add(struct target *target, const char *word)
{
	char *end;
	long pid = strtol(word, &end, 10);
	int pidfd;

	if (*end || end == word || pid < 1 || pid > 0x7fffffff) {
		choose_complain("-p", word, "no process id");
		return EINVAL;
	}
	/* holds the process itself: another that gets its number later is not meant */
	pidfd = syscall(SYS_pidfd_open, (pid_t)pid, 0);
	return pidfd < 0 ? pidfd_failed(pid, errno) : pid_append(target, pid, pidfd);
}

int target_add_pids(struct target *target, const char *list)
{
	char *copy = strdup(list), *rest = copy, *word;
	int err = copy ? 0 : ENOMEM;

	while (!err && (word = strsep(&rest, ",")))
		err = pid_add(target, word);
	free(copy);
	return err;
}

static int ring_size_parse(struct target *target, const char *value)
{
	uint64_t bytes;

	if (units_parse_size(value, &bytes) || !bytes || bytes > 1u << 30) {
		choose_complain("--ring-size", value, "no size from 1 to 1G, e.g. 16M");
		return EINVAL;
	}
	target->ring_bytes = bytes;
	return 0;
}

static error_t parse_option(int key, char *value, struct argp_state *state)
{
	struct target *target = state->input;

	switch (key) {
	case 'a':
		target->is_system_wide = true;
		return 0;
	case 'p':
		return target_add_pids(target, value);
	case 'e':
		return target_set_mechanisms(target, value);
	case 'd':
		if (!units_parse_duration(value, &target->duration_ns) && target->duration_ns)
			return 0;
		choose_complain("-d", value, "no time, e.g. 10s, 500ms or 2m");
		return EINVAL;
	case OPTION_RING_SIZE:
		return ring_size_parse(target, value);
	case OPTION_UPROBES:
		target->uses_uprobes = true;
		return 0;
	case 'v':
		target->is_verbose = true;
		return 0;
	case ARGP_KEY_ARG:
		target->command = state->argv + state->next - 1;
		state->next = state->argc; /* the rest is CMD's */
		return 0;
	case ARGP_KEY_END:
		if (target->pids_nr && (target->command || target->is_system_wide))
			argp_error(state, "-p goes with neither -a nor a command");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp target_argp = { options, parse_option, NULL, NULL, NULL, NULL, NULL };

void target_init(struct target *target)
{
	*target = (struct target){ .mechanisms = ~0ULL, .mechanisms_text = "all" };
}

void target_fini(struct target *target)
{
	for (size_t i = 0; i < target->pids_nr; i++)
		close(target->pidfds[i]);
	free(target->pidfds);
	free(target->pids);
}

bool target_is_gone(const struct target *target)
{
	for (size_t i = 0; i < target->pids_nr; i++) {
		struct pollfd ended = { .fd = target->pidfds[i], .events = POLLIN };

		if (poll(&ended, 1, 0) != 1)
			return false;
	}
	return target->pids_nr;
}

bool target_is_given(const struct target *target, const char *verb)
{
	if (target->is_system_wide || target->pids_nr || target->command)
		return true;
	log_err("say what to %s: `ipctrace %s -- CMD ARGS...`, `ipctrace %s -p PID` or "
		"`ipctrace %s -a`",
		verb, verb, verb, verb);
	return false;
}

const char *target_scope(const struct target *target)
{
	if (target->is_system_wide)
		return "system";
	return target->pids_nr ? "pids" : "command";
}
