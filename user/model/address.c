/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool address_is_v4(const struct ipct_address *address)
{
	static const __u8 prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(address->ip, prefix, sizeof(prefix));
}

void address_format(const struct ipct_address *address, char *text, size_t size)
{
	char ip[INET6_ADDRSTRLEN];

	if (address_is_v4(address)) {
		inet_ntop(AF_INET, &address->ip[12], ip, sizeof(ip));
		snprintf(text, size, "%s:%u", ip, address->port);
		return;
	}
	inet_ntop(AF_INET6, address->ip, ip, sizeof(ip));
	snprintf(text, size, "[%s]:%u", ip, address->port);
}

bool address_is_wildcard(const struct ipct_address *address)
{
	static const __u8 zero[16];

	return !memcmp(address->ip, zero, sizeof(zero)) ||
	       (address_is_v4(address) && !memcmp(&address->ip[12], zero, 4));
}

bool address_is_loopback(const struct ipct_address *address)
{
	static const __u8 one[16] = { [15] = 1 };

	return !memcmp(address->ip, one, sizeof(one)) ||
	       (address_is_v4(address) && address->ip[12] == 127);
}

bool address_is_group(const struct ipct_address *address)
{
	const __u8 *ip = address->ip;

	if (!address_is_v4(address))
		return ip[0] == 0xff;
	return (ip[12] & 0xf0) == 0xe0 ||
	       (ip[12] == 0xff && ip[13] == 0xff && ip[14] == 0xff && ip[15] == 0xff);
}

void address_set_wildcard(struct ipct_address *address)
{
	if (address_is_v4(address))
		memset(&address->ip[12], 0, 4);
	else
		memset(address->ip, 0, sizeof(address->ip));
}

void address_set_loopback(struct ipct_address *address)
{
	address_set_wildcard(address);
	address->ip[15] = 1;
	if (address_is_v4(address))
		address->ip[12] = 127;
}

int address_compare(const struct ipct_address *a, const struct ipct_address *b)
{
	int order = memcmp(a->ip, b->ip, sizeof(a->ip));

	return order ? order : (int)a->port - (int)b->port;
}
