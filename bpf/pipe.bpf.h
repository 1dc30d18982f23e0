/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pipes and FIFOs: positions, content, description. */
#ifndef IPCTRACE_PIPE_BPF_H
#define IPCTRACE_PIPE_BPF_H

#include "object.bpf.h"
#include "path.bpf.h"

#define PIPE_BUFFERS_WALKED 256
#define PIPE_SHORT_SIZE __builtin_offsetof(struct ipct_pipe, name)

static __always_inline struct pipe_buffer *pipe_buffer_at(struct pipe_inode_info *pipe, __u32 index)
{
	__u32 mask = BPF_CORE_READ(pipe, ring_size) - 1;
	struct pipe_buffer *buffers = BPF_CORE_READ(pipe, bufs);

	return (struct pipe_buffer *)((char *)buffers +
				      (__u64)(index & mask) *
					      bpf_core_type_size(struct pipe_buffer));
}

/*
 * Where a receive left the pipe: `tail` and how far its buffer is read. Grows with every byte
 * that is read; an empty pipe has no buffer at its tail.
 */
static __always_inline __u64 pipe_receive_position(struct pipe_inode_info *pipe, bool *ret_empty)
{
	__u32 tail = BPF_CORE_READ(pipe, tail);
	__u32 head = BPF_CORE_READ(pipe, head);
	__u32 offset = 0;

	*ret_empty = head == tail;
	if (head != tail)
		offset = BPF_CORE_READ(pipe_buffer_at(pipe, tail), offset);
	return (__u64)tail << 32 | offset;
}

/*
 * Where a send left the pipe: `head` and where the data of its last buffer end. Reading moves
 * offset and len of a buffer against each other, so that their sum stays.
 */
static __always_inline __u64 pipe_send_position(struct pipe_inode_info *pipe)
{
	__u32 head = BPF_CORE_READ(pipe, head);
	struct pipe_buffer *last = pipe_buffer_at(pipe, head - 1);

	return (__u64)head << 32 | (__u32)(BPF_CORE_READ(last, offset) + BPF_CORE_READ(last, len));
}

/* Sums the buffers: for the snapshot, too long for a hook. */
static __always_inline void pipe_fill_level(struct pipe_inode_info *pipe, struct ipct_pipe *record)
{
	__u32 tail = BPF_CORE_READ(pipe, tail);
	__u32 used = BPF_CORE_READ(pipe, head) - tail;
	__u64 bytes = 0;

	for (__u32 i = 0; i < PIPE_BUFFERS_WALKED; i++) {
		if (i >= used)
			break;
		bytes += BPF_CORE_READ(pipe_buffer_at(pipe, tail + i), len);
	}
	record->queued_buffers = used;
	record->queued_bytes = used <= PIPE_BUFFERS_WALKED ? bytes : IPCT_LEVEL_UNKNOWN;
}

static __always_inline void pipe_fill_name(struct file *file, struct ipct_pipe *record)
{
	__u32 offset = path_write(BPF_CORE_READ(file, f_path.dentry),
				  BPF_CORE_READ(file, f_path.mnt), record->name);

	record->name_offset = offset;
	record->name_len = PATH_SIZE - offset;
}

/* All but the head, the name and the bytes in its buffers. */
static __always_inline void pipe_fill(const struct object *object, __u8 origin,
				      struct ipct_pipe *record)
{
	struct pipe_inode_info *pipe = (struct pipe_inode_info *)object->kernel;
	bool is_empty;

	record->key = object->key;
	record->mechanism = object->mechanism;
	record->origin = origin;
	record->receive_position = pipe_receive_position(pipe, &is_empty);
	record->send_position = pipe_send_position(pipe);
	record->queued_buffers = BPF_CORE_READ(pipe, head) - BPF_CORE_READ(pipe, tail);
	record->queued_bytes = record->queued_buffers ? IPCT_LEVEL_UNKNOWN : 0;
}

#endif
