/* SPDX-License-Identifier: GPL-2.0-only */
/* The model: processes, channels and their ledgers, built from records in the order of time. */
#ifndef IPCTRACE_WORLD_H
#define IPCTRACE_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include <ipctrace/event.h>

#include "model/channel.h"
#include "model/process_table.h"

struct world;
struct socket_table;
struct tcp_table;
struct udp_table;
struct descriptor_table;
struct provenance_table;
struct standing_table;

struct world {
	struct process_table *processes;
	struct channel **channels;
	size_t channels_nr, channels_cap;
	struct socket_table *sockets;
	struct tcp_table *tcp;
	struct udp_table *udp;
	struct pipe_entry *pipes;     /* uthash, model_pipe.c */
	struct signal_entry *signals; /* uthash, model_signal.c */
	struct queue_entry *queues;   /* uthash, model_queue.c */
	struct sync_table *syncs;     /* model_sync.c; NULL: none yet, as for the following */
	struct memory_table *memory;
	struct pty_entry *ptys;
	struct eventfd_entry *eventfds;
	struct netlink_table *netlinks;
	struct vsock_table *vsocks;
	struct pass_table *passes;
	struct access_entry *accesses;
	struct descriptor_table *descriptors;
	struct provenance_table *provenances;
	struct standing_table *standing;
	const struct match_observer *observer; /* borrowed; NULL: nobody watches live */
	bool is_system_wide;
	bool has_unresolved;	    /* something went through a channel that nobody can name */
	uint32_t before;	    /* node `before capture` */
	uint32_t kernel;	    /* node `kernel` */
	uint64_t first_ns, last_ns; /* of all records */
	uint64_t rejected;	    /* records that make no sense */
	uint64_t barriers[IPCT_CPUS_MAX / 64]; /* a bit for each CPU with a record of the barrier */
};

/* Owned by the caller; NULL without memory. */
struct world *world_new(bool is_system_wide);
void world_free(struct world *world);

/* Takes a checked record (event_check.h). 0 or -ENOMEM. */
int world_apply(struct world *world, const struct ipct_event *event);

/* What can be told only after the last record. Before the ledgers are closed. 0 or -ENOMEM. */
int world_finish(struct world *world);

/* Adds a channel, which the world owns from now on. 0 or -ENOMEM (and frees it). */
int world_add_channel(struct world *world, struct channel *channel);

/* On how many CPUs the barrier was made, as far as its records are there. */
uint32_t world_barriers(const struct world *world);

/* The process that made the record, PROCESS_NONE without memory. */
uint32_t world_actor(struct world *world, const struct ipct_event *event);

#endif
