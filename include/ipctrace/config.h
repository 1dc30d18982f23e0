/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the loader sets before load, and the counters that it reads. */
#ifndef IPCTRACE_CONFIG_H
#define IPCTRACE_CONFIG_H

#include "event.h"

struct ipct_config {
	__u32 self_pid;	      /* the recorder: never traced */
	__u32 command_pid;    /* CMD before its exec: traced from then on; 0: none */
	__u64 mechanisms;     /* bit per enum ipct_mechanism */
	__u32 is_system_wide; /* scope: all processes, else the tree of the roots map */
	__u32 has_task_storage;
	__u32 has_uring;  /* a hook tells what io_uring moves */
	__u32 ring_bytes; /* of each ring; a power of two */
	__u32 data_limit; /* bytes in a ring above which DATA records are aggregated */
	__u32 wake_bytes; /* the drain is woken when a ring crosses a multiple of this; 2^n */
};

/* What the snapshot programs do. */
enum ipct_snapshot_mode {
	IPCT_SNAPSHOT_WRITE,	/* write what is in scope */
	IPCT_SNAPSHOT_FOLLOW,	/* only bring what the tree holds into the scope */
	IPCT_SNAPSHOT_LIST,	/* write all there is, in scope or not, for the sweep */
	IPCT_SNAPSHOT_HOLD,	/* as WRITE, and an ipct_hold for each descriptor */
	IPCT_SNAPSHOT_STANDING, /* an ipct_standing for each SysV object, in scope or not */
};

/*
 * The marker of the barrier: ioctl(-1, IPCT_BARRIER_COMMAND, CPU) does nothing, as there is no
 * such descriptor. Of the recorder it makes a record, if it is made on that CPU.
 */
#define IPCT_BARRIER_COMMAND 0x74637069u

#define IPCT_FOLLOWED_MAX 65536
#define IPCT_AGGREGATES_MAX 16384

/* Key of the followed map: what belongs to the scope because the tree touched it. */
enum ipct_follow_kind {
	IPCT_FOLLOW_PIPE = 1,	/* id: inode, space: device */
	IPCT_FOLLOW_SOCKET = 2, /* id: struct sock *; the value is its inode, which tells reuse */
	IPCT_FOLLOW_PORT = 3,	/* id: port << 8 | protocol, space: network namespace */
	IPCT_FOLLOW_CONNECTION = 4, /* TCP; id: addresses folded and ports, both ends alike */
	/* plus enum ipct_mechanism: other objects; id: key.object, space: low half of key.inode */
	IPCT_FOLLOW_OBJECT = 64,
};

struct ipct_follow_key {
	__u64 id;
	__u32 space;
	__u32 kind;
};

/* Why a record or a membership was lost. Names: capture_loss_name() in user/capture/capture.c. */
enum ipct_loss {
	IPCT_LOSS_RING_FULL,	  /* a control record found no room */
	IPCT_LOSS_AGGREGATE_FULL, /* a transfer found no room in the ring nor in the map */
	IPCT_LOSS_TASK_STATE,	  /* no memory for the state of a new task */
	IPCT_LOSS_FOLLOWED_FULL,  /* a channel could not join the scope */
	IPCT_LOSS_DECODE,	  /* more messages in a call than are decoded */
	IPCT_LOSS_HOOK_SKIPPED,	  /* recursion_misses of the programs */
	IPCT_LOSS_URING_UNSEEN,	  /* a ring of io_uring was made, and no hook tells what it moves */
	IPCT_LOSS_NR,
};

/*
 * One per possible CPU, in a map that user space has mapped. `seen` is counted before the attempt
 * to record.
 */
struct ipct_counters {
	__u64 seen;
	__u64 filtered;
	__u64 lost[IPCT_LOSS_NR];
	__u64 stood_in;	    /* for calls for which the hook's own program was skipped */
	__u64 in_tcp_state; /* a task is inside that program, running or switched out */
} __attribute__((aligned(64)));

/* Key and value of the aggregates map. */
struct ipct_aggregate_key {
	__u64 start_ns;
	struct ipct_key key;
	__u64 peer;
	__u32 pid;
	__s32 error;
	__u8 mechanism;
	__u8 role;
	__u16 signal;
	__u32 _pad;
	struct ipct_address address;
};

struct ipct_aggregate_value {
	__u64 operations;
	__u64 messages;
	__u64 bytes;
	__u64 copied;
	__u64 wait_ns;
	__u64 first_ns;
	__u64 last_ns;
	__u64 values; /* eventfd: sum of what was written or read */
};

#endif
