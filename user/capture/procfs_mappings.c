/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/procfs_mappings.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"

#define RIGHTS_SHARED 3 /* `rw-s`: which letter says it */
#define SYSV_PREFIX "/SYSV"
#define SYSV_DIGITS 8
#define MEMFD_PREFIX "/memfd:"

/* A line of maps. */
struct line {
	unsigned long long start, end, offset, inode;
	unsigned int major, minor;
	char rights[8];
	const char *path;
};

/* What is behind it. */
struct memory {
	__u8 mechanism;
	__u32 sysv_key;
	const char *name;
	size_t name_len;
};

static bool has_prefix(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

static bool line_parse(char *text, struct line *ret_line)
{
	int at = 0;

	text[strcspn(text, "\n")] = '\0';
	if (sscanf(text, "%llx-%llx %7s %llx %x:%x %llu %n", &ret_line->start, &ret_line->end,
		   ret_line->rights, &ret_line->offset, &ret_line->major, &ret_line->minor,
		   &ret_line->inode, &at) != 7)
		return false;
	ret_line->path = text + at;
	return ret_line->rights[0] && ret_line->rights[RIGHTS_SHARED] == 's';
}

/* `/dev/shm/name`, wherever that is mounted, and not what lies in folders below. */
static bool is_posix_shm(const char *path, size_t len)
{
	static const char folder[] = "/shm";
	const char *name = memrchr(path, '/', len);
	size_t folder_len = strlen(folder);

	return name && (size_t)(name - path) >= folder_len &&
	       !memcmp(name - folder_len, folder, folder_len);
}

/* Devices, and what drivers and file systems of the kernel's own let map. */
static bool is_no_memory(const char *path)
{
	static const char *const folders[] = { "/dev/", "/sys/", "/proc/", "/dmabuf:" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (has_prefix(path, folders[i]) && !has_prefix(path, "/dev/hugepages/"))
			return true;
	return path[0] != '/';
}

/*
 * What the kernel maps for itself has no device but a name and looks deleted: `/SYSV00001234`,
 * `/memfd:name`, `/dev/zero`, `/anon_hugepage`.
 */
static bool memory_find_internal(const struct line *line, size_t len, struct memory *memory)
{
	const char *path = line->path;

	if (line->major || !path[len])
		return false;
	if (has_prefix(path, SYSV_PREFIX) && len == strlen(SYSV_PREFIX) + SYSV_DIGITS) {
		memory->mechanism = IPCT_SYSV_SHM;
		memory->sysv_key = strtoul(path + strlen(SYSV_PREFIX), NULL, 16);
	} else if (has_prefix(path, MEMFD_PREFIX)) {
		memory->mechanism = IPCT_MEMFD;
		memory->name = path + strlen(MEMFD_PREFIX);
		memory->name_len = len - strlen(MEMFD_PREFIX);
	} else if (has_prefix(path, "/secretmem")) {
		memory->mechanism = IPCT_MEMFD;
	} else if (has_prefix(path, "/dev/zero") || has_prefix(path, "/anon_hugepage")) {
		memory->mechanism = IPCT_SHARED_MAPPING;
	}
	return memory->mechanism;
}

static bool memory_find(const struct line *line, struct memory *ret_memory)
{
	size_t len = path_undeleted(line->path);

	memset(ret_memory, 0, sizeof(*ret_memory));
	if (memory_find_internal(line, len, ret_memory))
		return true;
	ret_memory->name = line->path;
	ret_memory->name_len = len;
	if (!line->major && is_posix_shm(line->path, len)) {
		ret_memory->mechanism = IPCT_POSIX_SHM;
		ret_memory->name = memrchr(line->path, '/', len);
		ret_memory->name_len = len - (ret_memory->name - line->path);
		return true;
	}
	ret_memory->mechanism = IPCT_SHARED_MAPPING;
	return !is_no_memory(line->path);
}

static int memory_emit(const struct procfs_out *out, const struct ipct_event *actor,
		       const struct line *line, const struct memory *memory, __u64 space)
{
	struct ipct_object object = {
		.event = procfs_event(out, actor, IPCT_EVENT_OBJECT, sizeof(object)),
		.key = { line->inode, memory->mechanism == IPCT_SYSV_SHM ?
					      space :
					      procfs_device(line->major, line->minor) },
		.queued_bytes = IPCT_LEVEL_UNKNOWN,
		.ipc_key = memory->sysv_key,
		.mechanism = memory->mechanism,
		.origin = IPCT_ORIGIN_START,
	};
	struct ipct_mapping mapping = {
		.event = procfs_event(out, actor, IPCT_EVENT_MAPPING, sizeof(mapping)),
		.key = object.key,
		.start = line->start,
		.end = line->end,
		.offset = line->offset,
		.mechanism = memory->mechanism,
		.kind = IPCT_MAPPING_MAP,
		.rights = (line->rights[0] == 'r' ? IPCT_MAPPING_READ : 0) |
			  (line->rights[1] == 'w' ? IPCT_MAPPING_WRITE : 0),
		.origin = IPCT_ORIGIN_START,
	};
	int err;

	if (memory->mechanism == IPCT_SYSV_SHM) {
		object.id = line->inode;
		object.name_space = space;
	}
	procfs_put_name(memory->name, memory->name_len, object.name, &object.name_len);
	err = procfs_emit(out, &object.event);
	return err ? err : procfs_emit(out, &mapping.event);
}

int procfs_mappings(int task, const struct ipct_event *actor, const struct procfs_out *out)
{
	FILE *lines = procfs_open_lines(task, "maps");
	__u64 space = 0;
	char *text = NULL;
	size_t size = 0;
	int err = 0;

	while (lines && !err && getline(&text, &size, lines) >= 0) {
		struct memory memory;
		struct line line;

		if (!line_parse(text, &line) || !memory_find(&line, &memory) ||
		    !procfs_wants(out, memory.mechanism))
			continue;
		if (memory.mechanism == IPCT_SYSV_SHM && !space)
			space = procfs_namespace(task, "ipc");
		err = memory_emit(out, actor, &line, &memory, space);
	}
	free(text);
	if (lines)
		fclose(lines);
	return err;
}
