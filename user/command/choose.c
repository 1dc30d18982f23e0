/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/choose.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/log.h"
#include "base/suggest.h"

#define HINT_MAX 160

int choose_name(const char *option, const char *value, const char *const *names, size_t nr)
{
	char hint[HINT_MAX], *shown;
	int index = suggest_choose(value, names, nr, hint, sizeof(hint));

	if (index >= 0)
		return index;
	shown = escape_line(value, strlen(value));
	log_err("%s does not know '%s'%s", option, shown ? shown : "?", hint);
	free(shown);
	return -1;
}

int choose_number(const char *option, const char *value, size_t *ret_number)
{
	unsigned long number;
	char *end, *shown;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (isdigit((unsigned char)*value) && !*end && !errno) {
		*ret_number = number;
		return 0;
	}
	shown = escape_line(value, strlen(value));
	log_err("%s takes a whole number, not '%s'", option, shown ? shown : "?");
	free(shown);
	return -1;
}

void choose_complain(const char *option, const char *value, const char *problem)
{
	char *shown = escape_line(value, strlen(value));

	log_err("%s: '%s' is %s", option, shown ? shown : "", problem);
	free(shown);
}
