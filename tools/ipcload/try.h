/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checked calls. A workload has nothing to recover: whatever it did not expect would make its
 * truth a lie, so the first surprise prints one line and ends the process with status 1.
 */
#ifndef IPCLOAD_TRY_H
#define IPCLOAD_TRY_H

#include <stdbool.h>

/* Value of a call that returns negative and sets errno on failure. */
#define TRY(call) try_result((call), __FILE__, __LINE__, #call)
/* What must hold. */
#define ENSURE(condition) try_ensure((condition), __FILE__, __LINE__, #condition)

__attribute__((noreturn)) void try_fail(const char *file, int line, const char *what, int err);

long try_result(long result, const char *file, int line, const char *what);
void try_ensure(bool condition, const char *file, int line, const char *what);

/* Ends the process: what the scenario needs is not there. */
__attribute__((noreturn)) void try_skip(const char *reason);

#endif
