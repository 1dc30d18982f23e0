/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Payload that says who sent it: the first byte of a message is 0x80 | sender, every other byte
 * is the sender's actor number. So any piece of a stream, read by anyone, tells whose bytes it
 * holds and how many messages begin in it.
 *
 * Senders above PAYLOAD_MAX_SENDER use wide messages: 0xff, the number in two bytes of 7 bits,
 * then 0x7f. These can be counted only by a receiver that gets them whole.
 */
#ifndef IPCLOAD_PAYLOAD_H
#define IPCLOAD_PAYLOAD_H

#include <stddef.h>

struct run;

#define PAYLOAD_MAX_SENDER 126
#define PAYLOAD_WIDE_MIN 3

/* Makes `size` bytes one message of the calling process. */
void payload_fill(const struct run *run, void *buf, size_t size);
/* Verifies received bytes and counts them, by sender, as received on the channel. */
void payload_count(struct run *run, unsigned int channel, const void *buf, size_t size);

void payload_fill_wide(const struct run *run, void *buf, size_t size);
/* As payload_count(), for exactly one wide message. */
void payload_count_wide(struct run *run, unsigned int channel, const void *buf, size_t size);

/* Memory for `size` bytes, owned by the caller; dies instead of returning NULL. */
void *payload_alloc(size_t size);

#endif
