/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/wake_ledger.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "model/party.h"
#include "model/process_table.h"
#include "model/release_tally.h"

/* A wait that ended although nobody was seen ending it. */
struct orphan {
	struct wake_operation operation;
	struct orphan *prev, *next;
};

struct wake_ledger {
	enum wake_proof proof;
	struct party posters; /* messages: tasks woken */
	struct party named;   /* who is said to have ended waits, by exits excepted */
	struct orphan *orphans;
	uint64_t orphans_nr; /* waits */
	struct release_count *tally;
};

struct wake_ledger *wake_ledger_new(enum wake_proof proof)
{
	struct wake_ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger)
		ledger->proof = proof;
	return ledger;
}

void wake_ledger_free(struct wake_ledger *ledger)
{
	struct orphan *orphan, *next;

	if (!ledger)
		return;
	DL_FOREACH_SAFE(ledger->orphans, orphan, next)
	free(orphan);
	party_fini(&ledger->posters);
	party_fini(&ledger->named);
	release_fini(&ledger->tally);
	free(ledger);
}

int wake_ledger_post(struct wake_ledger *ledger, const struct wake_operation *operation)
{
	return party_add(&ledger->posters, operation->process, operation->count, 0,
			 operation->time_ns);
}

static int ledger_match(struct wake_ledger *ledger, const struct wake_operation *operation,
			uint32_t waker, uint64_t count, uint64_t named, uint64_t proven)
{
	struct match match = {
		.from = waker,
		.to = operation->process,
		.messages = count,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = operation->time_ns,
	};

	return count ? release_add(&ledger->tally, operation->edges, &match, named, proven) : 0;
}

static int orphan_add(struct wake_ledger *ledger, const struct wake_operation *operation)
{
	struct orphan *orphan = calloc(1, sizeof(*orphan));

	if (!orphan)
		return -ENOMEM;
	orphan->operation = *operation;
	ledger->orphans_nr += operation->count;
	DL_APPEND(ledger->orphans, orphan);
	return 0;
}

int wake_ledger_wait(struct wake_ledger *ledger, const struct wake_operation *operation)
{
	int err;

	if (operation->waker == PROCESS_NONE) /* a task may block for other reasons than a lock */
		return ledger->proof == WAKE_PROOF_COUNT ? orphan_add(ledger, operation) : 0;
	if (operation->is_exiting)
		return ledger_match(ledger, operation, operation->waker, operation->count, 0,
				    operation->count);
	err = party_add(&ledger->named, operation->waker, operation->count, 0, operation->time_ns);
	return err ? err :
		     ledger_match(ledger, operation, operation->waker, operation->count,
				  operation->count, 0);
}

/* Tasks that the poster has woken beyond those that are said of it. */
static uint64_t poster_left(const struct wake_ledger *ledger, const struct party_member *poster)
{
	const struct party_member *named = party_find(&ledger->named, poster->process);
	uint64_t taken = named ? named->messages : 0;

	return poster->messages > taken ? poster->messages - taken : 0;
}

/* The only poster that has woken more than is said of it; PROCESS_NONE: there are several. */
static uint32_t ledger_only_source(const struct wake_ledger *ledger)
{
	uint32_t source = PROCESS_NONE;

	for (struct party_member *poster = ledger->posters.members; poster;
	     poster = poster->hh.next) {
		if (!poster_left(ledger, poster))
			continue;
		if (source != PROCESS_NONE || poster_left(ledger, poster) < ledger->orphans_nr)
			return PROCESS_NONE;
		source = poster->process;
	}
	return source;
}

/* To each poster what it has left; what is beyond that nobody was seen waking. */
static int orphan_spread(struct wake_ledger *ledger, const struct wake_operation *operation)
{
	uint64_t rest = operation->count;

	for (struct party_member *poster = ledger->posters.members; poster && rest;
	     poster = poster->hh.next) {
		uint64_t left = poster_left(ledger, poster);
		uint64_t given = left < rest ? left : rest;
		int err;

		if (!given)
			continue;
		err = party_add(&ledger->named, poster->process, given, 0, operation->time_ns);
		if (!err)
			err = ledger_match(ledger, operation, poster->process, given, 0, 0);
		if (err)
			return err;
		rest -= given;
	}
	return 0;
}

static int orphan_settle(struct wake_ledger *ledger, const struct wake_operation *operation,
			 uint32_t source)
{
	if (source == PROCESS_NONE)
		return orphan_spread(ledger, operation);
	return ledger_match(ledger, operation, source, operation->count, 0, operation->count);
}

static bool waker_is_verified(const struct wake_ledger *ledger, uint32_t waker)
{
	const struct party_member *poster = party_find(&ledger->posters, waker);
	const struct party_member *named = party_find(&ledger->named, waker);

	if (!poster || ledger->proof == WAKE_PROOF_USE)
		return poster;
	return !named || named->messages <= poster->messages;
}

int wake_ledger_close(struct wake_ledger *ledger)
{
	uint32_t source = ledger_only_source(ledger);
	struct orphan *orphan;
	int err = 0;

	DL_FOREACH(ledger->orphans, orphan)
	{
		err = orphan_settle(ledger, &orphan->operation, source);
		if (err)
			return err;
	}
	for (struct release_count *count = ledger->tally; count && !err; count = count->hh.next) {
		bool is_verified = waker_is_verified(ledger, count->key.from);

		err = release_close(count, count->proven + (is_verified ? count->named : 0));
	}
	return err;
}
