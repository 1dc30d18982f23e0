/* SPDX-License-Identifier: GPL-2.0-only */
#include "payload.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "truth.h"
#include "try.h"

#define PAYLOAD_FIRST 0x80
#define PAYLOAD_SENDER 0x7f

struct share {
	uint64_t messages;
	uint64_t bytes;
};

void *payload_alloc(size_t size)
{
	void *buf = malloc(size ? size : 1);

	ENSURE(buf);
	return buf;
}

void payload_fill(const struct run *run, void *buf, size_t size)
{
	unsigned int self = truth_self(run->truth);

	ENSURE(self <= PAYLOAD_MAX_SENDER);
	memset(buf, self, size);
	if (size)
		*(uint8_t *)buf |= PAYLOAD_FIRST;
}

void payload_count(struct run *run, unsigned int channel, const void *buf, size_t size)
{
	struct share shares[PAYLOAD_MAX_SENDER + 1] = { 0 };
	const uint8_t *bytes = buf;
	unsigned int sender;
	size_t i;

	for (i = 0; i < size; i++) {
		sender = bytes[i] & PAYLOAD_SENDER;
		ENSURE(sender <= PAYLOAD_MAX_SENDER);
		shares[sender].bytes++;
		shares[sender].messages += bytes[i] >> 7;
	}
	for (sender = 0; sender <= PAYLOAD_MAX_SENDER; sender++) {
		if (shares[sender].bytes)
			truth_count_received(run->truth, channel, sender, shares[sender].messages,
					     shares[sender].bytes);
	}
}

void payload_fill_wide(const struct run *run, void *buf, size_t size)
{
	unsigned int self = truth_self(run->truth);
	uint8_t *bytes = buf;

	ENSURE(size >= PAYLOAD_WIDE_MIN);
	memset(buf, PAYLOAD_SENDER, size);
	bytes[0] = PAYLOAD_FIRST | PAYLOAD_SENDER;
	bytes[1] = self & PAYLOAD_SENDER;
	bytes[2] = self >> 7;
}

void payload_count_wide(struct run *run, unsigned int channel, const void *buf, size_t size)
{
	const uint8_t *bytes = buf;
	size_t i;

	ENSURE(size >= PAYLOAD_WIDE_MIN && bytes[0] == (PAYLOAD_FIRST | PAYLOAD_SENDER));
	for (i = PAYLOAD_WIDE_MIN; i < size; i++)
		ENSURE(bytes[i] == PAYLOAD_SENDER);
	truth_count_received(run->truth, channel, bytes[1] | bytes[2] << 7, 1, size);
}
