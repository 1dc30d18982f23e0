/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/histogram.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define SUB_BITS 4
#define SUB_NR (1u << SUB_BITS) /* buckets per power of two */

/*
 * Values below SUB_NR have a bucket each, then SUB_NR buckets for each higher bit: an octave.
 * Most histograms have values in a few octaves only, and there are many histograms.
 */
#define OCTAVES_NR (64 - SUB_BITS + 1)
#define BUCKETS_NR (OCTAVES_NR * SUB_NR)

struct octave {
	uint64_t buckets[SUB_NR];
};

struct histogram {
	uint64_t count;
	uint64_t min, max;
	unsigned int first, nr; /* octaves[0] is octave `first` */
	struct octave *octaves;
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
	if (histogram)
		free(histogram->octaves);
	free(histogram);
}

/* Octave `octave`, made if it is not there. NULL without memory. */
static struct octave *octave_get(struct histogram *histogram, unsigned int octave)
{
	unsigned int first = histogram->nr ? histogram->first : octave;
	unsigned int last = histogram->nr ? histogram->first + histogram->nr - 1 : octave;
	struct octave *octaves;

	if (octave < first)
		first = octave;
	if (octave > last)
		last = octave;
	if (last - first + 1 == histogram->nr)
		return &histogram->octaves[octave - first];
	octaves = calloc(last - first + 1, sizeof(*octaves));
	if (!octaves)
		return NULL;
	if (histogram->nr)
		memcpy(octaves + (histogram->first - first), histogram->octaves,
		       histogram->nr * sizeof(*octaves));
	free(histogram->octaves);
	histogram->octaves = octaves;
	histogram->first = first;
	histogram->nr = last - first + 1;
	return &octaves[octave - first];
}

static uint64_t bucket_count(const struct histogram *histogram, unsigned int bucket)
{
	unsigned int octave = bucket / SUB_NR;

	if (octave < histogram->first || octave >= histogram->first + histogram->nr)
		return 0;
	return histogram->octaves[octave - histogram->first].buckets[bucket % SUB_NR];
}

int histogram_add(struct histogram *histogram, uint64_t value)
{
	unsigned int bucket = bucket_of(value);
	struct octave *octave = octave_get(histogram, bucket / SUB_NR);

	if (!octave)
		return -ENOMEM;
	if (!histogram->count || value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->count++;
	octave->buckets[bucket % SUB_NR]++;
	return 0;
}

int histogram_merge(struct histogram *histogram, const struct histogram *other)
{
	if (!other->count)
		return 0;
	for (unsigned int i = 0; i < other->nr; i++) {
		struct octave *octave = octave_get(histogram, other->first + i);

		if (!octave)
			return -ENOMEM;
		for (unsigned int sub = 0; sub < SUB_NR; sub++)
			octave->buckets[sub] += other->octaves[i].buckets[sub];
	}
	if (!histogram->count || other->min < histogram->min)
		histogram->min = other->min;
	if (other->max > histogram->max)
		histogram->max = other->max;
	histogram->count += other->count;
	return 0;
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
		below += bucket_count(histogram, i);
		if ((double)below >= rank)
			return clamp(histogram, bucket_last(i));
	}
	return histogram->max;
}
