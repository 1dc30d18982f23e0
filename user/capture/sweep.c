/* SPDX-License-Identifier: GPL-2.0-only */
/* Nothing grows for ever: makes room in the maps of the kernel side. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <uthash.h>

#include "capture/capture.h"
#include "capture/internal.h"
#include "ipctrace.skel.h"

/* An object that somebody holds, as a key of the followed map. */
struct held {
	struct ipct_follow_key key;
	UT_hash_handle hh;
};

static int held_add(struct held **all, const struct ipct_follow_key *key)
{
	struct held *held;

	HASH_FIND(hh, *all, key, sizeof(*key), held);
	if (held)
		return 0;
	held = calloc(1, sizeof(*held));
	if (!held)
		return -ENOMEM;
	held->key = *key;
	HASH_ADD(hh, *all, key, sizeof(held->key), held);
	return 0;
}

static int held_add_socket(struct held **all, __u64 object)
{
	struct ipct_follow_key key = { .id = object, .kind = IPCT_FOLLOW_SOCKET };

	return object ? held_add(all, &key) : 0;
}

/* A sink: a socket keeps its peer alive, also one that was not accepted yet. */
static int held_note(void *context, __u32 stream, const struct ipct_event *event)
{
	const struct ipct_socket *socket = (const void *)event;
	const struct ipct_object *object = (const void *)event;
	const struct ipct_pipe *pipe = (const void *)event;
	struct ipct_follow_key key = { .kind = IPCT_FOLLOW_PIPE };
	int err;

	(void)stream;
	if (event->type == IPCT_EVENT_PIPE) {
		key.id = pipe->key.inode;
		key.space = pipe->key.object;
		return held_add(context, &key);
	}
	if (event->type == IPCT_EVENT_OBJECT) {
		key.kind = IPCT_FOLLOW_OBJECT + object->mechanism;
		key.id = object->key.object;
		key.space = object->key.inode;
		return held_add(context, &key);
	}
	if (event->type != IPCT_EVENT_SOCKET)
		return 0;
	err = held_add_socket(context, socket->key.object);
	return err ? err : held_add_socket(context, socket->peer.object);
}

static void held_fini(struct held **all)
{
	struct held *held, *next;

	HASH_ITER (hh, *all, held, next) {
		HASH_DEL(*all, held);
		free(held);
	}
}

/* Elements of a map, counted up to `enough`. */
static __u32 map_count(int map, void *key, void *next, size_t key_size, __u32 enough)
{
	void *previous = NULL;
	__u32 nr = 0;

	while (nr < enough && !bpf_map_get_next_key(map, previous, next)) {
		memcpy(key, next, key_size);
		previous = key;
		nr++;
	}
	return nr;
}

/* Is it held by a descriptor as long as it is used? */
static bool is_held_by_files(__u32 kind)
{
	switch (kind) {
	case IPCT_FOLLOW_PORT:
	case IPCT_FOLLOW_OBJECT + IPCT_SYSV_MSG:
		return false;
	default:
		return true;
	}
}

static void followed_forget(int map, struct held *all)
{
	struct ipct_follow_key key, next;
	bool has_next = !bpf_map_get_next_key(map, NULL, &next);

	while (has_next) {
		struct held *held;

		key = next;
		has_next = !bpf_map_get_next_key(map, &key, &next);
		HASH_FIND(hh, all, &key, sizeof(key), held);
		if (!held && is_held_by_files(key.kind))
			(void)bpf_map_delete_elem(map, &key); /* gone already: as well */
	}
}

static int followed_sweep(struct capture *capture)
{
	int map = bpf_map__fd(capture->skel->maps.followed);
	struct ipct_follow_key key, next;
	struct held *all = NULL;
	int err;

	if (map_count(map, &key, &next, sizeof(key), IPCT_FOLLOWED_MAX / 4) < IPCT_FOLLOWED_MAX / 4)
		return 0;
	err = capture_list_files(capture, held_note, &all);
	if (!err)
		followed_forget(map, all);
	held_fini(&all);
	return err;
}

int capture_sweep(struct capture *capture, capture_sink sink, void *context)
{
	int map = bpf_map__fd(capture->skel->maps.aggregates);
	struct ipct_aggregate_key key, next;
	int err = 0;

	if (map_count(map, &key, &next, sizeof(key), IPCT_AGGREGATES_MAX / 2) ==
	    IPCT_AGGREGATES_MAX / 2)
		err = capture_read_aggregates(capture, sink, context);
	if (!err)
		err = made_sweep(capture->made);
	if (!err && !capture->is_system_wide)
		err = followed_sweep(capture);
	return err;
}
