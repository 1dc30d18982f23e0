/* SPDX-License-Identifier: GPL-2.0-only */
#include "graph/graph_name.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Default of net.ipv4.ip_local_port_range, and up to the end for other systems. */
#define PORT_GIVEN_FIRST 32768
#define NUMBER_LONG 5	     /* digits: of a handle, a time, a random number */
#define AUTOBIND_LEN 5	     /* hexadecimal digits of an abstract name that the kernel chose */
#define TEMPORARY_TAIL_LEN 6 /* at least, of a name that mktemp made */
#define DECIMAL_DIGITS "0123456789"

const char *graph_name_port(const char *name)
{
	const char *colon = strrchr(name, ':');

	if (!colon || !colon[1] || colon[1 + strspn(colon + 1, DECIMAL_DIGITS)])
		return NULL;
	return colon;
}

bool graph_name_port_is_given(const char *port)
{
	return strtoul(port + 1, NULL, 10) >= PORT_GIVEN_FIRST;
}

static int compare_pids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int graph_pids_init(struct graph_pids *pids, const struct graph *graph)
{
	pids->nr = 0;
	pids->pids = calloc(graph->processes_nr + 1, sizeof(*pids->pids));
	if (!pids->pids)
		return -ENOMEM;
	for (size_t i = 0; i < graph->processes_nr; i++)
		if (graph->processes[i].pid)
			pids->pids[pids->nr++] = graph->processes[i].pid;
	qsort(pids->pids, pids->nr, sizeof(*pids->pids), compare_pids);
	return 0;
}

void graph_pids_fini(struct graph_pids *pids)
{
	free(pids->pids);
}

static bool is_pid(const char *digits, size_t len, const struct graph_pids *pids)
{
	uint32_t pid = (uint32_t)strtoul(digits, NULL, 10);

	return len < NUMBER_LONG * 2 && *digits != '0' &&
	       bsearch(&pid, pids->pids, pids->nr, sizeof(pid), compare_pids);
}

/* How much of `text` is to be a `*`; 0: nothing. */
static size_t passing_len(const char *text, bool is_part, const struct graph_pids *pids)
{
	size_t len = strspn(text, DECIMAL_DIGITS), part;

	if (len)
		return len >= NUMBER_LONG || is_pid(text, len, pids) ? len : 0;
	if (!is_part || strncmp(text, "tmp", strlen("tmp")))
		return 0;
	part = strcspn(text, "/");
	return part >= strlen("tmp") + TEMPORARY_TAIL_LEN ? part : 0;
}

/* Numbers, and parts that mktemp named. Returns the end of what was written. */
static char *blank_parts(char *to, const char *from, const struct graph_pids *pids)
{
	bool is_part = true; /* at the begin of a part of a path */

	while (*from) {
		size_t passing = passing_len(from, is_part, pids);
		size_t kept = strspn(from, DECIMAL_DIGITS);

		is_part = *from == '/';
		if (passing) {
			*to++ = '*';
			from += passing;
			continue;
		}
		kept = kept ? kept : 1;
		memcpy(to, from, kept);
		to += kept;
		from += kept;
	}
	return to;
}

/* How much of a name is the folder of what lives for one run only; 0: it is in none. */
static size_t temporary_len(const char *name, enum ipct_mechanism mechanism)
{
	static const char *const folders[] = { "/tmp/", "/var/tmp/", "/dev/shm/" };
	size_t at = *name == '@';

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		if (!strncmp(name + at, folders[i], strlen(folders[i])))
			return at + strlen(folders[i]);
	/* What shm_open() and sem_open() call so lives in such a folder. */
	if (mechanism == IPCT_POSIX_SHM || mechanism == IPCT_FUTEX)
		return *name == '/' && !strchr(name + 1, '/');
	return 0;
}

/* How much of a file's name stands before a tail that mkstemp may have made. */
static size_t stem_len(const char *file)
{
	size_t len = strlen(file), tail = 0;

	while (tail < len && isalnum((unsigned char)file[len - tail - 1]))
		tail++;
	return tail < TEMPORARY_TAIL_LEN || tail == len ? len : len - tail;
}

/* A path, or another name that programs choose. Folders in a temporary one are all alike. */
static void blank_path(char *to, const char *from, enum ipct_mechanism mechanism,
		       const struct graph_pids *pids)
{
	size_t kept = temporary_len(from, mechanism), stem;
	const char *slash = strrchr(from + kept, '/');

	if (!kept) {
		*blank_parts(to, from, pids) = '\0';
		return;
	}
	memcpy(to, from, kept);
	to += kept;
	from += kept;
	if (slash) {
		*to++ = '*';
		*blank_parts(to, slash, pids) = '\0';
		return;
	}
	stem = stem_len(from);
	if (!from[stem]) {
		*blank_parts(to, from, pids) = '\0';
		return;
	}
	memcpy(to, from, stem);
	memcpy(to + stem, "*", sizeof("*"));
}

static bool is_autobound(const char *name)
{
	return *name == '@' && strlen(name) == 1 + AUTOBIND_LEN &&
	       strspn(name + 1, DECIMAL_DIGITS "abcdef") == AUTOBIND_LEN;
}

/* Where what passes begins in a name that ends with it; NULL: the name is none of these. */
static const char *passing_end(const char *name, enum ipct_mechanism mechanism)
{
	const char *port = graph_name_port(name), *end = name + strlen(name);

	switch (mechanism) {
	case IPCT_TCP:
	case IPCT_UDP:
	case IPCT_VSOCK:
		return port && graph_name_port_is_given(port) ? port + 1 : end;
	case IPCT_SYSV_MSG: /* ftok() makes keys of inode numbers */
	case IPCT_SYSV_SEM:
	case IPCT_SYSV_SHM:
		return *name ? name + strlen("0x") : end;
	case IPCT_PTY:
		while (end > name && isdigit((unsigned char)end[-1]))
			end--;
		return end;
	default:
		return is_autobound(name) ? name + 1 : NULL;
	}
}

char *graph_name_blank(const char *name, enum ipct_mechanism mechanism,
		       const struct graph_pids *pids)
{
	const char *end = passing_end(name, mechanism);
	char *text;

	if (!end) {
		text = malloc(strlen(name) + 1);
		if (text)
			blank_path(text, name, mechanism, pids);
		return text;
	}
	return asprintf(&text, "%.*s%s", (int)(end - name), name, *end ? "*" : "") < 0 ? NULL :
											 text;
}
