/* SPDX-License-Identifier: GPL-2.0-only */
/* Option values out of a list. */
#ifndef IPCTRACE_CHOOSE_H
#define IPCTRACE_CHOOSE_H

#include <stddef.h>

/*
 * The index of `value` in `names`; else prints what may have been meant of `option` ("--by")
 * and returns -1.
 */
int choose_name(const char *option, const char *value, const char *const *names, size_t nr);

/* A whole number into `ret_number`, 0; else prints an error and returns -1. */
int choose_number(const char *option, const char *value, size_t *ret_number);

/* Says that `value` of `option` is `problem`, e.g. "no time, e.g. 10s"; the value is escaped. */
void choose_complain(const char *option, const char *value, const char *problem);

#endif
