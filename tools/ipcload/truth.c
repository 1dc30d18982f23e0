/* SPDX-License-Identifier: GPL-2.0-only */
#include "truth.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "truth_slots.h"
#include "try.h"

void truth_read_slot(const struct truth *truth, off_t offset, size_t size, void *ret_slot)
{
	ssize_t nr = TRY(pread(truth->fd, ret_slot, size, offset));

	memset((char *)ret_slot + nr, 0, size - nr);
}

static void truth_write_slot(const struct truth *truth, off_t offset, size_t size, const void *slot)
{
	ENSURE(TRY(pwrite(truth->fd, slot, size, offset)) == (ssize_t)size);
}

static struct truth *truth_alloc(int fd)
{
	struct truth *truth = calloc(1, sizeof(*truth));

	ENSURE(truth);
	truth->fd = fd;
	return truth;
}

/* Has no name any more when it is returned. */
static int truth_open_file(void)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	ENSURE(snprintf(path, sizeof(path), "%s/ipcload.XXXXXX", dir ? dir : "/tmp") <
	       (int)sizeof(path));
	fd = TRY(mkstemp(path));
	TRY(unlink(path));
	return fd;
}

struct truth *truth_new(void)
{
	struct truth *truth = truth_alloc(truth_open_file());

	truth_become(truth, truth_add_actor(truth));
	return truth;
}

struct truth *truth_resume(int fd, unsigned int actor)
{
	struct truth *truth = truth_alloc(fd);

	truth_read_slot(truth, 0, sizeof(truth->head), &truth->head);
	truth_read_slot(truth, truth_actor_offset(actor), sizeof(truth->own), &truth->own);
	truth->actor = actor;
	truth->own.pid = getpid();
	return truth;
}

void truth_free(struct truth *truth)
{
	if (!truth)
		return;
	(void)close(truth->fd); /* nothing is left to write */
	free(truth);
}

int truth_fd(const struct truth *truth)
{
	return truth->fd;
}

unsigned int truth_add_actor(struct truth *truth)
{
	ENSURE(truth->head.nr_actors < TRUTH_MAX_ACTORS);
	truth->head.nr_actors++;
	truth_write_slot(truth, 0, sizeof(truth->head), &truth->head);
	return truth->head.nr_actors - 1;
}

/* The part of the slot that says who it belongs to, and the counts in use. */
void truth_flush(struct truth *truth)
{
	size_t used = offsetof(struct truth_actor, counts) +
		      truth->own.nr_counts * sizeof(struct truth_count);

	TRY(prctl(PR_GET_NAME, truth->own.comm));
	truth_write_slot(truth, truth_actor_offset(truth->actor), used, &truth->own);
}

void truth_become(struct truth *truth, unsigned int actor)
{
	truth->actor = actor;
	truth->own.pid = getpid();
	truth->own.nr_counts = 0;
	truth_flush(truth);
}

unsigned int truth_self(const struct truth *truth)
{
	return truth->actor;
}

unsigned int truth_actors(const struct truth *truth)
{
	return truth->head.nr_actors;
}

unsigned int truth_find_actor(const struct truth *truth, pid_t pid)
{
	struct truth_head head;
	uint32_t actor;
	int32_t slot_pid;

	truth_read_slot(truth, 0, sizeof(head), &head);
	for (actor = 0; actor < head.nr_actors; actor++) {
		truth_read_slot(truth, truth_actor_offset(actor), sizeof(slot_pid), &slot_pid);
		if (slot_pid == pid)
			return actor;
	}
	try_fail(__FILE__, __LINE__, "process without a slot", ESRCH);
}

unsigned int truth_add_channel(struct truth *truth, const char *mechanism, const char *name,
			       unsigned int flags)
{
	struct truth_channel channel = { .flags = flags };
	uint32_t number = truth->head.nr_channels;

	ENSURE(truth->actor == 0 && number < TRUTH_MAX_CHANNELS);
	ENSURE(snprintf(channel.mechanism, sizeof(channel.mechanism), "%s", mechanism) <
	       (int)sizeof(channel.mechanism));
	ENSURE(snprintf(channel.name, sizeof(channel.name), "%s", name) <
	       (int)sizeof(channel.name));
	truth_write_slot(truth, truth_channel_offset(number), sizeof(channel), &channel);
	truth->head.nr_channels++;
	truth_write_slot(truth, 0, sizeof(truth->head), &truth->head);
	return number;
}

static void truth_count(struct truth *truth, const struct truth_count *add)
{
	struct truth_count *count = truth->own.counts;
	struct truth_count *end = count + truth->own.nr_counts;

	while (count < end && (count->kind != add->kind || count->channel != add->channel ||
			       count->from != add->from || count->to != add->to))
		count++;
	if (count == end) {
		ENSURE(truth->own.nr_counts < TRUTH_MAX_COUNTS);
		truth->own.nr_counts++;
		*count = *add;
		return;
	}
	count->messages += add->messages;
	count->bytes += add->bytes;
}

void truth_count_sent(struct truth *truth, unsigned int channel, uint64_t messages, uint64_t bytes)
{
	truth_count(truth, &(struct truth_count){ .kind = TRUTH_SENT,
						  .channel = channel,
						  .messages = messages,
						  .bytes = bytes });
}

void truth_count_edge(struct truth *truth, unsigned int channel, unsigned int from, unsigned int to,
		      uint64_t messages, uint64_t bytes)
{
	truth_count(truth, &(struct truth_count){ .kind = TRUTH_RECEIVED,
						  .channel = channel,
						  .from = from,
						  .to = to,
						  .messages = messages,
						  .bytes = bytes });
}

void truth_count_mapping(struct truth *truth, unsigned int channel, bool is_writable)
{
	truth_count(truth, &(struct truth_count){ .kind = TRUTH_MAPPED,
						  .channel = channel,
						  .messages = is_writable });
}

void truth_count_received(struct truth *truth, unsigned int channel, unsigned int from,
			  uint64_t messages, uint64_t bytes)
{
	truth_count_edge(truth, channel, from, truth->actor, messages, bytes);
}
