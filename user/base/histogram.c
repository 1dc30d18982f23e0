/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/histogram.h"

#include <stddef.h>
#include <stdlib.h>

#define SUB_BITS 4
#define SUB_NR	 (1u << SUB_BITS) /* buckets per power of two */

/* Values below SUB_NR have a bucket each, then SUB_NR buckets for each higher bit. */
#define BUCKETS_NR ((64 - SUB_BITS + 1) * SUB_NR)

struct histogram {
	uint64_t count;
	uint64_t min, max;
	uint64_t buckets[BUCKETS_NR];
};

static unsigned int bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < SUB_NR)
		return (unsigned int)value;
	shift = 63u - (unsigned int)__builtin_clzll(value) - SUB_BITS;
	return (shift + 1) * SUB_NR + (unsigned int)((value >> shift) - SUB_NR);
}

/* The largest value of a bucket: at most 1/16 above any value in it. */
static uint64_t bucket_last(unsigned int bucket)
{
	unsigned int shift;
	uint64_t first;

	if (bucket < SUB_NR)
		return bucket;
	shift = bucket / SUB_NR - 1;
	first = (uint64_t)(SUB_NR + bucket % SUB_NR) << shift;
	return first + (((uint64_t)1 << shift) - 1);
}

struct histogram *histogram_new(void)
{
	return calloc(1, sizeof(struct histogram));
}

void histogram_free(struct histogram *histogram)
{
	free(histogram);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	if (!histogram->count || value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->count++;
	histogram->buckets[bucket_of(value)]++;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
	unsigned int i;

	if (!other->count)
		return;
	if (!histogram->count || other->min < histogram->min)
		histogram->min = other->min;
	if (other->max > histogram->max)
		histogram->max = other->max;
	histogram->count += other->count;
	for (i = 0; i < BUCKETS_NR; i++)
		histogram->buckets[i] += other->buckets[i];
}

uint64_t histogram_count(const struct histogram *histogram)
{
	return histogram->count;
}

uint64_t histogram_min(const struct histogram *histogram)
{
	return histogram->min;
}

uint64_t histogram_max(const struct histogram *histogram)
{
	return histogram->max;
}

static uint64_t clamp(const struct histogram *histogram, uint64_t value)
{
	if (value < histogram->min)
		return histogram->min;
	return value > histogram->max ? histogram->max : value;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
	double rank = percent / 100.0 * (double)histogram->count;
	uint64_t below = 0;
	unsigned int i;

	if (!histogram->count)
		return 0;
	for (i = 0; i < BUCKETS_NR; i++) {
		below += histogram->buckets[i];
		if ((double)below >= rank)
			return clamp(histogram, bucket_last(i));
	}
	return histogram->max;
}
