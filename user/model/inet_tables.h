/* SPDX-License-Identifier: GPL-2.0-only */
/* Look-up tables of the models of TCP and UDP, owned by the world. */
#ifndef IPCTRACE_INET_TABLES_H
#define IPCTRACE_INET_TABLES_H

struct tcp_table;
struct udp_table;

struct tcp_table *tcp_table_new(void);
void tcp_table_free(struct tcp_table *table);
struct udp_table *udp_table_new(void);
void udp_table_free(struct udp_table *table);

#endif
