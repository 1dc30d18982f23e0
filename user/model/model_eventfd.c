/* SPDX-License-Identifier: GPL-2.0-only */
/* eventfd: a counter that a read takes whole. */
#include "model/mechanism_model.h"

void model_eventfd_fini(struct world *world)
{
	(void)world;
}

const struct mechanism_model model_eventfd = { IPCT_EVENTFD, model_no_transfer, model_no_aggregate,
					       NULL };
