/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of rules that a specification names with an @: what every program of a system does. */
#ifndef IPCTRACE_PRESET_H
#define IPCTRACE_PRESET_H

#include <stddef.h>

extern const char *const preset_names[]; /* without the @ */
extern const size_t preset_names_nr;

/* The rules of a preset, ended by NULL; NULL: there is none of this name. Static. */
const char *const *preset_find(const char *name);

#endif
