/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios over sockets that keep message boundaries. On a lossy one every message is answered
 * by one of a single byte, and only a few are under way at any time, so that none is dropped.
 */
#ifndef IPCLOAD_MESSAGE_H
#define IPCLOAD_MESSAGE_H

#include <stddef.h>

#include "duct.h"
#include "scenario.h"

/* One message of `size` bytes, sent or received with plain send() and recv(). */
void message_send(struct run *run, int fd, unsigned int channel, size_t size);
void message_receive(struct run *run, int fd, unsigned int channel, size_t size);
/* Messages of that size that may wait in a lossy socket. */
unsigned int message_window(size_t size);

void message_run_simple(struct run *run);
void message_run_truncated(struct run *run);
void message_run_empty(struct run *run);
void message_run_many_writers(struct run *run);
void message_run_many_readers(struct run *run);
void message_run_batched(struct run *run);
void message_run_self(struct run *run);

/* The rows of one kind of message socket. */
#define MESSAGE_SCENARIOS(prefix, kind)                                                            \
	SCENARIO(prefix, "", kind, "one sender, one receiver", message_run_simple),                \
		SCENARIO(prefix, "-truncated", kind, "receives that cut the messages",             \
			 message_run_truncated),                                                   \
		SCENARIO(prefix, "-empty", kind, "messages of no bytes", message_run_empty),       \
		SCENARIO(prefix, "-many-writers", kind, "P senders share an end",                  \
			 message_run_many_writers),                                                \
		SCENARIO(prefix, "-many-readers", kind, "P receivers share an end",                \
			 message_run_many_readers),                                                \
		SCENARIO(prefix, "-batched", kind, "sendmmsg and recvmmsg", message_run_batched),  \
		SCENARIO(prefix, "-self", kind, "a process sends to itself", message_run_self)

#endif
