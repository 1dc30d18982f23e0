/* SPDX-License-Identifier: GPL-2.0-only */
/* A specification from its file, with words for all that may be wrong with it. */
#ifndef IPCTRACE_LOAD_SPEC_H
#define IPCTRACE_LOAD_SPEC_H

#include <stddef.h>

#include "verify/spec.h"

struct loaded_spec {
	struct spec *spec;
	char *bytes; /* of the file, and a NUL */
	size_t len;
};

/* Prints its own error; an exit code, EXIT_CODE_OK when *ret_loaded is to be ended. */
int load_spec(const char *path, struct loaded_spec *ret_loaded);
void load_spec_fini(struct loaded_spec *loaded);

/* The same for a text that is in memory, and is borrowed; `path` is what it is called. */
int load_spec_text(const char *path, const char *bytes, size_t len, struct spec **ret_spec);

#endif
