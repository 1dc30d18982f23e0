/* SPDX-License-Identifier: GPL-2.0-only */
#include "model/process_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

struct process_key {
	uint32_t pid;
	uint32_t _pad;
	uint64_t start_ns;
};

struct process_entry {
	struct process_key key;
	uint32_t id;
	UT_hash_handle hh;
};

struct node_entry {
	char *name;
	uint32_t id;
	UT_hash_handle hh;
};

struct process_table {
	struct process *processes;
	uint32_t nr, cap;
	struct process_entry *by_key;
	struct node_entry *by_name;
};

struct process_table *process_table_new(void)
{
	return calloc(1, sizeof(struct process_table));
}

static void process_fini(struct process *process)
{
	free(process->comm);
	free(process->exe);
	free(process->cgroup);
	free(process->args);
}

void process_table_free(struct process_table *table)
{
	struct process_entry *entry, *next_entry;
	struct node_entry *node, *next_node;

	if (!table)
		return;
	HASH_ITER (hh, table->by_key, entry, next_entry) {
		HASH_DEL(table->by_key, entry);
		free(entry);
	}
	HASH_ITER (hh, table->by_name, node, next_node) {
		HASH_DEL(table->by_name, node);
		free(node->name);
		free(node);
	}
	for (uint32_t i = 0; i < table->nr; i++)
		process_fini(&table->processes[i]);
	free(table->processes);
	free(table);
}

static uint32_t process_add(struct process_table *table, const char *comm)
{
	struct process *process;

	if (table->nr == table->cap) {
		uint32_t cap = table->cap ? table->cap * 2 : 64;

		process = reallocarray(table->processes, cap, sizeof(*process));
		if (!process)
			return PROCESS_NONE;
		table->processes = process;
		table->cap = cap;
	}
	process = &table->processes[table->nr];
	*process = (struct process){ .parent = PROCESS_NONE };
	process->comm = strdup(comm);
	process->exe = strdup("");
	process->cgroup = strdup("");
	if (!process->comm || !process->exe || !process->cgroup) {
		process_fini(process);
		return PROCESS_NONE;
	}
	return table->nr++;
}

uint32_t process_table_get(struct process_table *table, uint32_t pid, uint64_t start_ns)
{
	struct process_key key = { .pid = pid, .start_ns = start_ns };
	struct process_entry *entry;
	uint32_t id;

	HASH_FIND(hh, table->by_key, &key, sizeof(key), entry);
	if (entry)
		return entry->id;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return PROCESS_NONE;
	id = process_add(table, "");
	if (id == PROCESS_NONE) {
		free(entry);
		return PROCESS_NONE;
	}
	entry->key = key;
	entry->id = id;
	HASH_ADD(hh, table->by_key, key, sizeof(entry->key), entry);
	table->processes[id].pid = pid;
	table->processes[id].start_ns = start_ns;
	return id;
}

uint32_t process_table_node(struct process_table *table, const char *name)
{
	struct node_entry *node;

	HASH_FIND_STR(table->by_name, name, node);
	if (node)
		return node->id;
	node = calloc(1, sizeof(*node));
	if (!node)
		return PROCESS_NONE;
	node->name = strdup(name);
	node->id = node->name ? process_add(table, name) : PROCESS_NONE;
	if (node->id == PROCESS_NONE) {
		free(node->name);
		free(node);
		return PROCESS_NONE;
	}
	HASH_ADD_KEYPTR(hh, table->by_name, node->name, strlen(node->name), node);
	return node->id;
}

struct process *process_table_at(const struct process_table *table, uint32_t id)
{
	return &table->processes[id];
}

uint32_t process_table_nr(const struct process_table *table)
{
	return table->nr;
}

int process_set_text(char **text, const char *bytes, size_t len)
{
	char *copy = strndup(bytes, len);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

int process_set_args(struct process *process, const char *bytes, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	free(process->args);
	process->args = copy;
	process->args_len = len;
	return 0;
}

int process_table_inherit(struct process_table *table, uint32_t parent_id, uint32_t child_id)
{
	struct process *parent = process_table_at(table, parent_id);
	struct process *child = process_table_at(table, child_id);
	int err;

	child->parent = parent_id;
	child->uid = parent->uid;
	child->pid_namespace = parent->pid_namespace;
	err = process_set_text(&child->comm, parent->comm, strlen(parent->comm));
	if (!err)
		err = process_set_text(&child->exe, parent->exe, strlen(parent->exe));
	if (!err)
		err = process_set_text(&child->cgroup, parent->cgroup, strlen(parent->cgroup));
	if (!err && parent->args)
		err = process_set_args(child, parent->args, parent->args_len);
	return err;
}
