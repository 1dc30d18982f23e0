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
#define IPCT_CPUS_MAX 8192		    /* no machine has more */

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
 * soon as the socket is gone. SysV queues and semaphores: id, and ipc namespace with their kind
 * (1: semaphores, 2: messages) in the high half. Memory, SysV segments too, and locked files:
 * inode, and device with the inode's generation in the high half. eventfd: id and address of
 * its context. pty: index + 1 and address of the master's tty_struct. POSIX mq: inode, device.
 */
struct ipct_key {
	__u64 inode;
	__u64 object;
};

struct ipct_address {
	__u16 family; /* AF_INET, AF_INET6, AF_VSOCK; 0: none */
	__u16 port;   /* host byte order */
	__u32 scope;  /* bound interface of a link-local address; vsock: the port */
	__u8 ip[16];  /* IPv4 as ::ffff:a.b.c.d; vsock: cid in the first four */
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
	IPCT_TRANSFER_URING = 1 << 9,	   /* done by io_uring, not by a system call */
	IPCT_TRANSFER_RAW = 1 << 10,	   /* pty: the line discipline changes nothing */
	IPCT_TRANSFER_CUT =
		1 << 15, /* SysV queue: the message may have been longer (MSG_NOERROR) */
	IPCT_TRANSFER_SEMAPHORE = 1 << 11, /* eventfd in semaphore mode: a read takes one unit */
};

/*
 * One system call (one message of it: sendmmsg and recvmmsg make a record each) on a channel.
 * Failed calls are recorded too: they say who waits and when a channel was empty.
 */
struct ipct_transfer {
	struct ipct_event event;
	struct ipct_key key;
	/*
	 * struct sock at the other end, where the hook names it, else 0. Netlink, receive: port
	 * id of the sender; pty: tty_struct of the other end, that in the key if it is the slave's.
	 */
	__u64 peer;
	/*
	 * After the call, see enum ipct_model and bpf/README.md; a queue: the type or priority
	 * of the message; eventfd: the value that was written or read; signal: its number.
	 */
	__u64 position;
	__u64 wait_ns; /* off the CPU inside this call */
	__s64 result;  /* bytes taken from or put into the channel, or -errno */
	__u32 copied;  /* bytes that reached the caller: less than result with MSG_TRUNC */
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
	IPCT_ORIGIN_FLUSH = 7,	   /* pty: what waited in it was thrown away */
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

#define IPCT_STATE_LISTEN 10 /* skc_state: TCP_LISTEN, also of unix sockets and vsock */

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
	__u32 network; /* inode number of its network namespace */
	/* TCP at ESTABLISHED: snd_una; pairs both ends across NAT. Netlink: port id */
	__u32 sequence_local;
	__u32 sequence_remote; /* TCP at ESTABLISHED: rcv_nxt. Netlink: protocol */
	__u8 mechanism;
	__u8 origin;
	__u8 state;	    /* skc_state */
	__u8 queued_passes; /* unix: of the waiting messages, those with descriptors; 255: more */
	__u16 name_offset;
	__u16 name_len;
	char name[IPCT_NAME_SPACE]; /* unix: path, or NUL + abstract name; as above */
};

enum ipct_fork_flags {
	IPCT_FORK_SAME_MEMORY = 1 << 0, /* vfork, CLONE_VM: in its parent's memory until it execs */
};

/* The actor made a child; thread creation is not reported. */
struct ipct_fork {
	struct ipct_event event;
	__u64 child_start_ns;
	__u32 child_pid;
	__u32 flags; /* enum ipct_fork_flags */
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
	/* SIGNAL: its number; the target's pid and start time are the key. PTY: 1: not raw */
	__u16 signal; /* SIGNAL: its number; the target's pid and start time are the key */
	/*
	 * UDP: of the other end, port 0 if not known. SYNC records: `port` their flags, `scope` the
	 * waker's pid, `ip` the offset (`peer` is the waker's start time, `signal` the unit,
	 * `bytes` the sum of the amounts).
	 */
	struct ipct_address address;
	__u64 values; /* eventfd: sum of what was written or read */
};

/* Description of an object that is neither a pipe nor a socket, and what is in it. */
struct ipct_object {
	struct ipct_event event;
	struct ipct_key key;
	/*
	 * Memory: bytes of the object; pty: bytes that wait for the master; queue: the type, or
	 * priority + 1, of the messages of one size that this record counts, behind one with 0
	 * that counts all at the same time
	 */
	__u64 size;
	/* queues; eventfd: its value; pty: for the slave; IPCT_LEVEL_UNKNOWN: not measured */
	__u64 queued_bytes;
	__u32 queued_messages; /* queues */
	__u32 id;	       /* SysV id; index of a pty, id of an eventfd */
	__u32 ipc_key;	       /* SysV: key_t, 0: IPC_PRIVATE */
	__u32 name_space;      /* inode number of the ipc namespace, where there is one */
	__u8 mechanism;
	__u8 origin; /* enum ipct_origin */
	__u16 name_offset;
	__u16 name_len;
	__u16 _pad;
	char name[IPCT_NAME_SPACE]; /* as in ipct_pipe: path, name of a queue or memfd */
};

