/* SPDX-License-Identifier: GPL-2.0-only */
/* Unix sockets and their peers, which /proc/net/unix does not tell, from NETLINK_SOCK_DIAG. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>

#include "capture/procfs_internal.h"

#define ANSWER_BYTES (64u << 10)

static int diagnosis_socket(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

/* As if made in the namespace of the process, which takes privileges. */
static int diagnosis_open_there(int process)
{
	int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int theirs = openat(process, "ns/net", O_RDONLY | O_CLOEXEC);
	int fd = -EACCES;

	if (ours >= 0 && theirs >= 0 && !setns(theirs, CLONE_NEWNET)) {
		fd = diagnosis_socket();
		if (setns(ours, CLONE_NEWNET) && fd >= 0) {
			close(fd);
			fd = -errno;
		}
	}
	if (ours >= 0)
		close(ours);
	if (theirs >= 0)
		close(theirs);
	return fd;
}

/* A socket belongs for life to the namespace in which it was made. */
static int diagnosis_open(int process, __u64 network)
{
	int self = procfs_open(getpid());
	bool is_ours;

	if (self < 0)
		return self;
	is_ours = procfs_namespace(self, "net") == network;
	close(self);
	return is_ours ? diagnosis_socket() : diagnosis_open_there(process);
}

static int question_send(int fd)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req request;
	} question = {
		.head = { .nlmsg_len = sizeof(question),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.request = { .sdiag_family = AF_UNIX,
			     .udiag_states = -1,
			     .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN },
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	if (sendto(fd, &question, sizeof(question), 0, (struct sockaddr *)&kernel, sizeof(kernel)) <
	    0)
		return -errno;
	return 0;
}

static void attribute_take(const struct rtattr *attribute, struct procfs_unix *socket)
{
	const struct unix_diag_rqlen *level = RTA_DATA(attribute);
	size_t len = RTA_PAYLOAD(attribute);

	switch (attribute->rta_type) {
	case UNIX_DIAG_NAME:
		socket->name = RTA_DATA(attribute);
		socket->name_len = len;
		break;
	case UNIX_DIAG_PEER:
		if (len >= sizeof(socket->peer))
			memcpy(&socket->peer, RTA_DATA(attribute), sizeof(socket->peer));
		break;
	case UNIX_DIAG_RQLEN:
		socket->has_level = len >= sizeof(*level);
		if (socket->has_level)
			socket->level = level->udiag_rqueue;
		break;
	}
}

static int answer_take(const struct nlmsghdr *head, procfs_unix_fn take, void *context)
{
	const struct unix_diag_msg *message = NLMSG_DATA(head);
	struct procfs_unix socket = {};
	const struct rtattr *attribute;
	unsigned int len;

	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return -EBADMSG;
	socket.inode = message->udiag_ino;
	socket.type = message->udiag_type;
	socket.state = message->udiag_state;
	len = head->nlmsg_len - NLMSG_LENGTH(sizeof(*message));
	for (attribute = (const void *)(message + 1); RTA_OK(attribute, len);
	     attribute = RTA_NEXT(attribute, len))
		attribute_take(attribute, &socket);
	return take(context, &socket);
}

/* 1 at the end of the answer. */
static int answers_take(const void *bytes, size_t size, procfs_unix_fn take, void *context)
{
	const struct nlmsghdr *head;
	unsigned int len = size;
	int err;

	for (head = bytes; NLMSG_OK(head, len); head = NLMSG_NEXT(head, len)) {
		const struct nlmsgerr *problem = NLMSG_DATA(head);

		if (head->nlmsg_type == NLMSG_DONE)
			return 1;
		if (head->nlmsg_type == NLMSG_ERROR)
			return problem->error < 0 ? problem->error : -EBADMSG;
		err = head->nlmsg_type == SOCK_DIAG_BY_FAMILY ? answer_take(head, take, context) :
								0;
		if (err)
			return err;
	}
	return 0;
}

static int answers_read(int fd, procfs_unix_fn take, void *context)
{
	void *bytes = malloc(ANSWER_BYTES);
	int err = bytes ? 0 : -ENOMEM;

	while (!err) {
		ssize_t n = recv(fd, bytes, ANSWER_BYTES, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			err = n ? -errno : -EBADMSG;
		else
			err = answers_take(bytes, n, take, context);
	}
	free(bytes);
	return err > 0 ? 0 : err;
}

int procfs_diagnose_unix(int process, __u64 network, procfs_unix_fn take, void *context)
{
	int fd = diagnosis_open(process, network), err;

	if (fd < 0)
		return fd;
	err = question_send(fd);
	if (!err)
		err = answers_read(fd, take, context);
	close(fd);
	return err;
}
