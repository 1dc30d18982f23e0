/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/load_graph.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ipctrace/capture_file.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "command/open_capture.h"
#include "command/target.h"
#include "graph/graph_build.h"

static int model_fill(struct world *world, struct capture_reader *reader)
{
	struct event_source *events = capture_reader_events(reader);
	const struct ipct_event *event;
	int more;

	while ((more = events->next(events, &event)) > 0) {
		int err = world_apply(world, event);

		if (err)
			return err;
	}
	return more;
}

static int graph_of(struct opened_capture *opened, struct graph **ret_graph)
{
	struct world *world = world_new(!strcmp(opened->info.scope, "system"));
	bool is_complete = capture_reader_is_complete(opened->reader);
	int err = world ? model_fill(world, opened->reader) : -ENOMEM;

	if (!err)
		err = graph_build(world, &opened->info, &opened->ledger,
				  is_complete && !capture_reader_damage(opened->reader) &&
					  !capture_reader_gap(opened->reader),
				  ret_graph);
	if (!err)
		(*ret_graph)->capture.mechanisms = target_list_mechanisms(opened->info.mechanisms);
	world_free(world);
	return err;
}

int load_graph(const char *path, struct graph **ret_graph)
{
	struct opened_capture opened;
	int status = open_capture(path, &opened);
	int err;

	if (status)
		return status;
	err = graph_of(&opened, ret_graph);
	if (err) {
		log_err("cannot read the capture: %s", strerror(-err));
		status = EXIT_CODE_IO;
	} else {
		open_capture_warn(path, &opened);
	}
	open_capture_close(&opened);
	return status;
}
