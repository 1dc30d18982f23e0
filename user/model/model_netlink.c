/* SPDX-License-Identifier: GPL-2.0-only */
/* Netlink between processes. */
#include "model/mechanism_model.h"

int model_netlink_describe(struct world *world, const struct ipct_socket *socket)
{
	(void)world;
	(void)socket;
	return 0;
}

int model_netlink_finish(struct world *world)
{
	(void)world;
	return 0;
}

void model_netlink_fini(struct world *world)
{
	(void)world;
}

const struct mechanism_model model_netlink = { IPCT_NETLINK, model_no_transfer, model_no_aggregate,
					       NULL };
