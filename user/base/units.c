/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ARRAY_NR(array) (sizeof(array) / sizeof((array)[0]))

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit durations[] = {
	{ "", 1000000000 },  { "ns", 1 },	   { "us", 1000 },	   { "ms", 1000000 },
	{ "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 },
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "B", 1 },
	{ "k", 1ULL << 10 },
	{ "K", 1ULL << 10 },
	{ "KiB", 1ULL << 10 },
	{ "kiB", 1ULL << 10 },
	{ "m", 1ULL << 20 },
	{ "M", 1ULL << 20 },
	{ "MiB", 1ULL << 20 },
	{ "g", 1ULL << 30 },
	{ "G", 1ULL << 30 },
	{ "GiB", 1ULL << 30 },
	{ "t", 1ULL << 40 },
	{ "T", 1ULL << 40 },
	{ "TiB", 1ULL << 40 },
	{ "kB", 1000 },
	{ "KB", 1000 },
	{ "MB", 1000000 },
	{ "GB", 1000000000 },
	{ "TB", 1000000000000 },
};

static bool find_factor(const struct unit *units, size_t nr, const char *suffix, uint64_t *ret)
{
	size_t i;

	for (i = 0; i < nr; i++) {
		if (!strcmp(units[i].suffix, suffix)) {
			*ret = units[i].factor;
			return true;
		}
	}
	return false;
}

/* The digits before the point; `*text` is left at the first byte after them. */
static int parse_whole(const char **text, uint64_t *ret)
{
	uint64_t whole = 0;

	for (; isdigit((unsigned char)**text); (*text)++) {
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(**text - '0'), &whole))
			return -ERANGE;
	}
	*ret = whole;
	return 0;
}

/* The digits after the point, as a value below 1. */
static double parse_fraction(const char **text)
{
	double fraction = 0, scale = 0.1;

	for (; isdigit((unsigned char)**text); (*text)++) {
		fraction += scale * (**text - '0');
		scale /= 10;
	}
	return fraction;
}

static int parse(const char *text, const struct unit *units, size_t nr, uint64_t *ret)
{
	uint64_t whole, factor;
	double fraction = 0;
	int err;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	err = parse_whole(&text, &whole);
	if (err)
		return err;
	if (*text == '.' && isdigit((unsigned char)text[1])) {
		text++;
		fraction = parse_fraction(&text);
	}
	if (!find_factor(units, nr, text, &factor))
		return -EINVAL;
	if (__builtin_mul_overflow(whole, factor, &whole) ||
	    __builtin_add_overflow(whole, (uint64_t)(fraction * (double)factor + 0.5), &whole))
		return -ERANGE;
	*ret = whole;
	return 0;
}

int units_parse_duration(const char *text, uint64_t *ret_ns)
{
	return parse(text, durations, ARRAY_NR(durations), ret_ns);
}

int units_parse_size(const char *text, uint64_t *ret_bytes)
{
	return parse(text, sizes, ARRAY_NR(sizes), ret_bytes);
}

/* Two digits at least are shown: 1.5, 15, 150. Rounding up to 10.0 shows 10. */
static void format_scaled(char *text, size_t size, double value, const char *unit)
{
	snprintf(text, size, value < 9.95 ? "%.1f %s" : "%.0f %s", value, unit);
}

void units_format_bytes(char *text, size_t size, uint64_t bytes)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double value = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(text, size, "%u B", (unsigned int)bytes);
		return;
	}
	for (; value >= 1023.5 && i + 1 < ARRAY_NR(names); i++)
		value /= 1024;
	format_scaled(text, size, value, names[i]);
}

void units_format_count(char *text, size_t size, uint64_t count)
{
	char digits[24], grouped[UNITS_TEXT_MAX];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	int in, out = 0;

	for (in = 0; in < len; in++) {
		if (in && (len - in) % 3 == 0)
			grouped[out++] = ',';
		grouped[out++] = digits[in];
	}
	grouped[out] = '\0';
	snprintf(text, size, "%s", grouped);
}

static void format_clock(char *text, size_t size, uint64_t seconds)
{
	unsigned long long minutes = seconds / 60;

	if (minutes < 60)
		snprintf(text, size, "%llum%02llus", minutes, (unsigned long long)seconds % 60);
	else
		snprintf(text, size, "%lluh%02llum", minutes / 60, minutes % 60);
}

void units_format_duration(char *text, size_t size, uint64_t duration_ns)
{
	static const char *const names[] = { "us", "ms", "s" };
	double value = (double)duration_ns / 1000;
	size_t i = 0;

	if (duration_ns < 1000) {
		snprintf(text, size, "%u ns", (unsigned int)duration_ns);
		return;
	}
	if (duration_ns >= 119500000000) {
		format_clock(text, size, (duration_ns + 500000000) / 1000000000);
		return;
	}
	for (; value >= 999.5 && i + 1 < ARRAY_NR(names); i++)
		value /= 1000;
	format_scaled(text, size, value, names[i]);
}

void units_format_rate(char *text, size_t size, uint64_t bytes, uint64_t window_ns)
{
	char amount[UNITS_TEXT_MAX];
	double per_second;

	if (!window_ns) {
		snprintf(text, size, "-");
		return;
	}
	per_second = (double)bytes * 1e9 / (double)window_ns;
	if (per_second >= (double)UINT64_MAX)
		per_second = 0x1p63;
	units_format_bytes(amount, sizeof(amount), (uint64_t)(per_second + 0.5));
	snprintf(text, size, "%s/s", amount);
}
