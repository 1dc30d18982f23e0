/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/own_output.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/escape.h"

#define FD_PATH_MAX 320	    /* a directory entry has up to 255 bytes */
#define NAMES_MAX 50	    /* bytes of names in a line, about */
#define PTY_MAJOR_FIRST 136 /* UNIX98_PTY_SLAVE_MAJOR, and */
#define PTY_MAJOR_LAST 143  /* the last of them */
#define PTY_MASTER makedev(5, 2)

/* A pipe, socket or terminal that one of us writes to. */
struct outlet {
	mode_t type;
	dev_t device;
	ino_t inode;
	int terminal; /* number of a terminal */
};

/* The search: outlets found so far, of which the first `seen` were looked for in /proc. */
struct search {
	struct own_output *own;
	const pid_t *wanted;
	size_t wanted_nr;
	struct outlet *outlets;
	size_t nr, cap, seen;
};

bool own_output_has(const struct own_output *own, uint32_t pid)
{
	for (size_t i = 0; pid && i < own->nr; i++)
		if (own->pids[i] == (pid_t)pid)
			return true;
	return false;
}

void own_output_fini(struct own_output *own)
{
	free(own->pids);
}

static bool pid_is_wanted(const struct search *search, pid_t pid)
{
	for (size_t i = 0; i < search->wanted_nr; i++)
		if (search->wanted[i] == pid)
			return true;
	return false;
}

static void process_add(struct search *search, pid_t pid)
{
	struct own_output *own = search->own;

	if (pid <= 1 || pid == getpid() || own_output_has(own, pid) || pid_is_wanted(search, pid))
		return;
	if (own->nr == own->cap) {
		size_t cap = own->cap ? own->cap * 2 : 16;
		pid_t *pids = reallocarray(own->pids, cap, sizeof(*pids));

		if (!pids)
			return;
		own->pids = pids;
		own->cap = cap;
	}
	own->pids[own->nr++] = pid;
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

static void ancestors_add(struct search *search)
{
	for (pid_t pid = getppid(); pid > 1; pid = parent_of(pid))
		process_add(search, pid);
}

/* ---- outlets ---- */

static bool outlet_is(const struct outlet *a, const struct outlet *b)
{
	return a->type == b->type && a->device == b->device && a->inode == b->inode &&
	       a->terminal == b->terminal;
}

/* What is behind a descriptor, without asking a file server that may be gone. */
static bool fd_stat(const char *path, struct statx *ret)
{
	return !statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, ret);
}

/* False for what nobody reads at once. */
static bool outlet_of(const char *path, struct outlet *ret)
{
	struct statx st;

	if (!fd_stat(path, &st))
		return false;
	*ret = (struct outlet){ .type = st.stx_mode & S_IFMT, .terminal = -1 };
	if (S_ISCHR(st.stx_mode) && st.stx_rdev_major >= PTY_MAJOR_FIRST &&
	    st.stx_rdev_major <= PTY_MAJOR_LAST) {
		ret->terminal = (st.stx_rdev_major - PTY_MAJOR_FIRST) * 256 + st.stx_rdev_minor;
		return true;
	}
	ret->device = makedev(st.stx_dev_major, st.stx_dev_minor);
	ret->inode = st.stx_ino;
	return S_ISFIFO(st.stx_mode) || S_ISSOCK(st.stx_mode);
}

static void outlets_add(struct search *search, pid_t pid)
{
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
		struct outlet outlet;
		char path[FD_PATH_MAX];
		bool is_known = false;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		if (!outlet_of(path, &outlet))
			continue;
		for (size_t i = 0; i < search->nr; i++)
			is_known |= outlet_is(&search->outlets[i], &outlet);
		if (is_known)
			continue;
		if (search->nr == search->cap) {
			size_t cap = search->cap ? search->cap * 2 : 16;
			struct outlet *all = reallocarray(search->outlets, cap, sizeof(*all));

			if (!all)
				return;
			search->outlets = all;
			search->cap = cap;
		}
		search->outlets[search->nr++] = outlet;
	}
}

/* ---- who reads them ---- */

/* A number out of /proc/PID/fdinfo/FD; -1: it is not there. */
static int fdinfo_get(pid_t pid, const char *fd, const char *format)
{
	char path[FD_PATH_MAX], line[128];
	int number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, format, &number) == 1)
			break;
	if (file)
		fclose(file);
	return number;
}

/* Can the process read through this descriptor what was written to an outlet not looked for yet? */
static bool fd_reads(const struct search *search, pid_t pid, const char *fd)
{
	struct outlet found = { .terminal = -1 };
	char path[FD_PATH_MAX];
	struct statx st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, fd);
	if (!fd_stat(path, &st))
		return false;
	if (S_ISCHR(st.stx_mode) && makedev(st.stx_rdev_major, st.stx_rdev_minor) == PTY_MASTER) {
		found.type = S_IFCHR;
		found.terminal = fdinfo_get(pid, fd, "tty-index: %d");
	} else if (S_ISCHR(st.stx_mode) || !outlet_of(path, &found)) {
		return false;
	}
	for (size_t i = search->seen; i < search->nr; i++)
		if (outlet_is(&search->outlets[i], &found))
			return !S_ISFIFO(found.type) ||
			       (fdinfo_get(pid, fd, "flags: %o") & O_ACCMODE) != O_WRONLY;
	return false;
}

static bool process_reads(const struct search *search, pid_t pid)
{
	struct dirent *entry;
	bool reads = false;
	char path[64];
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	while (fds && !reads && (entry = readdir(fds)))
		reads = isdigit(entry->d_name[0]) && fd_reads(search, pid, entry->d_name);
	if (fds)
		closedir(fds);
	return reads;
}

static void readers_add(struct search *search)
{
	DIR *proc = opendir("/proc");
	size_t looked_for = search->nr;
	struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid > 1 && pid != getpid() && process_reads(search, pid))
			process_add(search, pid);
	}
	if (proc)
		closedir(proc);
	search->seen = looked_for;
}

void own_output_find(struct own_output *own, const pid_t *wanted, size_t wanted_nr)
{
	struct search search = { .own = own, .wanted = wanted, .wanted_nr = wanted_nr };
	size_t done = 0;

	ancestors_add(&search);
	outlets_add(&search, getpid());
	do {
		for (; done < own->nr; done++)
			outlets_add(&search, own->pids[done]);
		if (search.seen < search.nr)
			readers_add(&search);
	} while (done < own->nr);
	free(search.outlets);
}

/* ---- for people ---- */

static void name_print(FILE *stream, pid_t pid)
{
	char path[64], name[64] = "?", *escaped;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
	escaped = escape_line(name, strlen(name));
	fprintf(stream, "%s[%d]", escaped ? escaped : "?", pid);
	free(escaped);
}

char *own_output_names(const struct own_output *own)
{
	char *names = NULL;
	size_t size, i;
	FILE *stream = own->nr ? open_memstream(&names, &size) : NULL;

	if (!stream)
		return NULL;
	for (i = 0; i < own->nr && ftell(stream) < NAMES_MAX; i++) {
		fputs(i ? ", " : "", stream);
		name_print(stream, own->pids[i]);
	}
	if (i < own->nr)
		fprintf(stream, " and %zu more", own->nr - i);
	if (!fclose(stream))
		return names;
	free(names);
	return NULL;
}
