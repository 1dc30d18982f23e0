/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets, from the tables of their network namespaces, and who holds them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <uthash.h>

#include "capture/procfs_internal.h"

#define STATE_ESTABLISHED 1 /* skc_state, also of unix sockets */
#define STATE_CLOSE 7
#define UNIX_FLAG_LISTENS 0x10000 /* __SO_ACCEPTCON */
#define UNIX_STATE_CONNECTED 3	  /* SS_CONNECTED */
#define ADDRESS_HEX_MAX 64
#define PROTOCOL_NAME_MAX 64

struct procfs_known_socket {
	__u64 inode;
	__u8 mechanism;
	UT_hash_handle hh;
};

/* One table that is read. */
struct table {
	struct procfs_sockets *sockets;
	const struct procfs_out *out;
	__u64 network;
};

static void *room_for_one(void *array, size_t nr, size_t *cap, size_t size)
{
	size_t wanted = *cap ? *cap * 2 : 64;
	void *grown;

	if (nr < *cap)
		return array;
	grown = reallocarray(array, wanted, size);
	if (grown)
		*cap = wanted;
	return grown;
}

int procfs_sockets_add(struct procfs_sockets *sockets, const struct ipct_event *actor, __u32 fd,
		       __u64 inode)
{
	struct procfs_socket_hold *holds = room_for_one(sockets->holds, sockets->holds_nr,
							&sockets->holds_cap, sizeof(*holds));

	if (!holds)
		return -ENOMEM;
	sockets->holds = holds;
	holds[sockets->holds_nr++] =
		(struct procfs_socket_hold){ .actor = *actor, .inode = inode, .fd = fd };
	return 0;
}

static struct procfs_network *network_get(struct procfs_sockets *sockets, __u64 inode)
{
	struct procfs_network *networks;

	for (size_t i = 0; i < sockets->networks_nr; i++)
		if (sockets->networks[i].inode == inode)
			return &sockets->networks[i];
	networks = room_for_one(sockets->networks, sockets->networks_nr, &sockets->networks_cap,
				sizeof(*networks));
	if (!networks)
		return NULL;
	sockets->networks = networks;
	networks += sockets->networks_nr++;
	*networks = (struct procfs_network){ .inode = inode };
	return networks;
}

int procfs_sockets_add_network(struct procfs_sockets *sockets, __u64 inode, __u32 pid)
{
	struct procfs_network *network = inode ? network_get(sockets, inode) : NULL;
	__u32 *pids;

	if (!network)
		return inode ? -ENOMEM : 0;
	pids = room_for_one(network->pids, network->pids_nr, &network->pids_cap, sizeof(*pids));
	if (!pids)
		return -ENOMEM;
	network->pids = pids;
	pids[network->pids_nr++] = pid;
	return 0;
}

void procfs_sockets_fini(struct procfs_sockets *sockets)
{
	struct procfs_known_socket *known, *next;

	HASH_ITER (hh, sockets->known, known, next) {
		HASH_DEL(sockets->known, known);
		free(known);
	}
	for (size_t i = 0; i < sockets->networks_nr; i++)
		free(sockets->networks[i].pids);
	free(sockets->networks);
	free(sockets->holds);
}

/* Sockets ---------------------------------------------------------------------------------- */

static int socket_remember(struct procfs_sockets *sockets, __u64 inode, __u8 mechanism)
{
	struct procfs_known_socket *known;

	HASH_FIND(hh, sockets->known, &inode, sizeof(inode), known);
	if (!known) {
		known = calloc(1, sizeof(*known));
		if (!known)
			return -ENOMEM;
		known->inode = inode;
		HASH_ADD(hh, sockets->known, inode, sizeof(known->inode), known);
	}
	known->mechanism = mechanism;
	return 0;
}

/* Its inode is all that tells a socket; it stands twice, since /proc hides the address. */
static struct ipct_key socket_key(__u64 inode)
{
	return (struct ipct_key){ .inode = inode, .object = inode };
}

static struct ipct_socket socket_new(const struct table *table, __u64 inode, __u8 mechanism)
{
	return (struct ipct_socket){
		.event = procfs_event(table->out, NULL, IPCT_EVENT_SOCKET,
				      sizeof(struct ipct_socket)),
		.key = socket_key(inode),
		.queued_bytes = IPCT_LEVEL_UNKNOWN,
		.network = table->network,
		.mechanism = mechanism,
		.origin = IPCT_ORIGIN_START,
	};
}

/* A socket with inode 0 is nobody's: its last descriptor is closed, or not made yet. */
static int socket_emit(const struct table *table, struct ipct_socket *socket)
{
	int err;

	if (!socket->key.inode || !procfs_wants(table->out, socket->mechanism))
		return 0;
	err = socket_remember(table->sockets, socket->key.inode, socket->mechanism);
	return err ? err : procfs_emit(table->out, &socket->event);
}

/* Unix --------------------------------------------------------------------------------------- */

