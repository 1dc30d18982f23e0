/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs the iterators and hands out their rows as records. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <uthash.h>

#include <ipctrace/capture_file.h>

#include "capture/capture.h"
#include "capture/internal.h"
#include "capture/procfs.h"
#include "capture/procfs_mappings.h"
#include "capture/titles.h"
#include "ipctrace.skel.h"

#define READ_BYTES (256u << 10)
#define SPACES_RUNS 64

/* An object is behind many descriptors, and wanted once: all rows of one time. */
struct known_object {
	struct ipct_key key;
	__u64 time_ns;
	UT_hash_handle hh;
};

struct snapshot {
	capture_sink sink;
	void *context;
	struct known_object *known;
};

/* 1: seen before, 0: new, or -ENOMEM. */
static int object_is_known(struct snapshot *snapshot, const struct ipct_key *key, __u64 time_ns)
{
	struct known_object *object;

	HASH_FIND(hh, snapshot->known, key, sizeof(*key), object);
	if (object)
		return object->time_ns != time_ns;
	object = calloc(1, sizeof(*object));
	if (!object)
		return -ENOMEM;
	object->key = *key;
	object->time_ns = time_ns;
	HASH_ADD(hh, snapshot->known, key, sizeof(object->key), object);
	return 0;
}

static void snapshot_fini(struct snapshot *snapshot)
{
	struct known_object *object, *next;

	HASH_ITER (hh, snapshot->known, object, next) {
		HASH_DEL(snapshot->known, object);
		free(object);
	}
}

static int row_take(struct snapshot *snapshot, const struct ipct_event *event)
{
	int err = 0;

	if (event->type == IPCT_EVENT_PIPE)
		err = object_is_known(snapshot, &((const struct ipct_pipe *)event)->key,
				      event->time_ns);
	else if (event->type == IPCT_EVENT_SOCKET)
		err = object_is_known(snapshot, &((const struct ipct_socket *)event)->key,
				      event->time_ns);
	else if (event->type == IPCT_EVENT_OBJECT)
		err = object_is_known(snapshot, &((const struct ipct_object *)event)->key,
				      event->time_ns);
	if (err)
		return err < 0 ? err : 0;
	err = snapshot->sink(snapshot->context, IPCT_STREAM_SNAPSHOT, event);
	if (!err && event->type == IPCT_EVENT_PROCESS)
		err = procfs_describe(event, snapshot->sink, snapshot->context);
	return err;
}

/* The whole records in `bytes`; what remains is moved to the front, *len tells how much. */
static int rows_take(struct snapshot *snapshot, char *bytes, size_t *len)
{
	size_t at = 0;

	while (*len - at >= sizeof(struct ipct_event)) {
		const struct ipct_event *event = (const void *)(bytes + at);
		int err;

		if (event->size < sizeof(*event) || event->size > IPCT_RECORD_MAX)
			return -EBADMSG;
		if (event->size > *len - at)
			break;
		err = row_take(snapshot, event);
		if (err)
			return err;
		at += event->size;
	}
	memmove(bytes, bytes + at, *len - at);
	*len -= at;
	return 0;
}

/* Until its end. timeout_ms: to wait for more, -1: for ever. */
static int rows_read(struct snapshot *snapshot, int fd, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char *bytes = malloc(READ_BYTES);
	size_t len = 0;
	int err = bytes ? 0 : -ENOMEM;

	while (!err) {
		ssize_t n;

		if (timeout_ms >= 0 && !poll(&wait, 1, timeout_ms)) {
			err = -ETIMEDOUT;
			break;
		}
		n = read(fd, bytes + len, READ_BYTES - len);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		len += n;
		err = rows_take(snapshot, bytes, &len);
	}
	free(bytes);
	return err;
}

