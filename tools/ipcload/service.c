/* SPDX-License-Identifier: GPL-2.0-only */
#include "service.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "duct.h"
#include "payload.h"
#include "process.h"
#include "stream.h"
#include "truth.h"
#include "try.h"

struct service {
	const struct duct_kind *kind;
	int listener;
	struct address address;
	unsigned int first_channel; /* one per client, in their order */
	unsigned int first_client;  /* actor */
	unsigned int nr_clients;
};

/* Who asks is known from the first byte only, and with it the channel. */
static bool service_answer(struct run *run, const struct service *service, int fd, char *buf)
{
	const size_t size = run->options.size;
	ssize_t nr = TRY(recv(fd, buf, size, 0));
	unsigned int client, channel;

	if (!nr)
		return false;
	client = (*buf & 0x7f) - service->first_client;
	channel = service->first_channel + client;
	ENSURE(client < service->nr_clients);
	payload_count(run, channel, buf, nr);
	stream_receive_total(run, fd, channel, size, size - nr);
	stream_send(run, fd, channel, 1, size);
	return true;
}

/* Until the parent shuts the listener down. */
static void service_work_body(struct run *run, const void *arg)
{
	const struct service *service = arg;
	char *buf = payload_alloc(run->options.size);
	int fd;

	while ((fd = accept(service->listener, NULL, NULL)) >= 0) {
		while (service_answer(run, service, fd, buf))
			;
		TRY(close(fd));
	}
	ENSURE(errno == EINVAL);
	free(buf);
}

static void service_exec_body(struct run *run, const void *arg)
{
	const struct service *service = arg;
	const int numbers[] = { service->listener, service->first_channel, service->first_client,
				service->nr_clients };

	process_exec(run, numbers, 4);
}

void service_reexec(struct run *run, const int *numbers)
{
	struct service service = {
		.listener = numbers[0],
		.first_channel = numbers[1],
		.first_client = numbers[2],
		.nr_clients = numbers[3],
	};

	service_work_body(run, &service);
}

static void service_ask(struct run *run, int fd, unsigned int channel)
{
	const size_t size = run->options.size;
	unsigned int i;

	for (i = 0; i < run->options.messages; i++) {
		stream_send(run, fd, channel, 1, size);
		stream_receive_total(run, fd, channel, size, size);
	}
}

static void service_ask_body(struct run *run, const void *arg)
{
	const struct service *service = arg;
	int fd = address_connect(&service->address, service->kind->type);

	service_ask(run, fd, service->first_channel + run->rank);
}

static void service_open(struct run *run, struct service *service)
{
	struct address address = address_parse(run, service->kind->address);
	char name[ADDRESS_NAME_SIZE];
	unsigned int channel = 0;
	unsigned int i;

	service->listener = address_listen(&address, service->kind->type);
	service->address = address_of(service->listener);
	address_name(&service->address, name);
	for (i = 0; i < service->nr_clients; i++)
		channel = truth_add_channel(run->truth, service->kind->mechanism, name, 0);
	service->first_channel = channel + 1 - service->nr_clients;
}

/* Starts the clients, numbered from the next actor on, and waits for them. */
static void service_run_clients(struct run *run, const struct service *service)
{
	pid_t pids[64];

	ENSURE(service->nr_clients <= 64);
	for (run->rank = 0; run->rank < service->nr_clients; run->rank++)
		pids[run->rank] = process_start(run, service_ask_body, service);
	for (run->rank = 0; run->rank < service->nr_clients; run->rank++)
		process_wait(pids[run->rank]);
}

static void service_run(struct run *run, process_body *worker)
{
	struct service service = {
		.kind = run->scenario->arg,
		.nr_clients = run->options.processes,
		.first_client = truth_actors(run->truth) + run->options.processes,
	};

	service_open(run, &service);
	process_start_group(run, run->options.processes, worker, &service);
	service_run_clients(run, &service);
	TRY(shutdown(service.listener, SHUT_RDWR));
	process_wait_all();
	address_remove(&service.address);
}

void service_run_prefork(struct run *run)
{
	service_run(run, service_work_body);
}

void service_run_exec(struct run *run)
{
	service_run(run, service_exec_body);
}

static void service_ping_body(struct run *run, const void *arg)
{
	struct duct duct = *(const struct duct *)arg;

	duct_keep_tx(&duct);
	service_ask(run, duct.tx, duct.channel);
}

void service_run_ping_pong(struct run *run)
{
	struct service service = { .first_client = truth_actors(run->truth), .nr_clients = 1 };
	struct duct duct = duct_open(run, run->scenario->arg, 0);
	char *buf = payload_alloc(run->options.size);

	service.first_channel = duct.channel;
	(void)process_start(run, service_ping_body, &duct);
	duct_keep_rx(&duct);
	while (service_answer(run, &service, duct.rx, buf))
		;
	process_wait_all();
	free(buf);
}
