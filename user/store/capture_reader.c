/* SPDX-License-Identifier: GPL-2.0-only */
#include "store/capture_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <ipctrace/capture_file.h>

#include "store/event_check.h"
#include "store/merge.h"

#define SLACK_NS 10000000ULL	  /* records of one ring are out of order by less */
#define READ_MAX_BYTES (64 << 20) /* a larger file is mapped */
/*
 * Blocks are closed at least every 500 ms: what waits for the records of another ring is less
 * than what a machine writes in that time.
 */
#define HELD_RECORDS_MAX (4u << 20)
#define HELD_BYTES_MAX (512u << 20)

/* The data blocks of one ring, read one by one. */
struct stream {
	__u32 id;
	__u64 *offsets; /* of its blocks in the file */
	size_t nr, cap, next;
	__u64 loaded_ns; /* newest record that was loaded */
};

struct capture_reader {
	struct event_source source;
	const char *bytes;
	size_t len;
	void *mapped; /* what close unmaps, and */
	void *copy;   /* what it frees; neither: borrowed */
	char *head, *ledger;
	bool is_complete;
	const char *damage, *gap;
	__u64 good_bytes;
	struct stream *streams;
	size_t streams_nr;
	struct merge *merge;
	__u64 watermark_ns; /* nothing older is to come */
};

static const char *block_problem(const struct capture_reader *reader, size_t offset, __u64 sequence,
				 struct ipct_block *ret)
{
	size_t left = reader->len - offset;

	if (left < sizeof(*ret))
		return "torn block";
	memcpy(ret, reader->bytes + offset, sizeof(*ret));
	if (ret->magic != IPCT_BLOCK_MAGIC)
		return "no block where one must begin";
	if (ret->block_crc != crc32(0, (const void *)ret, offsetof(struct ipct_block, block_crc)))
		return "wrong checksum of a block's head";
	if (ret->version > IPCT_CAPTURE_VERSION)
		return "newer version";
	if (ret->sequence != sequence)
		return "a block is missing";
	if (ret->raw_bytes > IPCT_BLOCK_RAW_MAX || ret->stored_bytes > ret->raw_bytes)
		return "impossible size of a block";
	if (ret->type == IPCT_BLOCK_DATA && (!ret->records || !ret->raw_bytes))
		return "a block without records";
	if (ret->type == IPCT_BLOCK_DATA && ret->stream > IPCT_CPUS_MAX &&
	    ret->stream != IPCT_STREAM_SNAPSHOT)
		return "a block of an impossible CPU";
	if (ret->stored_bytes > left - sizeof(*ret))
		return "torn block";
	if (ret->payload_crc !=
	    crc32(0, (const void *)(reader->bytes + offset + sizeof(*ret)), ret->stored_bytes))
		return "wrong checksum of a block";
	return NULL;
}

/* The payload with a NUL behind it, owned by the caller; NULL: no memory or damaged. */
static char *block_unpack(const struct capture_reader *reader, size_t offset,
			  const struct ipct_block *block)
{
	const char *payload = reader->bytes + offset + sizeof(*block);
	char *raw = malloc((size_t)block->raw_bytes + 1);

	if (!raw)
		return NULL;
	raw[block->raw_bytes] = '\0';
	if (block->stored_bytes == block->raw_bytes) {
		memcpy(raw, payload, block->raw_bytes);
		return raw;
	}
	if (ZSTD_decompress(raw, block->raw_bytes, payload, block->stored_bytes) ==
	    block->raw_bytes)
		return raw;
	free(raw);
	return NULL;
}

static struct stream *stream_get(struct capture_reader *reader, __u32 id)
{
	struct stream *streams;

	for (size_t i = 0; i < reader->streams_nr; i++)
		if (reader->streams[i].id == id)
			return &reader->streams[i];
	streams = reallocarray(reader->streams, reader->streams_nr + 1, sizeof(*streams));
	if (!streams)
		return NULL;
	reader->streams = streams;
	streams[reader->streams_nr] = (struct stream){ .id = id };
	return &streams[reader->streams_nr++];
}

