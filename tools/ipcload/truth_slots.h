/* SPDX-License-Identifier: GPL-2.0-only */
/* The slots of the truth file: shared by the code that counts and the code that reports. */
#ifndef IPCLOAD_TRUTH_SLOTS_H
#define IPCLOAD_TRUTH_SLOTS_H

#include <stdint.h>
#include <sys/types.h>

#include "truth.h"

#define TRUTH_MAX_CHANNELS 256
#define TRUTH_MAX_COUNTS 1024

enum truth_kind {
	TRUTH_SENT, /* by the process itself; from and to are unused */
	TRUTH_RECEIVED,
	TRUTH_MAPPED, /* by the process itself; messages: mappings that could be written */
};

struct truth_count {
	uint32_t kind;
	uint32_t channel;
	uint32_t from;
	uint32_t to;
	uint64_t messages;
	uint64_t bytes;
};

struct truth_head {
	uint32_t nr_actors;
	uint32_t nr_channels;
};

struct truth_channel {
	char mechanism[24];
	char name[128];
	uint32_t flags;
};

struct truth_actor {
	int32_t pid;
	char comm[16];
	uint32_t nr_counts;
	struct truth_count counts[TRUTH_MAX_COUNTS];
};

struct truth {
	int fd;
	uint32_t actor;
	struct truth_head head; /* as far as this process knows: complete in the first one */
	struct truth_actor own;
};

static inline off_t truth_channel_offset(uint32_t channel)
{
	return sizeof(struct truth_head) + (off_t)channel * sizeof(struct truth_channel);
}

static inline off_t truth_actor_offset(uint32_t actor)
{
	return truth_channel_offset(TRUTH_MAX_CHANNELS) + (off_t)actor * sizeof(struct truth_actor);
}

/* Reads a whole slot; what was never written reads as zeroes. */
void truth_read_slot(const struct truth *truth, off_t offset, size_t size, void *ret_slot);

#endif
