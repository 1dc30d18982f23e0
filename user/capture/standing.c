/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What needs no process to exist: SysV objects, which the kernel side lists (spaces.bpf.c), POSIX
 * message queues and shared memory, which are files, and at the end the files that calls made
 * (made.c). Listed at the start and at the end: what was left behind is told by the model.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <ipctrace/capture_file.h>

#include "capture/capture.h"
#include "capture/internal.h"
#include "capture/procfs_internal.h"
#include "ipctrace.skel.h"

#define SHM_DIRECTORY "/dev/shm"
#define STANDING_SHORT_SIZE offsetof(struct ipct_standing, name)

struct listing {
	struct procfs_out out;
	enum ipct_origin origin;
	struct made *made; /* at the end, else NULL */
	__u64 *devices;	   /* those of shared memory that were listed */
	size_t devices_nr;
};

static int listing_emit(struct listing *listing, enum ipct_mechanism mechanism,
			enum ipct_standing_kind kind, __u64 inode, __u64 device, __u64 time_ns)
{
	struct ipct_standing record = {
		.event =
			procfs_event(&listing->out, NULL, IPCT_EVENT_STANDING, STANDING_SHORT_SIZE),
		.space = device,
		.mechanism = mechanism,
		.kind = kind,
		.origin = listing->origin,
	};

	record.event.time_ns = time_ns;
	if (kind == IPCT_STANDING_THERE)
		record.key = (struct ipct_key){ inode, device };
	return listing->out.sink(listing->out.context, IPCT_STREAM_SNAPSHOT, &record.event);
}

/* Each file of the directory, and that these are all of its device. */
static int directory_list(struct listing *listing, enum ipct_mechanism mechanism, DIR *directory,
			  __u64 device)
{
	__u64 begun_ns = procfs_now_ns();
	const struct dirent *entry;
	int err = 0;

	while (!err && (errno = 0, entry = readdir(directory))) {
		struct stat st;

		if (!fstatat(dirfd(directory), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode))
			err = listing_emit(listing, mechanism, IPCT_STANDING_THERE, st.st_ino,
					   device, procfs_now_ns());
	}
	if (err || errno)
		return err; /* some could not be read: these are not all */
	return listing_emit(listing, mechanism, IPCT_STANDING_LISTED, 0, device, begun_ns);
}

/* Takes the descriptor of the directory. */
static int space_list(struct listing *listing, enum ipct_mechanism mechanism, int fd)
{
	DIR *directory = fdopendir(fd);
	struct stat st;
	int err = 0;

	if (!directory) {
		close(fd);
		return 0;
	}
	if (!fstat(fd, &st))
		err = directory_list(listing, mechanism, directory,
				     procfs_device(major(st.st_dev), minor(st.st_dev)));
	closedir(directory);
	return err;
}

/* /dev/mqueue need not be mounted, nor be that of this namespace: a mount that nobody sees is. */
static int queues_open(void)
{
	int context = fsopen("mqueue", FSOPEN_CLOEXEC), mount, fd = -1;

	if (context < 0)
		return -1;
	mount = fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) ?
			-1 :
			fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (mount >= 0) {
		fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(mount);
	}
	close(context);
	return fd;
}

static int queues_visit(void *context, __u32 inode)
{
	int fd = queues_open();

	(void)inode;
	return fd < 0 ? 0 : space_list(context, IPCT_POSIX_MQ, fd);
}

/* Is it new? Most mount namespaces have the same. */
static bool device_is_new(struct listing *listing, __u64 device)
{
	__u64 *devices;

	for (size_t i = 0; i < listing->devices_nr; i++)
		if (listing->devices[i] == device)
			return false;
	devices = reallocarray(listing->devices, listing->devices_nr + 1, sizeof(*devices));
	if (!devices)
		return false; /* not listed: then nobody says what is in it */
	listing->devices = devices;
	devices[listing->devices_nr++] = device;
	return true;
}

static int memory_list(struct listing *listing)
{
	int fd = open(SHM_DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;
	struct stat st;

	if (fd < 0)
		return 0;
	if (fstatfs(fd, &fs) || fs.f_type != TMPFS_MAGIC || fstat(fd, &st) ||
	    !device_is_new(listing, st.st_dev)) {
		close(fd);
		return 0;
	}
	return space_list(listing, IPCT_POSIX_SHM, fd);
}

static int mounts_visit(void *context, __u32 inode)
{
	struct listing *listing = context;

	if (listing->made)
		made_look(listing->made, inode);
	return procfs_wants(&listing->out, IPCT_POSIX_SHM) ? memory_list(listing) : 0;
}

/* In a process of its own. */
static int listing_work(void *context, capture_sink sink, void *sink_context)
{
	struct listing *listing = context;
	int err = 0;

	listing->out.sink = sink;
	listing->out.context = sink_context;
	if (procfs_wants(&listing->out, IPCT_POSIX_MQ))
		err = namespaces_each("ipc", CLONE_NEWIPC, queues_visit, listing);
	if (!err)
		err = namespaces_each("mnt", CLONE_NEWNS, mounts_visit, listing);
	if (err || !listing->made)
		return err;
	err = made_tell(listing->made, sink, sink_context);
	if (err || !made_is_whole(listing->made))
		return err;
	return listing_emit(listing, IPCT_MECHANISM_NONE, IPCT_STANDING_LISTED, 0, 0,
			    procfs_now_ns());
}

int standing_list(struct capture *capture, enum ipct_origin origin, capture_sink sink,
		  void *context)
{
	const struct ipct_config *config = (const void *)&capture->skel->rodata->capture_config;
	struct listing listing = {
		.out = { .mechanisms = config->mechanisms },
		.origin = origin,
		.made = origin == IPCT_ORIGIN_END ? capture->made : NULL,
	};
	int err = capture_list_spaces(capture, origin, sink, context);

	return err ? err : helper_run(listing_work, &listing, sink, context);
}
