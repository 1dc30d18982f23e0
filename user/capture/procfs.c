/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/procfs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ipctrace/capture_file.h>

#include "capture/procfs_internal.h"

static size_t proc_read_exe(int process, char *text, size_t size)
{
	ssize_t n = readlinkat(process, "exe", text, size);

	return n > 0 ? n : 0;
}

/* Path in the unified hierarchy: the line `0::/path`. */
static size_t proc_read_cgroup(int process, char *text, size_t size)
{
	char lines[IPCT_TEXT_MAX + 1];
	size_t len = procfs_read(process, "cgroup", lines, sizeof(lines) - 1);
	char *path, *end;

	lines[len] = '\0';
	path = strstr(lines, "0::");
	if (!path)
		return 0;
	path += strlen("0::");
	end = strchrnul(path, '\n');
	len = end - path;
	if (len > size)
		len = size;
	memcpy(text, path, len);
	return len;
}

static int text_hand_out(struct ipct_text *text, __u16 kind, size_t len, capture_sink sink,
			 void *context)
{
	if (!len)
		return 0;
	text->kind = kind;
	text->text_len = len;
	memset(text->text + len, 0, sizeof(text->text) - len);
	return sink(context, IPCT_STREAM_SNAPSHOT, &text->event);
}

static int texts_hand_out(int process, const struct ipct_event *event, capture_sink sink,
			  void *context)
{
	struct ipct_text text = { .event = *event };
	size_t size = sizeof(text.text);
	int err;

	text.event.type = IPCT_EVENT_TEXT;
	text.event.size = sizeof(text);
	err = text_hand_out(&text, IPCT_TEXT_EXE, proc_read_exe(process, text.text, size), sink,
			    context);
	if (err)
		return err;
	err = text_hand_out(&text, IPCT_TEXT_ARGS, procfs_read(process, "cmdline", text.text, size),
			    sink, context);
	if (err)
		return err;
	return text_hand_out(&text, IPCT_TEXT_CGROUP, proc_read_cgroup(process, text.text, size),
			     sink, context);
}

/* The open directory stays that of one process: once it is gone, nothing is found in it. */
int procfs_describe(const struct ipct_event *event, capture_sink sink, void *context)
{
	int process = procfs_open(event->pid), err = 0;
	struct procfs_stat stat;

	if (process < 0)
		return 0;
	if (!procfs_read_stat(process, &stat) && procfs_started_at(&stat, event->start_ns))
		err = texts_hand_out(process, event, sink, context);
	close(process);
	return err;
}

static int maps_read(FILE *maps, __u32 pid, procfs_mapping_fn take, void *context)
{
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	while (!err && getline(&line, &size, maps) > 0) {
		unsigned long long start;
		char rights[5];

		if (sscanf(line, "%llx-%*x %4s", &start, rights) == 2 && rights[3] == 's')
			err = take(context, pid, start);
	}
	free(line);
	return err;
}

int procfs_each_shared(procfs_mapping_fn take, void *context)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	if (!processes)
		return -errno;
	while (!err && (entry = readdir(processes))) {
		char path[PROCFS_PATH_MAX];
		unsigned long pid = strtoul(entry->d_name, NULL, 10);
		FILE *maps;

		snprintf(path, sizeof(path), "/proc/%lu/maps", pid);
		maps = pid ? fopen(path, "re") : NULL;
		if (!maps)
			continue; /* no process, or gone */
		err = maps_read(maps, (__u32)pid, take, context);
		fclose(maps);
	}
	closedir(processes);
	return err;
}
