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
	char *bytes; /* BLOCK_BYTES */
};

struct capture_writer {
	int fd;
	int err;          /* the first error; nothing is written after it */
	bool is_regular;
	__u64 sequence;
	__u64 written;    /* bytes of whole blocks */
	ZSTD_CCtx *zstd;
	char *packed;
	size_t packed_cap;
	struct block_buffer *buffers;
	size_t buffers_nr;
};

/* Makes way for a new regular file; sets *ret_flags for open(). */
static int path_prepare(const char *path, int *ret_flags)
{
	struct stat st;
	char *old;
	int err = 0;

	*ret_flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode)) {
		*ret_flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC;
		return 0;
	}
	if (asprintf(&old, "%s.old", path) < 0)
		return -ENOMEM;
	if (rename(path, old))
		err = -errno;
	free(old);
	return err;
}

static int path_open(const char *path, int *ret_fd)
{
	int flags, err;

	if (!strcmp(path, "-")) {
		*ret_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
		return *ret_fd < 0 ? -errno : 0;
	}
	err = path_prepare(path, &flags);
	if (err)
		return err;
	*ret_fd = open(path, flags, 0600);
	return *ret_fd < 0 ? -errno : 0;
}

int capture_writer_open(const char *path, struct capture_writer **ret_writer)
{
	struct capture_writer *writer = calloc(1, sizeof(*writer));
	struct stat st;
	int err = -ENOMEM;

	if (!writer)
		return -ENOMEM;
	writer->fd = -1;
	writer->zstd = ZSTD_createCCtx();
	writer->packed_cap = ZSTD_compressBound(IPCT_BLOCK_RAW_MAX);
	writer->packed = malloc(writer->packed_cap);
	if (!writer->zstd || !writer->packed)
		goto fail;
	err = path_open(path, &writer->fd);
	if (err)
		goto fail;
	writer->is_regular = !fstat(writer->fd, &st) && S_ISREG(st.st_mode);
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

/* A block that did not fit is taken back, so that the file ends with a whole one. */
static int writer_fail(struct capture_writer *writer, int err)
{
	writer->err = err;
	if (writer->is_regular && ftruncate(writer->fd, writer->written))
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

static int buffer_write(struct capture_writer *writer, struct block_buffer *buffer)
{
	struct ipct_block block = {
		.type = IPCT_BLOCK_DATA,
		.stream = buffer->stream,
		.records = buffer->records,
		.raw_bytes = buffer->len,
	};

	if (!buffer->len)
		return writer->err;
	buffer->len = 0;
	buffer->records = 0;
	return writer_put(writer, &block, buffer->bytes);
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

int capture_writer_add(struct capture_writer *writer, __u32 stream, const struct ipct_event *event)
{
	struct block_buffer *buffer = buffer_get(writer, stream);
	int err = 0;

	if (!buffer)
		return -ENOMEM;
	if (buffer->len + event->size > BLOCK_BYTES)
		err = buffer_write(writer, buffer);
	memcpy(buffer->bytes + buffer->len, event, event->size);
	buffer->len += event->size;
	buffer->records++;
	return err;
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

int capture_writer_close(struct capture_writer *writer)
{
	int err = writer->err;

	if (writer->fd >= 0 && close(writer->fd) && !err)
		err = -errno;
	for (size_t i = 0; i < writer->buffers_nr; i++)
		free(writer->buffers[i].bytes);
	free(writer->buffers);
	free(writer->packed);
	ZSTD_freeCCtx(writer->zstd);
	free(writer);
	return err;
}
