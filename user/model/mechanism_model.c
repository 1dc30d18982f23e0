/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/mechanism_model.h"

#include <errno.h>

static const struct mechanism_model *const models[] = {
	&model_pipe,	       &model_fifo,	  &model_unix_stream, &model_unix_dgram,
	&model_unix_seqpacket, &model_tcp,	  &model_udp,	      &model_vsock,
	&model_signal,	       &model_pty,	  &model_netlink,     &model_eventfd,
	&model_posix_mq,       &model_sysv_msg,	  &model_sysv_sem,    &model_futex,
	&model_file_lock,      &model_sysv_shm,	  &model_posix_shm,   &model_memfd,
	&model_shared_mapping, &model_process_vm,
};

const struct mechanism_model *mechanism_model_find(enum ipct_mechanism mechanism)
{
	for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (models[i]->mechanism == mechanism)
			return models[i];
	return NULL;
}

struct channel *mechanism_model_channel(const struct world *world, enum ipct_mechanism mechanism,
					const struct ipct_key *key)
{
	const struct mechanism_model *model = mechanism_model_find(mechanism);

	return model && model->find ? model->find(world, key) : NULL;
}

int model_no_transfer(struct world *world, const struct ipct_transfer *transfer, uint32_t process,
		      bool is_doubtful, struct place *ret_place)
{
	(void)transfer, (void)process, (void)is_doubtful, (void)ret_place;
	world->rejected++;
	return 0;
}

int model_no_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
		       uint32_t process)
{
	(void)aggregate, (void)process;
	world->rejected++;
	return 0;
}

int model_count(struct channel *channel, const struct ipct_transfer *transfer, uint32_t process,
		uint64_t messages)
{
	struct endpoint_count count = {
		.process = process,
		.role = transfer->role,
		.error = transfer->result < 0 ? transfer->result : 0,
		.is_uring = transfer->flags & IPCT_TRANSFER_URING,
		.operations = 1,
		.messages = messages,
		.bytes = transfer->role == IPCT_ROLE_RECEIVE ? transfer->copied :
			 transfer->result > 0		     ? (uint64_t)transfer->result :
							       0,
		.wait_ns = transfer->wait_ns,
	};

	return channel_count(channel, &count);
}

int model_count_total(struct channel *channel, const struct ipct_aggregate *aggregate,
		      uint32_t process, uint64_t messages)
{
	struct endpoint_count count = {
		.process = process,
		.role = aggregate->role,
		.error = aggregate->error,
		.operations = aggregate->operations,
		.messages = messages,
		.bytes = aggregate->role == IPCT_ROLE_RECEIVE ? aggregate->copied :
								aggregate->bytes,
		.wait_ns = aggregate->wait_ns,
	};

	return channel_count(channel, &count);
}

/* A receive that found nothing, and nothing was there at its exit. */
static bool found_empty(const struct ipct_transfer *transfer)
{
	return transfer->role == IPCT_ROLE_RECEIVE && transfer->result <= 0 &&
	       (transfer->flags & IPCT_TRANSFER_EMPTY);
}

int model_stream_transfer(struct direction *direction, const struct ipct_transfer *transfer,
			  uint32_t process, bool is_doubtful)
{
	struct stream_operation operation = {
		.process = process,
		.bytes = transfer->result > 0 ? transfer->result : 0,
		.copied = transfer->copied,
		.time_ns = transfer->event.time_ns,
		.position = transfer->position,
		.has_position = transfer->flags & IPCT_TRANSFER_POSITION,
		.is_threaded = transfer->flags & IPCT_TRANSFER_THREADED,
		.is_packet = transfer->flags & IPCT_TRANSFER_PACKET,
		.is_doubtful = is_doubtful,
		.leaves_empty = transfer->flags & IPCT_TRANSFER_EMPTY,
	};

	if (found_empty(transfer))
		stream_ledger_known_empty(direction->stream);
	if (!operation.bytes)
		return 0;
	if (transfer->role == IPCT_ROLE_SEND)
		return stream_ledger_send(direction->stream, &operation);
	return stream_ledger_receive(direction->stream, &operation);
}

int model_stream_total(struct direction *direction, const struct ipct_aggregate *aggregate,
		       uint32_t process)
{
	struct stream_total total = {
		.process = process,
		.messages = aggregate->messages,
		.bytes = aggregate->bytes,
		.copied = aggregate->copied,
		.first_ns = aggregate->first_ns,
		.last_ns = aggregate->event.time_ns,
	};

	if (aggregate->error)
		return 0;
	return stream_ledger_add_total(direction->stream, aggregate->role == IPCT_ROLE_SEND,
				       &total);
}
