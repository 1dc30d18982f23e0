/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/unit_ledger.h"

#include <errno.h>
#include <stdlib.h>

#include <utlist.h>

#include "model/party.h"
#include "model/process_table.h"
#include "model/release_tally.h"

/* Units of one process. */
struct token {
	uint32_t process;
	uint64_t units;
	bool is_ordered; /* its place in the list is proven */
	bool is_late;	 /* put after its record: behind what is before it in the list */
	bool is_gone;	 /* set to another value since: was given to tasks that were blocked */
	struct token *prev, *next;
};

/* A wait whose units were not put there yet, as far as the records tell. */
struct debt {
	struct unit_operation operation;
	uint64_t units;	 /* still missing */
	bool is_matched; /* the waker was named: only the units are missing */
	struct debt *prev, *next;
};

struct unit_ledger {
	struct edge_set *edges;
	uint32_t before;
	struct token *tokens; /* oldest first */
	struct debt *debts;
	struct party posters, waiters; /* bytes: units */
	struct party takers;	       /* who may have brought the value to zero */
	uint32_t last_to_zero;
	uint64_t value; /* as far as the records tell */
	uint64_t level; /* units from before the capture */
	bool is_level_doubtful;
	bool has_waited;    /* some wait was entered */
	bool has_odd_waits; /* for more than one unit */
	bool has_vanished;  /* units that nobody took */
	bool has_guessed;   /* who brought the value to zero */
	bool has_totals;
	bool has_late_puts; /* recorded when they were done: a wait's record may have come first */
	bool is_mixed;	    /* a wait found units of several processes, and took some of them */
	bool is_put_order_broken, is_take_order_broken;
	struct release_count *tally;
};

struct unit_ledger *unit_ledger_new(struct edge_set *edges, uint32_t before)
{
	struct unit_ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->edges = edges;
	ledger->before = before;
	ledger->last_to_zero = PROCESS_NONE;
	return ledger;
}

void unit_ledger_free(struct unit_ledger *ledger)
{
	struct token *token, *next_token;
	struct debt *debt, *next_debt;

	if (!ledger)
		return;
	DL_FOREACH_SAFE(ledger->tokens, token, next_token)
	free(token);
	DL_FOREACH_SAFE(ledger->debts, debt, next_debt)
	free(debt);
	party_fini(&ledger->posters);
	party_fini(&ledger->waiters);
	party_fini(&ledger->takers);
	release_fini(&ledger->tally);
	free(ledger);
}

/* Tokens --------------------------------------------------------------------------------- */

static int token_push(struct unit_ledger *ledger, const struct token *new)
{
	struct token *last = ledger->tokens ? ledger->tokens->prev : NULL;
	struct token *token;

	if (!new->units)
		return 0;
	if (last && last->process == new->process && last->is_ordered == new->is_ordered &&
	    last->is_late == new->is_late && !last->is_gone) {
		last->units += new->units;
		return 0;
	}
	token = malloc(sizeof(*token));
	if (!token)
		return -ENOMEM;
	*token = *new;
	DL_APPEND(ledger->tokens, token);
	return 0;
}

static uint64_t token_use(struct unit_ledger *ledger, struct token *token, uint64_t units)
{
	uint64_t used = units < token->units ? units : token->units;

	token->units -= used;
	if (!token->units) {
		DL_DELETE(ledger->tokens, token);
		free(token);
	}
	return used;
}

/*
 * What a wait takes that nobody was seen ending: the oldest. Units whose place is not proven
 * were most likely given to a blocked task, the record of which is still to come.
 */
static struct token *token_oldest(struct unit_ledger *ledger)
{
	struct token *token, *second = NULL;
	bool is_behind_late = false;

	DL_FOREACH(ledger->tokens, token)
	{
		if (token->is_gone)
			continue;
		if (token->is_ordered) {
			ledger->is_put_order_broken |= is_behind_late;
			return token;
		}
		is_behind_late |= token->is_late;
		if (!second)
			second = token;
	}
	return second;
}

/* Units of the waker: those that it gave away at once come first. */
static struct token *token_of(const struct unit_ledger *ledger, uint32_t process)
{
	struct token *token, *second = NULL;