static int stream_add_block(struct capture_reader *reader, __u32 id, __u64 offset)
{
	struct stream *stream = stream_get(reader, id);

	if (!stream)
		return -ENOMEM;
	if (stream->nr == stream->cap) {
		size_t cap = stream->cap ? stream->cap * 2 : 64;
		__u64 *offsets = reallocarray(stream->offsets, cap, sizeof(*offsets));

		if (!offsets)
			return -ENOMEM;
		stream->offsets = offsets;
		stream->cap = cap;
	}
	stream->offsets[stream->nr++] = offset;
	return 0;
}

static int block_take(struct capture_reader *reader, size_t offset, const struct ipct_block *block)
{
	char **text = block->type == IPCT_BLOCK_HEAD ? &reader->head : &reader->ledger;
	char *raw;

	if (block->type == IPCT_BLOCK_DATA)
		return stream_add_block(reader, block->stream, offset);
	if (block->type == IPCT_BLOCK_HEAD && reader->head)
		return -EBADMSG;
	if (block->type != IPCT_BLOCK_HEAD && block->type != IPCT_BLOCK_LEDGER &&
	    block->type != IPCT_BLOCK_END)
		return 0; /* of a type that this version does not know */
	raw = block_unpack(reader, offset, block);
	if (!raw)
		return -EBADMSG;
	free(*text);
	*text = raw;
	if (block->type == IPCT_BLOCK_END)
		reader->is_complete = true;
	return 0;
}

static int reader_index(struct capture_reader *reader, unsigned int *ret_version)
{
	struct ipct_block block;
	size_t offset = 0;
	int err;

	for (__u64 sequence = 0; offset < reader->len; sequence++) {
		reader->damage = block_problem(reader, offset, sequence, &block);
		if (reader->damage)
			break;
		err = block_take(reader, offset, &block);
		if (err == -EBADMSG)
			reader->damage = "a block that cannot be unpacked";
		if (err == -EBADMSG)
			break;
		if (err)
			return err;
		if (!reader->head)
			return -EBADMSG;
		offset += sizeof(block) + block.stored_bytes;
		reader->good_bytes = offset;
	}
	if (!reader->head && reader->damage && !strcmp(reader->damage, "newer version")) {
		*ret_version = block.version;
		return -EPROTO;
	}
	return reader->head ? 0 : -EBADMSG;
}

/* The rest of a stream is left out. */
static void stream_end(struct capture_reader *reader, struct stream *stream, const char *why)
{
	stream->next = stream->nr;
	reader->gap = why;
}

/* Loads the next block of a stream; a damaged record ends the stream. */
static int stream_load(struct capture_reader *reader, struct stream *stream)
{
	__u64 offset = stream->offsets[stream->next++];
	struct ipct_block block;
	size_t at = 0;
	int err = 0;
	char *raw;

	memcpy(&block, reader->bytes + offset, sizeof(block));
	raw = block_unpack(reader, offset, &block);
	if (!raw)
		goto damaged;
	while (at < block.raw_bytes && !err) {
		const struct ipct_event *event = (const void *)(raw + at);
		enum event_verdict verdict = event_check(event, block.raw_bytes - at);

		if (verdict == EVENT_BAD)
			goto damaged;
		if (event->time_ns > stream->loaded_ns)
			stream->loaded_ns = event->time_ns;
		if (verdict == EVENT_GOOD)
			err = merge_push(reader->merge, event);
		at += event->size;
	}
	free(raw);
	return err;
damaged:
	free(raw);
	stream_end(reader, stream, "a damaged record");
	return 0;
}

/* The stream that may still bring the oldest record; NULL: all are read. */
static struct stream *stream_behind(struct capture_reader *reader)
{
	struct stream *behind = NULL;

	for (size_t i = 0; i < reader->streams_nr; i++) {
		struct stream *stream = &reader->streams[i];

		if (stream->next < stream->nr && (!behind || stream->loaded_ns < behind->loaded_ns))
			behind = stream;
	}
	return behind;
}

