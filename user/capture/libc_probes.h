/* SPDX-License-Identifier: GPL-2.0-only */
/* The uprobes on functions of the C library: which program goes where. */
#ifndef IPCTRACE_LIBC_PROBES_H
#define IPCTRACE_LIBC_PROBES_H

#include <stdbool.h>
#include <stddef.h>

#include <bpf/libbpf.h>

/* Is it one of the programs of bpf/libc.bpf.c? */
bool libc_probes_has(const struct bpf_program *program);

/* To be loaded. 0, or -ENOENT: a program is missing. */
int libc_probes_choose(struct bpf_object *object);

/*
 * Attaches them to all processes, in those functions that the library has. `take` owns each link,
 * and returns 0 or -errno, which ends it. 0 or -errno; -ENOLINK: there is no C library to probe.
 */
int libc_probes_attach(struct bpf_object *object, int (*take)(void *context, struct bpf_link *link),
		       void *context);

#endif
