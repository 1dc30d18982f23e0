/* SPDX-License-Identifier: GPL-2.0-only */
/* Files of /proc, and records made of them. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ipctrace/capture_file.h>

#include "capture/procfs_internal.h"

#define NS_PER_SECOND 1000000000ULL
#define STAT_MAX 1024
#define FLAG_KERNEL_THREAD 0x00200000 /* PF_KTHREAD */
#define DEVICE_MINOR_BITS 20

__u64 procfs_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int procfs_emit(const struct procfs_out *out, struct ipct_event *event)
{
	return out->sink(out->context, IPCT_STREAM_SNAPSHOT, event);
}

bool procfs_wants(const struct procfs_out *out, enum ipct_mechanism mechanism)
{
	return out->mechanisms >> mechanism & 1;
}

struct ipct_event procfs_event(const struct procfs_out *out, const struct ipct_event *actor,
			       __u16 type, __u16 size)
{
	struct ipct_event event = { .time_ns = out->time_ns, .type = type, .size = size };

	if (actor) {
		event.start_ns = actor->start_ns;
		event.pid = actor->pid;
		event.tid = actor->tid;
	}
	return event;
}

void procfs_put_name(const char *bytes, size_t len, char *ret_name, __u16 *ret_len)
{
	size_t skipped = len > IPCT_NAME_SPACE ? len - IPCT_NAME_SPACE : 0;

	memcpy(ret_name, bytes + skipped, len - skipped);
	*ret_len = len - skipped;
}

__u64 procfs_device(unsigned int major, unsigned int minor)
{
	return (__u64)major << DEVICE_MINOR_BITS | minor;
}

int procfs_open(__u32 pid)
{
	char path[PROCFS_PATH_MAX];
	int process;

	snprintf(path, sizeof(path), "/proc/%u", pid);
	process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return process < 0 ? -errno : process;
}

size_t procfs_read(int process, const char *name, char *text, size_t size)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return 0;
	n = read(fd, text, size);
	close(fd);
	return n > 0 ? n : 0;
}

FILE *procfs_open_lines(int process, const char *name)
{
	int fd = openat(process, name, O_RDONLY | O_CLOEXEC);
	FILE *lines = fd < 0 ? NULL : fdopen(fd, "r");

	if (fd >= 0 && !lines)
		close(fd);
	return lines;
}

int procfs_read_stat(int process, struct procfs_stat *ret_stat)
{
	char line[STAT_MAX + 1];
	size_t len = procfs_read(process, "stat", line, STAT_MAX);
	char *name, *rest;
	unsigned long long ticks;
	unsigned int flags;
	struct procfs_stat stat = {};

	line[len] = '\0';
	name = strchr(line, '(');
	rest = strrchr(line, ')'); /* the name before it may hold anything */
	if (!name || !rest || rest < name)
		return -ESRCH;
	/* the fields from the 3rd: state ppid … tty_nr(7) … flags(9) … threads(20) … start(22) */
	if (sscanf(rest + 1,
		   " %c %u %*d %*d %u %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u %*d %llu",
		   &stat.state, &stat.parent, &stat.terminal, &flags, &stat.threads, &ticks) != 6)
		return -ESRCH;
	*rest = '\0';
	strncpy(stat.comm, name + 1, sizeof(stat.comm) - 1);
	stat.is_kernel_thread = flags & FLAG_KERNEL_THREAD;
	stat.start_ns = ticks * (NS_PER_SECOND / sysconf(_SC_CLK_TCK));
	*ret_stat = stat;
	return 0;
}

bool procfs_started_at(const struct procfs_stat *stat, __u64 start_ns)
{
	__u64 tick_ns = NS_PER_SECOND / sysconf(_SC_CLK_TCK);

	return stat->start_ns <= start_ns + tick_ns && start_ns <= stat->start_ns + tick_ns;
}

static bool task_is_over(const struct procfs_stat *stat)
{
	return stat->state == 'Z' || stat->state == 'X';
}

static int task_open(int tasks, const char *number)
{
	struct procfs_stat stat;
	int task = openat(tasks, number, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (task >= 0 && !procfs_read_stat(task, &stat) && !task_is_over(&stat))
		return task;
	if (task >= 0)
		close(task);
	return -ESRCH;
}

int procfs_open_task(int process, const struct procfs_stat *stat)
{
	int tasks, task = -ESRCH;
	struct dirent *entry;
	DIR *listing;

	if (!task_is_over(stat))
		return process;
	tasks = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	listing = tasks < 0 ? NULL : fdopendir(tasks);
	if (!listing) {
		if (tasks >= 0)
			close(tasks);
		return -ESRCH;
	}
	while (task < 0 && (entry = readdir(listing)))
		if (isdigit((unsigned char)entry->d_name[0]))
			task = task_open(tasks, entry->d_name);
	closedir(listing);
	return task;
}

__u64 procfs_namespace(int process, const char *name)
{
	char path[PROCFS_PATH_MAX], link[PROCFS_NAMESPACE_MAX + 1];
	unsigned long long inode;
	ssize_t len;

	snprintf(path, sizeof(path), "ns/%s", name);
	len = readlinkat(process, path, link, PROCFS_NAMESPACE_MAX);
	if (len < 0)
		return 0;
	link[len] = '\0';
	return sscanf(link, "%*[a-z_]:[%llu]", &inode) == 1 ? inode : 0;
}
