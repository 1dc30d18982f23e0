/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses of AF_INET and AF_INET6 sockets; IPv4 is kept as ::ffff:a.b.c.d. */
#ifndef IPCTRACE_ADDRESS_H
#define IPCTRACE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <ipctrace/event.h>

#define ADDRESS_TEXT_MAX 64

/* `127.0.0.1:80` or `[::1]:80`. */
void address_format(const struct ipct_address *address, char *text, size_t size);

bool address_is_wildcard(const struct ipct_address *address); /* 0.0.0.0 or :: */
bool address_is_loopback(const struct ipct_address *address); /* 127/8 or ::1 */
bool address_is_group(const struct ipct_address *address);    /* multicast, 255.255.255.255 */
/* Make it 0.0.0.0 or ::, 127.0.0.1 or ::1, by its family. */
void address_set_wildcard(struct ipct_address *address);
void address_set_loopback(struct ipct_address *address);
/* Order by address and port; 0: the same. */
int address_compare(const struct ipct_address *a, const struct ipct_address *b);

#endif
