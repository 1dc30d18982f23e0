/* SPDX-License-Identifier: GPL-2.0-only */
/* What a capture file says of itself: the JSON of its head block and of its ledger blocks. */
#ifndef IPCTRACE_CAPTURE_INFO_H
#define IPCTRACE_CAPTURE_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_CAUSES_MAX 16
#define LEDGER_CAUSE_LEN 32
#define LEDGER_CPUS_MAX 64

struct capture_info {
	char *host, *kernel, *arch; /* never NULL */
	char *scope;		    /* "command", "pids", "system" */
	char *hooks;		    /* the hook plan */
	char *mechanisms;	    /* as chosen, e.g. "all" */
	char **command;		    /* NULL-terminated; NULL: none */
	int64_t start_realtime_ns;
	uint64_t start_boottime_ns;
};

struct ledger_info {
	uint64_t time_ns; /* CLOCK_BOOTTIME when it was read */
	uint64_t seen, recorded, aggregated, filtered;
	size_t causes_nr;
	struct {
		char name[LEDGER_CAUSE_LEN]; /* only [a-z0-9-], also when read from a file */
		uint64_t count;
	} causes[LEDGER_CAUSES_MAX]; /* of loss; only those that occurred */
	char end[LEDGER_CAUSE_LEN];  /* why the capture ended: "command", "duration", … */
	/*
	 * The barrier at the end: how many CPUs it had to reach, and did (user/capture/barrier.c);
	 * 0, 0: none was made, as before there were barriers
	 */
	uint32_t barrier_cpus, barrier_reached;
	char barrier_missed[LEDGER_CPUS_MAX]; /* the others: `0-3,5`; of [0-9,.-], `...`: and more
					       */
};

/* JSON text, owned by the caller; NULL without memory. Names are escaped as in the graph. */
char *capture_info_encode(const struct capture_info *info);
char *ledger_info_encode(const struct ledger_info *ledger);

/* 0, -ENOMEM, or -EBADMSG when the text is not what it should be. */
int capture_info_decode(const char *text, struct capture_info *ret_info);
int ledger_info_decode(const char *text, struct ledger_info *ret_ledger);

uint64_t ledger_info_lost(const struct ledger_info *ledger);

/* Frees what decode filled. */
void capture_info_fini(struct capture_info *info);

#endif
