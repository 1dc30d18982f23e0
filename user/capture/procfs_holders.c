/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/procfs_holders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/procfs.h"
#include "capture/procfs_internal.h"
#include "capture/procfs_mappings.h"

#define STATUS_MAX 4096
#define ANCESTORS_WALKED 64

struct listed {
	__u32 pid;
	struct procfs_stat stat;
	bool is_traced;
};

struct listing {
	struct listed *all; /* by pid */
	size_t nr, cap;
};

/* Processes ---------------------------------------------------------------------------------- */

static int listing_add(struct listing *listing, __u32 pid)
{
	int process = procfs_open(pid), err;
	struct listed *all = listing->all;
	struct procfs_stat stat;

	if (process < 0)
		return 0; /* it is gone */
	err = procfs_read_stat(process, &stat);
	close(process);
	if (err)
		return 0;
	if (listing->nr == listing->cap) {
		size_t cap = listing->cap ? listing->cap * 2 : 256;

		all = reallocarray(listing->all, cap, sizeof(*all));
		if (!all)
			return -ENOMEM;
		listing->all = all;
		listing->cap = cap;
	}
	all[listing->nr++] = (struct listed){ .pid = pid, .stat = stat };
	return 0;
}

static int compare_pids(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static int listing_read(struct listing *listing)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			err = listing_add(listing, strtoul(entry->d_name, NULL, 10));
	closedir(proc);
	if (listing->nr)
		qsort(listing->all, listing->nr, sizeof(*listing->all), compare_pids);
	return err;
}

static struct listed *listing_find(const struct listing *listing, __u32 pid)
{
	struct listed wanted = { .pid = pid };

	if (!listing->nr)
		return NULL;
	return bsearch(&wanted, listing->all, listing->nr, sizeof(wanted), compare_pids);
}

static bool is_root(const struct capture_options *options, __u32 pid)
{
	for (size_t i = 0; i < options->pids_nr; i++)
		if ((__u32)options->pids[i] == pid)
			return true;
	return false;
}

static bool has_root(const struct listing *listing, const struct capture_options *options,
		     const struct listed *listed)
{
	for (int i = 0; i < ANCESTORS_WALKED && listed; i++) {
		if (is_root(options, listed->pid))
			return true;
		listed = listing_find(listing, listed->stat.parent);
	}
	return false;
}

/* Records ------------------------------------------------------------------------------------ */

static __u32 read_uid(int process)
{
	char text[STATUS_MAX + 1];
	const char *line;

	text[procfs_read(process, "status", text, STATUS_MAX)] = '\0';
	line = strstr(text, "\nUid:");
	return line ? strtoul(line + strlen("\nUid:"), NULL, 10) : ~0u;
}

static int process_emit(int process, const struct listing *listing, const struct listed *listed,
			const struct ipct_event *actor, const struct procfs_out *out)
{
	const struct listed *parent = listing_find(listing, listed->stat.parent);
	struct ipct_process record = {
		.event = procfs_event(out, actor, IPCT_EVENT_PROCESS, sizeof(record)),
		.uid = read_uid(process),
		.pid_namespace = procfs_namespace(process, "pid_for_children"),
		.is_traced = listed->is_traced,
		.is_kernel_thread = listed->stat.is_kernel_thread,
	};

	memcpy(record.comm, listed->stat.comm, sizeof(record.comm));
	if (parent) {
		record.parent_pid = parent->pid;
		record.parent_start_ns = parent->stat.start_ns;
	}
	return procfs_emit(out, &record.event);
}

static bool is_hidden(int err)
{
	return err == -EACCES || err == -EPERM;
}

/* What the process holds. -EACCES: this user may not know. */
static int holds_emit(int process, const struct procfs_stat *stat, const struct ipct_event *actor,
		      struct procfs_sockets *sockets, const struct procfs_out *out)
{
	int task = procfs_open_task(process, stat), err;

	if (task < 0)
		return 0;
	err = procfs_descriptors(task, actor, stat, sockets, out);
	if (!err)
		err = procfs_sockets_add_network(sockets, procfs_namespace(task, "net"),
						 actor->pid);
	if (!err)
		err = procfs_mappings(task, actor, out);
	if (!err)
		err = procfs_describe(actor, out->sink, out->context);
	if (task != process)
		close(task);
	return err == -ENOENT || err == -ESRCH ? 0 : err; /* gone */
}

/* *is_seen: its descriptors could be looked at, or it is gone. */
static int listed_emit(const struct listing *listing, const struct listed *listed,
		       struct procfs_sockets *sockets, const struct procfs_out *out, bool *is_seen)
{
	struct ipct_event actor = { .pid = listed->pid,
				    .tid = listed->pid,
				    .start_ns = listed->stat.start_ns };
	int process = procfs_open(listed->pid), err = 0;
	struct procfs_stat stat;

	*is_seen = true;
	if (process < 0)
		return 0;
	if (!procfs_read_stat(process, &stat) && stat.start_ns == listed->stat.start_ns) {
		err = process_emit(process, listing, listed, &actor, out);
		if (!err && !stat.is_kernel_thread)
			err = holds_emit(process, &stat, &actor, sockets, out);
	}
	close(process);
	*is_seen = !is_hidden(err);
	return is_hidden(err) ? 0 : err;
}

static int holders_emit(struct listing *listing, const struct capture_options *options,
			struct procfs_sockets *sockets, const struct procfs_out *out,
			size_t *ret_hidden)
{
	size_t hidden = 0;
	int err = 0;

	for (size_t i = 0; i < listing->nr && !err; i++) {
		struct listed *listed = &listing->all[i];
		bool is_seen;

		if (listed->pid == (__u32)getpid())
			continue;
		listed->is_traced = options->is_system_wide || has_root(listing, options, listed);
		err = listed_emit(listing, listed, sockets, out, &is_seen);
		hidden += !is_seen;
		if (!err && !is_seen && is_root(options, listed->pid))
			err = -EACCES;
	}
	if (!err)
		err = procfs_sockets_emit(sockets, out);
	if (!err)
		err = procfs_sysv(out, true);
	*ret_hidden = hidden;
	return err;
}

int procfs_holders(const struct capture_options *options, capture_sink sink, void *context,
		   size_t *ret_hidden)
{
	const struct procfs_out out = {
		.sink = sink,
		.context = context,
		.mechanisms = options->mechanisms,
		.time_ns = procfs_now_ns(),
	};
	struct procfs_sockets sockets = {};
	struct listing listing = {};
	int err = listing_read(&listing);

	if (!err)
		err = holders_emit(&listing, options, &sockets, &out, ret_hidden);
	procfs_sockets_fini(&sockets);
	free(listing.all);
	return err;
}
