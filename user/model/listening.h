/* SPDX-License-Identifier: GPL-2.0-only */
/* Which process accepts connections where: it listened, or accepted, or held the socket before. */
#ifndef IPCTRACE_LISTENING_H
#define IPCTRACE_LISTENING_H

#include <stdint.h>

#include <ipctrace/event.h>
#include <uthash.h>

struct world;

struct listening {
	uint32_t process;
	char *name; /* `0.0.0.0:80`, a path, `@` and an abstract name; raw bytes up to a NUL */
	UT_hash_handle hh;
	char key[]; /* the number, then the name */
};

/* What the description of a socket tells of its actor. 0 or -ENOMEM. */
int listening_note(struct world *world, const struct ipct_socket *record);
void listening_fini(struct world *world);

#endif
