/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink from process to process. What is said to the kernel and what it answers is no IPC.
 * A channel is a socket that receives. The sockets are the parent's, so their port numbers say
 * nothing about the processes that use them.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "message.h"
#include "payload.h"
#include "process.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define NETLINK_MAX_SIZE 32768 /* fits into the buffers of any socket */
#define NETLINK_MAX_PROCESSES 64
#define NETLINK_GROUP 7

struct port {
	int fd;
	unsigned int number;
	unsigned int channel; /* of what it receives */
};

struct ports {
	struct port server;
	struct port clients[NETLINK_MAX_PROCESSES];
	struct gate gate;
};

static struct port port_open(struct run *run, unsigned int groups)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = groups };
	socklen_t len = sizeof(address);
	struct port port;

	port.fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	if (port.fd < 0 && (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT))
		try_skip("no NETLINK_USERSOCK");
	TRY(port.fd);
	if (bind(port.fd, (struct sockaddr *)&address, len) < 0) {
		if (groups && errno == EPERM)
			try_skip("no right to join a netlink group");
		TRY(-1);
	}
	TRY(getsockname(port.fd, (struct sockaddr *)&address, &len));
	port.number = address.nl_pid;
	port.channel = truth_add_channel(run->truth, "netlink", "", 0);
	return port;
}

static void port_connect(const struct port *port, const struct port *to)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_pid = to->number };

	TRY(connect(port->fd, (struct sockaddr *)&address, sizeof(address)));
}

static size_t netlink_size(const struct run *run)
{
	return run->options.size < NETLINK_MAX_SIZE ? run->options.size : NETLINK_MAX_SIZE;
}

static ssize_t netlink_sendto(struct run *run, const struct port *from, unsigned int port,
			      unsigned int groups)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
				       .nl_pid = port,
				       .nl_groups = groups };
	const size_t size = netlink_size(run);
	char *buf = payload_alloc(size);
	ssize_t nr;

	payload_fill(run, buf, size);
	nr = sendto(from->fd, buf, size, 0, (struct sockaddr *)&address, sizeof(address));
	free(buf);
	return nr;
}

static void netlink_send(struct run *run, const struct port *from, const struct port *to)
{
	ENSURE(TRY(netlink_sendto(run, from, to->number, 0)) == (ssize_t)netlink_size(run));
	truth_count_sent(run->truth, to->channel, 1, netlink_size(run));
}

/* One message; it must be from the port that is said to have sent it. */
static void netlink_receive_from(struct run *run, const struct port *port, unsigned int number)
{
	struct sockaddr_nl address = { 0 };
	socklen_t len = sizeof(address);
	const size_t size = netlink_size(run);
	char *buf = payload_alloc(size);

	ENSURE(TRY(recvfrom(port->fd, buf, size, 0, (struct sockaddr *)&address, &len)) ==
	       (ssize_t)size);
	ENSURE(address.nl_pid == number);
	payload_count(run, port->channel, buf, size);
	free(buf);
}

static void netlink_answer_body(struct run *run, const void *arg)
{
	const struct ports *ports = arg;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		netlink_receive_from(run, &ports->server, ports->clients[0].number);
		netlink_send(run, &ports->server, &ports->clients[0]);
	}
}

static void netlink_ask(struct run *run, const struct ports *ports)
{
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		netlink_send(run, &ports->clients[0], &ports->server);
		netlink_receive_from(run, &ports->clients[0], ports->server.number);
	}
}

static void netlink_run_ping_pong(struct run *run)
{
	struct ports ports = { .server = port_open(run, 0) };

	ports.clients[0] = port_open(run, 0);
	(void)process_start(run, netlink_answer_body, &ports);
	netlink_ask(run, &ports);
	process_wait_all();
}

static void netlink_receive_body(struct run *run, const void *arg)
{
	const struct ports *ports = arg;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		message_receive(run, ports->server.fd, ports->server.channel, netlink_size(run));
}

/* No address at either end, just send() and recv(). A full socket makes the sender wait. */
static void netlink_run_connected(struct run *run)
{
	struct ports ports = { .server = port_open(run, 0) };
	unsigned int i;

	ports.clients[0] = port_open(run, 0);
	port_connect(&ports.clients[0], &ports.server);
	(void)process_start(run, netlink_receive_body, &ports);
	for (i = 0; i < run->options.messages; i++)
		message_send(run, ports.clients[0].fd, ports.server.channel, netlink_size(run));
	process_wait_all();
}

static void netlink_send_body(struct run *run, const void *arg)
{
	const struct ports *ports = arg;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++)
		netlink_send(run, &ports->clients[run->rank], &ports->server);
}

static void netlink_run_many_writers(struct run *run)
{
	struct ports ports = { .server = port_open(run, 0) };
	const unsigned int nr = run->options.processes;
	unsigned int i;

	ENSURE(nr <= NETLINK_MAX_PROCESSES);
	for (i = 0; i < nr; i++)
		ports.clients[i] = port_open(run, 0);
	process_start_group(run, nr, netlink_send_body, &ports);
	for (i = 0; i < nr * run->options.messages; i++)
		message_receive(run, ports.server.fd, ports.server.channel, netlink_size(run));
	process_wait_all();
}

