/* SPDX-License-Identifier: GPL-2.0-only */
/* Objects of System V, from /proc/sysvipc. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/procfs_mappings.h"

/* What a row says of an object. */
struct row {
	int key, id;
	unsigned long long bytes, messages;
	unsigned int attached;
};

typedef bool (*row_fn)(const char *line, struct row *ret_row);

/* `key msqid perms cbytes qnum …` */
static bool queue_parse(const char *line, struct row *ret_row)
{
	return sscanf(line, "%d %d %*o %llu %llu", &ret_row->key, &ret_row->id, &ret_row->bytes,
		      &ret_row->messages) == 4;
}

/* `key semid perms nsems …` */
static bool set_parse(const char *line, struct row *ret_row)
{
	return sscanf(line, "%d %d %*o", &ret_row->key, &ret_row->id) == 2;
}

/* `key shmid perms size cpid lpid nattch …` */
static bool segment_parse(const char *line, struct row *ret_row)
{
	return sscanf(line, "%d %d %*o %llu %*d %*d %u", &ret_row->key, &ret_row->id,
		      &ret_row->bytes, &ret_row->attached) == 4;
}

static int row_emit(const struct procfs_out *out, __u8 mechanism, const struct row *row,
		    __u64 space)
{
	struct ipct_object object = {
		.event = procfs_event(out, NULL, IPCT_EVENT_OBJECT, sizeof(object)),
		.key = { row->id, space },
		.queued_bytes = IPCT_LEVEL_UNKNOWN,
		.id = row->id,
		.ipc_key = row->key,
		.name_space = space,
		.mechanism = mechanism,
		.origin = IPCT_ORIGIN_START,
	};

	if (mechanism == IPCT_SYSV_SHM)
		object.size = row->bytes;
	if (mechanism == IPCT_SYSV_MSG) {
		object.queued_bytes = row->bytes;
		object.queued_messages = row->messages;
	}
	return procfs_emit(out, &object.event);
}

static int rows_emit(const struct procfs_out *out, __u8 mechanism, int proc, const char *name,
		     row_fn parse, bool with_attached, __u64 space)
{
	FILE *lines = procfs_wants(out, mechanism) ? procfs_open_lines(proc, name) : NULL;
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	while (lines && !err && getline(&line, &size, lines) >= 0) {
		struct row row = {};

		if (parse(line, &row) &&
		    (with_attached || !row.attached)) /* the titles are no row */
			err = row_emit(out, mechanism, &row, space);
	}
	free(line);
	if (lines)
		fclose(lines);
	return err;
}

int procfs_sysv(const struct procfs_out *out, bool with_attached)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), self = procfs_open(getpid());
	__u64 space = self < 0 ? 0 : procfs_namespace(self, "ipc");
	int err = 0;

	if (proc >= 0) {
		err = rows_emit(out, IPCT_SYSV_MSG, proc, "sysvipc/msg", queue_parse, true, space);
		if (!err)
			err = rows_emit(out, IPCT_SYSV_SEM, proc, "sysvipc/sem", set_parse, true,
					space);
		if (!err)
			err = rows_emit(out, IPCT_SYSV_SHM, proc, "sysvipc/shm", segment_parse,
					with_attached, space);
		close(proc);
	}
	if (self >= 0)
		close(self);
	return err;
}
