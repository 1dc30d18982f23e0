/* SPDX-License-Identifier: GPL-2.0-only */
/* Scenarios with a listener: P workers that accept from it, P clients, requests and answers. */
#ifndef IPCLOAD_SERVICE_H
#define IPCLOAD_SERVICE_H

#include "scenario.h"

/* scenario->arg is a duct_kind of connections. */
void service_run_prefork(struct run *run);
/* The workers get the listener through an exec. */
void service_run_exec(struct run *run);
void service_reexec(struct run *run, const int *numbers);
/* One connection, one request at a time. */
void service_run_ping_pong(struct run *run);

#define SERVICE_SCENARIOS(prefix, kind)                                                            \
	{ .name = prefix "-ping-pong",                                                             \
	  .mechanism = prefix,                                                                     \
	  .run = service_run_ping_pong,                                                            \
	  .summary = "requests and answers on one connection",                                     \
	  .arg = kind },                                                                           \
		{ .name = prefix "-prefork",                                                       \
		  .mechanism = prefix,                                                             \
		  .run = service_run_prefork,                                                      \
		  .summary = "P workers accept from the parent's listener",                        \
		  .arg = kind },                                                                   \
	{                                                                                          \
		.name = prefix "-exec-listener", .mechanism = prefix, .run = service_run_exec,     \
		.summary = "workers get the listener through exec", .arg = kind,                   \
		.reexec = service_reexec                                                           \
	}

#endif
