/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared memory: who maps it, with what rights. */
#include "model/mechanism_model.h"

int model_memory_apply(struct world *world, const struct ipct_mapping *mapping)
{
	(void)world;
	(void)mapping;
	return 0;
}

int model_memory_fork(struct world *world, const struct ipct_fork *fork)
{
	(void)world;
	(void)fork;
	return 0;
}

int model_memory_exec(struct world *world, const struct ipct_event *event)
{
	(void)world;
	(void)event;
	return 0;
}

int model_memory_exit(struct world *world, const struct ipct_event *event)
{
	(void)world;
	(void)event;
	return 0;
}

void model_memory_fini(struct world *world)
{
	(void)world;
}

const struct mechanism_model model_sysv_shm = { IPCT_SYSV_SHM, model_no_transfer,
						model_no_aggregate, NULL };
const struct mechanism_model model_posix_shm = { IPCT_POSIX_SHM, model_no_transfer,
						 model_no_aggregate, NULL };
const struct mechanism_model model_memfd = { IPCT_MEMFD, model_no_transfer, model_no_aggregate,
					     NULL };
const struct mechanism_model model_shared_mapping = { IPCT_SHARED_MAPPING, model_no_transfer,
						      model_no_aggregate, NULL };
