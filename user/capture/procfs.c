/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ipctrace/capture_file.h>

#define PROC_PATH_MAX 64

/* Reads a file of /proc/PID into text->text; the number of bytes, 0 on any failure. */
static size_t proc_read(__u32 pid, const char *name, char *text, size_t size)
{
	char path[PROC_PATH_MAX];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, size);
	close(fd);
	return n > 0 ? n : 0;
}

static size_t proc_read_exe(__u32 pid, char *text, size_t size)
{
	char path[PROC_PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/exe", pid);
	n = readlink(path, text, size);
	return n > 0 ? n : 0;
}

/* Path in the unified hierarchy: the line `0::/path`. */
static size_t proc_read_cgroup(__u32 pid, char *text, size_t size)
{
	char lines[IPCT_TEXT_MAX + 1];
	size_t len = proc_read(pid, "cgroup", lines, sizeof(lines) - 1);
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

int procfs_describe(const struct ipct_event *event, capture_sink sink, void *context)
{
	struct ipct_text text = { .event = *event };
	__u32 pid = event->pid;
	size_t size = sizeof(text.text);
	int err;

	text.event.type = IPCT_EVENT_TEXT;
	text.event.size = sizeof(text);
	err = text_hand_out(&text, IPCT_TEXT_EXE, proc_read_exe(pid, text.text, size), sink,
			    context);
	if (err)
		return err;
	err = text_hand_out(&text, IPCT_TEXT_ARGS, proc_read(pid, "cmdline", text.text, size),
			    sink, context);
	if (err)
		return err;
	return text_hand_out(&text, IPCT_TEXT_CGROUP,
			     proc_read_cgroup(pid, text.text, size), sink, context);
}
