/* SPDX-License-Identifier: GPL-2.0-only */
/* What the models of AF_UNIX and of TCP and UDP share. */
#ifndef IPCTRACE_MODEL_SOCKET_H
#define IPCTRACE_MODEL_SOCKET_H

#include "model/mechanism_model.h"
#include "model/socket_table.h"

/* The socket of a record, made if it is new; NULL without memory. Borrowed, see the table. */
uint32_t model_socket_get(struct world *world, const struct ipct_key *key, uint8_t mechanism);

/* A new channel of the world with `directions` ledgers. NULL without memory. */
struct channel *model_socket_channel(struct world *world, const struct socket *socket,
				     size_t directions);

/* What goes to or from the socket goes through this channel; NULL: nothing did yet. */
struct channel *model_socket_channel_of(const struct world *world, uint32_t id);

/* Takes the side of a pair; the sides' sockets and their ids agree from then on. */
void model_pair_join(struct world *world, struct pair *pair, uint32_t id, uint32_t side);

/* The place of a transfer in a pair, by who sends. */
void model_pair_place(const struct socket *socket, enum ipct_role role, struct place *ret_place);

/* Operations of a stream socket: the mechanism models of TCP and unix streams. */
int model_pair_transfer(struct world *world, const struct ipct_transfer *transfer, uint32_t process,
			bool is_doubtful, struct place *ret_place);
int model_pair_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			 uint32_t process);

/* A datagram or record over a channel, whose place is known. */
int model_socket_message(const struct place *place, const struct ipct_transfer *transfer,
			 uint32_t process, uint64_t source, uint32_t fallback, bool is_doubtful);
int model_socket_message_total(const struct place *place, const struct ipct_aggregate *aggregate,
			       uint32_t process, uint64_t source, uint32_t fallback);

int model_unix_describe(struct world *world, const struct ipct_socket *record);
int model_tcp_describe(struct world *world, const struct ipct_socket *record);
int model_vsock_describe(struct world *world, const struct ipct_socket *record);
int model_udp_describe(struct world *world, const struct ipct_socket *record);

#endif
