/* SPDX-License-Identifier: GPL-2.0-only */
/* Look-up tables of the models of TCP and UDP, owned by the world. */
#ifndef IPCTRACE_INET_TABLES_H
#define IPCTRACE_INET_TABLES_H

#include <stdint.h>

struct ipct_address;
struct tcp_table;
struct udp_table;

struct tcp_table *tcp_table_new(void);
void tcp_table_free(struct tcp_table *table);
struct udp_table *udp_table_new(void);
void udp_table_free(struct udp_table *table);

/* A socket of TCP or UDP has this local address: it is one of this host. 0 or -ENOMEM. */
int udp_table_add_local(struct udp_table *table, uint32_t network,
			const struct ipct_address *address);

#endif
