/* SPDX-License-Identifier: GPL-2.0-only */
#include "duct.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

void duct_name_path(const struct run *run, const char *name, char ret_path[108])
{
	ENSURE(snprintf(ret_path, 108, "%s/%s", run->dir, name) < 108);
}

struct duct duct_open(struct run *run, const struct duct_kind *kind, unsigned int flags)
{
	char name[128] = "";
	struct duct duct;

	kind->open(run, kind, &duct, name);
	duct.channel = truth_add_channel(run->truth, kind->mechanism, name, flags);
	return duct;
}

static void duct_close_end(int *fd)
{
	if (*fd >= 0)
		TRY(close(*fd));
	*fd = -1;
}

void duct_keep_tx(struct duct *duct)
{
	duct_close_end(&duct->rx);
}

void duct_keep_rx(struct duct *duct)
{
	duct_close_end(&duct->tx);
}

void duct_close(struct duct *duct)
{
	duct_close_end(&duct->rx);
	duct_close_end(&duct->tx);
}

static void duct_open_pipe(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
			   char ret_name[128])
{
	int fds[2];

	(void)run;
	(void)kind;
	(void)ret_name; /* a pipe has none */
	TRY(pipe(fds));
	ret_duct->rx = fds[0];
	ret_duct->tx = fds[1];
}

/* One process can open both ends only if the first open does not wait for the second. */
static void duct_open_fifo(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
			   char ret_name[128])
{
	char path[108];

	(void)kind;
	duct_name_path(run, "fifo", path);
	TRY(mkfifo(path, 0600));
	ret_duct->rx = TRY(open(path, O_RDONLY | O_NONBLOCK));
	ret_duct->tx = TRY(open(path, O_WRONLY));
	TRY(fcntl(ret_duct->rx, F_SETFL, 0));
	TRY(unlink(path));
	snprintf(ret_name, 128, "%s", path);
}

const struct duct_kind duct_pipe = {
	.mechanism = "pipe",
	.open = duct_open_pipe,
};

const struct duct_kind duct_fifo = {
	.mechanism = "fifo",
	.open = duct_open_fifo,
};

void duct_open_pair(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
		    char ret_name[128])
{
	int fds[2];

	(void)run;
	(void)ret_name; /* a pair has none */
	TRY(socketpair(AF_UNIX, kind->type, 0, fds));
	ret_duct->rx = fds[0];
	ret_duct->tx = fds[1];
}

/* The address that the tx end uses for what is bound at `bound`. */
static struct address duct_find_target(const struct run *run, const struct duct_kind *kind,
				       const struct address *bound)
{
	struct address host;

	if (!kind->target)
		return *bound;
	host = address_parse(run, kind->target);
	return address_with_port_of(host, bound);
}

/* Small messages without answers would wait for delayed acknowledgements otherwise. */
static void duct_set_nodelay(int fd, const struct address *address)
{
	const int on = 1;

	if (address->socket.any.sa_family != AF_UNIX)
		TRY(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
}

/* The kernel completes the connection before anybody accepts it, so one process can do both. */
void duct_open_connection(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
			  char ret_name[128])
{
	struct address address = address_parse(run, kind->address);
	int listener = address_listen(&address, kind->type);
	struct address bound = address_of(listener);
	struct address target = duct_find_target(run, kind, &bound);

	ret_duct->tx = address_connect(&target, kind->type);
	duct_set_nodelay(ret_duct->tx, &target);
	ret_duct->rx = TRY(accept(listener, NULL, NULL));
	bound = address_of(ret_duct->rx);
	address_name(&bound, ret_name);
	address_remove(&address);
	TRY(close(listener));
}

/* Where the tx end of a datagram duct is bound, to be connected back to. */
static struct address duct_parse_client(const struct run *run, const struct duct_kind *kind)
{
	if (*kind->address == '/')
		return address_parse(run, "/client");
	if (*kind->address == '@')
		return address_parse(run, "@client");
	return address_parse(run, kind->target ? kind->target : kind->address);
}

/* Connects a socket to an IPv4 address, if need be in the form that an IPv6 socket takes. */
static void duct_connect_back(int fd, const struct address *address)
{
	struct address mapped = address_of(fd);

	if (mapped.socket.any.sa_family != AF_INET6 || address->socket.any.sa_family == AF_INET6) {
		TRY(connect(fd, &address->socket.any, address->len));
		return;
	}
	memset(&mapped.socket.in6.sin6_addr, 0, 16);
	memset(&mapped.socket.in6.sin6_addr.s6_addr[10], 0xff, 2);
	memcpy(&mapped.socket.in6.sin6_addr.s6_addr[12], &address->socket.in.sin_addr, 4);
	mapped.socket.in6.sin6_port = address->socket.in.sin_port;
	TRY(connect(fd, &mapped.socket.any, mapped.len));
}

void duct_open_datagrams(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
			 char ret_name[128])
{
	struct address address = address_parse(run, kind->address);
	struct address client = duct_parse_client(run, kind);
	struct address bound, target, own;

	ret_duct->rx = address_bind(&address, kind->type);
	bound = address_of(ret_duct->rx);
	target = duct_find_target(run, kind, &bound);
	ret_duct->tx = address_bind(&client, kind->type);
	TRY(connect(ret_duct->tx, &target.socket.any, target.len));
	own = address_of(ret_duct->tx);
	duct_connect_back(ret_duct->rx, &own);
	bound = address_of(ret_duct->rx);
	address_name(&bound, ret_name);
	address_remove(&address);
	address_remove(&client);
}
