/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who carries what we print: the terminal, a pager, a logger, an ssh server. Showing their
 * transfers would make more output, which makes more transfers, and so on for ever.
 */
#ifndef IPCTRACE_OWN_OUTPUT_H
#define IPCTRACE_OWN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct own_output {
	pid_t *pids;
	size_t nr, cap;
};

/*
 * Finds them in /proc: our ancestors, who can read what we write to stdout and stderr (the
 * reading end of a pipe, the master of a terminal, a socket), who can read what those write
 * there, and so on; never one of `wanted`. What cannot be looked at is left out.
 */
void own_output_find(struct own_output *own, const pid_t *wanted, size_t wanted_nr);
bool own_output_has(const struct own_output *own, uint32_t pid);
/* Their names and numbers for a line, escaped, owned by the caller. NULL: none, or no memory. */
char *own_output_names(const struct own_output *own);
void own_output_fini(struct own_output *own);

#endif
