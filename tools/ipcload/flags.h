/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Scenarios about the flags of recv(), over any socket. The receiver asks for every message with
 * one of a single byte, so that it knows what is and what is not there when it calls.
 */
#ifndef IPCLOAD_FLAGS_H
#define IPCLOAD_FLAGS_H

#include "scenario.h"

void flags_run_peek(struct run *run);
void flags_run_dontwait(struct run *run);
void flags_run_msg_trunc(struct run *run);
void flags_run_recvmsg_trunc(struct run *run);
void flags_run_waitall(struct run *run);

/* For every kind of socket. */
#define FLAGS_SCENARIOS(prefix, kind)                                                              \
	SCENARIO(prefix, "-peek", kind, "MSG_PEEK before each receive", flags_run_peek),           \
		SCENARIO(prefix, "-dontwait", kind, "MSG_DONTWAIT, EAGAIN each time",              \
			 flags_run_dontwait),                                                      \
		SCENARIO(prefix, "-msg-trunc", kind, "MSG_TRUNC given to recv()",                  \
			 flags_run_msg_trunc)

/* Only where messages keep their boundaries. */
#define FLAGS_MESSAGE_SCENARIOS(prefix, kind)                                                      \
	SCENARIO(prefix, "-recvmsg-trunc", kind, "MSG_TRUNC said by recvmsg()",                    \
		 flags_run_recvmsg_trunc)

/* Only where they do not. */
#define FLAGS_STREAM_SCENARIOS(prefix, kind)                                                       \
	SCENARIO(prefix, "-waitall", kind, "MSG_WAITALL over three sends", flags_run_waitall)

#endif
