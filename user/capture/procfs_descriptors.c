/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors of a process, from /proc/PID/fd, as holders of channels. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/path.h"
#include "capture/procfs_internal.h"

#define MAGIC_MQUEUE 0x19800202
#define QUEUE_FILE_SIZE 80 /* FILENT_SIZE of ipc/mqueue.c: of every queue */
#define LINK_EVENTFD "anon_inode:[eventfd]"
#define TTY_MAJOR_AUX 5
#define TTY_MINOR_CONTROLLING 0 /* /dev/tty */
#define TTY_MINOR_PTMX 2
#define TTY_MAJOR_PTY_SLAVE 136
#define FDINFO_MAX 512

/* One descriptor at a time. */
struct walk {
	const struct procfs_out *out;
	const struct ipct_event *actor;
	const struct procfs_stat *stat;
	struct procfs_sockets *sockets;
	int task;	    /* directory of the thread */
	int links;	    /* its fd/ */
	const char *number; /* of the descriptor, as text */
	char link[PATH_MAX + 1];
	struct statx file; /* what a path leads to */
};

/* How it was opened: the permissions of the link. None: O_PATH, which is no end of anything. */
static __u8 rights_of(const struct walk *walk)
{
	struct stat link;

	if (fstatat(walk->links, walk->number, &link, AT_SYMLINK_NOFOLLOW))
		return 0;
	return (link.st_mode & S_IRUSR ? IPCT_HOLD_READ : 0) |
	       (link.st_mode & S_IWUSR ? IPCT_HOLD_WRITE : 0);
}

static int hold_emit(const struct walk *walk, const struct ipct_key *key, __u8 mechanism,
		     __u8 flags)
{
	struct ipct_hold hold = {
		.event = procfs_event(walk->out, walk->actor, IPCT_EVENT_HOLD, sizeof(hold)),
		.key = *key,
		.fd = strtoul(walk->number, NULL, 10),
		.mechanism = mechanism,
		.flags = flags,
	};

	return procfs_emit(walk->out, &hold.event);
}

static int pipe_take(const struct walk *walk, const struct ipct_key *key, __u8 mechanism,
		     const char *name, size_t len)
{
	struct ipct_pipe pipe = {
		.event = procfs_event(walk->out, walk->actor, IPCT_EVENT_PIPE, sizeof(pipe)),
		.key = *key,
		.queued_bytes = IPCT_LEVEL_UNKNOWN,
		.mechanism = mechanism,
		.origin = IPCT_ORIGIN_START,
	};
	__u8 rights = rights_of(walk);
	int err;

	if (!rights || !procfs_wants(walk->out, mechanism))
		return 0;
	procfs_put_name(name, len, pipe.name, &pipe.name_len);
	err = procfs_emit(walk->out, &pipe.event);
	return err ? err : hold_emit(walk, key, mechanism, rights);
}

static struct ipct_object object_new(const struct walk *walk, const struct ipct_key *key,
				     __u8 mechanism)
{
	return (struct ipct_object){
		.event = procfs_event(walk->out, walk->actor, IPCT_EVENT_OBJECT,
				      sizeof(struct ipct_object)),
		.key = *key,
		.queued_bytes = IPCT_LEVEL_UNKNOWN,
		.mechanism = mechanism,
		.origin = IPCT_ORIGIN_START,
	};
}

static int object_take(const struct walk *walk, struct ipct_object *object, __u8 flags)
{
	int err;

	if (!flags || !procfs_wants(walk->out, object->mechanism))
		return 0;
	err = procfs_emit(walk->out, &object->event);
	return err ? err : hold_emit(walk, &object->key, object->mechanism, flags);
}

/* The number behind `name` in the descriptor's fdinfo; false without it. */
static bool fdinfo_number(const struct walk *walk, const char *name, int base, __u64 *ret_number)
{
	char path[PROCFS_PATH_MAX], text[FDINFO_MAX + 1];
	char *at;
	size_t len;

	snprintf(path, sizeof(path), "fdinfo/%s", walk->number);
	len = procfs_read(walk->task, path, text, FDINFO_MAX);
	text[len] = '\0';
	at = strstr(text, name);
	if (!at)
		return false;
	*ret_number = strtoull(at + strlen(name), NULL, base);
	return true;
}

static int eventfd_take(const struct walk *walk)
{
	struct ipct_key key = {};
	struct ipct_object object;
	__u64 count = 0;

	if (!fdinfo_number(walk, "\neventfd-id:", 10, &key.inode))
		return 0;
	object = object_new(walk, &key, IPCT_EVENTFD);
	object.id = key.inode;
	if (fdinfo_number(walk, "\neventfd-count:", 16, &count))
		object.queued_bytes = count;
	return object_take(walk, &object, rights_of(walk));
}

/*
 * Which mount of devpts a terminal's index counts in. A master that was opened as /dev/ptmx
 * takes that of pts/ beside it; so does /dev/tty, where it matters only if there are several.
 */
static __u64 devpts_of(const struct walk *walk)
{
	static const char *const places[] = { "root/dev/pts", "root/dev/pts/ptmx" };
	struct statx device;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!statx(walk->task, places[i], AT_STATX_DONT_SYNC, STATX_INO, &device))
			return procfs_device(device.stx_dev_major, device.stx_dev_minor);
	return 0;
}

