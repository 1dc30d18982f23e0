/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The sentences that several formats say about a capture, raw: whoever shows them escapes
 * them. All strings are owned by the caller (free), NULL without memory.
 */
#ifndef IPCTRACE_DESCRIBE_H
#define IPCTRACE_DESCRIBE_H

#include "graph/graph.h"

/* `10 s from 2026-08-05 12:00:00 UTC` */
char *describe_window(const struct graph_capture *capture);

/* `web1, Linux 6.18.0 x86_64` */
char *describe_host(const struct graph_capture *capture);

/* `command make demo`, `chosen processes`, `whole system` */
char *describe_scope(const struct graph_capture *capture);

/* `seen N  recorded N  aggregated N  lost N` */
char *describe_ledger(const struct graph_ledger *ledger);

/*
 * What is wrong with the numbers as a whole: what was lost and why, a ledger that does not
 * balance, a recorder that was killed. "" if nothing is.
 */
char *describe_trouble(const struct graph *graph);

/* `nginx[812]`, `nginx ×4`, `10.0.0.7:5432` */
char *describe_process(const struct graph_process *process);

/* Name, else kernel object, of an edge's channel; "" if there is neither. Borrowed. */
const char *describe_channel(const struct graph *graph, uint32_t channel);

#define DESCRIBE_END_MAX 64

/*
 * What an end of the channel is called (enum graph_end): `read`, `master`, `socket:[812]`. The
 * text is cut to `size`.
 */
void describe_end(const struct graph_channel *channel, uint32_t end, char *text, size_t size);
/* All ends of a holder, for a line: `read+write`; of sockets the numbers: `812+813`. */
void describe_ends(const struct graph_channel *channel, const struct graph_endpoint *endpoint,
		   char *text, size_t size);

/*
 * How processes came to the channel: `created by sh[10]; inherited from sh[10] by head[11],
 * cat[12]`. "" if nothing is known.
 */
char *describe_origins(const struct graph *graph, uint32_t channel);

/* `…` in the middle if the text is wider than `columns`; the tail of a path says most. */
char *describe_shorten(const char *text, size_t columns);

#endif
