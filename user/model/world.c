/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/descriptor_table.h"
#include "model/inet_tables.h"
#include "model/mechanism_model.h"
#include "model/provenance.h"
#include "model/socket_table.h"
#include "model/standing.h"

struct world *world_new(bool is_system_wide)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return NULL;
	world->is_system_wide = is_system_wide;
	world->processes = process_table_new();
	world->sockets = socket_table_new();
	world->tcp = tcp_table_new();
	world->udp = udp_table_new();
	world->descriptors = descriptor_table_new();
	world->provenances = provenance_table_new();
	world->standing = standing_table_new();
	world->first_ns = UINT64_MAX;
	if (!world->processes || !world->sockets || !world->tcp || !world->udp ||
	    !world->descriptors || !world->provenances || !world->standing)
		goto fail;
	world->before = process_table_node(world->processes, "before capture");
	world->kernel = process_table_node(world->processes, "kernel");
	if (world->before == PROCESS_NONE || world->kernel == PROCESS_NONE)
		goto fail;
	return world;
fail:
	world_free(world);
	return NULL;
}

void world_free(struct world *world)
{
	if (!world)
		return;
	model_pipe_fini(world);
	model_signal_fini(world);
	model_unix_fini(world);
	model_queue_fini(world);
	model_sync_fini(world);
	model_memory_fini(world);
	model_pty_fini(world);
	model_eventfd_fini(world);
	model_netlink_fini(world);
	model_vsock_fini(world);
	model_pass_fini(world);
	model_access_fini(world);
	for (size_t i = 0; i < world->channels_nr; i++)
		channel_free(world->channels[i]);
	free(world->channels);
	standing_table_free(world->standing);
	provenance_table_free(world->provenances);
	descriptor_table_free(world->descriptors);
	socket_table_free(world->sockets);
	tcp_table_free(world->tcp);
	udp_table_free(world->udp);
	process_table_free(world->processes);
	free(world);
}

int world_add_channel(struct world *world, struct channel *channel)
{
	if (world->channels_nr == world->channels_cap) {
		size_t cap = world->channels_cap ? world->channels_cap * 2 : 64;
		struct channel **channels = reallocarray(world->channels, cap, sizeof(*channels));

		if (!channels) {
			channel_free(channel);
			return -ENOMEM;
		}
		world->channels = channels;
		world->channels_cap = cap;
	}
	channel->index = world->channels_nr;
	world->channels[world->channels_nr++] = channel;
	channel_observe(channel, world->observer);
	return 0;
}

uint32_t world_actor(struct world *world, const struct ipct_event *event)
{
	return process_table_get(world->processes, event->pid, event->start_ns);
}

uint32_t world_barriers(const struct world *world)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < sizeof(world->barriers) / sizeof(world->barriers[0]); i++)
		nr += __builtin_popcountll(world->barriers[i]);
	return nr;
}

int world_finish(struct world *world)
{
	int err = model_unix_finish(world);

	if (!err)
		err = model_tcp_finish(world);
	if (!err)
		err = model_netlink_finish(world);
	if (!err)
		err = model_vsock_finish(world);
	if (!err)
		err = model_memory_finish(world);
	if (!err)
		err = model_pass_finish(world);
	if (!err)
		err = standing_finish(world);
	if (!err)
		err = provenance_finish(world);
	return err ? err : model_sync_finish(world);
}

/* Transfers ------------------------------------------------------------------------------ */

static int apply_transfer(struct world *world, const struct ipct_transfer *transfer)
{
	uint32_t process = world_actor(world, &transfer->event);
	const struct mechanism_model *model;
	struct place place = {};
	bool is_doubtful;
	int err;

	if (process == PROCESS_NONE)
		return -ENOMEM;
	if (transfer->flags & IPCT_TRANSFER_UNRESOLVED) {
		world->has_unresolved |=
			!descriptor_unresolved(world->descriptors, transfer, process);
		return 0;
	}
	model = mechanism_model_find(transfer->mechanism);
	if (!model) {
		world->rejected++;
		return 0;
	}
	is_doubtful = descriptor_is_doubtful(world->descriptors, transfer, process);
	err = model->transfer(world, transfer, process, is_doubtful, &place);
	return err ? err : descriptor_used(world->descriptors, transfer, process, &place);
}

static int apply_aggregate(struct world *world, const struct ipct_aggregate *aggregate)
{
	const struct mechanism_model *model = mechanism_model_find(aggregate->mechanism);
	uint32_t process = world_actor(world, &aggregate->event);

	if (process == PROCESS_NONE)
		return -ENOMEM;
	if (!model) {
		world->rejected++;
		return 0;
	}
	return model->aggregate(world, aggregate, process);
}

/* Lives of processes --------------------------------------------------------------------- */

static int apply_fork(struct world *world, const struct ipct_fork *fork)
{
	uint32_t parent = world_actor(world, &fork->event);
	uint32_t child = process_table_get(world->processes, fork->child_pid, fork->child_start_ns);

	if (parent == PROCESS_NONE || child == PROCESS_NONE)
		return -ENOMEM;
	process_table_at(world->processes, child)->is_traced = true;
	if (parent == child)
		return 0;
	if (process_table_inherit(world->processes, parent, child))
		return -ENOMEM;
	return model_memory_fork(world, fork);
}

static int apply_exec(struct world *world, const struct ipct_exec *exec)
{
	uint32_t id = world_actor(world, &exec->event);
	struct process *process;
	int err;

	if (id == PROCESS_NONE)
		return -ENOMEM;
	process = process_table_at(world->processes, id);
	process->is_traced = true;
	process->uid = exec->uid;
	err = process_set_text(&process->comm, exec->comm, sizeof(exec->comm));
	if (!err)
		err = process_set_text(&process->exe, exec->text, exec->file_len);
	if (!err)
		err = process_set_args(process, exec->text + exec->file_len,
				       exec->text_len - exec->file_len);
	return err ? err : model_memory_exec(world, &exec->event);
}

