/* SPDX-License-Identifier: GPL-2.0-only */
/* Log-linear histogram of non-negative 64-bit values: at most 1/16 (6.25%) relative error. */
#ifndef IPCTRACE_HISTOGRAM_H
#define IPCTRACE_HISTOGRAM_H

#include <stdint.h>

struct histogram;

/* Returns an empty histogram, owned by the caller, or NULL without memory. */
struct histogram *histogram_new(void);
void histogram_free(struct histogram *histogram);
/* 0 or -ENOMEM, and then nothing is changed. */
int histogram_add(struct histogram *histogram, uint64_t value);
/* Adds all of `other` to `histogram`. 0 or -ENOMEM. */
int histogram_merge(struct histogram *histogram, const struct histogram *other);
uint64_t histogram_count(const struct histogram *histogram);
uint64_t histogram_min(const struct histogram *histogram); /* exact; 0 when empty */
uint64_t histogram_max(const struct histogram *histogram); /* exact; 0 when empty */
/*
 * The smallest bucket value v such that at least `percent` (0..100) of the values are <= v,
 * clamped to [min, max]; 0 when empty.
 */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

#endif
