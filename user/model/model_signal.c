/* SPDX-License-Identifier: GPL-2.0-only */
/* Signals: a channel for each signal and target; the hook names both ends. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/mechanism_model.h"

/* Results of the tracepoint: pending already, or no room for a realtime signal. */
#define RESULT_PENDING 2
#define RESULT_OVERFLOW 3

struct signal_key {
	uint32_t target;
	int32_t signal;
};

struct signal_entry {
	struct signal_key key;
	struct channel *channel;
	uint64_t queued; /* signals that were queued to the target */
	uint64_t taken;	 /* that it was seen taking: by sigwaitinfo, or from a signalfd */
	UT_hash_handle hh;
};

static void signal_name(int32_t signal, char *text, size_t size)
{
	const char *name = sigabbrev_np(signal);

	if (name)
		snprintf(text, size, "SIG%s", name);
	else if (signal == SIGRTMIN)
		snprintf(text, size, "SIGRTMIN");
	else
		snprintf(text, size, "SIGRTMIN%+d", signal - SIGRTMIN);
}

static struct channel *signal_channel_new(struct world *world, const struct signal_key *key)
{
	struct channel *channel = channel_new(IPCT_SIGNAL);
	char name[32];

	if (!channel)
		return NULL;
	signal_name(key->signal, name, sizeof(name));
	snprintf(channel->object, sizeof(channel->object), "signal:[%d:%u]", key->signal,
		 process_table_at(world->processes, key->target)->pid);
	if (channel_set_name(channel, name, strlen(name))) {
		channel_free(channel);
		return NULL;
	}
	return world_add_channel(world, channel) ? NULL : channel;
}

/* NULL without memory. */
static struct signal_entry *signal_get(struct world *world, uint32_t target, int32_t signal)
{
	struct signal_key key = { .target = target, .signal = signal };
	struct signal_entry *entry;

	HASH_FIND(hh, world->signals, &key, sizeof(key), entry);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = key;
	entry->channel = signal_channel_new(world, &key);
	if (!entry->channel) {
		free(entry);
		return NULL;
	}
	HASH_ADD(hh, world->signals, key, sizeof(entry->key), entry);
	return entry;
}

static int signal_count(struct channel *channel, uint32_t process, enum ipct_role role,
			uint64_t signals, uint64_t wait_ns)
{
	struct endpoint_count count = {
		.process = process,
		.role = role,
		.operations = signals,
		.messages = signals,
		.wait_ns = wait_ns,
	};

	return channel_count(channel, &count);
}

/*
 * A signal that was queued was received, whether or not its target was seen taking it; one that
 * was taken was queued, if only before the capture.
 */
static uint64_t signal_received(const struct signal_entry *entry)
{
	return entry->queued > entry->taken ? entry->queued : entry->taken;
}

/* `match` has both ends and how many signals; `result` is that of the tracepoint. */
static int signal_enter(struct world *world, int32_t signal, int32_t result,
			const struct match *match)
{
	struct signal_entry *entry;
	uint64_t known;
	int err;

	if (match->from == PROCESS_NONE || match->to == PROCESS_NONE)
		return -ENOMEM;
	entry = signal_get(world, match->to, signal);
	if (!entry)
		return -ENOMEM;
	if (result == RESULT_PENDING || result == RESULT_OVERFLOW) {
		entry->channel->lost_messages += match->messages;
		return 0;
	}
	err = signal_count(entry->channel, match->from, IPCT_ROLE_SEND, match->messages, 0);
	known = signal_received(entry);
	entry->queued += match->messages;
	if (!err)
		err = signal_count(entry->channel, match->to, IPCT_ROLE_RECEIVE,
				   signal_received(entry) - known, 0);
	return err ? err : edge_set_add(&entry->channel->directions[0].direct, match);
}

/* The process took `signals` of them; who sent them was told when they were queued. */
static int signal_take(struct world *world, uint32_t process, int32_t signal, uint64_t signals,
		       uint64_t wait_ns)
{
	struct signal_entry *entry = signal_get(world, process, signal);
	uint64_t known;

	if (!entry)
		return -ENOMEM;
	known = signal_received(entry);
	entry->taken += signals;
	return signal_count(entry->channel, process, IPCT_ROLE_RECEIVE,
			    signal_received(entry) - known, wait_ns);
}

int model_signal_apply(struct world *world, const struct ipct_signal *signal)
{
	struct match match = {
		.from = signal->is_kernel ? world->kernel : world_actor(world, &signal->event),
		.to = process_table_get(world->processes, signal->target_pid,
					signal->target_start_ns),
		.messages = 1,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = signal->event.time_ns,
	};

	return signal_enter(world, signal->signal, signal->result, &match);
}

static int signal_transfer(struct world *world, const struct ipct_transfer *transfer,
			   uint32_t process, bool is_doubtful, struct place *ret_place)
{
	(void)is_doubtful, (void)ret_place; /* nothing hangs on the descriptor of a signalfd */
	if (transfer->role != IPCT_ROLE_RECEIVE || !transfer->position ||
	    transfer->position >= NSIG) {
		world->rejected++;
		return 0;
	}
	return signal_take(world, process, transfer->position, 1, transfer->wait_ns);
}

/* A total of pid 0 was sent by the kernel. */
static int signal_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
			    uint32_t process)
{
	struct match match = {
		.from = aggregate->event.pid ? process : world->kernel,
		.to = process_table_get(world->processes, aggregate->key.inode,
					aggregate->key.object),
		.messages = aggregate->messages,
		.sent_ns = TIME_UNKNOWN,
		.received_ns = aggregate->event.time_ns,
	};

	if (aggregate->role == IPCT_ROLE_RECEIVE)
		return signal_take(world, process, aggregate->signal, aggregate->messages,
				   aggregate->wait_ns);
	return signal_enter(world, aggregate->signal, aggregate->error, &match);
}

void model_signal_fini(struct world *world)
{
	struct signal_entry *entry, *next;

	HASH_ITER (hh, world->signals, entry, next) {
		HASH_DEL(world->signals, entry);
		free(entry);
	}
}

const struct mechanism_model model_signal = {
	.mechanism = IPCT_SIGNAL,
	.transfer = signal_transfer,
	.aggregate = signal_aggregate,
};
