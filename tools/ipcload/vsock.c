/* SPDX-License-Identifier: GPL-2.0-only */
/* VM sockets over the loopback transport, where there is one. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

#include "stream.h"
#include "try.h"

#ifndef VMADDR_CID_LOCAL
#define VMADDR_CID_LOCAL 1
#endif

static int vsock_listen(struct sockaddr_vm *ret_address)
{
	struct sockaddr_vm address = { .svm_family = AF_VSOCK,
				       .svm_cid = VMADDR_CID_LOCAL,
				       .svm_port = VMADDR_PORT_ANY };
	socklen_t len = sizeof(address);
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	if (fd < 0 && errno == EAFNOSUPPORT)
		try_skip("no vsock");
	TRY(fd);
	if (bind(fd, (struct sockaddr *)&address, len) < 0) {
		if (errno == EADDRNOTAVAIL)
			try_skip("no loopback transport for vsock");
		TRY(-1);
	}
	TRY(listen(fd, 1));
	TRY(getsockname(fd, (struct sockaddr *)&address, &len));
	*ret_address = address;
	return fd;
}

/* The kernel completes the connection before anybody accepts it, so one process can do both. */
static void vsock_open(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
		       char ret_name[128])
{
	struct sockaddr_vm address;
	int listener = vsock_listen(&address);

	(void)run;
	(void)kind;
	ret_duct->tx = TRY(socket(AF_VSOCK, SOCK_STREAM, 0));
	if (connect(ret_duct->tx, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == ENODEV)
			try_skip("no loopback transport for vsock");
		TRY(-1);
	}
	ret_duct->rx = TRY(accept(listener, NULL, NULL));
	snprintf(ret_name, 128, "%u:%u", address.svm_cid, address.svm_port);
	TRY(close(listener));
}

static const struct duct_kind vsock_loopback = { .mechanism = "vsock", .open = vsock_open };

#define VSOCK_SCENARIO(suffix, text, function)                                                     \
	SCENARIO("vsock", suffix, &vsock_loopback, text, function)

const struct scenario vsock_scenarios[] = {
	VSOCK_SCENARIO("", "one writer, one reader", stream_run_simple),
	VSOCK_SCENARIO("-partial-reads", "reads shorter than the writes", stream_run_partial_reads),
	VSOCK_SCENARIO("-large-reads", "reads longer than the writes", stream_run_large_reads),
	VSOCK_SCENARIO("-big-writes", "writes of 1 MiB that block half-way", stream_run_big_writes),
	VSOCK_SCENARIO("-many-writers", "P writers, one reader", stream_run_many_writers),
	VSOCK_SCENARIO("-many-readers", "one writer, P readers share the end",
		       stream_run_many_readers),
	VSOCK_SCENARIO("-nonblock", "EAGAIN at both ends, poll() to wait", stream_run_nonblock),
	VSOCK_SCENARIO("-unread", "closed with data that nobody read", stream_run_unread),
	VSOCK_SCENARIO("-vectored", "writev and readv", stream_run_vectored),
	VSOCK_SCENARIO("-self", "a process writes to itself", stream_run_self),
	{ 0 },
};
