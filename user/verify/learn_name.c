/* SPDX-License-Identifier: GPL-2.0-only */
/* Names that are the same in the next run. */
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "model/mechanism_set.h"
#include "verify/learn.h"

#define PORT_EPHEMERAL_FIRST 32768 /* default of net.ipv4.ip_local_port_range */
#define DIGITS_MAX 2		   /* more of them in a row are taken for a number that changes */
#define RANDOM_MIN 6		   /* characters that mkstemp() and the like choose */

/* Only what can be written down in a line. */
static bool is_printable(const char *name)
{
	size_t len = strlen(name), used;
	uint32_t code;

	for (size_t at = 0; at < len; at += used) {
		used = utf8_decode(name + at, len - at, &code);
		if (!used || code < 0x20 || (code >= 0x7f && code < 0xa0) ||
		    (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
		    code >= 0xfff0)
			return false;
	}
	return true;
}

static char *put_escaped(char *to, char c)
{
	if (c == '*' || c == '?' || c == '[' || c == '\\')
		*to++ = '\\';
	*to++ = c;
	return to;
}

char *learn_escape_glob(const char *text)
{
	char *glob = malloc(2 * strlen(text) + 1), *to = glob;

	if (!glob)
		return NULL;
	for (; *text; text++)
		to = put_escaped(to, *text);
	*to = '\0';
	return glob;
}

/* Was the end of this part of a path chosen by chance? How many characters of it. */
static size_t random_tail(const char *part, size_t len)
{
	bool has_digit = false, has_upper = false, has_lower = false;
	size_t tail = 0;

	if (len >= 3 + RANDOM_MIN && !strncmp(part, "tmp", 3))
		return len - 3;
	for (; tail < len && (isalnum((unsigned char)part[len - 1 - tail])); tail++) {
		has_digit |= isdigit((unsigned char)part[len - 1 - tail]) != 0;
		has_upper |= isupper((unsigned char)part[len - 1 - tail]) != 0;
		has_lower |= islower((unsigned char)part[len - 1 - tail]) != 0;
	}
	return tail >= RANDOM_MIN && has_digit + has_upper + has_lower > 1 ? tail : 0;
}

static bool is_temporary(const char *name)
{
	static const char *const places[] = { "/tmp/", "/var/tmp/", "/dev/shm/", "/run/user/",
					      "@/tmp/" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!strncmp(name, places[i], strlen(places[i])))
			return true;
	return false;
}

/* One part of a path, to the next slash. */
static char *put_part(char *to, const char *part, size_t len, bool is_temporary)
{
	size_t kept = len - (is_temporary ? random_tail(part, len) : 0);

	for (size_t i = 0; i < kept;) {
		size_t digits = 0;

		while (i + digits < kept && isdigit((unsigned char)part[i + digits]))
			digits++;
		if (digits > DIGITS_MAX) {
			*to++ = '*';
			i += digits;
		} else {
			to = put_escaped(to, part[i++]);
		}
	}
	if (kept < len)
		*to++ = '*';
	return to;
}

static char *path_glob(const char *name)
{
	char *glob = malloc(2 * strlen(name) + 2), *to = glob;
	bool temporary = is_temporary(name);

	if (!glob)
		return NULL;
	for (;;) {
		size_t len = strcspn(name, "/");

		to = put_part(to, name, len, temporary);
		name += len;
		if (!*name)
			break;
		*to++ = *name++;
	}
	*to = '\0';
	return glob;
}

static bool has_stable_port(const char *name)
{
	const char *colon = strrchr(name, ':');
	long port = colon ? strtol(colon + 1, NULL, 10) : 0;

	return port > 0 && port < PORT_EPHEMERAL_FIRST;
}

char *learn_name_glob(enum ipct_mechanism mechanism, const char *name)
{
	if (!*name || !is_printable(name))
		return strdup("");
	switch (mechanism) {
	case IPCT_SIGNAL:
		return strdup(name);
	case IPCT_TCP:
	case IPCT_UDP:
		return has_stable_port(name) ? learn_escape_glob(name) : strdup("");
	case IPCT_FIFO:
	case IPCT_UNIX_STREAM:
	case IPCT_UNIX_DGRAM:
	case IPCT_UNIX_SEQPACKET:
	case IPCT_POSIX_MQ:
	case IPCT_POSIX_SHM:
	case IPCT_MEMFD:
	case IPCT_SHARED_MAPPING:
		return path_glob(name);
	default: /* keys that ftok() made of an inode, numbers of terminals, ... */
		return strdup("");
	}
}

void learn_write_quoted(const char *text, FILE *stream)
{
	fputc('"', stream);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', stream);
		fputc(*text, stream);
	}
	fputc('"', stream);
}
