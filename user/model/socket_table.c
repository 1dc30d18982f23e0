/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/socket_table.h"

#include <stdlib.h>

#include <uthash.h>

struct socket_entry {
	uint64_t object;
	uint32_t id;
	UT_hash_handle hh;
};

struct pair_entry {
	struct pair pair;
	struct pair_entry *next;
};

struct socket_table {
	struct socket *sockets;
	uint32_t nr, cap;
	struct socket_entry *by_object;
	struct pair_entry *pairs;
};

struct socket_table *socket_table_new(void)
{
	return calloc(1, sizeof(struct socket_table));
}

void socket_table_free(struct socket_table *table)
{
	struct socket_entry *entry, *next;

	if (!table)
		return;
	HASH_ITER (hh, table->by_object, entry, next) {
		HASH_DEL(table->by_object, entry);
		free(entry);
	}
	while (table->pairs) {
		struct pair_entry *pair = table->pairs;

		table->pairs = pair->next;
		free(pair);
	}
	for (uint32_t i = 0; i < table->nr; i++)
		free(table->sockets[i].name);
	free(table->sockets);
	free(table);
}

static struct socket_entry *entry_get(struct socket_table *table, uint64_t object)
{
	struct socket_entry *entry;

	HASH_FIND(hh, table->by_object, &object, sizeof(object), entry);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->object = object;
	entry->id = SOCKET_NONE;
	HASH_ADD(hh, table->by_object, object, sizeof(entry->object), entry);
	return entry;
}

static uint32_t socket_add(struct socket_table *table, const struct ipct_key *key,
			   uint8_t mechanism)
{
	struct socket *sockets;

	if (table->nr == table->cap) {
		uint32_t cap = table->cap ? table->cap * 2 : 64;

		sockets = reallocarray(table->sockets, cap, sizeof(*sockets));
		if (!sockets)
			return SOCKET_NONE;
		table->sockets = sockets;
		table->cap = cap;
	}
	table->sockets[table->nr] = (struct socket){ .key = *key, .mechanism = mechanism };
	return table->nr++;
}

uint32_t socket_table_replace(struct socket_table *table, const struct ipct_key *key,
			      uint8_t mechanism)
{
	struct socket_entry *entry = entry_get(table, key->object);
	uint32_t id;

	if (!entry)
		return SOCKET_NONE;
	id = socket_add(table, key, mechanism);
	if (id != SOCKET_NONE)
		entry->id = id;
	return id;
}

uint32_t socket_table_get(struct socket_table *table, const struct ipct_key *key, uint8_t mechanism)
{
	uint32_t id = socket_table_find(table, key->object);
	struct socket *socket;

	if (id == SOCKET_NONE)
		return socket_table_replace(table, key, mechanism);
	socket = socket_table_at(table, id);
	if (socket->mechanism != mechanism ||
	    (socket->key.inode && key->inode && socket->key.inode != key->inode))
		return socket_table_replace(table, key, mechanism);
	if (key->inode) /* accept gave an embryo its inode */
		socket->key.inode = key->inode;
	return id;
}

uint32_t socket_table_find(const struct socket_table *table, uint64_t object)
{
	struct socket_entry *entry;

	HASH_FIND(hh, table->by_object, &object, sizeof(object), entry);
	return entry ? entry->id : SOCKET_NONE;
}

struct socket *socket_table_at(const struct socket_table *table, uint32_t id)
{
	return &table->sockets[id];
}

uint32_t socket_table_nr(const struct socket_table *table)
{
	return table->nr;
}

void socket_table_release(struct socket_table *table,
			  void (*release)(struct undirected *undirected))
{
	for (uint32_t i = 0; i < table->nr; i++) {
		if (table->sockets[i].undirected)
			release(table->sockets[i].undirected);
		table->sockets[i].undirected = NULL;
	}
}

struct pair *socket_table_add_pair(struct socket_table *table, struct channel *channel)
{
	struct pair_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->pair = (struct pair){ channel, { SOCKET_NONE, SOCKET_NONE } };
	entry->next = table->pairs;
	table->pairs = entry;
	return &entry->pair;
}
