/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the functions of the C library are, as offsets into its file: libbpf 1.1 cannot find
 * symbols that have versions (sem_post@GLIBC_2.2.5, sem_post@@GLIBC_2.34) by name. It is the
 * library that ipctrace itself runs with.
 */
#ifndef IPCTRACE_LIBC_SYMBOLS_H
#define IPCTRACE_LIBC_SYMBOLS_H

#include <stddef.h>

struct libc_symbols;

/* Owned by the caller; NULL: no glibc was found, or no memory. */
struct libc_symbols *libc_symbols_open(void);
void libc_symbols_close(struct libc_symbols *symbols);

/*
 * The function's default version: 0, its offset in *ret_offset, and in *ret_path the file that
 * has it, borrowed from `symbols`; -ENOENT: there is none.
 */
int libc_symbols_find(const struct libc_symbols *symbols, const char *name, const char **ret_path,
		      size_t *ret_offset);

/* The C library's path, borrowed. */
const char *libc_symbols_path(const struct libc_symbols *symbols);

#endif
