/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/own_output.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINK_MAX_LEN 128
#define FD_PATH_MAX 320 /* a directory entry has up to 255 bytes */
#define ROUNDS 4 /* terminals in terminals */

bool own_output_has(const struct own_output *own, uint32_t pid)
{
	for (size_t i = 0; pid && i < own->nr; i++)
		if (own->pids[i] == (pid_t)pid)
			return true;
	return false;
}

static bool own_output_add(struct own_output *own, pid_t pid)
{
	if (pid <= 1 || pid == getpid() || own_output_has(own, pid))
		return false;
	if (own->nr == own->cap) {
		size_t cap = own->cap ? own->cap * 2 : 16;
		pid_t *pids = reallocarray(own->pids, cap, sizeof(*pids));

		if (!pids)
			return false;
		own->pids = pids;
		own->cap = cap;
	}
	own->pids[own->nr++] = pid;
	return true;
}

void own_output_fini(struct own_output *own)
{
	free(own->pids);
}

/* Parent of a process, 0 when it cannot be told. */
static pid_t parent_of(pid_t pid)
{
	char path[64], line[512], *end;
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file)) {
		end = strrchr(line, ')'); /* the name before it may hold anything */
		if (!end || sscanf(end + 1, " %*c %d", &parent) != 1)
			parent = 0;
	}
	fclose(file);
	return parent;
}

static void ancestors_add(struct own_output *own)
{
	for (pid_t pid = getppid(); pid > 1; pid = parent_of(pid))
		own_output_add(own, pid);
}

typedef bool (*process_visitor)(struct own_output *own, pid_t pid, const void *argument);

/* Calls visit for every process; true if any call returned true. */
static bool processes_visit(struct own_output *own, process_visitor visit, const void *argument)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	bool any = false;

	while (proc && (entry = readdir(proc)))
		if (isdigit(entry->d_name[0]) && atoi(entry->d_name) != getpid())
			any |= visit(own, atoi(entry->d_name), argument);
	if (proc)
		closedir(proc);
	return any;
}

static bool visit_session(struct own_output *own, pid_t pid, const void *argument)
{
	(void)argument;
	return getsid(pid) == getsid(0) && own_output_add(own, pid);
}

/* Does descriptor `fd` of `pid` (a name in /proc/PID/fd) lead to `wanted`? */
static bool fd_leads_to(pid_t pid, const char *fd, const char *wanted)
{
	char path[FD_PATH_MAX], target[LINK_MAX_LEN];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, fd);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	return !strcmp(target, wanted);
}

/* For a pty master: the number of its terminal, from fdinfo; -1: it is none. */
static int fd_terminal(pid_t pid, const char *fd)
{
	char path[FD_PATH_MAX], line[128];
	int index = -1;
	FILE *file;

	if (!fd_leads_to(pid, fd, "/dev/ptmx") && !fd_leads_to(pid, fd, "/dev/pts/ptmx"))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "tty-index: %d", &index) == 1)
			break;
	if (file)
		fclose(file);
	return index;
}

/* Does the process hold the pipe, socket or file `wanted`, or the master of that terminal? */
static bool process_holds(pid_t pid, const char *wanted)
{
	char path[64];
	int terminal = -1;
	struct dirent *entry;
	bool holds = false;
	DIR *fds;

	if (sscanf(wanted, "/dev/pts/%d", &terminal) != 1)
		terminal = -1;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	while (fds && !holds && (entry = readdir(fds))) {
		if (!isdigit(entry->d_name[0]))
			continue;
		holds = terminal < 0 ? fd_leads_to(pid, entry->d_name, wanted) :
				       fd_terminal(pid, entry->d_name) == terminal;
	}
	if (fds)
		closedir(fds);
	return holds;
}

static bool visit_holder(struct own_output *own, pid_t pid, const void *wanted)
{
	return process_holds(pid, wanted) && own_output_add(own, pid);
}

/* The pipe, socket or terminal behind a descriptor; false for what nobody reads at once. */
static bool fd_target(pid_t pid, int fd, char *target, size_t size)
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	len = readlink(path, target, size - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	return !strncmp(target, "pipe:", 5) || !strncmp(target, "/dev/pts/", 9) ||
	       !strncmp(target, "socket:", 7);
}

static bool holders_add(struct own_output *own, pid_t pid)
{
	char target[LINK_MAX_LEN];
	bool any = false;

	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		if (fd_target(pid, fd, target, sizeof(target)))
			any |= processes_visit(own, visit_holder, target);
	return any;
}

void own_output_find(struct own_output *own)
{
	ancestors_add(own);
	processes_visit(own, visit_session, NULL);
	holders_add(own, getpid());
	/* a terminal may run in a terminal: whoever shows that one carries our output too */
	for (int round = 0; round < ROUNDS; round++) {
		size_t nr = own->nr;
		bool any = false;

		for (size_t i = 0; i < nr; i++)
			any |= holders_add(own, own->pids[i]);
		if (!any)
			return;
	}
}
