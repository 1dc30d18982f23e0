/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A specification as it would have to be for what was seen: bounds that do not hold are moved, what
 * is required and was not seen is commented out, what nothing allows is allowed. What is forbidden
 * stays so. All else of the file stays as it is, byte for byte.
 */
#ifndef IPCTRACE_SPEC_UPDATE_H
#define IPCTRACE_SPEC_UPDATE_H

#include <stdio.h>

#include "verify/verdict.h"

/*
 * Writes the new text; `bytes`, which end with a NUL, are the file that the verdicts' specification
 * was read from. *ret_changes tells how many places differ. 0, -ENOMEM or -EIO.
 */
int spec_update_write(const struct verdicts *verdicts, const char *bytes, size_t len, FILE *stream,
		      size_t *ret_changes);

#endif
