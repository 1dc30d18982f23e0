/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that calls made, and whether they are still there. A socket's file is known by its
 * number, and is looked for in its directory, too, where it may have another name by then. A FIFO
 * is known by its path alone. Of several files that had a path, one after the other, the last one
 * has it.
 */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <uthash.h>

#include <ipctrace/capture_file.h>

#include "capture/internal.h"
#include "capture/procfs_internal.h"

#define FILES_MAX 65536
#define FILES_MANY (FILES_MAX / 2) /* then those that are gone are forgotten */
#define NAMES_LOOKED_AT 65536	   /* of a directory */

struct place {
	__u32 mount_namespace;
	char path[IPCT_NAME_SPACE + sizeof(__u32)]; /* zeroes behind it, no padding */
};

struct file {
	struct place place;
	struct ipct_event maker;
	struct ipct_key key;
	__u64 inode; /* of a FIFO: as it was found */
	enum ipct_mechanism mechanism;
	enum ipct_standing_kind kind;
	UT_hash_handle hh;
};

struct made {
	struct file *files; /* uthash */
	bool has_others;    /* that nobody can look for */
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
	file->key = record->key;
	file->inode = record->inode;
	file->mechanism = record->mechanism;
	file->kind = IPCT_STANDING_UNKNOWN;
	return 0;
}

/* Has the socket's file another name in its directory now? */
static bool is_renamed(const struct file *file)
{
	const char *slash = strrchr(file->place.path, '/');
	char *path = strndup(file->place.path, slash ? slash - file->place.path + 1 : 0);
	DIR *directory = path ? opendir(path) : NULL;
	const struct dirent *entry;
	bool is_found = false;

	for (int i = 0; i < NAMES_LOOKED_AT && directory && !is_found; i++) {
		entry = readdir(directory);
		if (!entry)
			break;
		is_found = entry->d_type == DT_SOCK && entry->d_ino == file->inode;
	}
	if (directory)
		closedir(directory);
	free(path);
	return is_found;
}

/* In its mount namespace. */
static void socket_look(struct file *file)
{
	struct stat st;
	bool is_there = !lstat(file->place.path, &st);

	if (!is_there && errno != ENOENT && errno != ENOTDIR)
		return;
	is_there = is_there && S_ISSOCK(st.st_mode) && st.st_ino == file->inode;
	file->kind = is_there || is_renamed(file) ? IPCT_STANDING_THERE : IPCT_STANDING_GONE;
}

static void fifo_look(struct file *file)
{
	struct stat st;
	bool is_there = !lstat(file->place.path, &st);

	if (!is_there && errno != ENOENT && errno != ENOTDIR)
		return;
	file->kind = IPCT_STANDING_GONE;
	if (!is_there || !S_ISFIFO(st.st_mode))
		return;
	file->kind = IPCT_STANDING_THERE;
	file->key.inode = st.st_ino;
	file->key.object = procfs_device(major(st.st_dev), minor(st.st_dev));
}

void made_look(struct made *made, __u32 mount_namespace)
{
	struct file *file, *next;

	HASH_ITER (hh, made->files, file, next) {
		if (file->place.mount_namespace != mount_namespace)
			continue;
		if (file->mechanism == IPCT_FIFO)
			fifo_look(file);
		else
			socket_look(file);
	}
}

static int file_tell(const struct file *file, capture_sink sink, void *context)
{
	struct ipct_standing record = {
		.event = file->maker,
		.made_ns = file->maker.time_ns,
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

int made_sweep(struct made *made)
{
	struct file *file, *next;
	int err;

	if (HASH_COUNT(made->files) < FILES_MANY)
		return 0;
	err = namespaces_each("mnt", CLONE_NEWNS, sweep_look, made);
	HASH_ITER (hh, made->files, file, next)
		if (file->kind == IPCT_STANDING_GONE)
			file_drop(made, file);
	return err;
}