static bool link_is_in_devpts(const struct walk *walk)
{
	int file = openat(walk->links, walk->number, O_PATH | O_CLOEXEC);
	struct statfs system;
	bool is_devpts;

	if (file < 0)
		return false;
	is_devpts = !fstatfs(file, &system) && system.f_type == DEVPTS_SUPER_MAGIC;
	close(file);
	return is_devpts;
}

static int terminal_emit(const struct walk *walk, __u64 index, __u64 devpts, __u8 end)
{
	struct ipct_key key = { .inode = index + 1, .object = devpts };
	struct ipct_object object = object_new(walk, &key, IPCT_PTY);
	__u8 rights = rights_of(walk);

	object.id = index;
	return rights ? object_take(walk, &object, rights | end) : 0;
}

static int terminal_take(const struct walk *walk)
{
	const struct statx *file = &walk->file;
	__u64 own = procfs_device(file->stx_dev_major, file->stx_dev_minor), index;
	__u32 terminal = walk->stat->terminal;

	if (file->stx_rdev_major == TTY_MAJOR_PTY_SLAVE)
		return terminal_emit(walk, file->stx_rdev_minor, own, 0);
	if (file->stx_rdev_major != TTY_MAJOR_AUX)
		return 0;
	if (file->stx_rdev_minor == TTY_MINOR_PTMX)
		return fdinfo_number(walk, "\ntty-index:", 10, &index) ?
			       terminal_emit(walk, index,
					     link_is_in_devpts(walk) ? own : devpts_of(walk),
					     IPCT_HOLD_MASTER) :
			       0;
	/* tty_nr: the minor's low byte, 12 bits of major, the rest of the minor */
	if (file->stx_rdev_minor == TTY_MINOR_CONTROLLING &&
	    (terminal >> 8 & 0xfff) == TTY_MAJOR_PTY_SLAVE)
		return terminal_emit(walk, (terminal & 0xff) | (terminal >> 12 & 0xfff00),
				     devpts_of(walk), 0);
	return 0;
}

/* Only what looks like a queue is asked: a file system of the network may never answer. */
static bool link_is_queue(const struct walk *walk)
{
	struct statfs system;
	bool is_queue;
	int file;

	if (walk->file.stx_dev_major || walk->file.stx_size != QUEUE_FILE_SIZE)
		return false;
	file = openat(walk->links, walk->number, O_PATH | O_CLOEXEC);
	if (file < 0)
		return false;
	is_queue = !fstatfs(file, &system) && system.f_type == MAGIC_MQUEUE;
	close(file);
	return is_queue;
}

/* A path's length, without the mark if the file is not linked any more. */
static size_t path_len(const struct walk *walk)
{
	return walk->file.stx_nlink ? strlen(walk->link) : path_undeleted(walk->link);
}

/* Wherever the queues are mounted, a queue's name has one slash. */
static int queue_take(struct walk *walk, const struct ipct_key *key)
{
	struct ipct_object object = object_new(walk, key, IPCT_POSIX_MQ);
	char *name = strrchr(walk->link, '/');

	procfs_put_name(name, path_len(walk) - (name - walk->link), object.name, &object.name_len);
	return object_take(walk, &object, rights_of(walk));
}

static int file_take(struct walk *walk)
{
	struct statx *file = &walk->file;
	struct ipct_key key;

	/* not to wait for a server that is gone */
	if (statx(walk->links, walk->number, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_BASIC_STATS, file))
		return 0;
	key.inode = file->stx_ino;
	key.object = procfs_device(file->stx_dev_major, file->stx_dev_minor);
	if (S_ISFIFO(file->stx_mode))
		return pipe_take(walk, &key, IPCT_FIFO, walk->link, path_len(walk));
	if (S_ISCHR(file->stx_mode))
		return terminal_take(walk);
	return S_ISREG(file->stx_mode) && link_is_queue(walk) ? queue_take(walk, &key) : 0;
}

static int descriptor_take(struct walk *walk)
{
	ssize_t len = readlinkat(walk->links, walk->number, walk->link, PATH_MAX);
	unsigned long long inode;

	if (len < 0)
		return 0; /* closed meanwhile */
	walk->link[len] = '\0';
	if (walk->link[0] == '/')
		return file_take(walk);
	if (sscanf(walk->link, "socket:[%llu]", &inode) == 1)
		return procfs_sockets_add(walk->sockets, walk->actor,
					  strtoul(walk->number, NULL, 10), inode);
	if (sscanf(walk->link, "pipe:[%llu]", &inode) == 1)
		return pipe_take(walk, &(struct ipct_key){ .inode = inode }, IPCT_PIPE, "", 0);
	return strcmp(walk->link, LINK_EVENTFD) ? 0 : eventfd_take(walk);
}

int procfs_descriptors(int task, const struct ipct_event *actor, const struct procfs_stat *stat,
		       struct procfs_sockets *sockets, const struct procfs_out *out)
{
	struct walk walk = {
		.out = out, .actor = actor, .stat = stat, .sockets = sockets, .task = task
	};
	struct dirent *entry;
	DIR *listing;
	int err = 0;

	walk.links = openat(task, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (walk.links < 0)
		return -errno;
	listing = fdopendir(walk.links);
	if (!listing) {
		close(walk.links);
		return -ENOMEM;
	}
	while (!err && (entry = readdir(listing))) {
		walk.number = entry->d_name;
		if (isdigit((unsigned char)entry->d_name[0]))
			err = descriptor_take(&walk);
	}
	closedir(listing);
	return err;
}