static __u8 unix_mechanism(unsigned int type)
{
	switch (type) {
	case SOCK_STREAM:
		return IPCT_UNIX_STREAM;
	case SOCK_DGRAM:
		return IPCT_UNIX_DGRAM;
	default:
		return IPCT_UNIX_SEQPACKET;
	}
}

/* Of a datagram socket the kernel tells the length of the first message only. */
static int unix_take(void *context, const struct procfs_unix *found)
{
	const struct table *table = context;
	struct ipct_socket socket = socket_new(table, found->inode, unix_mechanism(found->type));

	if (found->peer)
		socket.peer = socket_key(found->peer);
	if (found->has_level && found->state != IPCT_STATE_LISTEN && found->type != SOCK_DGRAM)
		socket.queued_bytes = found->level;
	socket.state = found->state;
	procfs_put_name(found->name, found->name_len, socket.name, &socket.name_len);
	return socket_emit(table, &socket);
}

/*
 * `Num RefCount Protocol Flags Type St Inode Path`: where sockets cannot be diagnosed. No peers,
 * and a name with a newline in it may look like another line.
 */
static int unix_line_take(const struct table *table, char *line)
{
	unsigned int flags, type, state;
	unsigned long long inode;
	struct procfs_unix found = {};
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%*x: %*x %*x %x %x %x %llu%n", &flags, &type, &state, &inode, &at) != 4)
		return 0;
	found.inode = inode;
	found.type = type;
	found.state = flags & UNIX_FLAG_LISTENS	    ? IPCT_STATE_LISTEN :
		      state == UNIX_STATE_CONNECTED ? STATE_ESTABLISHED :
						      STATE_CLOSE;
	found.name = line + at + (line[at] == ' ');
	found.name_len = strlen(found.name);
	return unix_take((void *)table, &found);
}

/* Internet ----------------------------------------------------------------------------------- */

/* `0100007F:0016`, words in the byte order of the machine. */
static bool address_parse(const char *text, struct ipct_address *ret_address)
{
	const char *colon = strchr(text, ':');
	size_t words = colon ? (colon - text) / 8 : 0;
	struct ipct_address address = {};
	char word[9] = "";

	if (!colon || (words != 1 && words != 4))
		return false;
	address.family = words == 1 ? AF_INET : AF_INET6;
	if (words == 1)
		address.ip[10] = address.ip[11] = 0xff;
	for (size_t i = 0; i < words; i++) {
		__u32 value;

		memcpy(word, text + 8 * i, 8);
		value = strtoul(word, NULL, 16);
		memcpy(address.ip + sizeof(address.ip) - 4 * (words - i), &value, sizeof(value));
	}
	address.port = strtoul(colon + 1, NULL, 16);
	*ret_address = address;
	return true;
}

/* `sl local remote st tx:rx tr:when retransmits uid timeout inode …` */
static int inet_line_take(const struct table *table, const char *line, __u8 mechanism)
{
	char local[ADDRESS_HEX_MAX], remote[ADDRESS_HEX_MAX];
	unsigned int state, received;
	unsigned long long inode;
	struct ipct_socket socket;

	if (sscanf(line, "%*d: %63s %63s %x %*x:%x %*x:%*x %*x %*u %*u %llu", local, remote, &state,
		   &received, &inode) != 5)
		return 0;
	socket = socket_new(table, inode, mechanism);
	if (!address_parse(local, &socket.local) || !address_parse(remote, &socket.remote))
		return 0;
	socket.state = state;
	/* of UDP it is the memory of what waits, of a listener the number of connections */
	if (mechanism == IPCT_TCP && state != IPCT_STATE_LISTEN)
		socket.queued_bytes = received;
	return socket_emit(table, &socket);
}

static int tcp_line_take(const struct table *table, char *line)
{
	return inet_line_take(table, line, IPCT_TCP);
}

static int udp_line_take(const struct table *table, char *line)
{
	return inet_line_take(table, line, IPCT_UDP);
}

/* `sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode`; Eth is the protocol, Pid the port. */
static int netlink_line_take(const struct table *table, char *line)
{
	unsigned int protocol, port;
	unsigned long long inode;
	struct ipct_socket socket;

	if (sscanf(line, "%*x %u %u %*x %*d %*d %*d %*d %*d %llu", &protocol, &port, &inode) != 3)
		return 0;
	socket = socket_new(table, inode, IPCT_NETLINK);
	socket.sequence_local = port;
	socket.sequence_remote = protocol;
	return socket_emit(table, &socket);
}

/* Tables ------------------------------------------------------------------------------------- */

typedef int (*line_fn)(const struct table *table, char *line);

/* A table that is missing has no rows: the kernel may be without IPv6. */
static int lines_take(const struct table *table, int process, const char *name, line_fn take)
{
	FILE *lines = procfs_open_lines(process, name);
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	while (lines && !err && getline(&line, &size, lines) >= 0)
		err = take(table, line); /* the titles are no row */
	free(line);
	if (lines)
		fclose(lines);
	return err;
}

