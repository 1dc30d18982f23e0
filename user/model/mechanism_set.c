/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/mechanism_set.h"

#include <string.h>

const char *const mechanism_set_names[] = {
#define MECHANISM(symbol, number, name, group, model) name,
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	"unix", "socket", "queue", "semaphore", "shared-memory", "all", /* groups */
};

const size_t mechanism_set_names_nr = sizeof(mechanism_set_names) / sizeof(mechanism_set_names[0]);

static uint32_t groups_of(const char *word)
{
	if (!strcmp(word, "unix"))
		return IPCT_GROUP_UNIX;
	if (!strcmp(word, "socket"))
		return IPCT_GROUP_UNIX | IPCT_GROUP_INET | IPCT_GROUP_VSOCK | IPCT_GROUP_NETLINK;
	if (!strcmp(word, "queue"))
		return IPCT_GROUP_QUEUE;
	if (!strcmp(word, "semaphore"))
		return IPCT_GROUP_SEMAPHORE;
	if (!strcmp(word, "shared-memory"))
		return IPCT_GROUP_MEMORY;
	return 0;
}

uint64_t mechanism_set_of(const char *word)
{
	uint32_t groups = groups_of(word);
	uint64_t bits = 0;

	if (!strcmp(word, "all"))
		return MECHANISM_SET_ALL;
#define MECHANISM(symbol, number, name, group, model)                                              \
	if (!strcmp(word, name) || (groups & IPCT_GROUP_##group))                                  \
		bits |= MECHANISM_SET_BIT(number);
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	return bits;
}

uint64_t mechanism_set_of_list(const char *list, char *word)
{
	uint64_t all = 0, bits;
	size_t len;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		memcpy(word, list, len);
		word[len] = '\0';
		bits = mechanism_set_of(word);
		all |= bits;
		if (!bits || !list[len])
			return bits ? all : 0;
	}
}

uint64_t mechanism_set_of_models(uint32_t models)
{
	uint64_t bits = 0;

#define MECHANISM(symbol, number, name, group, model)                                              \
	if (models & (1U << IPCT_MODEL_##model))                                                   \
		bits |= MECHANISM_SET_BIT(number);
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	return bits;
}
