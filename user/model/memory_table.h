/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who maps which shared memory: address spaces with the ranges in them that are shared, and
 * for each object the processes that ever mapped it. A process has the address space of its
 * own, but for the time between vfork and exec, when it is a guest in its parent's.
 */
#ifndef IPCTRACE_MEMORY_TABLE_H
#define IPCTRACE_MEMORY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include <ipctrace/event.h>

struct channel;

/* One process and one object. */
struct memory_mapper {
	uint32_t process;
	bool is_writable;     /* ever was */
	uint64_t operations;  /* times that it mapped it; all that is older or inherited: one */
	uint64_t attached_ns; /* the first time; 0: before it was watched */
	uint64_t detached_ns; /* 0: still maps it */
	UT_hash_handle hh;
};

struct memory_object {
	struct ipct_key key;
	uint8_t mechanism;
	bool is_described;
	char *name; /* NULL: none */
	uint64_t size;
	struct memory_mapper *mappers; /* uthash, in the order of their first mapping */
	struct channel *channel;       /* model_memory_finish(); borrowed from the world */
	UT_hash_handle hh;
};

struct memory_range {
	uint64_t start, end; /* user addresses */
	uint64_t offset;     /* in the object */
	struct memory_object *object;
	bool is_writable;
	bool stays; /* a child does not inherit it */
};

struct memory_space;

struct memory_table {
	struct memory_object *objects; /* uthash, in the order of their first sight */
	struct memory_member *members; /* uthash, memory_table.c */
};

/* Owned by the caller; NULL without memory. */
struct memory_table *memory_table_new(void);
void memory_table_free(struct memory_table *table);

/* The object, made if it is new. Borrowed; NULL without memory. */
struct memory_object *memory_table_object(struct memory_table *table, const struct ipct_key *key);

/* The following return 0 or -ENOMEM. */

/* The process mapped the range, in place of whatever it had there. */
int memory_map(struct memory_table *table, uint32_t process, const struct memory_range *range,
	       uint64_t time_ns);
/* A snapshot found it mapped: nothing new if that is known. */
int memory_found(struct memory_table *table, uint32_t process, const struct memory_range *range,
		 uint64_t time_ns);
int memory_unmap(struct memory_table *table, uint32_t process, uint64_t start, uint64_t end,
		 uint64_t time_ns);
/* shmdt: all of the segment that was attached at the address. */
int memory_detach(struct memory_table *table, uint32_t process, uint64_t address, uint64_t time_ns);
int memory_protect(struct memory_table *table, uint32_t process, uint64_t start, uint64_t end,
		   bool is_writable);
/* madvise: do children inherit it? */
int memory_advise(struct memory_table *table, uint32_t process, uint64_t start, uint64_t end,
		  bool stays);
/* mremap of old_len bytes at old_start to start … end. */
int memory_move(struct memory_table *table, uint32_t process, uint64_t old_start, uint64_t old_len,
		uint64_t start, uint64_t end, uint64_t time_ns);
/* The child has what its parent has; is_guest: in its parent's own address space. */
int memory_fork(struct memory_table *table, uint32_t parent, uint32_t child, bool is_guest,
		uint64_t time_ns);
/* exec or exit. */
void memory_leave(struct memory_table *table, uint32_t process, uint64_t time_ns);

#endif