static void netlink_join_body(struct run *run, const void *arg)
{
	const struct ports *ports = arg;
	const struct port *own = &ports->clients[run->rank];
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		netlink_receive_from(run, own, ports->server.number);
		gate_release(run, &ports->gate, 1);
	}
}

/* A send goes to the port as well as to the group; if the port fails, the group got it before. */
static void netlink_send_to_group(struct run *run, const struct ports *ports, unsigned int groups)
{
	const bool *is_refused = run->scenario->arg;
	ssize_t nr;

	if (is_refused) {
		nr = netlink_sendto(run, &ports->server, 0, groups);
		ENSURE(nr < 0 && errno == ECONNREFUSED);
	} else {
		nr = netlink_sendto(run, &ports->server, ports->clients[0].number, groups);
		ENSURE(TRY(nr) == (ssize_t)netlink_size(run));
	}
}

/* A socket that is full drops a message: so the next is sent when all have got the last. */
static void netlink_run_multicast(struct run *run)
{
	const unsigned int groups = 1u << (NETLINK_GROUP - 1);
	const unsigned int nr = run->options.processes;
	struct ports ports = { .server = port_open(run, 0) };
	unsigned int i, j;

	ENSURE(nr <= NETLINK_MAX_PROCESSES);
	ports.gate = gate_open(run);
	for (i = 0; i < nr; i++)
		ports.clients[i] = port_open(run, groups);
	process_start_group(run, nr, netlink_join_body, &ports);
	for (i = 0; i < run->options.messages; i++) {
		netlink_send_to_group(run, &ports, groups);
		for (j = 0; j < nr; j++) {
			truth_count_sent(run->truth, ports.clients[j].channel, 1,
					 netlink_size(run));
			gate_pass(run, &ports.gate);
		}
	}
	process_wait_all();
}

static void netlink_peek_body(struct run *run, const void *arg)
{
	const struct ports *ports = arg;
	const size_t size = netlink_size(run);
	char *buf = payload_alloc(size);
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		ENSURE(TRY(recv(ports->server.fd, buf, size, MSG_PEEK)) == (ssize_t)size);
		message_receive(run, ports->server.fd, ports->server.channel, size);
	}
	free(buf);
}

static void netlink_run_peek(struct run *run)
{
	struct ports ports = { .server = port_open(run, 0) };
	unsigned int i;

	ports.clients[0] = port_open(run, 0);
	(void)process_start(run, netlink_peek_body, &ports);
	for (i = 0; i < run->options.messages; i++)
		netlink_send(run, &ports.clients[0], &ports.server);
	process_wait_all();
}

/* Asks the kernel for all links, and reads until it is done. */
static void netlink_dump_links(void)
{
	struct {
		struct nlmsghdr header;
		struct rtgenmsg body;
	} request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
			    .nlmsg_type = RTM_GETLINK,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .rtgen_family = AF_UNSPEC },
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int fd = TRY(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	char *buf = payload_alloc(NETLINK_MAX_SIZE);
	const struct nlmsghdr *header = (const struct nlmsghdr *)buf;
	ssize_t nr;

	ENSURE(TRY(sendto(fd, &request, request.header.nlmsg_len, 0, (struct sockaddr *)&kernel,
			  sizeof(kernel))) == (ssize_t)request.header.nlmsg_len);
	do {
		nr = TRY(recv(fd, buf, NETLINK_MAX_SIZE, 0));
		ENSURE((size_t)nr >= sizeof(*header) && header->nlmsg_type != NLMSG_ERROR);
	} while (header->nlmsg_type != NLMSG_DONE);
	TRY(close(fd));
	free(buf);
}

#define KERNEL_ROUNDS 5

static void netlink_dump_body(struct run *run, const void *arg)
{
	unsigned int i;

	netlink_answer_body(run, arg);
	for (i = 0; i < KERNEL_ROUNDS; i++)
		netlink_dump_links();
}

/* Both processes ask the kernel for its links, besides what they say to each other. */
static void netlink_run_kernel(struct run *run)
{
	struct ports ports = { .server = port_open(run, 0) };
	unsigned int i;

	ports.clients[0] = port_open(run, 0);
	(void)process_start(run, netlink_dump_body, &ports);
	for (i = 0; i < KERNEL_ROUNDS; i++)
		netlink_dump_links();
	netlink_ask(run, &ports);
	process_wait_all();
}

static const bool netlink_refused = true;

const struct scenario netlink_scenarios[] = {
	SCENARIO("netlink", "", NULL, "connected, one sender, one receiver", netlink_run_connected),
	SCENARIO("netlink", "-ping-pong", NULL, "sendto() a port, there and back",
		 netlink_run_ping_pong),
	SCENARIO("netlink", "-many-writers", NULL, "P sockets send to one",
		 netlink_run_many_writers),
	SCENARIO("netlink", "-multicast", NULL, "to a port and a group, received by P",
		 netlink_run_multicast),
	SCENARIO("netlink", "-multicast-refused", &netlink_refused,
		 "to a group; the send fails, there being no kernel to hear it",
		 netlink_run_multicast),
	SCENARIO("netlink", "-peek", NULL, "MSG_PEEK before each receive", netlink_run_peek),
	SCENARIO("netlink", "-kernel", NULL, "as -ping-pong, and dumps from the kernel",
		 netlink_run_kernel),
	{ 0 },
};
