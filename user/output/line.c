/* SPDX-License-Identifier: GPL-2.0-only */
#include "output/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "graph/graph_view.h"

static int end_write(FILE *file, const struct line_end *end)
{
	char *comm = escape_line(end->comm, strlen(end->comm));
	int err = comm ? 0 : -ENOMEM;

	if (!err && end->pid)
		fprintf(file, "%s[%u]", comm, end->pid);
	else if (!err)
		fputs(comm, file);
	free(comm);
	return err;
}

static bool mechanism_has_bytes(enum ipct_mechanism mechanism)
{
	switch (mechanism) {
#define MECHANISM(symbol, number, name, group, model)                                              \
	case IPCT_##symbol:                                                                        \
		return IPCT_MODEL_##model != IPCT_MODEL_SIGNAL &&                                  \
		       IPCT_MODEL_##model != IPCT_MODEL_WAKE;
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	default:
		return true;
	}
}

int line_write(FILE *file, const struct line *line)
{
	char *channel = escape_line(line->channel, strlen(line->channel));
	int err = channel ? 0 : -ENOMEM;

	if (err)
		return err;
	fprintf(file, "%11.6f ", line->time_ns / 1e9);
	err = end_write(file, &line->from);
	fputs(" \xe2\x86\x92 ", file); /* → */
	if (!err)
		err = end_write(file, &line->to);
	fprintf(file, " %s", graph_mechanism_name(line->mechanism));
	if (*channel)
		fprintf(file, " %s", channel);
	if (!mechanism_has_bytes(line->mechanism))
		fputc('\n', file);
	else
		fprintf(file, " %llu B\n", (unsigned long long)line->bytes);
	free(channel);
	return !err && ferror(file) ? -EIO : err;
}