/* Loads more and tells anew up to when all is there. */
static int reader_load(struct capture_reader *reader)
{
	struct stream *behind = stream_behind(reader);
	int err = behind ? stream_load(reader, behind) : 0;

	if (merge_records(reader->merge) > HELD_RECORDS_MAX ||
	    merge_bytes(reader->merge) > HELD_BYTES_MAX)
		for (size_t i = 0; i < reader->streams_nr; i++)
			stream_end(reader, &reader->streams[i], "too many records at one time");
	behind = stream_behind(reader);
	if (!behind)
		reader->watermark_ns = UINT64_MAX;
	else if (behind->loaded_ns > SLACK_NS)
		reader->watermark_ns = behind->loaded_ns - SLACK_NS;
	return err;
}

static int reader_next(struct event_source *source, const struct ipct_event **ret_event)
{
	struct capture_reader *reader = (struct capture_reader *)source;

	for (;;) {
		int err;

		*ret_event = merge_pop(reader->merge, reader->watermark_ns);
		if (*ret_event)
			return 1;
		if (reader->watermark_ns == UINT64_MAX)
			return 0;
		err = reader_load(reader);
		if (err)
			return err;
	}
}

static int reader_begin(struct capture_reader *reader, struct capture_reader **ret_reader,
			unsigned int *ret_version)
{
	int err;

	reader->source.next = reader_next;
	reader->merge = merge_new();
	err = reader->merge ? reader_index(reader, ret_version) : -ENOMEM;
	if (err) {
		capture_reader_close(reader);
		return err;
	}
	*ret_reader = reader;
	return 0;
}

int capture_reader_open_memory(const void *bytes, size_t len, struct capture_reader **ret_reader,
			       unsigned int *ret_version)
{
	struct capture_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->bytes = bytes;
	reader->len = len;
	return reader_begin(reader, ret_reader, ret_version);
}

static int bytes_map(struct capture_reader *reader, int fd, size_t len)
{
	void *mapped = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);

	if (mapped == MAP_FAILED)
		return -errno;
	reader->mapped = mapped;
	reader->bytes = mapped;
	reader->len = len;
	return 0;
}

/* Fewer than `len` where the file became shorter in between. */
static int bytes_read(struct capture_reader *reader, int fd, size_t len)
{
	char *copy = malloc(len);

	if (!copy)
		return -ENOMEM;
	reader->copy = copy;
	reader->bytes = copy;
	while (reader->len < len) {
		ssize_t n = read(fd, copy + reader->len, len - reader->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		reader->len += n;
	}
	return 0;
}

/* A file that is being written may grow: what counts is what it held when opened. */
static int bytes_get(struct capture_reader *reader, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EBADMSG;
	if (!st.st_size)
		return -EBADMSG;
	return st.st_size > READ_MAX_BYTES ? bytes_map(reader, fd, st.st_size) :
					     bytes_read(reader, fd, st.st_size);
}

int capture_reader_open(const char *path, struct capture_reader **ret_reader,
			unsigned int *ret_version)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct capture_reader *reader;
	int err;

	if (fd < 0)
		return -errno;
	reader = calloc(1, sizeof(*reader));
	err = reader ? bytes_get(reader, fd) : -ENOMEM;
	close(fd);
	if (err) {
		capture_reader_close(reader);
		return err;
	}
	return reader_begin(reader, ret_reader, ret_version);
}

void capture_reader_close(struct capture_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; i < reader->streams_nr; i++)
		free(reader->streams[i].offsets);
	free(reader->streams);
	merge_free(reader->merge);
	free(reader->head);
	free(reader->ledger);
	if (reader->mapped)
		munmap(reader->mapped, reader->len);
	free(reader->copy);
	free(reader);
}

const char *capture_reader_head(const struct capture_reader *reader)
{
	return reader->head;
}

const char *capture_reader_ledger(const struct capture_reader *reader)
{
	return reader->ledger;
}

bool capture_reader_is_complete(const struct capture_reader *reader)
{
	return reader->is_complete;
}

const char *capture_reader_damage(const struct capture_reader *reader)
{
	return reader->damage;
}

const char *capture_reader_gap(const struct capture_reader *reader)
{
	return reader->gap;
}

__u64 capture_reader_good_bytes(const struct capture_reader *reader)
{
	return reader->good_bytes;
}

struct event_source *capture_reader_events(struct capture_reader *reader)
{
	return &reader->source;
}

__u64 capture_reader_late(const struct capture_reader *reader)
{
	return merge_late(reader->merge);
}
