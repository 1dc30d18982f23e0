/* SPDX-License-Identifier: GPL-2.0-only */
/* The list of all scenarios. */
#ifndef IPCLOAD_FAMILY_H
#define IPCLOAD_FAMILY_H

#include "scenario.h"

/* NULL if there is none of that name. */
const struct scenario *family_find_scenario(const char *name);

#endif