static bool wants_any(const struct procfs_out *out, __u64 mechanisms)
{
	return out->mechanisms & mechanisms;
}

static int unix_read(struct table *table, int process)
{
	int err = procfs_diagnose_unix(process, table->network, unix_take, table);

	return err && err != -ENOMEM ? lines_take(table, process, "net/unix", unix_line_take) : err;
}

static int network_read(struct table *table, int process)
{
	static const struct {
		const char *name;
		enum ipct_mechanism mechanism;
		line_fn take;
	} files[] = {
		{ "net/tcp", IPCT_TCP, tcp_line_take },
		{ "net/tcp6", IPCT_TCP, tcp_line_take },
		{ "net/udp", IPCT_UDP, udp_line_take },
		{ "net/udp6", IPCT_UDP, udp_line_take },
		{ "net/netlink", IPCT_NETLINK, netlink_line_take },
	};
	int err = 0;

	if (wants_any(table->out, 1ULL << IPCT_UNIX_STREAM | 1ULL << IPCT_UNIX_DGRAM |
					  1ULL << IPCT_UNIX_SEQPACKET))
		err = unix_read(table, process);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && !err; i++)
		if (procfs_wants(table->out, files[i].mechanism))
			err = lines_take(table, process, files[i].name, files[i].take);
	return err;
}

/* Through the first of those who live in it and are there still. */
static int network_emit(struct procfs_sockets *sockets, const struct procfs_out *out,
			const struct procfs_network *network)
{
	struct table table = { .sockets = sockets, .out = out, .network = network->inode };

	for (size_t i = 0; i < network->pids_nr; i++) {
		int process = procfs_open(network->pids[i]), err;

		if (process < 0)
			continue;
		if (procfs_namespace(process, "net") == network->inode) {
			err = network_read(&table, process);
			close(process);
			return err;
		}
		close(process);
	}
	return 0;
}

/* Holders ------------------------------------------------------------------------------------ */

/* A socket that no table has (unbound, or of another namespace) tells its protocol's name. */
static __u8 protocol_mechanism(const char *name)
{
	static const struct {
		const char *name;
		__u8 mechanism;
	} protocols[] = {
		{ "UNIX-STREAM", IPCT_UNIX_STREAM },
		{ "TCP", IPCT_TCP },
		{ "TCPv6", IPCT_TCP },
		{ "UDP", IPCT_UDP },
		{ "UDPv6", IPCT_UDP },
		{ "NETLINK", IPCT_NETLINK },
		{ "AF_VSOCK", IPCT_VSOCK },
	};

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (!strcmp(name, protocols[i].name))
			return protocols[i].mechanism;
	return IPCT_MECHANISM_NONE;
}

static __u8 descriptor_mechanism(const struct procfs_socket_hold *hold)
{
	char path[PROCFS_PATH_MAX], link[PROCFS_PATH_MAX + 1], name[PROTOCOL_NAME_MAX + 1];
	unsigned long long inode;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%u/fd/%u", hold->actor.pid, hold->fd);
	len = getxattr(path, "system.sockprotoname", name, PROTOCOL_NAME_MAX);
	if (len <= 0)
		return IPCT_MECHANISM_NONE;
	name[len] = '\0';
	len = readlink(path, link, PROCFS_PATH_MAX);
	if (len <= 0)
		return IPCT_MECHANISM_NONE;
	link[len] = '\0';
	return sscanf(link, "socket:[%llu]", &inode) == 1 && inode == hold->inode ?
		       protocol_mechanism(name) :
		       IPCT_MECHANISM_NONE;
}

static int hold_emit(struct table *table, const struct procfs_socket_hold *held)
{
	struct ipct_hold hold = {
		.event = procfs_event(table->out, &held->actor, IPCT_EVENT_HOLD, sizeof(hold)),
		.key = socket_key(held->inode),
		.fd = held->fd,
		.flags = IPCT_HOLD_READ | IPCT_HOLD_WRITE,
	};
	struct procfs_known_socket *known;
	struct ipct_socket socket;
	int err;

	HASH_FIND(hh, table->sockets->known, &held->inode, sizeof(held->inode), known);
	hold.mechanism = known ? known->mechanism : descriptor_mechanism(held);
	if (!hold.mechanism || !procfs_wants(table->out, hold.mechanism))
		return 0;
	if (!known) {
		socket = socket_new(table, held->inode, hold.mechanism);
		socket.state = STATE_CLOSE;
		err = socket_emit(table, &socket);
		if (err)
			return err;
	}
	return procfs_emit(table->out, &hold.event);
}

int procfs_sockets_emit(struct procfs_sockets *sockets, const struct procfs_out *out)
{
	struct table nowhere = { .sockets = sockets, .out = out };
	int err = 0;

	for (size_t i = 0; i < sockets->networks_nr && !err; i++)
		err = network_emit(sockets, out, &sockets->networks[i]);
	for (size_t i = 0; i < sockets->holds_nr && !err; i++)
		err = hold_emit(&nowhere, &sockets->holds[i]);
	return err;
}
