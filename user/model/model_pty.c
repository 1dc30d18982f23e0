/* SPDX-License-Identifier: GPL-2.0-only */
/* Pseudo-terminals: two directions, whose bytes the line discipline changes. */
#include "model/mechanism_model.h"

void model_pty_fini(struct world *world)
{
	(void)world;
}

const struct mechanism_model model_pty = { IPCT_PTY, model_no_transfer, model_no_aggregate, NULL };
