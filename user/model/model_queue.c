/* SPDX-License-Identifier: GPL-2.0-only */
/* Message queues, POSIX and SysV. */
#include "model/mechanism_model.h"

void model_queue_fini(struct world *world)
{
	(void)world;
}

const struct mechanism_model model_posix_mq = { IPCT_POSIX_MQ, model_no_transfer,
						model_no_aggregate, NULL };
const struct mechanism_model model_sysv_msg = { IPCT_SYSV_MSG, model_no_transfer,
						model_no_aggregate, NULL };
