/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios over any byte stream, and the sends and receives that they are made of.
 *
 * One successful write is one message, whatever its length: a partial write is continued with a
 * message of its own.
 */
#ifndef IPCLOAD_STREAM_H
#define IPCLOAD_STREAM_H

#include <stddef.h>
#include <sys/types.h>

#include "duct.h"
#include "scenario.h"

/* Sends nr * size bytes as messages of `size` (more, smaller ones if writes are partial). */
void stream_send(struct run *run, int fd, unsigned int channel, unsigned int nr, size_t size);
/* One read of up to `size` bytes; returns its result, 0 at the end. */
size_t stream_receive(struct run *run, int fd, unsigned int channel, size_t size);
/* Reads of up to `size` until the end, or until `total` bytes came. */
void stream_receive_all(struct run *run, int fd, unsigned int channel, size_t size);
void stream_receive_total(struct run *run, int fd, unsigned int channel, size_t size, size_t total);

void stream_run_simple(struct run *run);
void stream_run_partial_reads(struct run *run);
void stream_run_large_reads(struct run *run);
void stream_run_big_writes(struct run *run);
void stream_run_many_writers(struct run *run);
void stream_run_many_readers(struct run *run);
void stream_run_many_to_many(struct run *run);
void stream_run_unread(struct run *run);
void stream_run_truncated(struct run *run);
void stream_run_preconnected(struct run *run);
void stream_run_nonblock(struct run *run);
void stream_run_vectored(struct run *run);
void stream_run_preadv2(struct run *run);
void stream_run_dup(struct run *run);
void stream_run_shared(struct run *run);
void stream_run_replaced(struct run *run);
void stream_run_self(struct run *run);
void stream_run_eintr(struct run *run);
void stream_run_restart(struct run *run);
void stream_run_interrupted_writes(struct run *run);

/* A row, not for all kinds of stream. */
#define PRECONNECTED_SCENARIO(prefix, suffix, kind)                                                \
	SCENARIO(prefix, suffix, kind, "set up and used before it is counted",                     \
		 stream_run_preconnected)

/* The rows of one kind of stream. */
#define STREAM_SCENARIOS(prefix, kind)                                                             \
	SCENARIO(prefix, "", kind, "one writer, one reader", stream_run_simple),                   \
		SCENARIO(prefix, "-partial-reads", kind, "reads shorter than the writes",          \
			 stream_run_partial_reads),                                                \
		SCENARIO(prefix, "-large-reads", kind, "reads longer than the writes",             \
			 stream_run_large_reads),                                                  \
		SCENARIO(prefix, "-big-writes", kind, "writes of 1 MiB that block half-way",       \
			 stream_run_big_writes),                                                   \
		SCENARIO(prefix, "-many-writers", kind, "P writers, one reader",                   \
			 stream_run_many_writers),                                                 \
		SCENARIO(prefix, "-many-readers", kind, "one writer, P readers share the end",     \
			 stream_run_many_readers),                                                 \
		SCENARIO(prefix, "-many-to-many", kind, "P writers, P readers",                    \
			 stream_run_many_to_many),                                                 \
		SCENARIO(prefix, "-unread", kind, "closed with data that nobody read",             \
			 stream_run_unread),                                                       \
		SCENARIO(prefix, "-nonblock", kind, "EAGAIN at both ends, poll() to wait",         \
			 stream_run_nonblock),                                                     \
		SCENARIO(prefix, "-vectored", kind, "writev and readv", stream_run_vectored),      \
		SCENARIO(prefix, "-preadv2", kind, "pwritev2 and preadv2 at offset -1",            \
			 stream_run_preadv2),                                                      \
		SCENARIO(prefix, "-dup", kind, "ends renumbered by dup*, fcntl, close_range",      \
			 stream_run_dup),                                                          \
		SCENARIO(prefix, "-shared", kind, "parent and child write to the same end",        \
			 stream_run_shared),                                                       \
		SCENARIO(prefix, "-replaced", kind, "dup2 over an end that a read blocks in",      \
			 stream_run_replaced),                                                     \
		SCENARIO(prefix, "-self", kind, "a process writes to itself", stream_run_self),    \
		SCENARIO(prefix, "-eintr", kind, "a timer interrupts blocked reads",               \
			 stream_run_eintr),                                                        \
		SCENARIO(prefix, "-restart", kind, "blocked reads restarted by SA_RESTART",        \
			 stream_run_restart),                                                      \
		SCENARIO(prefix, "-interrupted-writes", kind, "a timer cuts big writes short",     \
			 stream_run_interrupted_writes)

#endif
