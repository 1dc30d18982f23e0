/* SPDX-License-Identifier: GPL-2.0-only */
#include "store/capture_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define BLOCK_BYTES (256u << 10) /* raw bytes at which a data block is written */
#define COMPRESSION_LEVEL 1

struct block_buffer {
	__u32 stream;
	__u32 records;
	__u32 len;
	__u64 operations; /* of the aggregated transfers in it */
	char *bytes;	  /* BLOCK_BYTES */
};

struct capture_writer {
	int fd;
	int err; /* the first error; nothing is written after it */
	char *path;
	bool has_old; /* a file made way, and is now `path`.old */
	bool is_ours; /* a regular file that we made: nobody else has written to it */
	struct capture_unwritten unwritten;
	__u64 sequence;
	__u64 written; /* bytes of whole blocks */
	ZSTD_CCtx *zstd;
	char *packed;
	size_t packed_cap;
	struct block_buffer *buffers;
	size_t buffers_nr;
};

static int path_rename_old(const char *path, bool is_back)
{
	char *old;
	int err;

	if (asprintf(&old, "%s.old", path) < 0)
		return -ENOMEM;
	err = (is_back ? rename(old, path) : rename(path, old)) ? -errno : 0;
	free(old);
	return err;
}

/* Makes way for a new regular file; sets *ret_flags for open(). */
static int path_prepare(const char *path, int *ret_flags, bool *ret_has_old)
{
	struct stat st;
	int err;

	*ret_has_old = false;
	*ret_flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode)) {
		*ret_flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
		return 0;
	}
	err = path_rename_old(path, false);
	*ret_has_old = !err;
	return err;
}

static int writer_open_path(struct capture_writer *writer, const char *path)
{
	int flags, err;

	if (!strcmp(path, "-")) {
		writer->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		return writer->fd < 0 ? -errno : 0;
	}
	err = path_prepare(path, &flags, &writer->has_old);
	if (err)
		return err;
	writer->fd = open(path, flags, 0600);
	if (writer->fd < 0)
		return -errno;
	writer->is_ours = flags & O_EXCL;
	return 0;
}

int capture_writer_open(const char *path, struct capture_writer **ret_writer)
{
	struct capture_writer *writer = calloc(1, sizeof(*writer));
	int err = -ENOMEM;

	if (!writer)
		return -ENOMEM;
	writer->fd = -1;
	writer->zstd = ZSTD_createCCtx();
	writer->packed_cap = ZSTD_compressBound(IPCT_BLOCK_RAW_MAX);
	writer->packed = malloc(writer->packed_cap);
	writer->path = strdup(path);
	if (!writer->zstd || !writer->packed || !writer->path)
		goto fail;
	err = writer_open_path(writer, path);
	if (err)
		goto fail;
	*ret_writer = writer;
	return 0;
fail:
	(void)capture_writer_close(writer); /* nothing was written */
	return err;
}

static int write_all(int fd, const void *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes = (const char *)bytes + n;
		len -= n;
	}
	return 0;
}

/*
 * A block that did not fit is taken back, so that the file ends with a whole one; never from a
 * file that was lent to us, which holds more than ours.
 */
static int writer_fail(struct capture_writer *writer, int err)
{
	writer->err = err;
	if (writer->is_ours && ftruncate(writer->fd, writer->written))
		writer->err = err; /* a torn block at the end is what readers expect */
	return err;
}

static int writer_put(struct capture_writer *writer, struct ipct_block *block, const void *raw)
{
	const void *payload = writer->packed;
	size_t packed;
	int err;

	if (writer->err)
		return writer->err;
	packed = ZSTD_compressCCtx(writer->zstd, writer->packed, writer->packed_cap, raw,
				   block->raw_bytes, COMPRESSION_LEVEL);
	block->stored_bytes = packed;
	if (ZSTD_isError(packed) || packed >= block->raw_bytes) {
		payload = raw;
		block->stored_bytes = block->raw_bytes;
	}
	block->magic = IPCT_BLOCK_MAGIC;
	block->version = IPCT_CAPTURE_VERSION;
	block->sequence = writer->sequence++;
	block->payload_crc = crc32(0, payload, block->stored_bytes);
	block->block_crc = crc32(0, (const void *)block, offsetof(struct ipct_block, block_crc));
	err = write_all(writer->fd, block, sizeof(*block));
	if (!err)
		err = write_all(writer->fd, payload, block->stored_bytes);
	if (err)
		return writer_fail(writer, err);
	writer->written += sizeof(*block) + block->stored_bytes;
	return 0;
}

