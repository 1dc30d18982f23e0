/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files of user/capture, and by nobody else. */
#ifndef IPCTRACE_CAPTURE_INTERNAL_H
#define IPCTRACE_CAPTURE_INTERNAL_H

#include "capture/capture.h"

struct bpf_link;
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
	bool uses_uprobes;
	__u32 cpus;
	__u32 ring_bytes;
	int *ring_fds;
	struct capture_stream *streams;
	struct ring_buffer *rings;
	struct bpf_link **links;
	size_t links_nr;
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

/* Hands out every pipe and socket that any process holds, in scope or not. */
int capture_list_files(struct capture *capture, capture_sink sink, void *context);

/* Hands out the counters of transfers that found no room in their ring, and empties them. */
int capture_read_aggregates(struct capture *capture, capture_sink sink, void *context);

#endif
