/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/path.h"

#include <string.h>

#define DELETED " (deleted)"

size_t path_undeleted(const char *path)
{
	size_t len = strlen(path), mark = strlen(DELETED);

	return len > mark && !strcmp(path + len - mark, DELETED) ? len - mark : len;
}
