/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/process_table.h"

const char *channel_mechanism_name(enum ipct_mechanism mechanism)
{
	switch (mechanism) {
#define MECHANISM(symbol, number, name, group, model)                                              \
	case IPCT_##symbol:                                                                        \
		return name;
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	default:
		return "?";
	}
}

struct channel *channel_new(enum ipct_mechanism mechanism)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return NULL;
	channel->mechanism = mechanism;
	for (int i = 0; i < 2; i++) {
		channel->directions[i].far_sender = PROCESS_NONE;
		channel->directions[i].far_receiver = PROCESS_NONE;
	}
	channel->name = strdup("");
	if (channel->name)
		return channel;
	free(channel);
	return NULL;
}

static void direction_fini(struct direction *direction)
{
	stream_ledger_free(direction->stream);
	message_ledger_free(direction->message);
	counter_ledger_free(direction->counter);
	edge_set_fini(&direction->direct);
}

void channel_free(struct channel *channel)
{
	struct endpoint *endpoint, *next;

	if (!channel)
		return;
	HASH_ITER (hh, channel->endpoints, endpoint, next) {
		HASH_DEL(channel->endpoints, endpoint);
		free(endpoint->errors);
		free(endpoint);
	}
	direction_fini(&channel->directions[0]);
	direction_fini(&channel->directions[1]);
	free(channel->name);
	free(channel);
}

static enum ipct_model mechanism_model(enum ipct_mechanism mechanism)
{
	switch (mechanism) {
#define MECHANISM(symbol, number, name, group, model)                                              \
	case IPCT_##symbol:                                                                        \
		return IPCT_MODEL_##model;
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	default:
		return IPCT_MODEL_NONE;
	}
}

static enum stream_position mechanism_position(enum ipct_mechanism mechanism)
{
	if (mechanism == IPCT_TCP)
		return STREAM_POSITION_BYTES;
	return mechanism == IPCT_PIPE || mechanism == IPCT_FIFO ? STREAM_POSITION_ORDER :
								  STREAM_POSITION_NONE;
}

int channel_open_directions(struct channel *channel, size_t nr, uint32_t before)
{
	enum ipct_model model = mechanism_model(channel->mechanism);
	bool is_stream = model == IPCT_MODEL_STREAM || model == IPCT_MODEL_TERMINAL;

	for (size_t i = 0; i < nr; i++) {
		struct direction *direction = &channel->directions[i];

		if (is_stream)
			direction->stream =
				stream_ledger_new(mechanism_position(channel->mechanism), before);
		else
			direction->message = message_ledger_new(before);
		if (!direction->stream && !direction->message)
			return -ENOMEM;
		if (channel->mechanism == IPCT_UDP)
			message_ledger_may_drop(direction->message);
	}
	return 0;
}

static void edges_observe(struct edge_set *edges, const struct channel *channel,
			  const struct match_observer *observer)
{
	edges->observer = observer;
	edges->owner = channel;
}

void channel_observe(struct channel *channel, const struct match_observer *observer)
{
	for (int i = 0; i < 2; i++) {
		struct direction *direction = &channel->directions[i];

		edges_observe(&direction->direct, channel, observer);
		if (direction->stream)
			edges_observe(stream_ledger_edges(direction->stream), channel, observer);
		if (direction->message)
			edges_observe(message_ledger_edges(direction->message), channel, observer);
		if (direction->counter)
			edges_observe(counter_ledger_edges(direction->counter), channel, observer);
	}
}

int channel_rename(struct channel *channel, const char *bytes, size_t len)
{
	char *name = strndup(bytes, len);

	if (!name)
		return -ENOMEM;
	free(channel->name);
	channel->name = name;
	return 0;
}

int channel_set_name(struct channel *channel, const char *bytes, size_t len)
{
	return channel->name[0] || !len ? 0 : channel_rename(channel, bytes, len);
}

static struct endpoint *endpoint_get(struct channel *channel, uint32_t process, uint32_t role)
{
	struct endpoint_key key = { .process = process, .role = role };
	struct endpoint *endpoint;

	HASH_FIND(hh, channel->endpoints, &key, sizeof(key), endpoint);
	if (endpoint)
		return endpoint;
	endpoint = calloc(1, sizeof(*endpoint));
	if (!endpoint)
		return NULL;
	endpoint->key = key;
	HASH_ADD(hh, channel->endpoints, key, sizeof(endpoint->key), endpoint);
	return endpoint;
}

static int endpoint_add_error(struct endpoint *endpoint, int32_t number, uint64_t count)
{
	struct endpoint_error *errors;

	for (size_t i = 0; i < endpoint->errors_nr; i++) {
		if (endpoint->errors[i].number == number) {
			endpoint->errors[i].count += count;
			return 0;
		}
	}
	errors = reallocarray(endpoint->errors, endpoint->errors_nr + 1, sizeof(*errors));
	if (!errors)
		return -ENOMEM;
	endpoint->errors = errors;
	errors[endpoint->errors_nr++] = (struct endpoint_error){ number, count };
	return 0;
}

int channel_count(struct channel *channel, const struct endpoint_count *count)
{
	struct endpoint *endpoint = endpoint_get(channel, count->process, count->role);

	if (!endpoint)
		return -ENOMEM;
	endpoint->wait_ns += count->wait_ns;
	if (count->error)
		return endpoint_add_error(endpoint, -count->error, count->operations);
	endpoint->operations += count->operations;
	if (count->is_uring)
		endpoint->uring_operations += count->operations;
	endpoint->messages += count->messages;
	endpoint->bytes += count->bytes;
	endpoint->attached_ns = count->attached_ns;
	endpoint->detached_ns = count->detached_ns;
	return 0;
}

int channel_hold(struct channel *channel, uint32_t process, enum ipct_role role, uint32_t ends,
		 uint32_t descriptors)
{
	struct endpoint *endpoint = endpoint_get(channel, process, role);

	if (!endpoint)
		return -ENOMEM;
	endpoint->ends |= ends;
	endpoint->descriptors += descriptors;
	return 0;
}

void channel_key_name(uint32_t ipc_key, char name[CHANNEL_KEY_NAME_MAX])
{
	name[0] = '\0';
	if (ipc_key)
		snprintf(name, CHANNEL_KEY_NAME_MAX, "0x%08x", ipc_key);
}
