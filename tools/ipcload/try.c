/* SPDX-License-Identifier: GPL-2.0-only */
#include "try.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenario.h"

void try_fail(const char *file, int line, const char *what, int err)
{
	const char *reason = err ? strerror(err) : "does not hold";

	dprintf(STDERR_FILENO, "ipcload: %s:%d: %s: %s\n", file, line, what, reason);
	_exit(1);
}

long try_result(long result, const char *file, int line, const char *what)
{
	if (result < 0)
		try_fail(file, line, what, errno);
	return result;
}

void try_ensure(bool condition, const char *file, int line, const char *what)
{
	if (!condition)
		try_fail(file, line, what, 0);
}

void try_skip(const char *reason)
{
	dprintf(STDERR_FILENO, "ipcload: skipped: %s\n", reason);
	_exit(SCENARIO_SKIPPED);
}
