/* SPDX-License-Identifier: GPL-2.0-only */
#include "pass.h"

#include <string.h>
#include <sys/socket.h>

#include "payload.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

unsigned int pass_add_channel(struct run *run)
{
	return truth_add_channel(run->truth, "fd-pass", "", TRUTH_UNBALANCED);
}

/* With a small buffer: only so many descriptors of a user may be on their way. */
struct pass pass_open(struct run *run)
{
	struct pass pass = { .over = duct_open(run, run->scenario->arg, 0) };
	const int size = 32768;

	TRY(setsockopt(pass.over.tx, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	pass.channels[0] = pass_add_channel(run);
	return pass;
}

void pass_send(struct run *run, const struct pass *pass, const int *fds, unsigned int nr)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(PASS_MAX * sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec part = { &byte, 1 };
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = CMSG_SPACE(nr * sizeof(int)),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);

	ENSURE(nr <= PASS_MAX);
	*rights = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(nr * sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	};
	memcpy(CMSG_DATA(rights), fds, nr * sizeof(int));
	payload_fill(run, &byte, 1);
	ENSURE(TRY(sendmsg(pass->over.tx, &header, 0)) == 1);
	truth_count_sent(run->truth, pass->over.channel, 1, 1);
}

unsigned int pass_receive_some(struct run *run, const struct pass *pass, int *ret_fds,
			       unsigned int room, int flags, int *ret_flags)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(PASS_MAX * sizeof(int))];
	} control = { 0 };
	char byte;
	struct iovec part = { &byte, 1 };
	struct msghdr header = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room ? control.buf : NULL,
		.msg_controllen = room ? CMSG_LEN(room * sizeof(int)) : 0,
	};
	struct cmsghdr *rights;
	unsigned int nr;

	ENSURE(TRY(recvmsg(pass->over.rx, &header, flags)) == 1);
	*ret_flags = header.msg_flags;
	if (!(flags & MSG_PEEK))
		payload_count(run, pass->over.channel, &byte, 1);
	rights = CMSG_FIRSTHDR(&header);
	if (!rights)
		return 0;
	ENSURE(rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS);
	nr = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	ENSURE(nr <= room);
	memcpy(ret_fds, CMSG_DATA(rights), nr * sizeof(int));
	return nr;
}

void pass_receive(struct run *run, const struct pass *pass, int *ret_fds, unsigned int nr)
{
	int flags;

	ENSURE(pass_receive_some(run, pass, ret_fds, nr, 0, &flags) == nr);
	ENSURE(!(flags & MSG_CTRUNC));
}

void pass_count(struct run *run, const struct pass *pass, unsigned int which, unsigned int from,
		unsigned int nr)
{
	truth_count_received(run->truth, pass->channels[which], from, nr, 0);
}
