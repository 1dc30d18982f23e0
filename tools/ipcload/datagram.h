/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios over datagram sockets that are not connected: P clients of one server. */
#ifndef IPCLOAD_DATAGRAM_H
#define IPCLOAD_DATAGRAM_H

#include <stdbool.h>

struct run;

struct datagram_kind {
	const char *mechanism;
	const char *server; /* as address_parse() takes it */
	const char *target; /* what clients send to, if that is not `server` */
	bool is_lossy;
};

/* Requests and answers, each a sendto() received by recvfrom(). */
void datagram_run_sendto(struct run *run);
/* Messages received by a recv() that does not ask for the sender's address; no answers. */
void datagram_run_recv(struct run *run);
/* The same, received by workers of io_uring. */
void datagram_run_uring(struct run *run);

#endif
