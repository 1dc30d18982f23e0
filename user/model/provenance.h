/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How each process came to its end of a channel, from what the records say: who made it, opened
 * it, held it already when the capture began, got it passed; or which ancestor had it when the
 * process, or the ancestor in between, was forked.
 */
#ifndef IPCTRACE_PROVENANCE_H
#define IPCTRACE_PROVENANCE_H

#include <stdint.h>

#include <ipctrace/event.h>

struct channel;
struct world;

enum provenance_how {
	PROVENANCE_UNKNOWN,
	PROVENANCE_CREATED,
	PROVENANCE_OPENED, /* by a name, or accepted */
	PROVENANCE_INHERITED,
	PROVENANCE_PASSED,
	PROVENANCE_BEFORE, /* held when the capture began */
	PROVENANCE_NR,
};

struct provenance {
	enum provenance_how how;
	uint32_t from; /* who it was inherited from, or passed by; else PROCESS_NONE */
};

struct provenance_table;

/* Owned by the caller; NULL without memory. */
struct provenance_table *provenance_table_new(void);
void provenance_table_free(struct provenance_table *table);

/* A channel or socket was described by a process, in a way that may tell. 0 or -ENOMEM. */
int provenance_describe(struct world *world, const struct ipct_event *event,
			enum ipct_mechanism mechanism, const struct ipct_key *key,
			enum ipct_origin origin);

/* `process` made the channel. 0 or -ENOMEM. */
int provenance_create(struct world *world, uint32_t process, const struct channel *channel,
		      uint64_t time_ns);

/* `process` got a descriptor of the channel from another process. 0 or -ENOMEM. */
int provenance_pass(struct world *world, uint32_t process, const struct channel *channel,
		    uint32_t from, uint64_t time_ns);

/* After the last record: sockets have their channels now. 0 or -ENOMEM. */
int provenance_finish(struct world *world);

/* What is known of the process and the channel. After provenance_finish(). */
struct provenance provenance_find(const struct world *world, uint32_t process,
				  const struct channel *channel);

/* Who made the channel, as far as the capture has seen it; PROCESS_NONE. The same. */
uint32_t provenance_creator(const struct world *world, const struct channel *channel);

#endif
