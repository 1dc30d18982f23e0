/* SPDX-License-Identifier: GPL-2.0-only */
/* Passed descriptors. */
#include "model/mechanism_model.h"

int model_pass_apply(struct world *world, const struct ipct_pass *pass)
{
	(void)world;
	(void)pass;
	return 0;
}

int model_pass_finish(struct world *world)
{
	(void)world;
	return 0;
}

void model_pass_fini(struct world *world)
{
	(void)world;
}
