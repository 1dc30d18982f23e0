/* SPDX-License-Identifier: GPL-2.0-only */
/* What one process sent and another received over one direction of a channel. */
#ifndef IPCTRACE_EDGE_SET_H
#define IPCTRACE_EDGE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "base/histogram.h"

#define TIME_UNKNOWN UINT64_MAX

struct edge_key {
	uint32_t from; /* process ids of the model's process table */
	uint32_t to;
};

struct edge {
	struct edge_key key;
	uint64_t messages;
	uint64_t bytes;
	uint64_t certain_messages; /* of matches that nothing speaks against */
	uint64_t certain_bytes;
	bool is_doubtful; /* the order that decided some match is not proven */
	bool is_suspect;  /* the object of some call is not certain */
	bool is_exact;	  /* set when the ledger is closed, like at_least */
	uint64_t at_least_messages;
	uint64_t at_least_bytes;
	uint64_t first_ns, last_ns;
	struct histogram *residency; /* NULL until a time is known */
	/* stream_region.c: what was matched in the region with this number */
	uint64_t region;
	uint64_t region_messages, region_bytes;
	UT_hash_handle hh;
};

/* A part of what was received, and who sent it. */
struct match {
	uint32_t from, to;
	uint64_t messages;
	uint64_t bytes;
	uint64_t sent_ns; /* TIME_UNKNOWN: not known */
	uint64_t received_ns;
	bool is_doubtful;
	bool is_suspect;
};

struct edge_set;

/* Told of every match as it is made, for those who watch live. */
struct match_observer {
	void (*matched)(void *context, const struct edge_set *set, const struct match *match);
	void *context;
};

struct edge_set {
	struct edge *edges;		       /* uthash */
	const struct match_observer *observer; /* borrowed; NULL: nobody watches */
	const void *owner;		       /* the channel, for the observer */
};

/* The edge, made if it is new; borrowed from the set. NULL without memory. */
struct edge *edge_set_get(struct edge_set *set, uint32_t from, uint32_t to);

/* Adds a match. 0 or -ENOMEM. */
int edge_set_add(struct edge_set *set, const struct match *match);

/* Nothing of what was matched is certain any more. */
void edge_set_doubt(struct edge *edge);

/* Sets what is certain of an edge: all of it, or at least these. */
void edge_set_exact(struct edge *edge);
void edge_set_at_least(struct edge *edge, uint64_t messages, uint64_t bytes);

void edge_set_fini(struct edge_set *set);

#endif
