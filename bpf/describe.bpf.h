/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records that describe a channel: sent at first sight, again when the LRU forgot it, and by
 * the calls that make or name one. Marked as described only after a successful submit.
 */
#ifndef IPCTRACE_DESCRIBE_BPF_H
#define IPCTRACE_DESCRIBE_BPF_H

#include "fill.bpf.h"
#include "pipe.bpf.h"
#include "queue_describe.bpf.h"
#include "socket.bpf.h"

/*
 * Key of the described map. What has the same identity may be several channels: memory, the
 * futexes in it and the locks on its file; a queue, a set and a segment with the same id.
 */
static __always_inline struct ipct_key described_key(const struct object *object)
{
	struct ipct_key key = object->key;

	key.inode ^= (__u64)object->mechanism << 56;
	return key;
}

static __always_inline void mark_described(const struct object *object)
{
	struct ipct_key key = described_key(object);
	__u8 one = 1;

	bpf_map_update_elem(&described, &key, &one, BPF_ANY);
}

static __noinline int pipe_describe(const struct object *object, __u8 origin)
{
	struct ipct_pipe *record = control_reserve(PIPE_SHORT_SIZE);

	if (!record)
		return 0;
	event_init(&record->event, IPCT_EVENT_PIPE, PIPE_SHORT_SIZE,
		   (struct task_struct *)bpf_get_current_task());
	pipe_fill(object, origin, record);
	control_submit(record);
	mark_described(object);
	return 0;
}

/* `file`: an open file of the FIFO, which gives its path. */
static __noinline int fifo_describe(const struct object *object, struct file *file, __u8 origin)
{
	struct ipct_pipe *record = control_reserve(sizeof(*record));

	if (!record)
		return 0;
	event_init(&record->event, IPCT_EVENT_PIPE, sizeof(*record),
		   (struct task_struct *)bpf_get_current_task());
	pipe_fill(object, origin, record);
	if (file)
		pipe_fill_name(file, record);
	control_submit(record);
	mark_described(object);
	return 0;
}

/* What has a port as its address. */
static __noinline int inet_describe(const struct object *object, __u8 origin)
{
	struct ipct_socket *record = control_reserve(SOCKET_SHORT_SIZE);
	bool is_bound;

	if (!record)
		return 0;
	event_init(&record->event, IPCT_EVENT_SOCKET, SOCKET_SHORT_SIZE,
		   (struct task_struct *)bpf_get_current_task());
	nameless_fill((struct sock *)object->kernel, object, origin, record);
	is_bound = object->mechanism == IPCT_NETLINK ? record->sequence_local :
		   object->mechanism == IPCT_VSOCK   ? record->remote.scope :
						       record->local.port;
	control_submit(record);
	/* the first send will give it a port: worth another description */
	if (is_bound)
		mark_described(object);
	return 0;
}

/* A unix socket without a name needs no room for one. */
static __noinline int unix_describe_unnamed(const struct object *object, __u8 origin)
{
	struct ipct_socket *record = control_reserve(SOCKET_SHORT_SIZE);

	if (!record)
		return 0;
	event_init(&record->event, IPCT_EVENT_SOCKET, SOCKET_SHORT_SIZE,
		   (struct task_struct *)bpf_get_current_task());
	unix_fill((struct sock *)object->kernel, object, origin, record);
	control_submit(record);
	mark_described(object);
	return 0;
}

static __noinline int unix_describe(const struct object *object, __u8 origin)
{
	struct sock *sk = (struct sock *)object->kernel;
	struct ipct_socket *record;

	if (!unix_has_name(sk))
		return unix_describe_unnamed(object, origin);
	record = control_reserve(sizeof(*record));
	if (!record)
		return 0;
	event_init(&record->event, IPCT_EVENT_SOCKET, sizeof(*record),
		   (struct task_struct *)bpf_get_current_task());
	unix_fill(sk, object, origin, record);
	unix_fill_name(sk, record);
	control_submit(record);
	mark_described(object);
	return 0;
}

/* What is neither a pipe nor a socket. `file` gives it a name where it has one; may be NULL. */
static __noinline int other_describe(const struct object *object, struct file *file, __u8 origin)
{
	struct ipct_object *record = control_reserve(sizeof(*record));

	if (!record)
		return 0;
	event_init(&record->event, IPCT_EVENT_OBJECT, sizeof(*record),
		   (struct task_struct *)bpf_get_current_task());
	object_fill(object, file, origin, record);
	if (object->mechanism == IPCT_SYSV_SHM)
		record->name_space = ipc_current_space();
	control_submit(record);
	mark_described(object);
	return 0;
}

static __always_inline void socket_describe(const struct object *object, __u8 origin)
{
	if (mechanism_is_unix(object->mechanism))
		unix_describe(object, origin);
	else
		inet_describe(object, origin);
}

/* What may get its name from the file. */
static __always_inline void named_describe(const struct object *object, __s32 fd, __u8 origin)
{
	struct file *file = task_file((struct task_struct *)bpf_get_current_task(), fd);

	if (object->mechanism == IPCT_FIFO)
		fifo_describe(object, file, origin);
	else
		other_describe(object, file, origin);
}

/*
 * Describes state->object of the current task. `fd` gives a FIFO its path. Global, so that the
 * verifier walks it once.
 */
__noinline int describe_object(__s32 fd, __u32 origin)
{
	struct task_state *state = task_state_get(current_task());
	const struct object *object;

	if (!state)
		return 0;
	object = &state->object;
	if (object->mechanism == IPCT_PIPE)
		pipe_describe(object, origin);
	else if (ipct_is_socket(object->mechanism))
		socket_describe(object, origin);
	else if (mechanism_is_queue(object->mechanism)) {
		if (queue_describe(fd, origin))
			mark_described(object);
	} else
		named_describe(object, fd, origin);
	return 0;
}

static __always_inline void object_describe(struct task_state *state, const struct object *object,
					    __s32 fd, __u8 origin)
{
	state->object = *object;
	describe_object(fd, origin);
}

#endif
