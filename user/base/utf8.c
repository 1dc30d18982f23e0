/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/utf8.h"

#include <string.h>

#define ARRAY_NR(array) (sizeof(array) / sizeof((array)[0]))

struct code_range {
	uint32_t first, last;
};

static const struct code_range zero_width[] = {
	{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
	{ 0x064b, 0x065f }, { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200f },
	{ 0x202a, 0x202e }, { 0x2060, 0x2064 }, { 0x2066, 0x2069 }, { 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff }, { 0xe0100, 0xe01ef },
};

static const struct code_range double_width[] = {
	{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0x4dbf },	  { 0x4e00, 0xa4cf },
	{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },	  { 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f }, { 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff },
	{ 0x20000, 0x3fffd },
};

static size_t sequence_len(unsigned char lead, uint32_t *ret_bits, uint32_t *ret_least)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {
		{ 0x80, 0x00, 0 },
		{ 0xe0, 0xc0, 0x80 },
		{ 0xf0, 0xe0, 0x800 },
		{ 0xf8, 0xf0, 0x10000 },
	};
	size_t i;

	for (i = 0; i < ARRAY_NR(forms); i++) {
		if ((lead & forms[i].mask) != forms[i].lead)
			continue;
		*ret_bits = lead & (unsigned char)~forms[i].mask;
		*ret_least = forms[i].least;
		return i + 1;
	}
	return 0;
}

size_t utf8_decode(const char *bytes, size_t len, uint32_t *ret_code)
{
	uint32_t code, least;
	size_t need, i;

	if (!len)
		return 0;
	need = sequence_len((unsigned char)bytes[0], &code, &least);
	if (!need || need > len)
		return 0;
	for (i = 1; i < need; i++) {
		unsigned char next = (unsigned char)bytes[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (next & 0x3f);
	}
	if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return 0;
	*ret_code = code;
	return need;
}

static int in_ranges(uint32_t code, const struct code_range *ranges, size_t nr)
{
	size_t i;

	for (i = 0; i < nr && ranges[i].first <= code; i++)
		if (code <= ranges[i].last)
			return 1;
	return 0;
}

unsigned int utf8_code_width(uint32_t code)
{
	if (code < 0x300)
		return 1;
	if (in_ranges(code, zero_width, ARRAY_NR(zero_width)))
		return 0;
	return in_ranges(code, double_width, ARRAY_NR(double_width)) ? 2 : 1;
}

/* Length of the character or invalid byte at `text`, which is not at its end. */
static size_t next_char(const char *text, size_t len, unsigned int *ret_width)
{
	uint32_t code;
	size_t used = utf8_decode(text, len, &code);

	*ret_width = used ? utf8_code_width(code) : 1;
	return used ? used : 1;
}

size_t utf8_width(const char *text)
{
	size_t len = strlen(text), at = 0, columns = 0;
	unsigned int width;

	while (at < len) {
		at += next_char(text + at, len - at, &width);
		columns += width;
	}
	return columns;
}

size_t utf8_fit(const char *text, size_t columns)
{
	size_t len = strlen(text), at = 0, used = 0;
	unsigned int width;

	while (at < len) {
		size_t next = next_char(text + at, len - at, &width);

		if (used + width > columns)
			break;
		used += width;
		at += next;
	}
	return at;
}