int capture_writer_text(struct capture_writer *writer, enum ipct_block_type type, const char *text)
{
	size_t len = strlen(text);
	struct ipct_block block = { .type = type, .raw_bytes = len };

	if (len > IPCT_BLOCK_RAW_MAX)
		return -E2BIG;
	return writer_put(writer, &block, text);
}

static void unwritten_add(struct capture_writer *writer, __u32 stream, __u32 records,
			  __u64 operations)
{
	if (stream != IPCT_STREAM_SNAPSHOT)
		writer->unwritten.records += records;
	writer->unwritten.operations += operations;
}

static int buffer_write(struct capture_writer *writer, struct block_buffer *buffer)
{
	struct ipct_block block = {
		.type = IPCT_BLOCK_DATA,
		.stream = buffer->stream,
		.records = buffer->records,
		.raw_bytes = buffer->len,
	};

	int err;

	if (!buffer->len)
		return writer->err;
	err = writer_put(writer, &block, buffer->bytes);
	if (err)
		unwritten_add(writer, buffer->stream, buffer->records, buffer->operations);
	buffer->len = 0;
	buffer->records = 0;
	buffer->operations = 0;
	return err;
}

static struct block_buffer *buffer_get(struct capture_writer *writer, __u32 stream)
{
	struct block_buffer *buffers, *buffer;

	for (size_t i = 0; i < writer->buffers_nr; i++)
		if (writer->buffers[i].stream == stream)
			return &writer->buffers[i];
	buffers = reallocarray(writer->buffers, writer->buffers_nr + 1, sizeof(*buffers));
	if (!buffers)
		return NULL;
	writer->buffers = buffers;
	buffer = &buffers[writer->buffers_nr];
	*buffer = (struct block_buffer){ .stream = stream, .bytes = malloc(BLOCK_BYTES) };
	if (!buffer->bytes)
		return NULL;
	writer->buffers_nr++;
	return buffer;
}

static __u64 operations_of(const struct ipct_event *event)
{
	if (event->type != IPCT_EVENT_AGGREGATE)
		return 0;
	return ((const struct ipct_aggregate *)event)->operations;
}

int capture_writer_add(struct capture_writer *writer, __u32 stream, const struct ipct_event *event)
{
	struct block_buffer *buffer = writer->err ? NULL : buffer_get(writer, stream);

	if (!buffer && !writer->err)
		writer->err = -ENOMEM;
	if (buffer && buffer->len + event->size > BLOCK_BYTES)
		(void)buffer_write(writer, buffer); /* the error is in writer->err */
	if (writer->err) {
		unwritten_add(writer, stream, 1, operations_of(event));
		return writer->err;
	}
	memcpy(buffer->bytes + buffer->len, event, event->size);
	buffer->len += event->size;
	buffer->records++;
	buffer->operations += operations_of(event);
	return 0;
}

int capture_writer_flush(struct capture_writer *writer)
{
	int err = 0;

	for (size_t i = 0; i < writer->buffers_nr; i++) {
		int one = buffer_write(writer, &writer->buffers[i]);

		err = err ? err : one;
	}
	return err;
}

__u64 capture_writer_bytes(const struct capture_writer *writer)
{
	return writer->written;
}

struct capture_unwritten capture_writer_unwritten(const struct capture_writer *writer)
{
	return writer->unwritten;
}

int capture_writer_close(struct capture_writer *writer)
{
	int err = writer->err;

	if (writer->fd >= 0 && close(writer->fd) && !err)
		err = -errno;
	for (size_t i = 0; i < writer->buffers_nr; i++)
		free(writer->buffers[i].bytes);
	free(writer->buffers);
	free(writer->packed);
	free(writer->path);
	ZSTD_freeCCtx(writer->zstd);
	free(writer);
	return err;
}

void capture_writer_discard(struct capture_writer *writer)
{
	if (writer->is_ours && !unlink(writer->path) && writer->has_old)
		(void)path_rename_old(writer->path, true); /* it is kept as .old */
	(void)capture_writer_close(writer);		   /* nothing was to stay */
}
