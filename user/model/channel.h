/* SPDX-License-Identifier: GPL-2.0-only */
/* A channel: who uses it in which role, and a ledger for each direction. */
#ifndef IPCTRACE_CHANNEL_H
#define IPCTRACE_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ipctrace/event.h>

#include "model/counter_ledger.h"
#include "model/message_ledger.h"
#include "model/stream_ledger.h"

#define CHANNEL_OBJECT_MAX 64

struct endpoint_error {
	int32_t number; /* errno */
	uint64_t count;
};

struct endpoint_key {
	uint32_t process;
	uint32_t role; /* enum ipct_role */
};

/* Ends of a channel that a process holds: bits. */
enum channel_end {
	CHANNEL_END_FIRST = 1 << 0,  /* what is read from; a master; the first of two sockets */
	CHANNEL_END_SECOND = 1 << 1, /* what is written to; a slave; the second */
	CHANNEL_END_LISTEN = 1 << 2, /* a socket that only accepts connections */
};

struct endpoint {
	struct endpoint_key key;
	uint32_t ends;	      /* of role HOLD */
	uint32_t descriptors; /* of role HOLD */
	uint64_t operations;
	uint64_t uring_operations; /* of them, those of io_uring */
	uint64_t messages;
	uint64_t bytes;
	uint64_t wait_ns;
	uint64_t attached_ns; /* shared memory: first mapped; 0: before it was watched */
	uint64_t detached_ns; /* 0: still mapped */
	struct endpoint_error *errors;
	size_t errors_nr;
	UT_hash_handle hh;
};

/* One way through the channel; one of the ledgers is set, or none (signals). */
struct direction {
	struct stream_ledger *stream;
	struct message_ledger *message;
	struct counter_ledger *counter;
	struct edge_set direct; /* both ends were named by the hook */
	bool is_suspect;	/* some operation may have gone through another object */
	uint32_t far_sender;	/* node that stands for an end off this host, PROCESS_NONE */
	uint32_t far_receiver;
};

/* Did the channel outlive the processes of the capture, which made it? */
enum channel_left {
	CHANNEL_LEFT_NO, /* or nobody in the capture has made it, as far as is known */
	CHANNEL_LEFT_YES,
	CHANNEL_LEFT_UNKNOWN,
};

struct channel {
	enum ipct_mechanism mechanism;
	char *name; /* bytes as given, no NUL inside ('@' for an abstract name) */
	char object[CHANNEL_OBJECT_MAX];
	struct endpoint *endpoints; /* uthash */
	struct direction directions[2];
	uint64_t lost_messages, lost_bytes;
	struct stream_balance before, unread; /* what no ledger knows of (netlink, a snapshot) */
	uint64_t size;			      /* of memory, in bytes */
	bool is_standing;		      /* it is there although nobody holds it */
	enum channel_left left;
	uint32_t index;		/* in the world */
	bool is_passed;		/* a descriptor of it went from process to process */
	struct channel *passed; /* fd-pass: what was passed, NULL: no channel; borrowed */
};

/* As in every output: "pipe", or "?" for a number that is none. Static. */
const char *channel_mechanism_name(enum ipct_mechanism mechanism);

/* Owned by the caller; NULL without memory. No ledgers yet. */
struct channel *channel_new(enum ipct_mechanism mechanism);
void channel_free(struct channel *channel);

/* The observer, which may be NULL, is told of every match in this channel. */
void channel_observe(struct channel *channel, const struct match_observer *observer);

/* Gives directions 0 … nr-1 a ledger of the mechanism's model. 0 or -ENOMEM. */
int channel_open_directions(struct channel *channel, size_t nr, uint32_t before);

/* Sets the name. */
int channel_rename(struct channel *channel, const char *bytes, size_t len);

#define CHANNEL_KEY_NAME_MAX sizeof("0x01234567")

/* What a SysV object is called: its key, "" for IPC_PRIVATE. */
void channel_key_name(uint32_t ipc_key, char name[CHANNEL_KEY_NAME_MAX]);

/* Sets the name unless it has one. Bytes that end early at a NUL; 0 or -ENOMEM. */
int channel_set_name(struct channel *channel, const char *bytes, size_t len);

/* The process holds `descriptors` of these ends (enum channel_end), or maps it. 0 or -ENOMEM. */
int channel_hold(struct channel *channel, uint32_t process, enum ipct_role role, uint32_t ends,
		 uint32_t descriptors);

/* Counts one operation: result >= 0 succeeded. 0 or -ENOMEM. */
struct endpoint_count {
	uint32_t process;
	enum ipct_role role;
	int64_t error; /* 0 or -errno */
	bool is_uring; /* done by io_uring */
	uint64_t operations;
	uint64_t messages;
	uint64_t bytes;
	uint64_t wait_ns;
	uint64_t attached_ns, detached_ns; /* shared memory */
};
int channel_count(struct channel *channel, const struct endpoint_count *count);

#endif
