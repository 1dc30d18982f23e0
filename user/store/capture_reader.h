/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reader of a capture file. Takes any bytes: whole, checked blocks are used, and where they
 * end early, capture_reader_damage() says so; where records in them are missing,
 * capture_reader_gap().
 */
#ifndef IPCTRACE_CAPTURE_READER_H
#define IPCTRACE_CAPTURE_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "store/event_source.h"

struct capture_reader;

/*
 * Opens a capture and indexes its blocks. 0, -errno of the I/O, -EBADMSG: no capture (no good
 * head block), -EPROTO: written by a newer version (*ret_version). *ret_reader is the caller's.
 * Up to 64 MB are read into memory; more is mapped, and whoever truncates the file then while
 * it is read ends this process with SIGBUS.
 */
int capture_reader_open(const char *path, struct capture_reader **ret_reader,
			unsigned int *ret_version);
/* The same on bytes in memory, which are borrowed until close. */
int capture_reader_open_memory(const void *bytes, size_t len, struct capture_reader **ret_reader,
			       unsigned int *ret_version);
void capture_reader_close(struct capture_reader *reader);

/* JSON texts, borrowed. The ledger is the newest of the file; NULL where none was written. */
const char *capture_reader_head(const struct capture_reader *reader);
const char *capture_reader_ledger(const struct capture_reader *reader);

/* Did the recorder end the file itself? */
bool capture_reader_is_complete(const struct capture_reader *reader);

/* NULL, or what is wrong with the bytes behind the last good block, e.g. "checksum". */
const char *capture_reader_damage(const struct capture_reader *reader);
/*
 * NULL, or why records of good blocks were left out, e.g. "a damaged record". Known only when
 * all events were read.
 */
const char *capture_reader_gap(const struct capture_reader *reader);
/* Offset at which the good blocks end. */
__u64 capture_reader_good_bytes(const struct capture_reader *reader);

/* The records, by time. Borrowed; one pass. */
struct event_source *capture_reader_events(struct capture_reader *reader);

/* Records whose neighbours of the same ring had been handed out before they were found. */
__u64 capture_reader_late(const struct capture_reader *reader);

#endif
