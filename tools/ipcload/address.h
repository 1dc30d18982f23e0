/* SPDX-License-Identifier: GPL-2.0-only */
/* Socket addresses, and sockets bound to or connected to them. Errors end the process (try.h). */
#ifndef IPCLOAD_ADDRESS_H
#define IPCLOAD_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct run;

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	} socket;
	socklen_t len;
};

#define ADDRESS_NAME_SIZE 128

/*
 * Address of a text: "@x" abstract, "/x" a path in the run's directory, else a numeric IPv4 or
 * IPv6 address with port 0. "own" is this machine's address on its first real interface. The
 * scenario is skipped where there is no such address.
 */
struct address address_parse(const struct run *run, const char *text);
struct address address_of(int fd);
/* The name that the graph shows: path, @abstract, address:port; v4-mapped addresses as IPv4. */
void address_name(const struct address *address, char ret_name[ADDRESS_NAME_SIZE]);
/* Takes a path out of the file system; connections to it go on. */
void address_remove(const struct address *address);

int address_bind(const struct address *address, int type);
int address_listen(const struct address *address, int type);
int address_connect(const struct address *address, int type);
/* The address to reach what is bound to `address` at: other host part, same port. */
struct address address_with_port_of(struct address host, const struct address *address);

#endif
