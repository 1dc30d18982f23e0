/* SPDX-License-Identifier: GPL-2.0-only */
/* Anonymous pipes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

#include "stream.h"
#include "try.h"

static void pipe_open_packets(struct run *run, const struct duct_kind *kind, struct duct *ret_duct,
			      char ret_name[128])
{
	int fds[2];

	(void)run;
	(void)kind;
	(void)ret_name;
	TRY(pipe2(fds, O_DIRECT));
	ret_duct->rx = fds[0];
	ret_duct->tx = fds[1];
}

static const struct duct_kind pipe_packets = { .mechanism = "pipe", .open = pipe_open_packets };

const struct scenario pipe_scenarios[] = {
	STREAM_SCENARIOS("pipe", &duct_pipe),
	PRECONNECTED_SCENARIO("pipe", "-preopened", &duct_pipe),
	SCENARIO("pipe", "-packets", &pipe_packets, "O_DIRECT: a read takes one packet",
		 stream_run_simple),
	SCENARIO("pipe", "-packets-truncated", &pipe_packets, "O_DIRECT: short reads lose the rest",
		 stream_run_truncated),
	{ 0 },
};
