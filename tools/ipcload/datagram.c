/* SPDX-License-Identifier: GPL-2.0-only */
#include "datagram.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "address.h"
#include "message.h"
#include "payload.h"
#include "process.h"
#include "ring.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

#define MAX_CLIENTS 64

/* A socket that receives: a channel of its own. */
struct mailbox {
	int fd;
	struct address address;
	unsigned int channel;
};

struct post_office {
	struct mailbox server;
	struct address target; /* of the server, as clients see it */
	struct mailbox clients[MAX_CLIENTS];
	struct gate
		gate; /* lets the clients of a lossy server send; tells a late one of a message */
	bool is_lossy;
};

static void mailbox_add_channel(struct run *run, struct mailbox *box, const char *mechanism)
{
	char name[ADDRESS_NAME_SIZE];

	box->address = address_of(box->fd);
	address_name(&box->address, name);
	box->channel = truth_add_channel(run->truth, mechanism, name, 0);
}

static void mailbox_send(struct run *run, const struct mailbox *from, const struct mailbox *to,
			 const struct address *address, size_t size)
{
	char *buf = payload_alloc(size);

	payload_fill(run, buf, size);
	ENSURE(TRY(sendto(from->fd, buf, size, 0, &address->socket.any, address->len)) ==
	       (ssize_t)size);
	truth_count_sent(run->truth, to->channel, 1, size);
	free(buf);
}

/* Where the answers of client `number` go; a path, an autobound name, or a port. */
static int mailbox_bind_client(const struct run *run, const struct datagram_kind *kind,
			       unsigned int number)
{
	struct address address;
	char path[32];

	if (*kind->server == '@') {
		address = (struct address){ .socket.un.sun_family = AF_UNIX,
					    .len = sizeof(sa_family_t) };
		return address_bind(&address, SOCK_DGRAM);
	}
	snprintf(path, sizeof(path), "/client.%u", number);
	address = address_parse(run, *kind->server == '/' ? path :
				     kind->target	  ? kind->target :
							    kind->server);
	return address_bind(&address, SOCK_DGRAM);
}

static void post_office_open(struct run *run, struct post_office *office)
{
	const struct datagram_kind *kind = run->scenario->arg;
	struct address address = address_parse(run, kind->server);

	office->is_lossy = kind->is_lossy;
	office->server.fd = address_bind(&address, SOCK_DGRAM);
	mailbox_add_channel(run, &office->server, kind->mechanism);
	office->target = office->server.address;
	if (kind->target)
		office->target = address_with_port_of(address_parse(run, kind->target),
						      &office->server.address);
}

static void post_office_close(struct post_office *office, unsigned int nr_clients)
{
	unsigned int i;

	address_remove(&office->server.address);
	TRY(close(office->server.fd));
	for (i = 0; i < nr_clients; i++) {
		address_remove(&office->clients[i].address);
		TRY(close(office->clients[i].fd));
	}
}

static void client_request_body(struct run *run, const void *arg)
{
	const struct post_office *office = arg;
	const struct mailbox *own = &office->clients[run->rank];
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		mailbox_send(run, own, &office->server, &office->target, run->options.size);
		message_receive(run, own->fd, own->channel, run->options.size);
	}
}

static const struct mailbox *server_find_client(const struct post_office *office,
						unsigned int nr_clients, char first_byte)
{
	unsigned int number = (first_byte & 0x7f) - 1; /* clients are actors 1 to P */

	ENSURE(number < nr_clients);
	return &office->clients[number];
}

static void server_answer(struct run *run, const struct post_office *office, char *buf)
{
	struct address from = { .len = sizeof(from.socket) };
	const struct mailbox *client;
	ssize_t nr = TRY(recvfrom(office->server.fd, buf, run->options.size, 0, &from.socket.any,
				  &from.len));

	payload_count(run, office->server.channel, buf, nr);
	client = server_find_client(office, run->options.processes, *buf);
	mailbox_send(run, &office->server, client, &from, run->options.size);
}

void datagram_run_sendto(struct run *run)
{
	const struct datagram_kind *kind = run->scenario->arg;
	const unsigned int nr_clients = run->options.processes;
	char *buf = payload_alloc(run->options.size);
	struct post_office office = { 0 };
	unsigned int i;

	ENSURE(nr_clients <= MAX_CLIENTS);
	post_office_open(run, &office);
	for (i = 0; i < nr_clients; i++) {
		office.clients[i].fd = mailbox_bind_client(run, kind, i);
		mailbox_add_channel(run, &office.clients[i], kind->mechanism);
	}
	process_start_group(run, nr_clients, client_request_body, &office);
	for (i = 0; i < nr_clients * run->options.messages; i++)
		server_answer(run, &office, buf);
	process_wait_all();
	post_office_close(&office, nr_clients);
	free(buf);
}

static void client_send_body(struct run *run, const void *arg)
{
	const struct post_office *office = arg;
	const struct mailbox own = {
		.fd = TRY(socket(office->target.socket.any.sa_family, SOCK_DGRAM, 0)),
	};
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		if (office->is_lossy)
			gate_pass(run, &office->gate);
		mailbox_send(run, &own, &office->server, &office->target, run->options.size);
	}
}

/* A lossy server lets only as many messages on the way as its socket holds. */
void datagram_run_recv(struct run *run)
{
	const unsigned int total = run->options.processes * run->options.messages;
	const unsigned int window = message_window(run->options.size);
	unsigned int allowed = window < total ? window : total;
	struct post_office office = { 0 };
	unsigned int i;

	post_office_open(run, &office);
	if (office.is_lossy) {
		office.gate = gate_open(run);
		gate_release(run, &office.gate, allowed);
	}
	process_start_group(run, run->options.processes, client_send_body, &office);
	for (i = 0; i < total; i++) {
		message_receive(run, office.server.fd, office.server.channel, run->options.size);
		if (office.is_lossy && allowed++ < total)
			gate_release(run, &office.gate, 1);
	}
	process_wait_all();
	post_office_close(&office, 0);
}

void datagram_run_uring(struct run *run)
{
	const unsigned int total = run->options.processes * run->options.messages;
	char *buf = payload_alloc(run->options.size);
	struct post_office office = { 0 };
	struct ring ring;
	unsigned int i;

	post_office_open(run, &office);
	ring_open(&ring, 0);
	process_start_group(run, run->options.processes, client_send_body, &office);
	for (i = 0; i < total; i++) {
		ring_prepare(&ring, IORING_OP_RECV, office.server.fd, buf, run->options.size)
			->flags = IOSQE_ASYNC;
		payload_count(run, office.server.channel, buf, TRY(ring_result(&ring)));
	}
	process_wait_all();
	post_office_close(&office, 0);
	free(buf);
}
