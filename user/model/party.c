/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/party.h"

#include <errno.h>
#include <stdlib.h>

struct party_member *party_find(const struct party *party, uint32_t process)
{
	/* the last one to come is the most likely to come again */
	for (size_t i = party->nr; i--;)
		if (party->members[i].process == process)
			return &party->members[i];
	return NULL;
}

int party_add(struct party *party, uint32_t process, uint64_t messages, uint64_t bytes,
	      uint64_t time_ns)
{
	struct party_member *member = party_find(party, process);

	if (!member) {
		struct party_member *members =
			reallocarray(party->members, party->nr + 1, sizeof(*members));

		if (!members)
			return -ENOMEM;
		party->members = members;
		member = &members[party->nr++];
		*member = (struct party_member){ .process = process };
	}
	member->operations++;
	member->last_ns = time_ns;
	member->messages += messages;
	member->bytes += bytes;
	party->messages += messages;
	party->bytes += bytes;
	return 0;
}

void party_fini(struct party *party)
{
	free(party->members);
	*party = (struct party){};
}
