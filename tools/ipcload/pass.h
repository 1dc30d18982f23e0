/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of one byte that carry descriptors, by SCM_RIGHTS. The byte counts on the socket, the
 * descriptors on channels of mechanism fd-pass, one for each channel that is passed.
 */
#ifndef IPCLOAD_PASS_H
#define IPCLOAD_PASS_H

#include "duct.h"
#include "process.h"

#define PASS_MAX 8 /* descriptors of one message */

/* The sockets that descriptors go over, from tx to rx, and what can be passed. */
struct pass {
	struct duct over;
	struct duct goods[2];
	struct gate gate;
	unsigned int channels[2]; /* of mechanism fd-pass, for the goods */
};

unsigned int pass_add_channel(struct run *run);
/* Opens the sockets, of the kind that scenario->arg says, and adds the first fd-pass channel. */
struct pass pass_open(struct run *run);

void pass_send(struct run *run, const struct pass *pass, const int *fds, unsigned int nr);
/*
 * One receive, with room for `room` descriptors: returns how many came. Counts the byte, unless
 * it is a peek, but not the descriptors.
 */
unsigned int pass_receive_some(struct run *run, const struct pass *pass, int *ret_fds,
			       unsigned int room, int flags, int *ret_flags);
/* Exactly `nr` descriptors, and no more were sent. */
void pass_receive(struct run *run, const struct pass *pass, int *ret_fds, unsigned int nr);
/* This process received `nr` of good `which`. */
void pass_count(struct run *run, const struct pass *pass, unsigned int which, unsigned int from,
		unsigned int nr);

#endif
