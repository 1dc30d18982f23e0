/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef IPCTRACE_COMMAND_REPORT_H
#define IPCTRACE_COMMAND_REPORT_H

#include "graph/graph.h"
#include "output/output.h"

/* Writes a report to stdout, prints its own error; returns the exit status. */
int report_write(const struct graph *graph, const struct output_options *output);

#endif
