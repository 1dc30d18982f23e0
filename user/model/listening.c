/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/listening.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "model/address.h"
#include "model/world.h"

/* accept() alone describes a socket that is connected, as one that was opened. */
static bool tells_accept(const struct ipct_socket *record)
{
	return record->origin == IPCT_ORIGIN_OPEN &&
	       (record->mechanism == IPCT_TCP ? record->remote.port : record->peer.object);
}

/* "" where it has none. */
static void name_fill(const struct ipct_socket *record, char *name, size_t size)
{
	size_t len = record->name_len < size ? record->name_len : size - 1;

	if (record->mechanism == IPCT_TCP) {
		address_format(&record->local, name, size);
		return;
	}
	memcpy(name, record->name + record->name_offset, len);
	name[len] = '\0';
	if (len && !name[0])
		name[0] = '@';
}

static int listening_add(struct world *world, uint32_t process, const char *name)
{
	size_t len = strlen(name), key_len = sizeof(process) + len;
	struct listening *listening = calloc(1, sizeof(*listening) + key_len + 1), *known;

	if (!listening)
		return -ENOMEM;
	listening->process = process;
	listening->name = listening->key + sizeof(process);
	memcpy(listening->key, &process, sizeof(process));
	memcpy(listening->name, name, len);
	HASH_FIND(hh, world->listening, listening->key, key_len, known);
	if (known)
		free(listening);
	else
		HASH_ADD_KEYPTR(hh, world->listening, listening->key, key_len, listening);
	return 0;
}

int listening_note(struct world *world, const struct ipct_socket *record)
{
	char name[IPCT_NAME_MAX + 1];
	uint32_t process;

	if (record->mechanism != IPCT_TCP && record->mechanism != IPCT_UNIX_STREAM &&
	    record->mechanism != IPCT_UNIX_SEQPACKET)
		return 0;
	if (!record->event.pid || (record->state != IPCT_STATE_LISTEN && !tells_accept(record)))
		return 0;
	name_fill(record, name, sizeof(name));
	if (!*name)
		return 0;
	process = world_actor(world, &record->event);
	return process == PROCESS_NONE ? -ENOMEM : listening_add(world, process, name);
}

void listening_fini(struct world *world)
{
	struct listening *listening, *next;

	HASH_ITER (hh, world->listening, listening, next) {
		HASH_DEL(world->listening, listening);
		free(listening);
	}
}
