/* SPDX-License-Identifier: GPL-2.0-only */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"
#include "try.h"

#define BACKLOG 128

static struct address address_unix(const struct run *run, const char *text)
{
	struct address address = { .socket.un.sun_family = AF_UNIX };
	char *path = address.socket.un.sun_path;
	const size_t size = sizeof(address.socket.un.sun_path);
	size_t len;

	if (*text == '@')
		len = snprintf(path + 1, size - 1, "%s/%s", run->dir, text + 1) + 1;
	else
		len = snprintf(path, size, "%s%s", run->dir, text) + 1;
	ENSURE(len < size);
	address.len = offsetof(struct sockaddr_un, sun_path) + len;
	return address;
}

/* IPv4 address of the first interface that is up and no loopback. */
static struct address address_own(void)
{
	struct address address = { .len = sizeof(address.socket.in) };
	struct ifaddrs *list, *i;

	TRY(getifaddrs(&list));
	for (i = list; i; i = i->ifa_next) {
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
		    (i->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP)
			break;
	}
	if (!i)
		try_skip("no address but loopback");
	memcpy(&address.socket.in, i->ifa_addr, sizeof(address.socket.in));
	freeifaddrs(list);
	return address;
}

struct address address_parse(const struct run *run, const char *text)
{
	struct address address = { 0 };

	if (*text == '@' || *text == '/')
		return address_unix(run, text);
	if (!strcmp(text, "own"))
		return address_own();
	if (strchr(text, ':')) {
		address.socket.in6.sin6_family = AF_INET6;
		address.len = sizeof(address.socket.in6);
		ENSURE(inet_pton(AF_INET6, text, &address.socket.in6.sin6_addr) == 1);
	} else {
		address.socket.in.sin_family = AF_INET;
		address.len = sizeof(address.socket.in);
		ENSURE(inet_pton(AF_INET, text, &address.socket.in.sin_addr) == 1);
	}
	return address;
}

struct address address_of(int fd)
{
	struct address address = { .len = sizeof(address.socket) };

	TRY(getsockname(fd, &address.socket.any, &address.len));
	return address;
}

static void address_name_unix(const struct address *address, char ret_name[ADDRESS_NAME_SIZE])
{
	const char *path = address->socket.un.sun_path;
	int len = address->len - offsetof(struct sockaddr_un, sun_path);

	if (len > 0 && !*path)
		snprintf(ret_name, ADDRESS_NAME_SIZE, "@%.*s", len - 1, path + 1);
	else
		snprintf(ret_name, ADDRESS_NAME_SIZE, "%.*s", len, path);
}

void address_name(const struct address *address, char ret_name[ADDRESS_NAME_SIZE])
{
	const struct in6_addr *in6 = &address->socket.in6.sin6_addr;
	char text[INET6_ADDRSTRLEN];

	if (address->socket.any.sa_family == AF_UNIX) {
		address_name_unix(address, ret_name);
	} else if (address->socket.any.sa_family == AF_INET) {
		ENSURE(inet_ntop(AF_INET, &address->socket.in.sin_addr, text, sizeof(text)));
		snprintf(ret_name, ADDRESS_NAME_SIZE, "%s:%u", text,
			 ntohs(address->socket.in.sin_port));
	} else if (IN6_IS_ADDR_V4MAPPED(in6)) {
		ENSURE(inet_ntop(AF_INET, &in6->s6_addr[12], text, sizeof(text)));
		snprintf(ret_name, ADDRESS_NAME_SIZE, "%s:%u", text,
			 ntohs(address->socket.in6.sin6_port));
	} else {
		ENSURE(inet_ntop(AF_INET6, in6, text, sizeof(text)));
		snprintf(ret_name, ADDRESS_NAME_SIZE, "[%s]:%u", text,
			 ntohs(address->socket.in6.sin6_port));
	}
}

void address_remove(const struct address *address)
{
	if (address->socket.any.sa_family == AF_UNIX && *address->socket.un.sun_path)
		TRY(unlink(address->socket.un.sun_path));
}

static int address_open(const struct address *address, int type)
{
	int fd = socket(address->socket.any.sa_family, type, 0);

	if (fd < 0 && errno == EAFNOSUPPORT)
		try_skip("no IPv6");
	return TRY(fd);
}

int address_bind(const struct address *address, int type)
{
	int fd = address_open(address, type);
	int err = bind(fd, &address->socket.any, address->len);

	if (err && errno == EADDRNOTAVAIL)
		try_skip("no such local address");
	TRY(err);
	return fd;
}

int address_listen(const struct address *address, int type)
{
	int fd = address_bind(address, type);

	TRY(listen(fd, BACKLOG));
	return fd;
}

int address_connect(const struct address *address, int type)
{
	int fd = address_open(address, type);

	TRY(connect(fd, &address->socket.any, address->len));
	return fd;
}

struct address address_with_port_of(struct address host, const struct address *address)
{
	in_port_t port = address->socket.any.sa_family == AF_INET6 ? address->socket.in6.sin6_port :
								     address->socket.in.sin_port;

	if (host.socket.any.sa_family == AF_INET6)
		host.socket.in6.sin6_port = port;
	else
		host.socket.in.sin_port = port;
	return host;
}