	DL_FOREACH(ledger->tokens, token)
	{
		if (token->process != process)
			continue;
		if (!token->is_ordered)
			return token;
		if (!second)
			second = token;
	}
	return second;
}

/* Units of several processes: which of them a wait takes is a convention. */
static bool tokens_are_mixed(const struct unit_ledger *ledger)
{
	uint32_t process = PROCESS_NONE;
	struct token *token;

	DL_FOREACH(ledger->tokens, token)
	{
		if (token->is_gone)
			continue;
		if (process != PROCESS_NONE && token->process != process)
			return true;
		process = token->process;
	}
	return false;
}

/* Takes the oldest units; fewer than wanted where there are no more. */
static uint64_t tokens_take(struct unit_ledger *ledger, uint64_t units, uint32_t *ret_last)
{
	uint64_t missing = units;

	while (missing) {
		struct token *token = token_oldest(ledger);

		if (!token)
			break;
		ledger->is_put_order_broken |= !token->is_ordered;
		*ret_last = token->process;
		missing -= token_use(ledger, token, missing);
	}
	return missing;
}

/* Takes one unit of the waker, and the others from the oldest. */
static uint64_t tokens_take_from(struct unit_ledger *ledger, uint32_t waker, uint64_t units)
{
	struct token *token = token_of(ledger, waker);
	uint32_t last;

	if (!token) { /* the record of its post is still to come */
		ledger->is_put_order_broken |= units > 1;
		return 1 + tokens_take(ledger, units - 1, &last);
	}
	units -= token_use(ledger, token, 1);
	while (units && (token = token_of(ledger, waker)) && token == ledger->tokens)
		units -= token_use(ledger, token, units);
	if (units)
		ledger->is_put_order_broken = true;
	token = token_of(ledger, waker);
	if (token && !token->is_ordered && !token->is_late && !token->is_gone) {
		/* the rest stayed, at a place that is likely, not proven */
		token->is_ordered = true;
		ledger->is_put_order_broken = true;
	}
	return tokens_take(ledger, units, &last);
}

/* Matches -------------------------------------------------------------------------------- */

static int ledger_match(struct unit_ledger *ledger, const struct unit_operation *operation,
			uint32_t from, uint64_t count, uint64_t named)
{
	struct match match = {
		.from = from,
		.to = operation->process,
		.messages = count,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = operation->time_ns,
	};

	return count ? release_add(&ledger->tally, ledger->edges, &match, named, 0) : 0;
}

static int debt_add(struct unit_ledger *ledger, const struct unit_operation *operation,
		    uint64_t units, bool is_matched)
{
	struct debt *debt = calloc(1, sizeof(*debt));

	if (!debt)
		return -ENOMEM;
	debt->operation = *operation;
	debt->units = units;
	debt->is_matched = is_matched;
	DL_APPEND(ledger->debts, debt);
	return 0;
}

static void debt_drop(struct unit_ledger *ledger, struct debt *debt)
{
	DL_DELETE(ledger->debts, debt);
	free(debt);
}

/* The wait that this post ended: one that names its process, else one that names nobody. */
static struct debt *debt_find(const struct unit_ledger *ledger, uint32_t poster)
{
	struct debt *debt, *unnamed = NULL;

	DL_FOREACH(ledger->debts, debt)
	{
		if (debt->operation.is_total)
			continue;
		if (debt->operation.waker == poster)
			return debt;
		if (!unnamed && debt->operation.waker == PROCESS_NONE)
			unnamed = debt;
	}
	return unnamed;
}

/* Pays debts with units that were put just now; what is left is in the semaphore. */
static int debts_pay(struct unit_ledger *ledger, const struct unit_operation *operation,
		     uint64_t *units)
{
	struct debt *debt;
	int err = 0;

	while (*units && !err && (debt = debt_find(ledger, operation->process))) {
		uint64_t paid = debt->units < *units ? debt->units : *units;

		if (debt->operation.waker == PROCESS_NONE)
			ledger->is_put_order_broken = true;
		*units -= paid;
		debt->units -= paid;
		if (debt->units)
			continue;
		if (!debt->is_matched)
			err = ledger_match(ledger, &debt->operation, operation->process, 1, 0);
		debt_drop(ledger, debt);
	}
	return err;
}

/* Operations ----------------------------------------------------------------------------- */

