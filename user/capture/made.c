/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that calls made, and whether they are still there. A socket's file is known by its number,
 * and is looked for in its directory, too, where it may have another name by then. A FIFO is known
 * by its path alone. What came to be after the call is another file. Of several that had a path,
 * one after the other, the last one has it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <uthash.h>

#include <ipctrace/capture_file.h>

#include "capture/internal.h"
#include "capture/procfs_internal.h"

#define FILES_MAX 65536
#define FILES_MANY (FILES_MAX / 2) /* then those that are gone are forgotten */
#define NAMES_LOOKED_AT 65536	   /* of a directory */
#define NS_PER_S 1000000000LL
#define CLOCK_SLACK_NS 1000000LL /* between two looks at clocks */

struct place {
	__u32 mount_namespace;
	char path[IPCT_NAME_SPACE + sizeof(__u32)]; /* zeroes behind it, no padding */
};

struct file {
	struct place place;
	struct ipct_event maker;
	struct ipct_key key;
	__u64 inode;		/* not of a FIFO */
	__s64 made_realtime_ns; /* when the call returned, as file systems tell the time */
	enum ipct_mechanism mechanism;
	enum ipct_standing_kind kind;
	UT_hash_handle hh;
};

struct name {
	__u64 inode;
	char *name;
};

/* The sockets that are in a directory. */
struct directory {
	struct place place; /* with a slash at its end */
	struct name *names; /* by inode */
	size_t names_nr;
	UT_hash_handle hh;
};

struct made {
	struct file *files;	       /* uthash */
	struct directory *directories; /* uthash; empty but while files are looked for */
	bool has_others;	       /* that nobody can look for */
};

struct made *made_new(void)
{
	return calloc(1, sizeof(struct made));
}

static void file_drop(struct made *made, struct file *file)
{
	HASH_DEL(made->files, file);
	free(file);
}

void made_free(struct made *made)
{
	struct file *file, *next;

	if (!made)
		return;
	HASH_ITER (hh, made->files, file, next)
		file_drop(made, file);
	free(made);
}

/* Of a moment that is not long ago: the clock may be set at any time. */
static __s64 realtime_of(__u64 boottime_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec - (__s64)(procfs_now_ns() - boottime_ns);
}

int made_note(struct made *made, const struct ipct_made *record)
{
	struct place place = { .mount_namespace = record->mount_namespace };
	struct file *file;

	if (!record->name_len || record->name_offset + record->name_len > IPCT_NAME_SPACE) {
		made->has_others = true; /* its path was too long */
		return 0;
	}
	memcpy(place.path, record->name + record->name_offset, record->name_len);
	HASH_FIND(hh, made->files, &place, sizeof(place), file);
	if (!file) {
		if (HASH_COUNT(made->files) == FILES_MAX) {
			made->has_others = true;
			return 0;
		}
		file = calloc(1, sizeof(*file));
		if (!file)
			return -ENOMEM;
		file->place = place;
		HASH_ADD(hh, made->files, place, sizeof(file->place), file);
	}
	file->maker = record->event;
	file->made_realtime_ns = realtime_of(record->event.time_ns);
	file->key = record->key;
	file->inode = record->inode;
	file->mechanism = record->mechanism;
	file->kind = IPCT_STANDING_UNKNOWN;
	return 0;
}

/*
 * What has the path, not followed if it is a link. False: nothing, or nobody can tell, with errno.
 */
static bool path_stat(const char *path, struct statx *ret)
{
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;

	return !statx(AT_FDCWD, path, flags, STATX_TYPE | STATX_INO | STATX_BTIME, ret);
}

/* Was it there when the call returned? Where the file system keeps no birth time: maybe. */
static bool is_old_enough(const struct file *file, const struct statx *st)
{
	__s64 birth_ns = st->stx_btime.tv_sec * NS_PER_S + st->stx_btime.tv_nsec;

	return !(st->stx_mask & STATX_BTIME) || birth_ns <= file->made_realtime_ns + CLOCK_SLACK_NS;
}

/* File systems give the numbers of removed files to new ones. */
static bool is_socket_of(const struct file *file, const struct statx *st)
{
	return S_ISSOCK(st->stx_mode) && st->stx_ino == file->inode && is_old_enough(file, st);
}

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

/* What finds no room is not found there. */
static void directory_read(struct directory *directory, DIR *entries)
{
	const struct dirent *entry;
	size_t cap = 0;

	for (int i = 0; i < NAMES_LOOKED_AT && (entry = readdir(entries)); i++) {
		struct name *names = directory->names;

		if (entry->d_type != DT_SOCK && entry->d_type != DT_UNKNOWN)
			continue;
		if (directory->names_nr == cap) {
			cap = cap ? cap * 2 : 16;
			names = reallocarray(names, cap, sizeof(*names));
			if (!names)
				return;
			directory->names = names;
		}
		names += directory->names_nr;
		*names = (struct name){ entry->d_ino, strdup(entry->d_name) };
		if (!names->name)
			return;
		directory->names_nr++;
	}
}

