/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/party.h"

#include <errno.h>
#include <stdlib.h>

struct party_member *party_find(const struct party *party, uint32_t process)
{
	struct party_member *member = party->newest;

	if (member && member->process == process)
		return member;
	HASH_FIND(hh, party->members, &process, sizeof(process), member);
	return member;
}

int party_add(struct party *party, uint32_t process, uint64_t messages, uint64_t bytes,
	      uint64_t time_ns)
{
	struct party_member *member = party_find(party, process);

	if (!member) {
		member = calloc(1, sizeof(*member));
		if (!member)
			return -ENOMEM;
		member->process = process;
		member->first_ns = time_ns;
		HASH_ADD(hh, party->members, process, sizeof(member->process), member);
		party->nr++;
	}
	party->newest = member;
	member->operations++;
	member->messages += messages;
	member->bytes += bytes;
	if (time_ns < member->first_ns)
		member->first_ns = time_ns;
	if (time_ns > member->last_ns)
		member->last_ns = time_ns;
	party->messages += messages;
	party->bytes += bytes;
	return 0;
}

void party_fini(struct party *party)
{
	struct party_member *member, *next;

	HASH_ITER (hh, party->members, member, next) {
		HASH_DEL(party->members, member);
		free(member);
	}
	*party = (struct party){};
}
