/* SPDX-License-Identifier: GPL-2.0-only */
/* UTF-8 without a locale: decode strictly, measure what a terminal shows. */
#ifndef IPCTRACE_UTF8_H
#define IPCTRACE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the first character of `bytes`. Returns its length (1..4), or 0 if the bytes do
 * not start with a valid one (overlong forms, surrogates and what is above U+10FFFF are
 * invalid) or `len` is 0.
 */
size_t utf8_decode(const char *bytes, size_t len, uint32_t *ret_code);

/* Terminal columns of a character: 0 (combining), 1 or 2. */
unsigned int utf8_code_width(uint32_t code);

/* Terminal columns of a string; an invalid byte counts one. */
size_t utf8_width(const char *text);

/* How many bytes of `text` fit into `columns`, whole characters only. */
size_t utf8_fit(const char *text, size_t columns);

#endif
