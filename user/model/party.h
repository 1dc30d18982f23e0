/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes that take part in one role of a ledger, and what each moved. */
#ifndef IPCTRACE_PARTY_H
#define IPCTRACE_PARTY_H

#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

struct party_member {
	uint32_t process;
	uint64_t operations;
	uint64_t messages;
	uint64_t bytes;
	uint64_t first_ns, last_ns; /* of its operations */
	UT_hash_handle hh;
};

struct party {
	struct party_member *members; /* uthash, in the order of their first operation */
	struct party_member *newest;  /* who moved last: the most likely to do so again */
	size_t nr;
	uint64_t messages, bytes; /* of all */
};

/* Counts one operation. 0 or -ENOMEM. */
int party_add(struct party *party, uint32_t process, uint64_t messages, uint64_t bytes,
	      uint64_t time_ns);
/* NULL: takes no part. Borrowed from the party. */
struct party_member *party_find(const struct party *party, uint32_t process);
void party_fini(struct party *party);

#endif
