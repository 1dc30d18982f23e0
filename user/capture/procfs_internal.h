/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the files procfs*.c, and by nobody else. */
#ifndef IPCTRACE_PROCFS_INTERNAL_H
#define IPCTRACE_PROCFS_INTERNAL_H

#include <stdbool.h>
#include <stdio.h>

#include <ipctrace/event.h>

#include "capture/capture.h"

/* `task/` and two numbers: no path that is built here is longer. */
#define PROCFS_PATH_MAX 64
#define PROCFS_NAMESPACE_MAX 64

/* Where records go, and which are wanted. */
struct procfs_out {
	capture_sink sink;
	void *context;
	__u64 mechanisms; /* bit per enum ipct_mechanism */
	__u64 time_ns;	  /* of every record: the snapshot is one moment */
};

__u64 procfs_now_ns(void); /* CLOCK_BOOTTIME */

/* What the sink returned. */
int procfs_emit(const struct procfs_out *out, struct ipct_event *event);
bool procfs_wants(const struct procfs_out *out, enum ipct_mechanism mechanism);

/* Head of a record by this actor; NULL: by nobody. */
struct ipct_event procfs_event(const struct procfs_out *out, const struct ipct_event *actor,
			       __u16 type, __u16 size);

/* Puts a name into a record's field, its end if it is too long. */
void procfs_put_name(const char *bytes, size_t len, char *ret_name, __u16 *ret_len);

/* As the kernel side has device numbers. */
__u64 procfs_device(unsigned int major, unsigned int minor);

/* What /proc/PID/stat says. */
struct procfs_stat {
	char comm[IPCT_COMM_LEN];
	char state;
	bool is_kernel_thread;
	__u32 parent;
	__u32 threads;
	__u32 terminal; /* tty_nr: device number of the controlling terminal */
	__u64 start_ns; /* CLOCK_BOOTTIME, in whole clock ticks */
};

/* /proc/PID as a directory, of one process for as long as it is open. -errno on failure. */
int procfs_open(__u32 pid);

/* 0, or -errno when the process is gone. */
int procfs_read_stat(int process, struct procfs_stat *ret_stat);

/* May the process with these data be the one that started then? */
bool procfs_started_at(const struct procfs_stat *stat, __u64 start_ns);

/*
 * The directory of a thread that still has files and memory, which the leader may have given up
 * before the others. `process` is kept open and may be what is returned; else the caller closes
 * it, too.
 */
int procfs_open_task(int process, const struct procfs_stat *stat);

/* Bytes of a small file, 0 on any failure. Not terminated. */
size_t procfs_read(int process, const char *name, char *text, size_t size);

/* A file to be read line by line; NULL on failure, with errno. */
FILE *procfs_open_lines(int process, const char *name);

/* Inode number of a namespace by its name in /proc/PID/ns; 0: it may not be seen. */
__u64 procfs_namespace(int process, const char *name);

/* A socket that a descriptor names; what it is tell the tables of its network namespace. */
struct procfs_socket_hold {
	struct ipct_event actor;
	__u64 inode;
	__u32 fd;
};

struct procfs_network {
	__u64 inode;
	__u32 *pids; /* who lives in it: any of them shows its tables */
	size_t pids_nr, pids_cap;
};

/* Sockets that were found behind descriptors, and where to look them up. */
struct procfs_sockets {
	struct procfs_socket_hold *holds;
	size_t holds_nr, holds_cap;
	struct procfs_network *networks;
	size_t networks_nr, networks_cap;
	struct procfs_known_socket *known; /* uthash: inode to mechanism */
};

/* 0 or -ENOMEM. */
int procfs_sockets_add(struct procfs_sockets *sockets, const struct ipct_event *actor, __u32 fd,
		       __u64 inode);
int procfs_sockets_add_network(struct procfs_sockets *sockets, __u64 inode, __u32 pid);

/*
 * Reads the tables of the network namespaces and hands out every socket in them, then who holds
 * which. 0, -ENOMEM or what the sink returned.
 */
int procfs_sockets_emit(struct procfs_sockets *sockets, const struct procfs_out *out);
void procfs_sockets_fini(struct procfs_sockets *sockets);

/* A unix socket as the kernel's socket diagnosis tells it. */
struct procfs_unix {
	__u32 inode, peer; /* peer 0: none, or not known */
	__u8 type, state;
	bool has_level;
	__u32 level; /* bytes that wait to be received; of a listener, connections */
	const char *name;
	size_t name_len;
};

typedef int (*procfs_unix_fn)(void *context, const struct procfs_unix *socket);

/*
 * All unix sockets of the network namespace `network` in which `process` lives. 0, what `take`
 * returned, or -errno without access; then `take` may have been called already.
 */
int procfs_diagnose_unix(int process, __u64 network, procfs_unix_fn take, void *context);

/*
 * Hands out an ipct_hold for each descriptor of the process that is a channel, and what it
 * names; keeps sockets for later. 0, -errno of the directory of descriptors, -ENOMEM or what the
 * sink returned.
 */
int procfs_descriptors(int task, const struct ipct_event *actor, const struct procfs_stat *stat,
		       struct procfs_sockets *sockets, const struct procfs_out *out);

#endif
