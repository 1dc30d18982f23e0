/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writer of a capture file (ipctrace/capture_file.h). Every block that was written can be
 * read, whatever happens afterwards: nothing is patched later.
 */
#ifndef IPCTRACE_CAPTURE_WRITER_H
#define IPCTRACE_CAPTURE_WRITER_H

#include <linux/types.h>

#include <ipctrace/capture_file.h>

struct capture_writer;

/* Of what was taken, the part that is not on the disk because of an error. */
struct capture_unwritten {
	__u64 records;	  /* out of the rings: those of IPCT_STREAM_SNAPSHOT are not counted */
	__u64 operations; /* in records of aggregated transfers */
};

/*
 * Opens `path` for a new capture, mode 0600: an existing regular file becomes `path`.old, a
 * symbolic link is refused (-ELOOP), what is no regular file is written as it is, "-" is
 * stdout. 0 or -errno; *ret_writer is owned by the caller.
 */
int capture_writer_open(const char *path, struct capture_writer **ret_writer);

/* A block of text: IPCT_BLOCK_HEAD (once, first), IPCT_BLOCK_LEDGER or IPCT_BLOCK_END. */
int capture_writer_text(struct capture_writer *writer, enum ipct_block_type type, const char *text);

/*
 * Adds a record to the open block of `stream`; writes the block when it is full. After an error
 * it only counts the record, and returns that error again.
 */
int capture_writer_add(struct capture_writer *writer, __u32 stream, const struct ipct_event *event);

/* Writes all open blocks. */
int capture_writer_flush(struct capture_writer *writer);

/* Bytes written so far. */
__u64 capture_writer_bytes(const struct capture_writer *writer);

/* What an error has cost so far; blocks that are still open count as written. */
struct capture_unwritten capture_writer_unwritten(const struct capture_writer *writer);

/*
 * Frees the writer and closes the file; blocks that were not flushed are dropped. The first
 * error of any write, also of an earlier call, or 0. After an error a file that we made ends
 * with its last whole block; what was lent to us (stdout) may end with a torn one.
 */
int capture_writer_close(struct capture_writer *writer);

/*
 * As close, for a capture that did not come about: a file that we made is removed, and the one
 * that made way for it gets its name back.
 */
void capture_writer_discard(struct capture_writer *writer);

#endif
