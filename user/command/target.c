/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/target.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ipctrace/types.h>

#include "base/log.h"
#include "base/units.h"
#include "command/choose.h"

enum { OPTION_RING_SIZE = 0x200 };

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0, "trace every process of the machine", 1 },
	{ "pid", 'p', "PID[,PID]...", 0, "trace these processes and their children", 1 },
	{ "events", 'e', "MECHANISM,...", 0,
	  "only these: pipe, fifo, unix-stream, unix-dgram, unix-seqpacket, tcp, udp, signal, "
	  "or the groups unix, socket, all (default: all)", 1 },
	{ "duration", 'd', "TIME", 0, "stop after this time, e.g. 10s; CMD goes on", 1 },
	{ "ring-size", OPTION_RING_SIZE, "SIZE", 0,
	  "buffer for each CPU (default: 8M); what does not fit is only counted", 1 },
	{ "verbose", 'v', NULL, 0, "show what libbpf says", 1 },
	{ 0 },
};

static const char *const mechanism_names[] = {
#define MECHANISM(symbol, number, name, group, model) name,
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	"unix", "socket", "all", /* groups */
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
		groups = IPCT_GROUP_UNIX | IPCT_GROUP_INET;
#define MECHANISM(symbol, number, name, group, model)                   \
	if (!strcmp(word, name) || (groups & IPCT_GROUP_##group)) \
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

static int mechanisms_parse(const char *list, uint64_t *ret_mechanisms)
{
	char *copy = strdup(list), *rest = copy, *word;
	int err = copy ? 0 : ENOMEM;

	*ret_mechanisms = 0;
	while (!err && (word = strsep(&rest, ",")))
		err = mechanism_add(word, ret_mechanisms);
	free(copy);
	return err;
}

static int pid_add(struct target *target, const char *word)
{
	char *end;
	long pid = strtol(word, &end, 10);
	pid_t *pids;

	if (*end || end == word || pid < 1 || pid > 0x7fffffff) {
		log_err("-p: '%s' is no process id", word);
		return EINVAL;
	}
	if (kill(pid, 0) && errno == ESRCH) {
		log_err("-p: there is no process %ld; `ps -e` lists them", pid);
		return EINVAL;
	}
	pids = reallocarray(target->pids, target->pids_nr + 1, sizeof(*pids));
	if (!pids)
		return ENOMEM;
	target->pids = pids;
	pids[target->pids_nr++] = pid;
	return 0;
}

static int pids_parse(struct target *target, const char *list)
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
		log_err("--ring-size: '%s' is no size from 1 to 1G, e.g. 16M", value);
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
		return pids_parse(target, value);
	case 'e':
		target->mechanisms_text = value;
		return mechanisms_parse(value, &target->mechanisms);
	case 'd':
		if (!units_parse_duration(value, &target->duration_ns) && target->duration_ns)
			return 0;
		log_err("-d: '%s' is no time, e.g. 10s, 500ms or 2m", value);
		return EINVAL;
	case OPTION_RING_SIZE:
		return ring_size_parse(target, value);
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
	free(target->pids);
}

bool target_is_given(const struct target *target, const char *verb)
{
	if (target->is_system_wide || target->pids_nr || target->command)
		return true;
	log_err("say what to %s: `ipctrace %s -- CMD ARGS...`, `ipctrace %s -p PID` or "
		"`ipctrace %s -a`", verb, verb, verb, verb);
	return false;
}

const char *target_scope(const struct target *target)
{
	if (target->is_system_wide)
		return "system";
	return target->pids_nr ? "pids" : "command";
}
