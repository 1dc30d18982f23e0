/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of user/capture, and by nobody else. */
#ifndef IPCTRACE_CAPTURE_INTERNAL_H
#define IPCTRACE_CAPTURE_INTERNAL_H

#include "capture/capture.h"

struct barrier;
struct bpf_link;
struct made;
struct ring_buffer;
struct ipctrace;
struct titles;

/* Context of the callback of one ring. */
struct capture_stream {
	struct capture *capture;
	__u32 cpu;
};

struct capture {
	struct ipctrace *skel;
	bool is_system_wide;
	bool is_verbose;
	bool uses_uprobes;
	__u32 cpus;
	__u32 ring_bytes;
	const volatile struct ipct_counters *counters; /* of each CPU, mapped */
	int *ring_fds;
	struct capture_stream *streams;
	struct ring_buffer *rings;
	struct bpf_link **links;
	size_t links_nr;
	struct barrier *barrier;
	struct made *made;
	struct titles *titles;
	/* during a drain */
	capture_sink sink;
	void *sink_context;
	/* ledger */
	__u64 recorded;
	__u64 aggregated;
	__u64 skipped;
};

/* Callback of libbpf's ring buffer: context is a struct capture_stream. */
int capture_take_sample(void *context, void *data, size_t size);

/* The CPUs that are online now will have to be reached. Owned by the caller; NULL: no memory. */
struct barrier *barrier_new(__u32 cpus);
void barrier_free(struct barrier *barrier); /* NULL is accepted */

/* The record of the barrier came out of this CPU's ring. */
void barrier_note(struct barrier *barrier, __u32 cpu);

/*
 * Marks every CPU and hands out what the rings hold, until all marks were read or there is no
 * hope; see barrier.c. 0, -errno, or what the sink returned.
 */
int barrier_pass(struct capture *capture, capture_sink sink, void *context);

/* What became of it; of one that was not passed yet, nothing. */
void barrier_tell(const struct barrier *barrier, struct capture_ledger *ret_ledger);

/* Files that calls made, by path and mount namespace. Owned by the caller; NULL: no memory. */
struct made *made_new(void);
void made_free(struct made *made); /* NULL is accepted */

/* Remembers it, in place of what had the path before. 0 or -ENOMEM. */
int made_note(struct made *made, const struct ipct_made *record);

/* In the mount namespace of this inode number: looks for each file that was made there. */
void made_look(struct made *made, __u32 mount_namespace);

/* Hands out what became of each file, as ipct_standing of the end. 0 or what the sink returned. */
int made_tell(struct made *made, capture_sink sink, void *context);

/* Are these all that were made, but for those that were gone already? */
bool made_is_whole(const struct made *made);

/* Forgets files that are gone, if there are many. 0 or -ENOMEM. */
int made_sweep(struct made *made);

/*
 * Hands out which objects are there that need no process to exist: all of them, in every
 * namespace that a process lives in; at the end also files that were made. What cannot be listed
 * is not told. 0, -errno, or what the sink returned.
 */
int standing_list(struct capture *capture, enum ipct_origin origin, capture_sink sink,
		  void *context);

/* The SysV objects among these. */
int capture_list_spaces(struct capture *capture, enum ipct_origin origin, capture_sink sink,
			void *context);

/* Work that hands out records. What it returns nobody sees, but for the end of the records. */
typedef int (*helper_fn)(void *context, capture_sink sink, void *sink_context);

/*
 * Does the work in a child, which has copies of everything, and hands its records to `sink`. One
 * that gets stuck is given up: then what it has said so far is all. 0, -ENOMEM, or what the sink
 * returned.
 */
int helper_run(helper_fn work, void *context, capture_sink sink, void *sink_context);

/*
 * Hands out the records that can be read from a descriptor until its end; -ETIMEDOUT when nothing
 * comes for timeout_ms (-1: for ever). 0, -errno, or what the sink returned.
 */
int capture_read_rows(int fd, int timeout_ms, capture_sink sink, void *context);

/* Told of a namespace, by its inode number, which this process is in. 0 or an error. */
typedef int (*namespace_fn)(void *context, __u32 inode);

/*
 * Goes into each namespace of a kind that a process lives in, and stays in the last one: `name` as
 * in /proc/PID/ns, `type` as in setns(2). One that cannot be entered is left out. 0, -ENOMEM, or
 * what `visit` returned, which ends it.
 */
int namespaces_each(const char *name, int type, namespace_fn visit, void *context);

/* Hands out every pipe and socket that any process holds, in scope or not. */
int capture_list_files(struct capture *capture, capture_sink sink, void *context);

/* Hands out the counters of transfers that found no room in their ring, and empties them. */
int capture_read_aggregates(struct capture *capture, capture_sink sink, void *context);

#endif
