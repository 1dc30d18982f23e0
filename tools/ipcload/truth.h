/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ground truth of one scenario: processes, channels, and who received what from whom.
 *
 * Everything lies in fixed slots of an unlinked regular file that fork and exec hand down; each
 * process writes only its own slot, with pwrite(), so that counting is no IPC of its own.
 * The first process adds all channels before it forks. Errors end the process (try.h).
 * Not for concurrent use by the threads of one process.
 */
#ifndef IPCLOAD_TRUTH_H
#define IPCLOAD_TRUTH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct truth;

#define TRUTH_KERNEL UINT32_MAX /* the actor that stands for the kernel */
#define TRUTH_MAX_ACTORS 1024

enum truth_flag {
	TRUTH_UNREAD = 1,     /* what was sent and not received stayed in the channel */
	TRUTH_TRUNCATES = 2,  /* what was sent and not received was cut off messages */
	TRUTH_UNBALANCED = 4, /* sends are not counted: nothing to check receives against */
};

/* Makes the slots; the caller is actor 0. Freed by truth_free(). */
struct truth *truth_new(void);
/* Takes up the slot of an actor again after an exec, counts included. */
struct truth *truth_resume(int fd, unsigned int actor);
void truth_free(struct truth *truth);
int truth_fd(const struct truth *truth);

/* Actors are numbered in the order in which they are announced, before the fork. */
unsigned int truth_add_actor(struct truth *truth);
/* The calling process is `actor` from now on and has counted nothing. */
void truth_become(struct truth *truth, unsigned int actor);
unsigned int truth_self(const struct truth *truth);
unsigned int truth_actors(const struct truth *truth);
/* Actor number of a process that has called truth_become(). */
unsigned int truth_find_actor(const struct truth *truth, pid_t pid);

unsigned int truth_add_channel(struct truth *truth, const char *mechanism, const char *name,
			       unsigned int flags);

/* This process sent, or received from actor `from`. */
void truth_count_sent(struct truth *truth, unsigned int channel, uint64_t messages, uint64_t bytes);
void truth_count_received(struct truth *truth, unsigned int channel, unsigned int from,
			  uint64_t messages, uint64_t bytes);
/* For a receiver that cannot count: this process knows what `to` received from `from`. */
void truth_count_edge(struct truth *truth, unsigned int channel, unsigned int from, unsigned int to,
		      uint64_t messages, uint64_t bytes);

/* This process has mapped shared memory, itself or by inheritance, and could write if so. */
void truth_count_mapping(struct truth *truth, unsigned int channel, bool is_writable);

/* Writes this process's counts to its slot. */
void truth_flush(struct truth *truth);

/* An empty graph. The caller owns it. */
json_t *truth_new_graph(void);
/* Adds what lies in the slots; dies unless what was sent equals what was received or left. */
void truth_append_to(const struct truth *truth, const char *scenario, json_t *graph);

#endif
