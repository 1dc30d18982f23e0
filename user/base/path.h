/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths as /proc shows them. */
#ifndef IPCTRACE_PATH_H
#define IPCTRACE_PATH_H

#include <stddef.h>

/* Length of a path without the mark of an unlinked file, ` (deleted)`. */
size_t path_undeleted(const char *path);

#endif
