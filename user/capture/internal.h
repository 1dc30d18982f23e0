/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of user/capture, and by nobody else. */
#ifndef IPCTRACE_CAPTURE_INTERNAL_H
#define IPCTRACE_CAPTURE_INTERNAL_H

#include "capture/capture.h"

struct barrier;
struct bpf_link;
struct ring_buffer;
struct ipctrace;

/* Context of the callback of one ring. */
struct capture_stream {
	struct capture *capture;
	__u32 cpu;
};

struct capture {
	struct ipctrace *skel;
	bool is_system_wide;
	bool uses_uprobes;
	__u32 cpus;
	__u32 ring_bytes;
	int *ring_fds;
	struct capture_stream *streams;
	struct ring_buffer *rings;
	struct bpf_link **links;
	size_t links_nr;
	struct barrier *barrier;
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

/* Hands out every pipe and socket that any process holds, in scope or not. */
int capture_list_files(struct capture *capture, capture_sink sink, void *context);

/* Hands out the counters of transfers that found no room in their ring, and empties them. */
int capture_read_aggregates(struct capture *capture, capture_sink sink, void *context);

#endif
