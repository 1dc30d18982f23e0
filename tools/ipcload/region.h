/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A piece of shared memory of any kind, with its channel and who mapped it in the truth. An
 * endpoint is map-rw if it ever had a mapping with PROT_WRITE, else map-ro.
 */
#ifndef IPCLOAD_REGION_H
#define IPCLOAD_REGION_H

#include <stdbool.h>
#include <stddef.h>

struct run;
struct region;

#define REGION_NAME_SIZE 128

struct region_kind {
	const char *mechanism;
	/* Makes the object, REGION_SIZE zeroes, with its name: what the graph shows. */
	void (*open)(const struct run *run, struct region *region);
	/* Maps it with these flags of open() and protection, or returns MAP_FAILED. */
	void *(*map)(const struct region *region, int open_flags, int protection);
	/* Takes it out of the system; mappings stay. */
	void (*remove)(const struct region *region);
	bool is_detached; /* is unmapped with shmdt() */
};

struct region {
	const struct region_kind *kind;
	int id;
	char name[REGION_NAME_SIZE];
	unsigned int channel;
	char *bytes; /* NULL: not mapped in this process */
};

extern const struct region_kind region_sysv;
extern const struct region_kind region_sysv_private;
extern const struct region_kind region_posix;
extern const struct region_kind region_memfd;
extern const struct region_kind region_file;
/* Can be mapped once only; the others have it by inheritance. */
extern const struct region_kind region_anonymous;

size_t region_size(void);
size_t region_page(void);

/* Makes the object and adds its channel; nobody has it mapped yet. */
struct region region_open(struct run *run, const struct region_kind *kind);
void region_map(struct run *run, struct region *region, bool is_writable);
/* Mapped for reading through a descriptor that allows region_unprotect(). */
void region_map_protected(struct run *run, struct region *region);
void region_unprotect(struct run *run, struct region *region);
void region_unmap(struct region *region);
void region_remove(const struct region *region);

/* The calling process has the mapping from its parent. */
void region_inherit(struct run *run, const struct region *region, bool is_writable);

#endif
