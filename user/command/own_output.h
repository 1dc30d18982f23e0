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
 * Finds them in /proc: our ancestors, those of our session that are no children of ours, and
 * who holds the other end of our stdout or stderr or of their terminals. What cannot be looked
 * at is left out.
 */
void own_output_find(struct own_output *own);
bool own_output_has(const struct own_output *own, uint32_t pid);
void own_output_fini(struct own_output *own);

#endif
