/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* The longest replacement of one byte: "&quot;". */
#define GROWTH_MAX 6

/* What a target can not take, besides controls. */
enum refusal {
	REFUSE_ORDER = 1 << 0,	      /* what reorders or breaks a line */
	REFUSE_NONCHARACTER = 1 << 1, /* U+FFFE, U+FFFF: no XML character */
};

struct replacement {
	char byte;
	const char *text;
};

struct dialect {
	unsigned int refusals;
	const struct replacement *replacements; /* ends with byte 0 */
};

static const struct replacement none[] = { { 0, NULL } };
static const struct replacement xml[] = {
	{ '&', "&amp;" },  { '<', "&lt;" },   { '>', "&gt;" },
	{ '"', "&quot;" }, { '\'', "&#39;" }, { 0, NULL },
};
static const struct replacement dot[] = {
	{ '&', "&amp;" },
	{ '"', "\\\"" },
	{ '\\', "\\\\" },
	{ 0, NULL },
};
static const struct replacement dot_html[] = {
	{ '&', "&amp;" },  { '<', "&lt;" },  { '>', "&gt;" }, { '"', "&quot;" },
	{ '\'', "&#39;" }, { '\\', "\\\\" }, { 0, NULL },
};

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static bool is_refused(uint32_t code, unsigned int refusals)
{
	if (is_control(code))
		return true;
	if ((refusals & REFUSE_ORDER) &&
	    ((code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)))
		return true;
	return (refusals & REFUSE_NONCHARACTER) && (code == 0xfffe || code == 0xffff);
}

static const char *replacement_of(char byte, const struct replacement *replacements)
{
	for (; replacements->byte; replacements++)
		if (replacements->byte == byte)
			return replacements->text;
	return NULL;
}

static char *put_hex(char *out, const char *bytes, size_t nr, const struct dialect *dialect)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *backslash = replacement_of('\\', dialect->replacements);
	size_t i;

	for (i = 0; i < nr; i++) {
		out = stpcpy(out, backslash ? backslash : "\\");
		*out++ = 'x';
		*out++ = digits[(unsigned char)bytes[i] >> 4];
		*out++ = digits[(unsigned char)bytes[i] & 15];
	}
	return out;
}

/* Writes the first character of `bytes` and returns how many bytes it was. */
static size_t put_next(char **out, const char *bytes, size_t len, const struct dialect *dialect)
{
	uint32_t code;
	size_t used = utf8_decode(bytes, len, &code);
	const char *replacement;

	if (!used || is_refused(code, dialect->refusals)) {
		used = used ? used : 1;
		*out = put_hex(*out, bytes, used, dialect);
		return used;
	}
	replacement = used == 1 ? replacement_of(*bytes, dialect->replacements) : NULL;
	if (replacement)
		*out = stpcpy(*out, replacement);
	else
		*out = mempcpy(*out, bytes, used);
	return used;
}

static char *escape(const char *bytes, size_t len, const struct dialect *dialect)
{
	char *text, *out, *shrunk;
	size_t at = 0;

	if (len > (SIZE_MAX - 1) / GROWTH_MAX)
		return NULL;
	text = malloc(len * GROWTH_MAX + 1);
	if (!text)
		return NULL;
	out = text;
	while (at < len)
		at += put_next(&out, bytes + at, len - at, dialect);
	*out++ = '\0';
	shrunk = realloc(text, (size_t)(out - text));
	return shrunk ? shrunk : text;
}

char *escape_text(const char *bytes, size_t len)
{
	static const struct dialect dialect = { 0, none };

	return escape(bytes, len, &dialect);
}

char *escape_line(const char *bytes, size_t len)
{
	static const struct dialect dialect = { REFUSE_ORDER, none };

	return escape(bytes, len, &dialect);
}

char *escape_xml(const char *bytes, size_t len)
{
	static const struct dialect dialect = { REFUSE_ORDER | REFUSE_NONCHARACTER, xml };

	return escape(bytes, len, &dialect);
}

char *escape_dot(const char *bytes, size_t len)
{
	static const struct dialect dialect = { REFUSE_ORDER | REFUSE_NONCHARACTER, dot };

	return escape(bytes, len, &dialect);
}

char *escape_dot_html(const char *bytes, size_t len)
{
	static const struct dialect dialect = { REFUSE_ORDER | REFUSE_NONCHARACTER, dot_html };

	return escape(bytes, len, &dialect);
}
