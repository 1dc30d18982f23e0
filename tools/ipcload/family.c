/* SPDX-License-Identifier: GPL-2.0-only */
#include "family.h"

#include <string.h>

#define FAMILY(array) extern const struct scenario array[];
#include "family.def"
#undef FAMILY

const struct scenario *const families[] = {
#define FAMILY(array) array,
#include "family.def"
#undef FAMILY
	NULL,
};

const struct scenario *family_find_scenario(const char *name)
{
	const struct scenario *const *family;
	const struct scenario *scenario;

	for (family = families; *family; family++) {
		for (scenario = *family; scenario->name; scenario++) {
			if (!strcmp(scenario->name, name))
				return scenario;
		}
	}
	return NULL;
}
