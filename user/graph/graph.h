/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The communication graph: what every view shows. Built from a model (graph_build.h),
 * regrouped and cut (graph_view.h), written by user/output.
 *
 * Processes, channels and edges refer to each other by index into the graph's arrays.
 * Strings are raw bytes as the traced processes gave them (untrusted; an output escapes
 * them), owned by the graph, never NULL unless said so.
 */
#ifndef IPCTRACE_GRAPH_H
#define IPCTRACE_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ipctrace/types.h>

#include "base/histogram.h"

#define GRAPH_NONE UINT32_MAX
#define GRAPH_CAUSE_LEN 32
#define GRAPH_CPUS_MAX 64
#define GRAPH_TIME_NONE INT64_MIN /* not known, or did not happen */

struct graph_count {
	uint64_t messages;
	uint64_t bytes;
};

/* The ledger of a capture: seen = recorded + aggregated + sum of lost. */
struct graph_ledger {
	uint64_t seen;
	uint64_t recorded;
	uint64_t aggregated;
	uint64_t lost;
	uint64_t filtered; /* out of scope; not part of the equation */
	size_t causes_nr;
	struct graph_cause {
		char name[GRAPH_CAUSE_LEN];
		uint64_t count;
	} causes[16];
};

enum graph_scope { GRAPH_SCOPE_COMMAND, GRAPH_SCOPE_PIDS, GRAPH_SCOPE_SYSTEM };

struct graph_capture {
	char *host;
	char *kernel;
	char *arch;
	int64_t start_realtime_ns; /* ns since the epoch */
	uint64_t duration_ns;
	char **command; /* NULL-terminated; NULL without a command */
	enum graph_scope scope;
	char *hooks;	     /* the hook plan: "all" */
	bool is_snapshot;    /* nothing was traced: who holds what at one moment */
	bool is_complete;    /* false: the recorder did not end the file itself */
	bool is_lossy;	     /* something is missing, or went through a channel without a name */
	uint64_t mechanisms; /* that were traced, a bit for each number; 0: not known */
	/*
	 * The barrier at the end: how many CPUs it had to reach, and did; 0, 0: not known, as in
	 * captures of older versions. Reached on all: what was done before the end and is not in
	 * the graph was not done, if nothing was lost; see user/capture/barrier.c.
	 */
	uint32_t barrier_cpus, barrier_reached;
	bool is_barrier_reached;
	char barrier_missed[GRAPH_CPUS_MAX]; /* the other CPUs: `0-3,5` */
	int command_status;	   /* as a shell says it; -1: no command, or it had not ended */
	char end[GRAPH_CAUSE_LEN]; /* why it ended: "command", "duration", …; empty: not known */
	uint64_t rejected;	   /* records that make no sense */
	bool has_unresolved;	   /* something went through a channel that nobody can name */
	/* false: what was left behind need not have a channel, nor need a channel tell */
	bool knows_leftovers;
};

struct graph_process {
	uint32_t pid;	 /* 0: no process of this machine (see `comm`) */
	uint32_t parent; /* index or GRAPH_NONE */
	char *comm;	 /* `10.0.0.7:5432`, `kernel`, `before capture` where pid is 0 */
	char *exe;
	char **args;  /* NULL-terminated, may be empty */
	uint32_t uid; /* UINT32_MAX: unknown, or not the same in a group */
	char *cgroup;
	uint32_t pid_namespace; /* inode number, 0 unknown */
	int64_t start_ns;	/* since the capture's start; negative: older */
	int64_t exit_ns;	/* -1: did not exit in the capture */
	bool is_traced;
	char **listens; /* where it accepts: `0.0.0.0:80`, path, `@name`; NULL-terminated, or NULL
			 */
	uint32_t model_id; /* in the model that the graph was built from */
	uint32_t members;  /* after grouping: how many processes this stands for, else 1 */
};

struct graph_error {
	int32_t number; /* errno, positive */
	uint64_t count;
};

/* Ends of a channel, bits. graph_end_name() tells what they are called. */
enum graph_end {
	GRAPH_END_FIRST = 1 << 0,
	GRAPH_END_SECOND = 1 << 1,
	GRAPH_END_LISTEN = 1 << 2,
	GRAPH_END_NR = 1 << 3,
};

/* How a process came to its end of a channel. */
enum graph_origin {
	GRAPH_ORIGIN_UNKNOWN,
	GRAPH_ORIGIN_CREATED,
	GRAPH_ORIGIN_OPENED, /* by a name, or accepted */
	GRAPH_ORIGIN_INHERITED,
	GRAPH_ORIGIN_PASSED, /* as a descriptor */
	GRAPH_ORIGIN_BEFORE, /* held when the capture began */
	GRAPH_ORIGIN_NR,
};

struct graph_endpoint {
	uint32_t process;
	enum graph_origin origin;
	uint32_t origin_from; /* who it was inherited from or passed by, or GRAPH_NONE */
	enum ipct_role role;
	uint32_t ends;		   /* of role hold: enum graph_end */
	uint32_t descriptors;	   /* of role hold */
	uint64_t operations;	   /* successful calls */
	uint64_t uring_operations; /* of them, those of io_uring */
	struct graph_count count;
	uint64_t wait_ns;
	int64_t attached_ns; /* shared memory: since the capture's start; GRAPH_TIME_NONE: older */
	int64_t detached_ns; /* GRAPH_TIME_NONE: still mapped */
	size_t errors_nr;
	struct graph_error *errors;
};

/*
 * Is the channel, or the file of a unix socket, still there at the end, although the processes of
 * the capture made it? What was there before is none of them, nor what never outlives processes.
 */
enum graph_left {
	GRAPH_LEFT_UNKNOWN, /* as in captures of older versions, and where nobody could look */
	GRAPH_LEFT_NO,
	GRAPH_LEFT_YES,
};

struct graph_channel {
	enum ipct_mechanism mechanism;
	char *name;	     /* stable from run to run, or empty */
	char *object;	     /* kernel identity in this run: `pipe:[4711]` */
	uint64_t size;	     /* of shared memory, bytes; 0: not known */
	uint32_t created_by; /* process index, or GRAPH_NONE: not seen */
	enum graph_left left_at_exit;
	uint32_t model_id; /* in the model that the graph was built from */
	size_t endpoints_nr;
	struct graph_endpoint *endpoints;
	struct graph_count before_capture;
	struct graph_count unread;
	bool is_unread_inferred;
	struct graph_count truncated;
	struct graph_count lost;
};

struct graph_edge {
	uint32_t from; /* process index */
	uint32_t to;
	uint32_t channel; /* index, or GRAPH_NONE */
	uint32_t passed;  /* fd-pass: index of the channel that was passed, or GRAPH_NONE */
	enum ipct_mechanism mechanism;
	uint8_t direction; /* of the channel: edges of one have an exact sum */
	struct graph_count count;
	bool is_exact;
	struct graph_count at_least; /* equals count when exact */
	struct histogram *residency; /* ns; NULL: unknown */
	int64_t first_ns, last_ns;   /* since the capture's start */
	uint32_t members;	     /* after grouping: how many edges this stands for, else 1 */
};

struct graph {
	struct graph_capture capture;
	struct graph_ledger ledger;
	size_t processes_nr, channels_nr, edges_nr;
	struct graph_process *processes;
	struct graph_channel *channels;
	struct graph_edge *edges;
};

/* Frees the graph and all it owns; NULL is accepted. */
void graph_free(struct graph *graph);

#endif
