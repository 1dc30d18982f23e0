/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Records: what the kernel side reports and what a capture file holds. Little endian,
 * natural alignment, no kernel pointers to follow (addresses serve as identities only).
 * Numbers and the meaning of fields never change; a struct grows at its end only, and a
 * reader takes a record that is longer than it knows, and rejects a shorter one.
 */
#ifndef IPCTRACE_EVENT_H
#define IPCTRACE_EVENT_H

#include "types.h"

#define IPCT_COMM_LEN 16
#define IPCT_NAME_MAX 256		    /* path of a FIFO or socket, abstract name */
#define IPCT_NAME_SPACE (2 * IPCT_NAME_MAX) /* paths are written from their end, with slack */
#define IPCT_TEXT_MAX 1024		    /* file name and arguments of an exec */
#define IPCT_RECORD_MAX 2048		    /* no record is longer */

enum ipct_event_type {
#define EVENT(symbol, number, type, plane) IPCT_EVENT_##symbol = number,
#include "events.def"
#undef EVENT
};

/* Head of every record. The actor is a thread; `pid` is its thread group. */
struct ipct_event {
	__u64 time_ns;	/* CLOCK_BOOTTIME at the hook */
	__u64 start_ns; /* task_struct.start_boottime of the thread-group leader */
	__u32 pid;	/* of the recorder's pid namespace's root; 0: no process (softirq) */
	__u32 tid;
	__u16 type; /* enum ipct_event_type */
	__u16 size; /* of the whole record in bytes, a multiple of 8 */
	__u32 _pad;
};

/*
 * Identity of an object between processes. Pipes and FIFOs: inode and device. Sockets: inode
 * (0 before accept gives it one) and the address of struct sock, which the slab reuses as
 * soon as the socket is gone.
 */
struct ipct_key {
	__u64 inode;
	__u64 object;
};

struct ipct_address {
	__u16 family; /* AF_INET, AF_INET6; 0: none */
	__u16 port;   /* host byte order */
	__u32 scope;  /* bound interface of a link-local address */
	__u8 ip[16];  /* IPv4 as ::ffff:a.b.c.d */
};

enum ipct_transfer_flags {
	IPCT_TRANSFER_STASHED = 1 << 0, /* object resolved when the call blocked, not at its exit */
	IPCT_TRANSFER_THREADED = 1 << 1, /* the process had more than one thread */
	IPCT_TRANSFER_ADDRESS = 1 << 2,	 /* `address` is valid */
	IPCT_TRANSFER_PACKET = 1 << 3,	 /* pipe in packet mode: a read takes one whole write */
	IPCT_TRANSFER_EMPTY = 1 << 4,	 /* nothing was left in the channel right after a receive */
	IPCT_TRANSFER_POSITION = 1 << 5, /* `position` is valid */
	IPCT_TRANSFER_UNRESOLVED = 1 << 6, /* the descriptor was gone at the exit; no key */
	IPCT_TRANSFER_DISCARD = 1 << 7,	   /* bytes were taken out but copied to nobody */
	IPCT_TRANSFER_END = 1 << 8,	   /* end of file: nothing was left and no sender is */
};

/*
 * One system call (one message of it: sendmmsg and recvmmsg make a record each) on a channel.
 * Failed calls are recorded too: they say who waits and when a channel was empty.
 */
struct ipct_transfer {
	struct ipct_event event;
	struct ipct_key key;
	__u64 peer;	/* struct sock at the other end, where the hook names it, else 0 */
	__u64 position; /* after the call; see enum ipct_model and bpf/README.md */
	__u64 wait_ns;	/* off the CPU inside this call */
	__s64 result;	/* bytes taken from or put into the channel, or -errno */
	__u32 copied;	/* bytes that reached the caller: less than result with MSG_TRUNC */
	__s32 fd;
	__u16 flags; /* enum ipct_transfer_flags */
	__u8 mechanism;
	__u8 role;
	__s16 syscall;		     /* number in the table of the native ABI, or -1 */
	__u16 part;		     /* index of the message in the call */
	struct ipct_address address; /* of the other end: given to send, returned by receive */
};

enum ipct_origin {
	IPCT_ORIGIN_TRANSFER = 0,  /* first sight at a transfer */
	IPCT_ORIGIN_CREATE = 1,	   /* made by this call: nothing was sent through it before */
	IPCT_ORIGIN_OPEN = 2,	   /* FIFO opened, or socket bound, listening, connected */
	IPCT_ORIGIN_ESTABLISH = 3, /* a TCP connection came to be (softirq: no actor) */
	IPCT_ORIGIN_START = 4,	   /* snapshot at the start */
	IPCT_ORIGIN_END = 5,	   /* snapshot at the end */
	IPCT_ORIGIN_CLOSE = 6,	   /* about to go away: last levels */
};

/* Description of a pipe or FIFO and what is in it. */
struct ipct_pipe {
	struct ipct_event event;
	struct ipct_key key;
	__u64 queued_bytes; /* in its buffers; IPCT_LEVEL_UNKNOWN */
	__u64 send_position;
	__u64 receive_position;
	__u32 queued_buffers;
	__u8 mechanism;
	__u8 origin; /* enum ipct_origin */
	__u16 name_offset;
	__u16 name_len;
	__u16 _pad[3];
	char name[IPCT_NAME_SPACE]; /* the path: name_len bytes at name_offset, no NUL */
};

