/* SPDX-License-Identifier: GPL-2.0-only */
/* What `ipctrace verify` was asked for. */
#ifndef IPCTRACE_COMMAND_VERIFY_H
#define IPCTRACE_COMMAND_VERIFY_H

#include "command/record.h"
#include "graph/graph.h"
#include "verify/examples.h"

struct verify_options {
	const char *spec;
	const char *input; /* NULL: record */
	const char *output, *junit;
	int format;
	uint64_t max_lost;
	bool learns, updates; /* instead of judging */
	size_t runs;	      /* of --learn */
	struct record_options record;
};

/* Reads or records what is asked for. An exit code; prints its own errors. */
int verify_graph(const struct verify_options *verify, struct examples *examples,
		 struct graph **ret_graph);

/* --learn and --update: exit codes, they print their own errors. */
int verify_learn(const struct verify_options *verify);
int verify_update(const struct verify_options *verify);

#endif
