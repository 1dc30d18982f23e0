/* SPDX-License-Identifier: GPL-2.0-only */
/* What a mechanism does with its records: one file each, one row in mechanism_model.c. */
#ifndef IPCTRACE_MECHANISM_MODEL_H
#define IPCTRACE_MECHANISM_MODEL_H

#include "model/world.h"

/*
 * Tried: a send is reported this much after its receive, at most, by a process that was switched
 * out between the two; 10 ms were too few on a busy host.
 */
#define REPORT_DELAY_NS 250000000ULL

/* The place of a transfer: which way through which channel. */
struct place {
	struct channel *channel; /* NULL: none, e.g. a socket that is not connected */
	uint32_t direction;
};

/* What is kept without a process. */
struct channel_keep {
	struct ipct_key key; /* of a unix socket: that of who bound it; {}: not known */
	enum ipct_mechanism mechanism;
	const char *path; /* of a socket's file or a FIFO */
};

struct mechanism_model {
	enum ipct_mechanism mechanism;
	/*
	 * A transfer whose endpoint has been found out by the caller; the model finds the place
	 * and enters it into the ledger. 0 or -ENOMEM.
	 */
	int (*transfer)(struct world *world, const struct ipct_transfer *transfer, uint32_t process,
			bool is_doubtful, struct place *ret_place);
	/* Operations that were only added up. */
	int (*aggregate)(struct world *world, const struct ipct_aggregate *aggregate,
			 uint32_t process);
	/* An ipct_object of this mechanism; NULL: it has records of its own. */
	int (*describe)(struct world *world, const struct ipct_object *object);
	/* The channel that exists for this key, or NULL; NULL: no descriptor names its channels. */
	struct channel *(*find)(const struct world *world, const struct ipct_key *key);
	/*
	 * The channel of what is left at the end, made if nobody used it; none where nobody can
	 * tell which it is. 0 or -ENOMEM. NULL: nothing is left of it.
	 */
	int (*keep)(struct world *world, const struct channel_keep *keep,
		    struct channel **ret_channel);
};

/* NULL: the mechanism has no transfers. */
const struct mechanism_model *mechanism_model_find(enum ipct_mechanism mechanism);

extern const struct mechanism_model model_pipe, model_fifo;
extern const struct mechanism_model model_unix_stream, model_unix_dgram, model_unix_seqpacket;
extern const struct mechanism_model model_tcp, model_udp, model_vsock;
extern const struct mechanism_model model_pty, model_netlink, model_eventfd;
extern const struct mechanism_model model_posix_mq, model_sysv_msg;
extern const struct mechanism_model model_sysv_sem, model_futex, model_file_lock;
extern const struct mechanism_model model_sysv_shm, model_posix_shm, model_memfd;
extern const struct mechanism_model model_shared_mapping;
extern const struct mechanism_model model_process_vm;

/* Descriptions of objects, by the type of their record. */
int model_pipe_describe(struct world *world, const struct ipct_pipe *pipe);
void model_pipe_fini(struct world *world);
int model_socket_describe(struct world *world, const struct ipct_socket *socket);
int model_unix_finish(struct world *world);
void model_unix_fini(struct world *world);
int model_tcp_finish(struct world *world);
int model_signal_apply(struct world *world, const struct ipct_signal *signal);
extern const struct mechanism_model model_signal;
void model_signal_fini(struct world *world);
void model_queue_fini(struct world *world);
int model_sync_apply(struct world *world, const struct ipct_sync *sync);
/* The process is gone: what it held back with SEM_UNDO is given. */
int model_sync_exit(struct world *world, const struct ipct_exit *exit);
int model_sync_finish(struct world *world);
void model_sync_fini(struct world *world);
int model_memory_apply(struct world *world, const struct ipct_mapping *mapping);
int model_memory_link(struct world *world, const struct ipct_link *link);
int model_memory_fork(struct world *world, const struct ipct_fork *fork);
int model_memory_exec(struct world *world, const struct ipct_event *event);
int model_memory_exit(struct world *world, const struct ipct_event *event);
int model_memory_finish(struct world *world);
void model_memory_fini(struct world *world);
void model_pty_fini(struct world *world);
void model_eventfd_fini(struct world *world);
int model_netlink_describe(struct world *world, const struct ipct_socket *socket);
int model_netlink_finish(struct world *world);
int model_vsock_finish(struct world *world);
void model_vsock_fini(struct world *world);
void model_netlink_fini(struct world *world);
int model_pass_apply(struct world *world, const struct ipct_pass *pass);
/* What waits in a unix socket at the start may carry descriptors. 0 or -ENOMEM. */
int model_pass_level(struct world *world, const struct ipct_socket *socket);
int model_pass_finish(struct world *world);
void model_pass_fini(struct world *world);
int model_access_apply(struct world *world, const struct ipct_access *access);
void model_access_fini(struct world *world);

/* The channel that is known by this key; NULL: none is. Borrowed from the world. */
struct channel *mechanism_model_channel(const struct world *world, enum ipct_mechanism mechanism,
					const struct ipct_key *key);
struct channel *model_pipe_find(const struct world *world, const struct ipct_key *key);
struct channel *model_socket_find(const struct world *world, const struct ipct_key *key);

/* Helpers that the models share. */

/* Of a mechanism that has none: the record makes no sense. */
int model_no_transfer(struct world *world, const struct ipct_transfer *transfer, uint32_t process,
		      bool is_doubtful, struct place *ret_place);
int model_no_aggregate(struct world *world, const struct ipct_aggregate *aggregate,
		       uint32_t process);

/* Counts the operation at its endpoint. */
int model_count(struct channel *channel, const struct ipct_transfer *transfer, uint32_t process,
		uint64_t messages);
int model_count_total(struct channel *channel, const struct ipct_aggregate *aggregate,
		      uint32_t process, uint64_t messages);

/* Enters a transfer into a byte stream's ledger, and what a failed one tells. */
int model_stream_transfer(struct direction *direction, const struct ipct_transfer *transfer,
			  uint32_t process, bool is_doubtful);
int model_stream_total(struct direction *direction, const struct ipct_aggregate *aggregate,
		       uint32_t process);

#endif
