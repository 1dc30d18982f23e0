/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory with futexes in it, for scenarios that call the kernel themselves. */
#ifndef IPCLOAD_FUTEX_H
#define IPCLOAD_FUTEX_H

#include <stdint.h>

#include "region.h"

#define FUTEX_WORDS 4

/* Words that stay 0 unless a scenario says otherwise. */
struct futexes {
	struct region region;
	uint32_t *words;
	unsigned int first_channel; /* of word 0; those of the others follow */
};

/* Anonymous memory is mapped here, to be inherited; other memory each process maps itself. */
struct futexes futex_open(struct run *run, const struct region_kind *kind);
/* In a child: what the parent has opened. */
struct futexes futex_take(struct run *run, const void *futexes);

/* As the manual page has it. */
int futex_call(uint32_t *word, int operation, uint32_t value, uintptr_t timeout_or_value,
	       uint32_t *other_word, uint32_t other_value);

#endif
