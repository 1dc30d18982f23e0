/* SPDX-License-Identifier: GPL-2.0-only */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/internal.h"
#include "capture/procfs_internal.h"

struct tour {
	const char *name;
	int type;
	namespace_fn visit;
	void *context;
	__u32 *known;
	size_t known_nr, known_cap;
};

static bool is_known(const struct tour *tour, __u32 inode)
{
	for (size_t i = 0; i < tour->known_nr; i++)
		if (tour->known[i] == inode)
			return true;
	return false;
}

static int known_add(struct tour *tour, __u32 inode)
{
	if (tour->known_nr == tour->known_cap) {
		size_t cap = tour->known_cap ? tour->known_cap * 2 : 64;
		__u32 *known = reallocarray(tour->known, cap, sizeof(*known));

		if (!known)
			return -ENOMEM;
		tour->known = known;
		tour->known_cap = cap;
	}
	tour->known[tour->known_nr++] = inode;
	return 0;
}

/* The namespace of a process, unless it is known; a process that is gone has none. */
static int tour_stop(struct tour *tour, int process)
{
	char path[PROCFS_PATH_MAX];
	__u32 inode = procfs_namespace(process, tour->name);
	struct stat st;
	int fd, err;

	if (!inode || is_known(tour, inode))
		return 0;
	snprintf(path, sizeof(path), "ns/%s", tour->name);
	fd = openat(process, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	/* the process may have gone to another one meanwhile */
	err = fstat(fd, &st) || is_known(tour, st.st_ino) || setns(fd, tour->type);
	close(fd);
	if (err)
		return 0; /* another process in it may let us in */
	err = known_add(tour, st.st_ino);
	return err ? err : tour->visit(tour->context, st.st_ino);
}

int namespaces_each(const char *name, int type, namespace_fn visit, void *context)
{
	struct tour tour = { .name = name, .type = type, .visit = visit, .context = context };
	DIR *processes = opendir("/proc"); /* that of where it began */
	const struct dirent *entry;
	int err = 0;

	while (processes && !err && (entry = readdir(processes))) {
		int process;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process = openat(dirfd(processes), entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		err = tour_stop(&tour, process);
		close(process);
	}
	if (processes)
		closedir(processes);
	free(tour.known);
	return err;
}