int unit_ledger_level(struct unit_ledger *ledger, uint64_t units, bool is_last)
{
	if (ledger->level)
		return 0; /* described once more */
	if (ledger->posters.nr || ledger->waiters.nr) {
		ledger->is_level_doubtful = true; /* too late to say whose units were taken */
		return 0;
	}
	ledger->level = units;
	ledger->value = units;
	ledger->is_level_doubtful = !is_last;
	return token_push(ledger, &(struct token){ .process = ledger->before,
						   .units = units,
						   .is_ordered = true });
}

void unit_ledger_doubt(struct unit_ledger *ledger)
{
	ledger->is_level_doubtful = true;
	ledger->has_late_puts = true;
}

static int poster_add(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	return party_add(&ledger->posters, operation->process, operation->count, operation->units,
			 operation->time_ns);
}

int unit_ledger_put(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	uint64_t units = operation->units;
	int err = poster_add(ledger, operation);

	ledger->has_late_puts |= !operation->is_early;
	if (err)
		return err;
	if (operation->is_total) {
		ledger->has_totals = true;
		return 0;
	}
	ledger->value += units;
	err = debts_pay(ledger, operation, &units);
	return err ? err :
		     token_push(ledger, &(struct token){ .process = operation->process,
							 .units = units,
							 .is_ordered = operation->is_last,
							 .is_late = operation->is_late });
}

/* Older units vanish, but for those that were given to blocked tasks, which will tell. */
static void tokens_drop(struct unit_ledger *ledger)
{
	struct token *token, *next;

	DL_FOREACH_SAFE(ledger->tokens, token, next)
	{
		ledger->has_vanished |= !token->is_gone;
		token->is_gone = true;
		if (token->is_ordered)
			(void)token_use(ledger, token, token->units);
	}
}

int unit_ledger_set(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	int err;

	if (operation->is_total)
		return unit_ledger_put(ledger, operation);
	tokens_drop(ledger);
	ledger->value = 0;
	if (operation->units)
		return unit_ledger_put(ledger, operation);
	ledger->last_to_zero = operation->process;
	err = party_add(&ledger->takers, operation->process, 1, 0, operation->time_ns);
	return err;
}

static int taker_add(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	int err = party_add(&ledger->takers, operation->process, operation->count, operation->units,
			    operation->time_ns);

	ledger->value -= operation->units < ledger->value ? operation->units : ledger->value;
	if (!ledger->value)
		ledger->last_to_zero = operation->process;
	return err;
}

static int take_total(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	ledger->has_totals = true;
	if (operation->waker == PROCESS_NONE || operation->is_several)
		return debt_add(ledger, operation, operation->units, false);
	return ledger_match(ledger, operation, operation->waker, operation->count,
			    operation->count);
}

/*
 * The first wait, for one unit, blocked until the waker put it there: nothing was in it before,
 * whatever it looked like when somebody operated on it at the same time.
 */
static void level_prove(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	struct token *token;

	if (operation->units != 1 || ledger->has_waited || ledger->level)
		return;
	DL_FOREACH(ledger->tokens, token)
	{
		if (token->process != operation->waker)
			return;
	}
	ledger->is_level_doubtful = false;
}

/* The waker is named. */
static int take_named(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	uint64_t missing;
	int err;

	level_prove(ledger, operation);
	missing = tokens_take_from(ledger, operation->waker, operation->units);
	err = ledger_match(ledger, operation, operation->waker, 1, 1);

	return err || !missing ? err : debt_add(ledger, operation, missing, true);
}

static int take_oldest(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	uint32_t last = ledger->before;
	uint64_t missing;

	ledger->is_mixed |= tokens_are_mixed(ledger);
	missing = tokens_take(ledger, operation->units, &last);
	ledger->is_take_order_broken |= !operation->is_last;
	if (missing)
		return debt_add(ledger, operation, missing, false);
	return ledger_match(ledger, operation, last, 1, 0);
}

int unit_ledger_take(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	int err = party_add(&ledger->waiters, operation->process, operation->count,
			    operation->units, operation->time_ns);

	if (!err)
		err = taker_add(ledger, operation);
	if (err)
		return err;
	ledger->has_odd_waits |= operation->units != operation->count;
	if (operation->is_total)
		return take_total(ledger, operation);
	if (operation->waker != PROCESS_NONE && !operation->is_several)
		err = take_named(ledger, operation);
	else
		err = take_oldest(ledger, operation);
	ledger->has_waited = true;
	return err;
}

