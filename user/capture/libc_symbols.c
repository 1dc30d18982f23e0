/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/libc_symbols.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <gelf.h>
#include <libelf.h>

#define VERSION_HIDDEN 0x8000 /* of a symbol: not the default version */

struct library {
	char path[PATH_MAX];
	int fd;
	Elf *elf; /* NULL: there is none */
};

/* Until glibc 2.34 the functions were in libpthread, and stubs of some in libc. */
enum { LIBRARY_THREADS, LIBRARY_C, LIBRARIES_NR };

struct libc_symbols {
	struct library libraries[LIBRARIES_NR];
};

static int library_open(struct library *library)
{
	library->fd = open(library->path, O_RDONLY | O_CLOEXEC);
	if (library->fd < 0)
		return -errno;
	library->elf = elf_begin(library->fd, ELF_C_READ_MMAP, NULL);
	return library->elf ? 0 : -ENOEXEC;
}

static void library_close(struct library *library)
{
	elf_end(library->elf);
	if (library->fd >= 0)
		close(library->fd);
}

static int find_libc(struct dl_phdr_info *info, size_t size, void *context)
{
	const char *base = strrchr(info->dlpi_name, '/');
	struct library *library = context;

	(void)size;
	if (!base || strcmp(base, "/libc.so.6"))
		return 0;
	snprintf(library->path, sizeof(library->path), "%s", info->dlpi_name);
	return 1;
}

struct libc_symbols *libc_symbols_open(void)
{
	struct libc_symbols *symbols = calloc(1, sizeof(*symbols));
	struct library *c, *threads;

	if (!symbols)
		return NULL;
	c = &symbols->libraries[LIBRARY_C];
	threads = &symbols->libraries[LIBRARY_THREADS];
	c->fd = threads->fd = -1;
	elf_version(EV_CURRENT);
	if (!dl_iterate_phdr(find_libc, c) || library_open(c)) {
		libc_symbols_close(symbols);
		return NULL;
	}
	if (snprintf(threads->path, sizeof(threads->path), "%.*s/libpthread.so.0",
		     (int)(strrchr(c->path, '/') - c->path), c->path) < PATH_MAX)
		(void)library_open(threads); /* newer ones have none, or an empty one */
	return symbols;
}

void libc_symbols_close(struct libc_symbols *symbols)
{
	if (!symbols)
		return;
	for (int i = 0; i < LIBRARIES_NR; i++)
		library_close(&symbols->libraries[i]);
	free(symbols);
}

const char *libc_symbols_path(const struct libc_symbols *symbols)
{
	return symbols->libraries[LIBRARY_C].path;
}

static Elf_Data *section_data(Elf *elf, GElf_Word type, GElf_Shdr *ret_header)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section)))
		if (gelf_getshdr(section, ret_header) && ret_header->sh_type == type)
			return elf_getdata(section, NULL);
	return NULL;
}

/* 0: there is no such function in its default version. */
static GElf_Addr function_address(Elf *elf, const char *name)
{
	GElf_Shdr header, versions_header;
	Elf_Data *versions = section_data(elf, SHT_GNU_versym, &versions_header);
	Elf_Data *symbols = section_data(elf, SHT_DYNSYM, &header);
	size_t nr = symbols && header.sh_entsize ? header.sh_size / header.sh_entsize : 0;

	for (size_t i = 0; i < nr; i++) {
		GElf_Versym version = 0;
		const char *found;
		GElf_Sym symbol;

		if (!gelf_getsym(symbols, i, &symbol) || GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
		    symbol.st_shndx == SHN_UNDEF)
			continue;
		found = elf_strptr(elf, header.sh_link, symbol.st_name);
		if (!found || strcmp(found, name))
			continue;
		if (versions && gelf_getversym(versions, i, &version) && (version & VERSION_HIDDEN))
			continue;
		return symbol.st_value;
	}
	return 0;
}

static bool address_to_offset(Elf *elf, GElf_Addr address, size_t *ret_offset)
{
	GElf_Phdr segment;
	size_t nr = 0;

	if (elf_getphdrnum(elf, &nr))
		return false;
	for (size_t i = 0; i < nr; i++) {
		if (!gelf_getphdr(elf, i, &segment) || segment.p_type != PT_LOAD ||
		    address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz)
			continue;
		*ret_offset = address - segment.p_vaddr + segment.p_offset;
		return true;
	}
	return false;
}

int libc_symbols_find(const struct libc_symbols *symbols, const char *name, const char **ret_path,
		      size_t *ret_offset)
{
	for (int i = 0; i < LIBRARIES_NR; i++) {
		const struct library *library = &symbols->libraries[i];
		GElf_Addr address = library->elf ? function_address(library->elf, name) : 0;

		if (!address || !address_to_offset(library->elf, address, ret_offset))
			continue;
		*ret_path = library->path;
		return 0;
	}
	return -ENOENT;
}
