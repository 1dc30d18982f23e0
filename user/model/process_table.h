/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The processes of a capture, by (pid, start time), and the nodes that stand for what is no
 * process of this machine. An id is an index and never changes.
 */
#ifndef IPCTRACE_PROCESS_TABLE_H
#define IPCTRACE_PROCESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROCESS_NONE UINT32_MAX

struct process {
	uint32_t pid;	   /* 0: a node */
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	uint64_t exit_ns;  /* 0: did not exit */
	uint32_t parent;   /* id or PROCESS_NONE */
	uint32_t uid;
	uint32_t pid_namespace;
	bool is_traced;
	bool is_described; /* more than pid and start time is known */
	char *comm;	   /* never NULL; bytes as the process gave them */
	char *exe;
	char *cgroup;
	char *args; /* each with its NUL */
	size_t args_len;
};

struct process_table;

/* Owned by the caller; NULL without memory. */
struct process_table *process_table_new(void);
void process_table_free(struct process_table *table);

/* The id of a process, made if it is new; PROCESS_NONE without memory. */
uint32_t process_table_get(struct process_table *table, uint32_t pid, uint64_t start_ns);
/* The id of the node called `name`. */
uint32_t process_table_node(struct process_table *table, const char *name);

/* Borrowed until the next process_table_get() or _node(). */
struct process *process_table_at(const struct process_table *table, uint32_t id);
uint32_t process_table_nr(const struct process_table *table);

/* Replace a text; the bytes are copied. 0 or -ENOMEM. */
int process_set_text(char **text, const char *bytes, size_t len);
int process_set_args(struct process *process, const char *bytes, size_t len);

/* A child has its parent's texts until it runs a program of its own. 0 or -ENOMEM. */
int process_table_inherit(struct process_table *table, uint32_t parent, uint32_t child);

#endif
