/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes that take part in one role of a ledger, and what each moved. */
#ifndef IPCTRACE_PARTY_H
#define IPCTRACE_PARTY_H

#include <stddef.h>
#include <stdint.h>

struct party_member {
	uint32_t process;
	uint64_t operations;
	uint64_t messages;
	uint64_t bytes;
	uint64_t last_ns; /* of the last operation */
};

struct party {
	struct party_member *members;
	size_t nr;
	uint64_t messages, bytes; /* of all */
};

/* Counts one operation. 0 or -ENOMEM. */
int party_add(struct party *party, uint32_t process, uint64_t messages, uint64_t bytes,
	      uint64_t time_ns);
/* NULL: takes no part. Borrowed until the next party_add(). */
struct party_member *party_find(const struct party *party, uint32_t process);
void party_fini(struct party *party);

#endif
