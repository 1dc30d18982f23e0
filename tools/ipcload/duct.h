/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A duct is one channel with both of its ends open in one process, ready to be handed down by
 * fork: a pipe, a FIFO, a pair of sockets. Scenarios are written once over the kinds of ducts.
 */
#ifndef IPCLOAD_DUCT_H
#define IPCLOAD_DUCT_H

#include <stdbool.h>
#include <stddef.h>

struct run;

struct duct {
	int rx;
	int tx;
	unsigned int channel;
};

struct duct_kind {
	const char *mechanism;
	/* Makes both ends; does not touch the truth. ret_name: what graph-json.md wants. */
	void (*open)(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
		     char ret_name[128]);
	/* Sockets only. */
	int type;
	const char *address; /* of the rx end, as address_parse() takes it; NULL: socketpair() */
	const char *target;  /* what the tx end connects to, if that is not `address` */
	bool is_lossy;	     /* drops what does not fit: wait for answers */
};

extern const struct duct_kind duct_pipe;
extern const struct duct_kind duct_fifo;

/* Kinds of sockets: a pair, a connection to a listener, two datagram sockets connected. */
#define DUCT_PAIR(name, socket_type)                                                               \
	{                                                                                          \
		.mechanism = name, .open = duct_open_pair, .type = socket_type                     \
	}
#define DUCT_CONNECTION(name, socket_type, at)                                                     \
	{                                                                                          \
		.mechanism = name, .open = duct_open_connection, .type = socket_type,              \
		.address = at                                                                      \
	}
#define DUCT_DATAGRAMS(name, at)                                                                   \
	{                                                                                          \
		.mechanism = name, .open = duct_open_datagrams, .type = SOCK_DGRAM, .address = at  \
	}

void duct_open_pair(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
		    char ret_name[128]);
void duct_open_connection(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
			  char ret_name[128]);
void duct_open_datagrams(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
			 char ret_name[128]);

/* Opens a duct and adds its channel with flags of enum truth_flag. */
struct duct duct_open(struct run *run, const struct duct_kind *kind, unsigned int flags);
/* For a process that only sends, or only receives. */
void duct_keep_tx(struct duct *duct);
void duct_keep_rx(struct duct *duct);
void duct_close(struct duct *duct);

/* Path of a new object of that name in the run's directory. */
void duct_name_path(const struct run *run, const char *name, char ret_path[108]);

#endif