enum ipct_mapping_kind {
	IPCT_MAPPING_MAP = 1,
	/* no key: whatever was mapped in the range; shmdt: `end` is `start`, a whole segment */
	IPCT_MAPPING_UNMAP = 2,
	IPCT_MAPPING_PROTECT = 3, /* new rights for what is mapped in the range; no key */
	IPCT_MAPPING_MOVE = 4,	  /* mremap: `offset` is the old start, `old_len` its length */
	IPCT_MAPPING_ADVISE = 5, /* madvise: from now on IPCT_MAPPING_NO_FORK of `rights`, or not */
};

enum ipct_mapping_rights {
	IPCT_MAPPING_READ = 1 << 0,
	IPCT_MAPPING_WRITE = 1 << 1,
	IPCT_MAPPING_NO_FORK = 1 << 2, /* a child does not inherit it */
};

/* The actor mapped shared memory, or changed that. */
struct ipct_mapping {
	struct ipct_event event;
	struct ipct_key key;
	__u64 start; /* user addresses */
	__u64 end;
	__u64 offset; /* in the object, bytes */
	__u64 old_len;
	__u8 mechanism;
	__u8 kind;   /* enum ipct_mapping_kind */
	__u8 rights; /* enum ipct_mapping_rights */
	__u8 origin; /* START, END: of a snapshot */
	__u32 _pad;
};

enum ipct_sync_flags {
	IPCT_SYNC_UNDO = 1 << 0,    /* SEM_UNDO: given back when the actor exits */
	IPCT_SYNC_SET = 1 << 1,	    /* SETVAL, SETALL: the value is `amount` now */
	IPCT_SYNC_BLOCKED = 1 << 2, /* the wait blocked before it ended */
	IPCT_SYNC_USER = 1 << 3,    /* seen by a uprobe: it need not have entered the kernel */
	IPCT_SYNC_EXITING = 1 << 4, /* the waker was about to exit: it makes no record of a post */
	IPCT_SYNC_LAST = 1 << 5,    /* SysV: no other process has operated on the unit since */
	IPCT_SYNC_SEVERAL = 1 << 6, /* SysV: the call had other operations, for which it may have
				       waited */
	IPCT_SYNC_MUTEX = 1 << 7, /* of a mutex, not of a semaphore; with SYNC_USER; with SYNC_SET:
				     it was made now; with SYNC_EXITING: its owner had died */
};

/*
 * A post, wake or unlock (role POST), or a wait or lock that ended (role WAIT). A POST that
 * nobody made (pid 0, SET): the value that a semaphore had before the capture saw it used.
 */
struct ipct_sync {
	struct ipct_event event;
	struct ipct_key key;  /* semaphore set, memory that holds the futex, locked file */
	__u64 offset;	      /* futex: of the word in the memory */
	__u64 waker_start_ns; /* WAIT: who ended it, if the kernel was seen doing it */
	__u64 wait_ns;
	__u32 waker_pid; /* 0: not known */
	__u32 unit;	 /* SysV: number of the semaphore in its set */
	__s32 amount;	 /* POST: units added, tasks woken; WAIT: units taken, 0: waited for zero */
	__s32 result;	 /* 0 or -errno */
	__u16 flags;	 /* enum ipct_sync_flags */
	__u8 mechanism;
	__u8 role;
	__s16 syscall;
	__u16 _pad;
};

enum ipct_pass_kind {
	IPCT_PASS_SEND = 1,    /* the actor sent descriptors through the socket `key` */
	IPCT_PASS_RECEIVE = 2, /* it received one of `count` through `key`, sent by `peer` */
	IPCT_PASS_TAKE = 3,    /* pidfd_getfd: it took one from the process `source_pid` */
	IPCT_PASS_DROP = 4,    /* of `count` in a message, it received only the first `index` */
};

/* A descriptor went from process to process. */
struct ipct_pass {
	struct ipct_event event;
	struct ipct_key key;	/* carrier: the actor's socket */
	struct ipct_key passed; /* what it names, where that is a channel */
	__u64 peer;		/* RECEIVE: struct sock that sent */
	__u64 source_start_ns;	/* TAKE */
	__u32 source_pid;
	__u16 count;	       /* descriptors in the message */
	__u16 index;	       /* of this one */
	__u8 kind;	       /* enum ipct_pass_kind */
	__u8 mechanism;	       /* of the carrier */
	__u8 passed_mechanism; /* IPCT_MECHANISM_NONE: another kind of file */
	__u8 _pad[5];
};

enum ipct_access_kind {
	IPCT_ACCESS_READ = 1,	 /* data went from the target to the actor */
	IPCT_ACCESS_WRITE = 2,	 /* from the actor to the target */
	IPCT_ACCESS_CONTROL = 3, /* ptrace: the actor controls the target */
};

