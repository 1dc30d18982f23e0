/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel side from user space, the only code that knows libbpf:
 * open → attach → snapshot → drain … → finish → close.
 */
#ifndef IPCTRACE_CAPTURE_H
#define IPCTRACE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <linux/types.h>

#include <ipctrace/config.h>

struct capture;

struct capture_options {
	__u64 mechanisms;    /* bit per enum ipct_mechanism */
	bool is_system_wide; /* else the trees of pids and command_pid */
	const pid_t *pids;
	size_t pids_nr;
	pid_t command_pid; /* CMD, still waiting for its exec; 0: none */
	/* per CPU; rounded up to a power of two pages; 0: 8 MB, less where all would be > 256 MB */
	__u32 ring_bytes;
	bool uses_uprobes; /* on the C library, in all processes */
	bool is_snapshot;  /* only the iterators: capture_holders() and nothing else */
	bool is_verbose;   /* libbpf's messages go to stderr */
};

/* Takes every record, in the order of its ring; a nonzero return value ends the drain. */
typedef int (*capture_sink)(void *context, __u32 stream, const struct ipct_event *event);

#define CAPTURE_CPUS_MAX 64

/* seen = recorded + aggregated + sum of lost. */
struct capture_ledger {
	__u64 seen, recorded, aggregated, filtered;
	__u64 lost[IPCT_LOSS_NR];
	/* the barrier at the end: how many CPUs it had to reach, and did; 0, 0: none was made yet
	 */
	__u32 barrier_cpus, barrier_reached;
	char barrier_missed[CAPTURE_CPUS_MAX]; /* which it did not: `0-3,5`; `...`: and more */
};

/*
 * Opens, configures and loads the programs. 0 and *ret_capture, owned by the caller; or -errno
 * and in `ret_problem` (size bytes) one line of what is wrong and what to do.
 */
int capture_open(const struct capture_options *options, struct capture **ret_capture,
		 char *ret_problem, size_t size);

/* From here on records arrive. As capture_open() on failure. */
int capture_attach(struct capture *capture, char *ret_problem, size_t size);

/*
 * Hands out what is older than the capture (IPCT_ORIGIN_START) or left at its end
 * (IPCT_ORIGIN_END): processes at the start, pipes and sockets with what they hold, and at the
 * start what needs no process to exist. Brings what the scope's processes hold into the scope. 0,
 * -errno, or what the sink returned.
 */
int capture_snapshot(struct capture *capture, enum ipct_origin origin, capture_sink sink,
		     void *context);

/*
 * Hands out who holds which channels now: processes, objects, and an ipct_hold for each
 * descriptor of those in scope, or of others on what these hold. Nothing need be attached.
 * As capture_snapshot().
 */
int capture_holders(struct capture *capture, capture_sink sink, void *context);

/*
 * Hands out what the rings hold; waits up to timeout_ms (0: not at all) for a ring to fill.
 * The number of records, -errno, or what the sink returned.
 */
int capture_drain(struct capture *capture, int timeout_ms, capture_sink sink, void *context);

/*
 * Makes room where it gets short: hands out the counters of aggregated transfers,
 * and forgets followed channels that nobody holds any more. To be called every few seconds.
 */
int capture_sweep(struct capture *capture, capture_sink sink, void *context);

/*
 * Makes the barrier; detaches all programs and waits for those that still run, so that no more
 * records come; drains the rest, reads the counters, and tells what is left that needs no process
 * to exist.
 */
int capture_finish(struct capture *capture, capture_sink sink, void *context);

/* Counters as they are now; exact after capture_finish(). */
void capture_read_ledger(const struct capture *capture, struct capture_ledger *ret_ledger);

/* Frees it; NULL is accepted. */
void capture_close(struct capture *capture);

/*
 * In `ret` (size bytes): the C library that uprobes would watch, or what is missing, or cannot be
 * seen there. Is it all there?
 */
bool capture_tell_uprobes(char *ret, size_t size);

/* A stable name for a cause of loss, as in the JSON ledger. */
const char *capture_loss_name(enum ipct_loss cause);

#endif
