/* SPDX-License-Identifier: GPL-2.0-only */
/* One transfer as a line of text. */
#ifndef IPCTRACE_LINE_H
#define IPCTRACE_LINE_H

#include <stdint.h>
#include <stdio.h>

#include <ipctrace/types.h>

struct line_end {
	uint32_t pid;	  /* 0: no process */
	const char *comm; /* raw bytes */
};

struct line {
	int64_t time_ns; /* since the start */
	struct line_end from, to;
	enum ipct_mechanism mechanism;
	const char *channel; /* raw bytes; may be empty */
	uint64_t messages, bytes;
};

/* `  0.123456 nginx[812] → php-fpm[840] unix-stream /run/php.sock 512 B`; 0 or -errno. */
int line_write(FILE *file, const struct line *line);

#endif
