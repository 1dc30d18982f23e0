/* SPDX-License-Identifier: GPL-2.0-only */
#define _GNU_SOURCE
#include "region.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "duct.h"
#include "naming.h"
#include "scenario.h"
#include "truth.h"
#include "try.h"

_Static_assert(REGION_NAME_SIZE == NAMING_SIZE, "names fit");

#define REGION_PAGES 4

size_t region_page(void)
{
	return sysconf(_SC_PAGESIZE);
}

size_t region_size(void)
{
	return REGION_PAGES * region_page();
}

static int region_make_segment(key_t key)
{
	int id = shmget(key, region_size(), IPC_CREAT | IPC_EXCL | 0600);

	if (id < 0 && errno == ENOSYS)
		try_skip("the kernel has no System V shared memory");
	return TRY(id);
}

static void region_open_sysv(const struct run *run, struct region *region)
{
	(void)run;
	region->id = region_make_segment(naming_key(region->name));
}

static void region_open_sysv_private(const struct run *run, struct region *region)
{
	(void)run;
	region->id = region_make_segment(IPC_PRIVATE); /* has no name */
}

static void *region_map_sysv(const struct region *region, int open_flags, int protection)
{
	(void)protection;
	return shmat(region->id, NULL, open_flags == O_RDONLY ? SHM_RDONLY : 0);
}

static void region_remove_sysv(const struct region *region)
{
	TRY(shmctl(region->id, IPC_RMID, NULL));
}

const struct region_kind region_sysv = {
	.mechanism = "sysv-shm",
	.open = region_open_sysv,
	.map = region_map_sysv,
	.remove = region_remove_sysv,
	.is_detached = true,
};

const struct region_kind region_sysv_private = {
	.mechanism = "sysv-shm",
	.open = region_open_sysv_private,
	.map = region_map_sysv,
	.remove = region_remove_sysv,
	.is_detached = true,
};

/* The descriptor is not needed any more when it is mapped. */
static void *region_map_and_close(int fd, int protection)
{
	void *bytes = mmap(NULL, region_size(), protection, MAP_SHARED, TRY(fd), 0);

	TRY(close(fd));
	return bytes;
}

static void region_open_posix(const struct run *run, struct region *region)
{
	int fd;

	(void)run;
	naming_slash(region->name);
	fd = shm_open(region->name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0 && errno == ENOENT)
		try_skip("there is no /dev/shm");
	TRY(ftruncate(TRY(fd), region_size()));
	TRY(close(fd));
}

static void *region_map_posix(const struct region *region, int open_flags, int protection)
{
	return region_map_and_close(shm_open(region->name, open_flags, 0), protection);
}

static void region_remove_posix(const struct region *region)
{
	TRY(shm_unlink(region->name));
}

const struct region_kind region_posix = {
	.mechanism = "posix-shm",
	.open = region_open_posix,
	.map = region_map_posix,
	.remove = region_remove_posix,
};

static void region_open_memfd(const struct run *run, struct region *region)
{
	(void)run;
	naming_plain(region->name);
	region->id = memfd_create(region->name, 0);
	if (region->id < 0 && errno == ENOSYS)
		try_skip("the kernel has no memfd_create()");
	TRY(ftruncate(TRY(region->id), region_size()));
}

static void *region_map_memfd(const struct region *region, int open_flags, int protection)
{
	(void)open_flags; /* the descriptor is inherited: it always allows both */
	return mmap(NULL, region_size(), protection, MAP_SHARED, region->id, 0);
}

static void region_remove_memfd(const struct region *region)
{
	TRY(close(region->id));
}

const struct region_kind region_memfd = {
	.mechanism = "memfd",
	.open = region_open_memfd,
	.map = region_map_memfd,
	.remove = region_remove_memfd,
};

static void region_open_file(const struct run *run, struct region *region)
{
	int fd;

	duct_name_path(run, "mapped", region->name);
	fd = TRY(open(region->name, O_RDWR | O_CREAT | O_EXCL, 0600));
	TRY(ftruncate(fd, region_size()));
	TRY(close(fd));
}

static void *region_map_file(const struct region *region, int open_flags, int protection)
{
	return region_map_and_close(open(region->name, open_flags), protection);
}

static void region_remove_file(const struct region *region)
{
	TRY(unlink(region->name));
}

const struct region_kind region_file = {
	.mechanism = "shared-mapping",
	.open = region_open_file,
	.map = region_map_file,
	.remove = region_remove_file,
};

static void region_open_nothing(const struct run *run, struct region *region)
{
	(void)run;
	(void)region; /* is made when it is mapped, and has no name */
}

static void *region_map_anonymous(const struct region *region, int open_flags, int protection)
{
	(void)region;
	(void)open_flags;
	return mmap(NULL, region_size(), protection, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void region_remove_nothing(const struct region *region)
{
	(void)region; /* goes with its last mapping */
}

const struct region_kind region_anonymous = {
	.mechanism = "shared-mapping",
	.open = region_open_nothing,
	.map = region_map_anonymous,
	.remove = region_remove_nothing,
};

struct region region_open(struct run *run, const struct region_kind *kind)
{
	struct region region = { .kind = kind, .id = -1 };

	kind->open(run, &region);
	region.channel = truth_add_channel(run->truth, kind->mechanism, region.name, 0);
	return region;
}

static void region_map_with(struct run *run, struct region *region, int open_flags, int protection)
{
	ENSURE(!region->bytes);
	region->bytes = region->kind->map(region, open_flags, protection);
	ENSURE(region->bytes != MAP_FAILED);
	region_inherit(run, region, protection & PROT_WRITE);
}

void region_map(struct run *run, struct region *region, bool is_writable)
{
	if (is_writable)
		region_map_with(run, region, O_RDWR, PROT_READ | PROT_WRITE);
	else
		region_map_with(run, region, O_RDONLY, PROT_READ);
}

void region_map_protected(struct run *run, struct region *region)
{
	region_map_with(run, region, O_RDWR, PROT_READ);
}

void region_unprotect(struct run *run, struct region *region)
{
	TRY(mprotect(region->bytes, region_size(), PROT_READ | PROT_WRITE));
	region_inherit(run, region, true);
}

void region_unmap(struct region *region)
{
	if (region->kind->is_detached)
		TRY(shmdt(region->bytes));
	else
		TRY(munmap(region->bytes, region_size()));
	region->bytes = NULL;
}

void region_remove(const struct region *region)
{
	region->kind->remove(region);
}

void region_inherit(struct run *run, const struct region *region, bool is_writable)
{
	truth_count_mapping(run->truth, region->channel, is_writable);
}