static int apply_exit(struct world *world, const struct ipct_exit *exit)
{
	uint32_t id = world_actor(world, &exit->event);

	if (id == PROCESS_NONE)
		return -ENOMEM;
	process_table_at(world->processes, id)->exit_ns = exit->event.time_ns;
	if (model_memory_exit(world, &exit->event))
		return -ENOMEM;
	return model_sync_exit(world, exit);
}

static int apply_process(struct world *world, const struct ipct_process *record)
{
	uint32_t id = world_actor(world, &record->event);
	uint32_t parent = PROCESS_NONE;
	struct process *process;

	if (id == PROCESS_NONE)
		return -ENOMEM;
	if (record->parent_pid)
		parent = process_table_get(world->processes, record->parent_pid,
					   record->parent_start_ns);
	process = process_table_at(world->processes, id);
	process->is_traced |= record->is_traced || world->is_system_wide;
	process->uid = record->uid;
	process->pid_namespace = record->pid_namespace;
	if (parent != id && process->parent == PROCESS_NONE) /* else a fork told the first one */
		process->parent = parent;
	if (process->comm[0])
		return 0; /* a fork or exec told already */
	return process_set_text(&process->comm, record->comm, sizeof(record->comm));
}

static int apply_text(struct world *world, const struct ipct_text *text)
{
	uint32_t id = world_actor(world, &text->event);
	struct process *process;

	if (id == PROCESS_NONE)
		return -ENOMEM;
	process = process_table_at(world->processes, id);
	switch (text->kind) {
	case IPCT_TEXT_EXE:
		return process->exe[0] ?
			       0 :
			       process_set_text(&process->exe, text->text, text->text_len);
	case IPCT_TEXT_ARGS:
		return process->args ? 0 : process_set_args(process, text->text, text->text_len);
	case IPCT_TEXT_CGROUP:
		return process_set_text(&process->cgroup, text->text, text->text_len);
	default:
		return 0;
	}
}

static int apply_descriptor(struct world *world, const struct ipct_descriptor *record)
{
	uint32_t process = world_actor(world, &record->event);

	if (process == PROCESS_NONE)
		return -ENOMEM;
	return descriptor_replaced(world->descriptors, record, process);
}

static int apply_object(struct world *world, const struct ipct_object *object)
{
	const struct mechanism_model *model = mechanism_model_find(object->mechanism);
	enum ipct_origin origin;
	int err;

	if (!model || !model->describe) {
		world->rejected++;
		return 0;
	}
	err = standing_describe(world, object, &origin);
	if (!err)
		err = model->describe(world, object);
	return err ? err :
		     provenance_describe(world, &object->event, object->mechanism, &object->key,
					 origin);
}

static int apply_pipe(struct world *world, const struct ipct_pipe *pipe)
{
	int err = model_pipe_describe(world, pipe);

	return err ? err :
		     provenance_describe(world, &pipe->event, pipe->mechanism, &pipe->key,
					 pipe->origin);
}

static int apply_socket(struct world *world, const struct ipct_socket *socket)
{
	int err = model_socket_describe(world, socket);

	if (!err)
		err = model_pass_level(world, socket);
	return err ? err :
		     provenance_describe(world, &socket->event, socket->mechanism, &socket->key,
					 socket->origin);
}

static int apply_barrier(struct world *world, const struct ipct_barrier *barrier)
{
	world->barriers[barrier->cpu / 64] |= 1ULL << barrier->cpu % 64;
	return 0;
}

int world_apply(struct world *world, const struct ipct_event *event)
{
	if (event->time_ns < world->first_ns)
		world->first_ns = event->time_ns;
	if (event->time_ns > world->last_ns)
		world->last_ns = event->time_ns;
	switch (event->type) {
	case IPCT_EVENT_TRANSFER:
		return apply_transfer(world, (const void *)event);
	case IPCT_EVENT_AGGREGATE:
		return apply_aggregate(world, (const void *)event);
	case IPCT_EVENT_PIPE:
		return apply_pipe(world, (const void *)event);
	case IPCT_EVENT_SOCKET:
		return apply_socket(world, (const void *)event);
	case IPCT_EVENT_SIGNAL:
		return model_signal_apply(world, (const void *)event);
	case IPCT_EVENT_FORK:
		return apply_fork(world, (const void *)event);
	case IPCT_EVENT_EXEC:
		return apply_exec(world, (const void *)event);
	case IPCT_EVENT_EXIT:
		return apply_exit(world, (const void *)event);
	case IPCT_EVENT_PROCESS:
		return apply_process(world, (const void *)event);
	case IPCT_EVENT_TEXT:
		return apply_text(world, (const void *)event);
	case IPCT_EVENT_DESCRIPTOR:
		return apply_descriptor(world, (const void *)event);
	case IPCT_EVENT_OBJECT:
		return apply_object(world, (const void *)event);
	case IPCT_EVENT_MAPPING:
		return model_memory_apply(world, (const void *)event);
	case IPCT_EVENT_LINK:
		return model_memory_link(world, (const void *)event);
	case IPCT_EVENT_SYNC:
		return model_sync_apply(world, (const void *)event);
	case IPCT_EVENT_PASS:
		return model_pass_apply(world, (const void *)event);
	case IPCT_EVENT_ACCESS:
		return model_access_apply(world, (const void *)event);
	case IPCT_EVENT_BARRIER:
		return apply_barrier(world, (const void *)event);
	case IPCT_EVENT_STANDING:
		return standing_apply(world, (const void *)event);
	default:
		return 0;
	}
}