#define IPCT_LEVEL_UNKNOWN (~0ULL)

/* Description of one socket and what waits in its receive queue. */
struct ipct_socket {
	struct ipct_event event;
	struct ipct_key key;
	struct ipct_key peer; /* unix: the connected socket; inode 0 before accept */
	struct ipct_address local;
	struct ipct_address remote;
	__u64 queued_bytes;	/* IPCT_LEVEL_UNKNOWN: not measured */
	__u64 send_position;	/* TCP: write_seq */
	__u64 receive_position; /* TCP: copied_seq */
	__u64 drops;		/* sk_drops */
	__u32 queued_messages;
	__u32 network;	       /* inode number of its network namespace */
	__u32 sequence_local;  /* TCP at ESTABLISHED: snd_una; pairs both ends across NAT */
	__u32 sequence_remote; /* TCP at ESTABLISHED: rcv_nxt */
	__u8 mechanism;
	__u8 origin;
	__u8 state; /* skc_state */
	__u8 _pad;
	__u16 name_offset;
	__u16 name_len;
	char name[IPCT_NAME_SPACE]; /* unix: path, or NUL + abstract name; as above */
};

/* The actor made a child; thread creation is not reported. */
struct ipct_fork {
	struct ipct_event event;
	__u64 child_start_ns;
	__u32 child_pid;
	__u32 _pad;
};

/* The actor runs a new program. text: file name NUL arguments, each with its NUL. */
struct ipct_exec {
	struct ipct_event event;
	char comm[IPCT_COMM_LEN];
	__u64 cgroup;
	__u32 uid;
	__u16 file_len;
	__u16 text_len;
	char text[IPCT_TEXT_MAX];
};

/* The last thread of the actor's process ends. */
struct ipct_exit {
	struct ipct_event event;
	__s32 status; /* task_struct.exit_code */
	__u32 _pad;
};

/* The actor (or the kernel) generated a signal. */
struct ipct_signal {
	struct ipct_event event;
	__u64 target_start_ns;
	__u32 target_pid;
	__u32 target_tid;
	__s32 signal;
	__s32 code;	/* si_code; IPCT_SIGNAL_* where no siginfo was given */
	__s32 result;	/* enum of the tracepoint: 0 queued, 1 ignored, 2 pending already, … */
	__u8 is_kernel; /* sent by the kernel, not by the actor */
	__u8 is_group;
	__u16 _pad;
};

/* The actor, who has several threads, closed or replaced descriptors first … last. */
struct ipct_descriptor {
	struct ipct_event event;
	__u32 first;
	__u32 last;
};

/* A process that was there before the capture. */
struct ipct_process {
	struct ipct_event event;
	char comm[IPCT_COMM_LEN];
	__u64 cgroup;
	__u64 parent_start_ns;
	__u32 parent_pid;
	__u32 uid;
	__u32 pid_namespace;
	__u8 is_traced; /* in the scope of the capture */
	__u8 is_kernel_thread;
	__u16 _pad;
};

/* Transfers of one endpoint for which the ring had no room, added up; see ipct_transfer. */
struct ipct_aggregate {
	struct ipct_event event; /* time: of the last one */
	struct ipct_key key;
	__u64 peer;
	__u64 operations; /* records that were added up */
	__u64 messages;
	__u64 bytes;
	__u64 copied;
	__u64 wait_ns;
	__u64 first_ns;
	__s32 error; /* -errno of failed operations, 0: they succeeded */
	__u8 mechanism;
	__u8 role;
	__u16 signal; /* SIGNAL: its number; the target's pid and start time are the key */
	struct ipct_address address; /* UDP: of the other end, port 0 if not known */
};

enum ipct_text_kind {
	IPCT_TEXT_EXE = 1,
	IPCT_TEXT_ARGS = 2,   /* each argument with its NUL */
	IPCT_TEXT_CGROUP = 3, /* path of the cgroup */
};

/* What /proc said of the process `event.pid`. */
struct ipct_text {
	struct ipct_event event;
	__u16 kind;
	__u16 text_len;
	char text[IPCT_TEXT_MAX];
	__u32 _pad;
};

#define IPCT_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
#define IPCT_ASSERT_OFFSET(type, member, bytes)                                                    \
	_Static_assert(__builtin_offsetof(struct type, member) == (bytes), #type "." #member)
IPCT_ASSERT_SIZE(ipct_event, 32);
IPCT_ASSERT_SIZE(ipct_key, 16);
IPCT_ASSERT_SIZE(ipct_address, 24);
IPCT_ASSERT_SIZE(ipct_transfer, 120);
IPCT_ASSERT_OFFSET(ipct_transfer, address, 96);
IPCT_ASSERT_OFFSET(ipct_pipe, name, 88);
IPCT_ASSERT_SIZE(ipct_pipe, 600);
IPCT_ASSERT_OFFSET(ipct_socket, name, 168);
IPCT_ASSERT_SIZE(ipct_socket, 680);
IPCT_ASSERT_SIZE(ipct_fork, 48);
IPCT_ASSERT_OFFSET(ipct_exec, text, 64);
IPCT_ASSERT_SIZE(ipct_exit, 40);
IPCT_ASSERT_SIZE(ipct_signal, 64);
IPCT_ASSERT_SIZE(ipct_descriptor, 40);
IPCT_ASSERT_SIZE(ipct_process, 80);
IPCT_ASSERT_SIZE(ipct_aggregate, 136);

#endif
