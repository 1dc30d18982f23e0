/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ledger of a counter that writes add to and reads take from (eventfd): a read takes all writes
 * since the one before, or, of a semaphore, one unit. The value that was read says how much was
 * written until then, so that writes and reads may be reported in another order than they
 * happened: what a read took and nobody has written yet is a debt.
 *
 * A message is a write; it belongs to the reader that took the first of its units.
 */
#ifndef IPCTRACE_COUNTER_LEDGER_H
#define IPCTRACE_COUNTER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "model/edge_set.h"
#include "model/stream_ledger.h"

#define COUNTER_WRITE_BYTES 8 /* every write is as long */

struct counter_operation {
	uint32_t process;
	uint64_t value; /* added or taken */
	uint64_t time_ns;
	bool has_value;	   /* else it could not be read, and one unit is assumed */
	bool is_semaphore; /* read: took one unit */
	bool is_threaded;  /* the process has several threads */
	bool is_doubtful;  /* the object of the call is not certain */
};

struct counter_ledger;

/* `before`, `kernel`: process ids of who wrote what no process was seen writing. */
struct counter_ledger *counter_ledger_new(uint32_t before, uint32_t kernel);
void counter_ledger_free(struct counter_ledger *ledger);

/* The counter was made in the capture, and holds this from the start; no write put it there. */
void counter_ledger_created(struct counter_ledger *ledger, uint64_t value);
/* It held this when the capture began, and at its end. */
void counter_ledger_level_at_start(struct counter_ledger *ledger, uint64_t value);
void counter_ledger_level_at_end(struct counter_ledger *ledger, uint64_t value, uint64_t time_ns);

/* 0 or -ENOMEM. A write of 0 adds nothing and is no message. */
int counter_ledger_write(struct counter_ledger *ledger, const struct counter_operation *operation);
int counter_ledger_read(struct counter_ledger *ledger, const struct counter_operation *operation);

/* Writes or reads that were only added up: their order is unknown. */
struct counter_total {
	uint32_t process;
	uint64_t count;
	uint64_t value; /* of all */
	uint64_t time_ns;
};
int counter_ledger_add_total(struct counter_ledger *ledger, bool is_write,
			     const struct counter_total *total);

struct counter_result {
	struct stream_balance before; /* at least: how many writes made it up is unknown */
	struct stream_balance unread;
	bool is_unread_inferred;
};

/* Settles, decides what is exact. `is_lossy`: transfers were lost. 0 or -ENOMEM. */
int counter_ledger_close(struct counter_ledger *ledger, bool is_lossy,
			 struct counter_result *ret_result);

struct edge_set *counter_ledger_edges(struct counter_ledger *ledger);

#endif