int unit_ledger_await_zero(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	ledger->has_totals |= operation->is_total;
	/* of several operations nobody knows which one the call waited for */
	if (!operation->is_blocked || operation->is_several)
		return 0;
	if (operation->waker != PROCESS_NONE)
		return ledger_match(ledger, operation, operation->waker, operation->count,
				    operation->count);
	if (ledger->last_to_zero == PROCESS_NONE)
		return 0;
	ledger->has_guessed = true;
	return ledger_match(ledger, operation, ledger->last_to_zero, operation->count, 0);
}

int unit_ledger_take_back(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	uint64_t units = operation->units;
	struct token *token;

	while (units && (token = token_of(ledger, operation->process)))
		units -= token_use(ledger, token, units);
	ledger->has_vanished = true;
	return taker_add(ledger, operation);
}

/* At the end ----------------------------------------------------------------------------- */

/* Releases that the poster may still be given. */
static uint64_t poster_left(const struct unit_ledger *ledger, const struct party_member *poster)
{
	uint64_t given = 0;

	for (struct release_count *count = ledger->tally; count; count = count->hh.next)
		if (count->key.from == poster->process)
			given += count->all;
	return poster->bytes > given ? poster->bytes - given : 0;
}

/* To each poster what it has left; the rest was there before. */
static int debt_spread(struct unit_ledger *ledger, const struct unit_operation *operation)
{
	uint64_t rest = operation->count;
	int err = 0;

	for (struct party_member *poster = ledger->posters.members; poster && rest && !err;
	     poster = poster->hh.next) {
		uint64_t left = poster_left(ledger, poster);
		uint64_t given = left < rest ? left : rest;

		err = ledger_match(ledger, operation, poster->process, given, 0);
		rest -= given;
	}
	return err ? err : ledger_match(ledger, operation, ledger->before, rest, 0);
}

/* Those of single waits stay: they say that the records of some post are missing. */
static int debts_settle(struct unit_ledger *ledger)
{
	struct debt *debt, *next;

	DL_FOREACH_SAFE(ledger->debts, debt, next)
	{
		int err = debt->is_matched ? 0 : debt_spread(ledger, &debt->operation);

		if (err)
			return err;
		if (debt->operation.is_total)
			debt_drop(ledger, debt);
	}
	return 0;
}

static bool has_unordered(const struct unit_ledger *ledger)
{
	struct token *token;

	DL_FOREACH(ledger->tokens, token)
	{
		if (!token->is_ordered && !token->is_late)
			return true;
	}
	return false;
}

/* Is every wait for units matched as it was? */
static bool waits_are_proven(const struct unit_ledger *ledger)
{
	if (ledger->is_level_doubtful || ledger->has_guessed || ledger->debts)
		return false;
	if (ledger->posters.nr <= 1 && !ledger->level)
		return true;
	if (!ledger->has_late_puts && !ledger->has_totals && !ledger->is_mixed)
		return true;
	if (ledger->waiters.nr == 1 && !ledger->has_odd_waits && !ledger->has_vanished &&
	    ledger->posters.bytes + ledger->level == ledger->waiters.bytes)
		return true;
	return !ledger->has_totals && !ledger->is_put_order_broken && !has_unordered(ledger) &&
	       (ledger->waiters.nr == 1 || !ledger->is_take_order_broken);
}

/* Does what the kernel named agree with the waker's own records? */
static bool waker_is_verified(const struct unit_ledger *ledger, uint32_t waker)
{
	const struct party_member *poster = party_find(&ledger->posters, waker);

	return poster || party_find(&ledger->takers, waker);
}

int unit_ledger_close(struct unit_ledger *ledger)
{
	int err = debts_settle(ledger);
	bool are_proven;

	if (err)
		return err;
	are_proven = waits_are_proven(ledger);
	for (struct release_count *count = ledger->tally; count && !err; count = count->hh.next) {
		uint64_t certain = waker_is_verified(ledger, count->key.from) ? count->named : 0;

		err = release_close(count, are_proven && count->key.from != ledger->before ?
						   count->all :
						   certain);
	}
	return err;
}
