/* SPDX-License-Identifier: GPL-2.0-only */
/* Semaphores, futexes and file locks: posts and the waits that they end. */
#include "model/mechanism_model.h"

int model_sync_apply(struct world *world, const struct ipct_sync *sync)
{
	(void)world;
	(void)sync;
	return 0;
}

int model_sync_exit(struct world *world, const struct ipct_exit *exit)
{
	(void)world;
	(void)exit;
	return 0;
}

int model_sync_finish(struct world *world)
{
	(void)world;
	return 0;
}

void model_sync_fini(struct world *world)
{
	(void)world;
}

const struct mechanism_model model_sysv_sem = { IPCT_SYSV_SEM, model_no_transfer,
						model_no_aggregate, NULL };
const struct mechanism_model model_futex = { IPCT_FUTEX, model_no_transfer, model_no_aggregate,
					     NULL };
const struct mechanism_model model_file_lock = { IPCT_FILE_LOCK, model_no_transfer,
						 model_no_aggregate, NULL };
