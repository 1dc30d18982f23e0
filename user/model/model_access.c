/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory of another process, and ptrace: both ends are named by the call. */
#include "model/mechanism_model.h"

int model_access_apply(struct world *world, const struct ipct_access *access)
{
	(void)world;
	(void)access;
	return 0;
}

void model_access_fini(struct world *world)
{
	(void)world;
}

const struct mechanism_model model_process_vm = { IPCT_PROCESS_VM, model_no_transfer,
						  model_no_aggregate, NULL };