/* The sockets of the directory that this path is in, read once. NULL: no memory. */
static const struct directory *directory_get(struct made *made, const struct place *place)
{
	const char *slash = strrchr(place->path, '/');
	struct place folder = { .mount_namespace = place->mount_namespace };
	struct directory *directory;
	DIR *entries;

	memcpy(folder.path, place->path, slash ? slash - place->path + 1 : 0);
	HASH_FIND(hh, made->directories, &folder, sizeof(folder), directory);
	if (directory)
		return directory;
	directory = calloc(1, sizeof(*directory));
	if (!directory)
		return NULL;
	directory->place = folder;
	HASH_ADD(hh, made->directories, place, sizeof(directory->place), directory);
	entries = opendir(folder.path);
	if (!entries)
		return directory;
	directory_read(directory, entries);
	closedir(entries);
	if (directory->names_nr)
		qsort(directory->names, directory->names_nr, sizeof(*directory->names),
		      compare_names);
	return directory;
}

static void directories_drop(struct made *made)
{
	struct directory *directory, *next;

	HASH_ITER (hh, made->directories, directory, next) {
		HASH_DEL(made->directories, directory);
		for (size_t i = 0; i < directory->names_nr; i++)
			free(directory->names[i].name);
		free(directory->names);
		free(directory);
	}
}

/* Is it the file, and was no other one made under that name? */
static bool is_new_name(const struct made *made, const struct file *file,
			const struct directory *directory, const char *name)
{
	struct place place = directory->place;
	size_t len = strlen(place.path);
	struct file *other;
	struct statx st;

	if (len + strlen(name) >= sizeof(place.path))
		return false;
	memcpy(place.path + len, name, strlen(name));
	HASH_FIND(hh, made->files, &place, sizeof(place), other);
	return !other && path_stat(place.path, &st) && is_socket_of(file, &st);
}

/* Has the socket's file another name in its directory now? */
static bool is_renamed(struct made *made, const struct file *file)
{
	const struct directory *directory = directory_get(made, &file->place);

	const struct name *name, wanted = { .inode = file->inode };

	if (!directory || !directory->names_nr)
		return false;
	name = bsearch(&wanted, directory->names, directory->names_nr, sizeof(wanted),
		       compare_names);
	return name && is_new_name(made, file, directory, name->name);
}

/* In its mount namespace. */
static void file_look(struct made *made, struct file *file)
{
	bool is_fifo = file->mechanism == IPCT_FIFO;
	struct statx st;
	bool is_there = path_stat(file->place.path, &st);

	if (!is_there && errno != ENOENT && errno != ENOTDIR)
		return;
	if (is_there && is_fifo)
		is_there = S_ISFIFO(st.stx_mode) && is_old_enough(file, &st);
	else if (is_there)
		is_there = is_socket_of(file, &st);
	file->kind = IPCT_STANDING_GONE;
	if (is_there || (!is_fifo && is_renamed(made, file)))
		file->kind = IPCT_STANDING_THERE;
	if (!is_there || !is_fifo)
		return;
	file->key.inode = st.stx_ino;
	file->key.object = procfs_device(st.stx_dev_major, st.stx_dev_minor);
}

void made_look(struct made *made, __u32 mount_namespace)
{
	struct file *file, *next;

	HASH_ITER (hh, made->files, file, next) {
		if (file->place.mount_namespace == mount_namespace)
			file_look(made, file);
	}
	directories_drop(made);
}

static int file_tell(const struct file *file, capture_sink sink, void *context)
{
	struct ipct_standing record = {
		.event = file->maker,
		.made_ns = file->maker.time_ns,
		.space = file->place.mount_namespace,
		.key = file->key,
		.mechanism = file->mechanism,
		.kind = file->kind,
		.origin = IPCT_ORIGIN_END,
	};

	record.event.type = IPCT_EVENT_STANDING;
	record.event.size = sizeof(record);
	record.event.time_ns = procfs_now_ns();
	procfs_put_name(file->place.path, strlen(file->place.path), record.name, &record.name_len);
	return sink(context, IPCT_STREAM_SNAPSHOT, &record.event);
}

int made_tell(struct made *made, capture_sink sink, void *context)
{
	struct file *file, *next;
	int err = 0;

	HASH_ITER (hh, made->files, file, next)
		if (!err)
			err = file_tell(file, sink, context);
	return err;
}

bool made_is_whole(const struct made *made)
{
	return !made->has_others;
}

static int sweep_look(void *context, __u32 inode)
{
	made_look(context, inode);
	return 0;
}

/* In a process of its own. */
static int sweep_work(void *context, capture_sink sink, void *sink_context)
{
	int err = namespaces_each("mnt", CLONE_NEWNS, sweep_look, context);

	return err ? err : made_tell(context, sink, sink_context);
}

/* A sink: forgets what is gone, unless it was made again. */
static int sweep_take(void *context, __u32 stream, const struct ipct_event *event)
{
	const struct ipct_standing *record = (const void *)event;
	struct place place = { .mount_namespace = record->space };
	struct made *made = context;
	struct file *file;

	(void)stream;
	if (record->kind != IPCT_STANDING_GONE)
		return 0;
	memcpy(place.path, record->name, record->name_len);
	HASH_FIND(hh, made->files, &place, sizeof(place), file);
	if (file)
		file_drop(made, file);
	return 0;
}

int made_sweep(struct made *made)
{
	if (HASH_COUNT(made->files) < FILES_MANY)
		return 0;
	return helper_run(sweep_work, made, sweep_take, made);
}
