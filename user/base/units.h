/* SPDX-License-Identifier: GPL-2.0-only */
/* Durations, sizes and counts as people write and read them. */
#ifndef IPCTRACE_UNITS_H
#define IPCTRACE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_TEXT_MAX 32 /* enough for every units_format_*() */

/* `10s 500ms 1.5m 2h`, also us and ns; no unit: seconds. 0, -EINVAL or -ERANGE. */
int units_parse_duration(const char *text, uint64_t *ret_ns);

/*
 * `64k 1.5GiB 100`: k m g t, also with iB, are powers of 1024; kB MB GB TB of 1000; no unit
 * or B: bytes. Case counts only there. 0, -EINVAL or -ERANGE.
 */
int units_parse_size(const char *text, uint64_t *ret_bytes);

/* `512 B`, `1.5 KiB`, `12 MiB`: at most three digits. */
void units_format_bytes(char *text, size_t size, uint64_t bytes);

/* `1,234,567` */
void units_format_count(char *text, size_t size, uint64_t count);

/* `850 ns`, `1.2 ms`, `3.4 s`, `2m05s`, `1h02m` */
void units_format_duration(char *text, size_t size, uint64_t duration_ns);

/* Bytes per second over a window: `1.5 KiB/s`, `-` for an empty window. */
void units_format_rate(char *text, size_t size, uint64_t bytes, uint64_t window_ns);

#endif