static int iterator_run(struct snapshot *snapshot, struct bpf_program *program)
{
	struct bpf_link *link;
	int fd, err;

	if (!bpf_program__autoload(program))
		return 0;
	link = bpf_program__attach_iter(program, NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	err = fd < 0 ? fd : rows_read(snapshot, fd, -1);
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	return err;
}

int capture_read_rows(int fd, int timeout_ms, capture_sink sink, void *context)
{
	struct snapshot snapshot = { .sink = sink, .context = context };
	int err = rows_read(&snapshot, fd, timeout_ms);

	snapshot_fini(&snapshot);
	return err;
}

struct mapping_run {
	struct snapshot *snapshot;
	struct ipctrace *skel;
};

/* Kernels without iter/task_vma: one look-up for each mapping that /proc lists. */
static int mapping_run(void *context, __u32 pid, __u64 address)
{
	struct mapping_run *run = context;

	run->skel->bss->snapshot_pid = pid;
	run->skel->bss->snapshot_address = address;
	return iterator_run(run->snapshot, run->skel->progs.task_vma_at);
}

static int mappings_run(struct snapshot *snapshot, struct ipctrace *skel)
{
	if (bpf_program__autoload(skel->progs.task_vma_at))
		return procfs_each_shared(mapping_run, &(struct mapping_run){ snapshot, skel });
	return iterator_run(snapshot, skel->progs.task_vmas);
}

/* Both kinds of what there is: behind descriptors, and mapped. */
static int objects_run(struct snapshot *snapshot, struct ipctrace *skel)
{
	int err = iterator_run(snapshot, skel->progs.task_files);

	return err ? err : mappings_run(snapshot, skel);
}

/*
 * SysV objects, by way of any task of their ipc namespace. A task has room for some rows only:
 * the next one of its namespace goes on, in this run or another.
 */
static int spaces_run(struct snapshot *snapshot, struct ipctrace *skel)
{
	int err = 0;

	skel->bss->snapshot_run++;
	skel->bss->snapshot_space = 0;
	for (int i = 0; i < SPACES_RUNS && !err; i++) {
		__u64 space = skel->bss->snapshot_space;

		skel->bss->spaces_left = 0;
		err = iterator_run(snapshot, skel->progs.ipc_spaces);
		if (!skel->bss->snapshot_space && !skel->bss->spaces_left)
			break;
		if (space && space == skel->bss->snapshot_space) /* its last task may be gone */
			skel->bss->snapshot_space = 0;
	}
	return err;
}

/*
 * Following a tree takes a first, silent pass: a socket of an outside process belongs to the
 * scope because of one that the tree holds and the iterator may meet later.
 */
int capture_snapshot(struct capture *capture, enum ipct_origin origin, capture_sink sink,
		     void *context)
{
	struct snapshot snapshot = { .sink = sink, .context = context };
	struct ipctrace *skel = capture->skel;
	int err = 0;

	skel->data->snapshot_origin = origin;
	if (origin == IPCT_ORIGIN_START)
		err = iterator_run(&snapshot, skel->progs.tasks);
	if (!err && !capture->is_system_wide) {
		skel->bss->snapshot_mode = IPCT_SNAPSHOT_FOLLOW;
		err = objects_run(&snapshot, skel);
		skel->bss->snapshot_mode = IPCT_SNAPSHOT_WRITE;
	}
	if (!err)
		err = objects_run(&snapshot, skel);
	if (!err)
		err = spaces_run(&snapshot, skel);
	if (!err && origin == IPCT_ORIGIN_END)
		err = titles_look(capture->titles, true, sink, context);
	snapshot_fini(&snapshot);
	if (!err && origin == IPCT_ORIGIN_START)
		err = standing_list(capture, origin, sink, context);
	return err;
}

int capture_list_spaces(struct capture *capture, enum ipct_origin origin, capture_sink sink,
			void *context)
{
	struct snapshot snapshot = { .sink = sink, .context = context };
	struct ipctrace *skel = capture->skel;
	int err = 0;

	skel->data->snapshot_origin = origin;
	skel->bss->snapshot_mode = IPCT_SNAPSHOT_STANDING;
	err = spaces_run(&snapshot, skel);
	skel->bss->snapshot_mode = IPCT_SNAPSHOT_WRITE;
	snapshot_fini(&snapshot);
	return err;
}

int capture_list_files(struct capture *capture, capture_sink sink, void *context)
{
	struct snapshot snapshot = { .sink = sink, .context = context };
	int err;

	capture->skel->bss->snapshot_mode = IPCT_SNAPSHOT_LIST;
	err = objects_run(&snapshot, capture->skel);
	capture->skel->bss->snapshot_mode = IPCT_SNAPSHOT_WRITE;
	snapshot_fini(&snapshot);
	return err;
}

/* What no iterator lists, because nobody holds it. */
static int standing_run(struct capture *capture, capture_sink sink, void *context)
{
	struct ipctrace *skel = capture->skel;
	const struct ipct_config *config = (const void *)&skel->rodata->capture_config;
	struct procfs_out out = {
		.sink = sink,
		.context = context,
		.mechanisms = config->mechanisms,
		.time_ns = procfs_now_ns(),
	};

	if (bpf_program__autoload(skel->progs.ipc_spaces))
		out.mechanisms &= ~(1ULL << IPCT_SYSV_MSG);
	return procfs_sysv(&out, false);
}

/* As of a snapshot at the end, which has no use for the single messages in a queue. */
int capture_holders(struct capture *capture, capture_sink sink, void *context)
{
	struct snapshot snapshot = { .sink = sink, .context = context };
	struct ipctrace *skel = capture->skel;
	int err;

	skel->data->snapshot_origin = IPCT_ORIGIN_END;
	err = iterator_run(&snapshot, skel->progs.tasks);
	if (!err && !capture->is_system_wide) {
		skel->bss->snapshot_mode = IPCT_SNAPSHOT_FOLLOW;
		err = objects_run(&snapshot, skel);
	}
	skel->bss->snapshot_mode = IPCT_SNAPSHOT_HOLD;
	if (!err)
		err = objects_run(&snapshot, skel);
	if (!err)
		err = spaces_run(&snapshot, skel);
	skel->bss->snapshot_mode = IPCT_SNAPSHOT_WRITE;
	if (!err)
		err = standing_run(capture, sink, context);
	snapshot_fini(&snapshot);
	return err;
}
