/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Message queues, POSIX and SysV: names and what waits in them. No lock is held while a queue
 * is walked: user space compares what the runs add up to with the level that goes before them.
 */
#ifndef IPCTRACE_QUEUE_BPF_H
#define IPCTRACE_QUEUE_BPF_H

#include "ipc.bpf.h"

#define QUEUE_RUN_MESSAGES 64	/* messages of one run, at most */
#define QUEUE_TREE_DEPTH 32	/* of a red-black tree of 32768 priorities */
#define QUEUE_RECORD_SHORT_SIZE __builtin_offsetof(struct ipct_object, name)

/* posix_msg_tree_node is private to ipc/mqueue.c, and so is mqueue_inode_info. */
struct posix_msg_tree_node___compat {
	struct rb_node rb_node;
	struct list_head msg_list;
} __attribute__((preserve_access_index));

struct mqueue_inode_info___compat {
	struct inode vfs_inode;
	struct rb_root msg_tree;
	struct mq_attr attr;
	unsigned long qsize;
} __attribute__((preserve_access_index));

static __always_inline struct mqueue_inode_info___compat *queue_of_inode(__u64 inode)
{
	return (void *)inode - bpf_core_field_offset(struct mqueue_inode_info___compat, vfs_inode);
}

static __always_inline void queue_fill_name(struct file *file, struct ipct_object *record)
{
	const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	long len = bpf_probe_read_kernel_str(&record->name[1], IPCT_NAME_MAX - 1, name);

	if (len <= 1)
		return;
	record->name[0] = '/';
	record->name_len = len; /* with the slash, without the NUL */
}

/* All but the head; a name where there is a file. */
static __always_inline void queue_fill(const struct object *object, struct file *file,
				       struct ipct_object *record)
{
	if (object->mechanism == IPCT_POSIX_MQ) {
		struct mqueue_inode_info___compat *queue = queue_of_inode(object->kernel);

		record->queued_messages = BPF_CORE_READ(queue, attr.mq_curmsgs);
		record->queued_bytes = BPF_CORE_READ(queue, qsize);
		if (file)
			queue_fill_name(file, record);
		return;
	}
	ipc_fill(object, record);
	if (object->kernel) {
		struct msg_queue *queue = (struct msg_queue *)object->kernel;

		record->queued_messages = BPF_CORE_READ(queue, q_qnum);
		record->queued_bytes = BPF_CORE_READ(queue, q_cbytes);
	}
}

/* The leftmost node of the tree below this one. */
static __always_inline __u64 tree_first(__u64 address)
{
	for (int i = 0; i < QUEUE_TREE_DEPTH; i++) {
		struct rb_node *node = (struct rb_node *)address;
		__u64 left = address ? (__u64)BPF_CORE_READ(node, rb_left) : 0;

		if (!left)
			break;
		address = left;
	}
	return address;
}

static __always_inline __u64 tree_next(__u64 address)
{
	struct rb_node *node = (struct rb_node *)address;
	__u64 right = (__u64)BPF_CORE_READ(node, rb_right);

	if (right)
		return tree_first(right);
	for (int i = 0; i < QUEUE_TREE_DEPTH; i++) {
		struct rb_node *parent;

		node = (struct rb_node *)address;
		parent = (struct rb_node *)(BPF_CORE_READ(node, __rb_parent_color) & ~3ULL);
		if (!parent || (__u64)BPF_CORE_READ(parent, rb_right) != address)
			return (__u64)parent;
		address = (__u64)parent;
	}
	return 0;
}

static __always_inline void queue_walk_list(struct queue_walk *walk, __u64 head)
{
	struct list_head *list = (struct list_head *)head;

	walk->head = head;
	walk->node = (__u64)BPF_CORE_READ(list, next);
}

static __always_inline void queue_walk_tree(struct queue_walk *walk, __u64 tree)
{
	walk->tree = tree;
	if (tree)
		queue_walk_list(walk,
				tree - bpf_core_field_offset(struct posix_msg_tree_node___compat,
							     rb_node) +
					bpf_core_field_offset(struct posix_msg_tree_node___compat,
							      msg_list));
}

static __always_inline void queue_walk_begin(struct queue_walk *walk, const struct object *object)
{
	walk->head = walk->node = walk->tree = 0;
	walk->is_tree = object->mechanism == IPCT_POSIX_MQ;
	if (!object->kernel)
		return;
	if (walk->is_tree) {
		struct mqueue_inode_info___compat *queue = queue_of_inode(object->kernel);

		queue_walk_tree(walk, tree_first((__u64)BPF_CORE_READ(queue, msg_tree.rb_node)));
		return;
	}
	queue_walk_list(walk, object->kernel + bpf_core_field_offset(struct msg_queue, q_messages));
}

/* Adds up messages of one type that follow each other; false at the end of the queue. */
static __always_inline bool queue_walk_run(struct queue_walk *walk)
{
	__u64 node, head, bytes = 0, type = 0;
	__u32 messages = 0;

	if (walk->is_tree && walk->tree && walk->node == walk->head)
		queue_walk_tree(walk, tree_next(walk->tree));
	node = walk->node;
	head = walk->head;
	for (int i = 0; i < QUEUE_RUN_MESSAGES; i++) {
		struct msg_msg *message = (struct msg_msg *)node; /* m_list is its first member */

		if (!node || node == head)
			break;
		if (messages && (__u64)BPF_CORE_READ(message, m_type) != type)
			break;
		type = BPF_CORE_READ(message, m_type);
		bytes += BPF_CORE_READ(message, m_ts);
		messages++;
		node = (__u64)BPF_CORE_READ(message, m_list.next);
	}
	walk->node = node;
	walk->type = walk->is_tree ? type + 1 : type;
	walk->bytes = bytes;
	walk->messages = messages;
	return messages;
}

/* A run as a record; the caller has set the head, whose time is that of the level. */
static __always_inline void queue_fill_run(const struct object *object,
					   const struct queue_walk *walk, __u8 origin,
					   struct ipct_object *record)
{
	record->key = object->key;
	record->mechanism = object->mechanism;
	record->origin = origin;
	record->size = walk->type;
	record->queued_messages = walk->messages;
	record->queued_bytes = walk->bytes;
}

#endif
