/* SPDX-License-Identifier: GPL-2.0-only */
/* Records out of the rings, counters out of the map. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <ipctrace/capture_file.h>

#include "capture/capture.h"
#include "capture/internal.h"
#include "capture/procfs.h"
#include "capture/titles.h"
#include "ipctrace.skel.h"

int capture_take_sample(void *context, void *data, size_t size)
{
	struct capture_stream *stream = context;
	struct capture *capture = stream->capture;
	const struct ipct_event *event = data;
	int err;

	if (size < sizeof(*event) || event->size != size)
		return -EBADMSG;
	capture->recorded++;
	if (event->type == IPCT_EVENT_BARRIER)
		barrier_note(capture->barrier, stream->cpu);
	if (event->type == IPCT_EVENT_MADE && made_note(capture->made, data))
		return -ENOMEM;
	titles_note(capture->titles, event);
	err = capture->sink(capture->sink_context, stream->cpu, event);
	if (!err && event->type == IPCT_EVENT_PROCESS)
		err = procfs_describe(event, capture->sink, capture->sink_context);
	return err;
}

int capture_drain(struct capture *capture, int timeout_ms, capture_sink sink, void *context)
{
	__u64 before = capture->recorded;
	int err = 0;

	capture->sink = sink;
	capture->sink_context = context;
	if (timeout_ms)
		err = ring_buffer__poll(capture->rings, timeout_ms);
	/* records are submitted without waking anybody: look into all rings */
	if (err >= 0 || err == -EINTR)
		err = ring_buffer__consume(capture->rings);
	if (err >= 0 || err == -EINTR)
		err = titles_look(capture->titles, false, sink, context);
	if (err < 0)
		return err;
	return capture->recorded - before > 0x7fffffff ? 0x7fffffff :
							 (int)(capture->recorded - before);
}

static void aggregate_fill(const struct ipct_aggregate_key *key,
			   const struct ipct_aggregate_value *value, struct ipct_aggregate *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->event.type = IPCT_EVENT_AGGREGATE;
	ret->event.size = sizeof(*ret);
	ret->event.time_ns = value->last_ns;
	ret->event.start_ns = key->start_ns;
	ret->event.pid = key->pid;
	ret->event.tid = key->pid;
	ret->key = key->key;
	ret->peer = key->peer;
	ret->operations = value->operations;
	ret->messages = value->messages;
	ret->bytes = value->bytes;
	ret->copied = value->copied;
	ret->wait_ns = value->wait_ns;
	ret->first_ns = value->first_ns ? value->first_ns : value->last_ns; /* not set yet */
	ret->values = value->values;
	ret->error = key->error;
	ret->mechanism = key->mechanism;
	ret->role = key->role;
	ret->signal = key->signal;
	ret->address = key->address;
}

/*
 * Takes an element out, so that nothing is added to it between reading and deleting: in one
 * step since 5.14 (3e87f192b405); before, only counters that nobody adds to are taken.
 */
static int aggregate_take(struct capture *capture, int map, const struct ipct_aggregate_key *key,
			  struct ipct_aggregate_value *ret)
{
	if (!bpf_map_lookup_and_delete_elem(map, key, ret))
		return 0;
	if (capture->links_nr || bpf_map_lookup_elem(map, key, ret))
		return -errno;
	return bpf_map_delete_elem(map, key) ? -errno : 0;
}

int capture_read_aggregates(struct capture *capture, capture_sink sink, void *context)
{
	int map = bpf_map__fd(capture->skel->maps.aggregates);
	struct ipct_aggregate_key key, next;
	struct ipct_aggregate_value value;
	struct ipct_aggregate record;
	bool has_next = !bpf_map_get_next_key(map, NULL, &next);
	int err;

	while (has_next) {
		key = next; /* it goes: find the one behind it first */
		has_next = !bpf_map_get_next_key(map, &key, &next);
		if (aggregate_take(capture, map, &key, &value))
			continue;
		capture->aggregated += value.operations;
		aggregate_fill(&key, &value, &record);
		err = sink(context, IPCT_STREAM_SNAPSHOT, &record.event);
		if (err)
			return err;
	}
	return 0;
}