/* The actor read, wrote or controlled another process. */
struct ipct_access {
	struct ipct_event event;
	__u64 target_start_ns;
	__u32 target_pid; /* 0: gone already */
	__u32 request;	  /* ptrace request */
	__u64 bytes;
	__s32 result; /* 0 or -errno */
	__u8 kind;    /* enum ipct_access_kind */
	__u8 _pad[3];
};

/* The actor gave a file of /dev/shm another name: sem_open() maps before it does. Paths as given.
 */
struct ipct_link {
	struct ipct_event event;
	__u16 old_len;
	__u16 new_len;
	__u32 _pad;
	char old_path[IPCT_NAME_MAX]; /* old_len bytes, no NUL */
	char new_path[IPCT_NAME_MAX];
};

enum ipct_hold_flags {
	IPCT_HOLD_READ = 1 << 0,   /* the descriptor is open for reading */
	IPCT_HOLD_WRITE = 1 << 1,  /* for writing */
	IPCT_HOLD_MASTER = 1 << 2, /* pty: it is the master's end */
};

/* The actor holds a descriptor of the channel (`ipctrace snapshot`). */
struct ipct_hold {
	struct ipct_event event;
	struct ipct_key key;
	__u32 fd;
	__u8 mechanism;
	__u8 flags; /* enum ipct_hold_flags */
	__u16 _pad;
};

enum ipct_text_kind {
	IPCT_TEXT_EXE = 1,
	IPCT_TEXT_ARGS = 2,   /* each argument with its NUL */
	IPCT_TEXT_CGROUP = 3, /* path of the cgroup */
	IPCT_TEXT_TITLE = 4,  /* the arguments now: written over since it was forked or ran */
};

/* What /proc said of the process `event.pid`. */
struct ipct_text {
	struct ipct_event event;
	__u16 kind;
	__u16 text_len;
	char text[IPCT_TEXT_MAX];
	__u32 _pad;
};

/* At the end, the recorder was on this CPU: what was before is in the stream before this. */
struct ipct_barrier {
	struct ipct_event event; /* no actor */
	__u32 cpu;
	__u32 _pad;
};

/* The actor made a file that outlives it: it bound a unix socket to a path, or made a FIFO. */
struct ipct_made {
	struct ipct_event event;
	struct ipct_key key;   /* of the socket; of a FIFO none is known */
	__u64 inode;	       /* unix: number of the file */
	__u32 mount_namespace; /* inode number; where `name` leads to the file; 0: nowhere */
	__u8 mechanism;
	__u8 _pad;
	__u16 name_offset; /* the path, as in ipct_pipe; none: it was too long */
	__u16 name_len;
	__u16 _pad2[3];
	char name[IPCT_NAME_SPACE];
};

enum ipct_standing_kind {
	IPCT_STANDING_THERE = 1,
	IPCT_STANDING_GONE = 2,	   /* looked for in vain */
	IPCT_STANDING_UNKNOWN = 3, /* nobody could look for it */
	IPCT_STANDING_LISTED = 4,  /* no key: whatever is in this space has been told */
};

/* An object that needs no process to exist, at the start or the end of the capture. */
struct ipct_standing {
	struct ipct_event event; /* actor: who made the file; LISTED: the time before it began */
	__u64 made_ns;		 /* the file; else 0 */
	/* as in descriptions, but posix-shm: without a generation */
	struct ipct_key key;
	/* namespace of ipc, mounts (files); posix-mq, -shm: device. LISTED, no mechanism: all */
	__u32 space;
	__u8 mechanism;
	__u8 kind;   /* enum ipct_standing_kind */
	__u8 origin; /* START, END */
	__u8 _pad;
	__u16 name_offset; /* unix, FIFO: the path */
	__u16 name_len;
	__u32 _pad2;
	char name[IPCT_NAME_SPACE];
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
IPCT_ASSERT_OFFSET(ipct_aggregate, values, 136);
IPCT_ASSERT_SIZE(ipct_aggregate, 144);
IPCT_ASSERT_OFFSET(ipct_object, name, 88);
IPCT_ASSERT_SIZE(ipct_object, 600);
IPCT_ASSERT_SIZE(ipct_mapping, 88);
IPCT_ASSERT_SIZE(ipct_sync, 96);
IPCT_ASSERT_SIZE(ipct_pass, 96);
IPCT_ASSERT_SIZE(ipct_access, 64);
IPCT_ASSERT_SIZE(ipct_hold, 56);
IPCT_ASSERT_SIZE(ipct_link, 552);
IPCT_ASSERT_SIZE(ipct_barrier, 40);
IPCT_ASSERT_OFFSET(ipct_made, name, 72);
IPCT_ASSERT_SIZE(ipct_made, 584);
IPCT_ASSERT_OFFSET(ipct_standing, name, 72);
IPCT_ASSERT_SIZE(ipct_standing, 584);

#endif
