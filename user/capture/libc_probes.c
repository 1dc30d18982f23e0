/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/libc_probes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/libc_symbols.h"

#define ALL_PROCESSES -1

/* `leave`: the program at the return, NULL: none. */
static const struct {
	const char *function, *enter, *leave;
} probes[] = {
	{ "sem_init", "sem_init_enter", NULL },
	{ "sem_open", "sem_open_enter", "sem_open_leave" },
	{ "sem_post", "sem_post_enter", NULL },
	{ "sem_wait", "sem_wait_enter", "sem_wait_leave" },
	{ "sem_trywait", "sem_wait_enter", "sem_wait_leave" },
	{ "sem_timedwait", "sem_wait_enter", "sem_wait_leave" },
	{ "sem_clockwait", "sem_wait_enter", "sem_wait_leave" },
	{ "pthread_mutex_init", "mutex_init_enter", NULL },
	{ "pthread_mutex_lock", "mutex_lock_enter", "mutex_lock_leave" },
	{ "pthread_mutex_trylock", "mutex_lock_enter", "mutex_lock_leave" },
	{ "pthread_mutex_timedlock", "mutex_lock_enter", "mutex_lock_leave" },
	{ "pthread_mutex_clocklock", "mutex_lock_enter", "mutex_lock_leave" },
	{ "pthread_mutex_unlock", "mutex_unlock_enter", NULL },
	{ "pthread_cond_wait", "cond_wait_enter", "cond_wait_leave" },
	{ "pthread_cond_timedwait", "cond_wait_enter", "cond_wait_leave" },
	{ "pthread_cond_clockwait", "cond_wait_enter", "cond_wait_leave" },
};

#define PROBES_NR (sizeof(probes) / sizeof(probes[0]))

static bool is_called(const char *name, const struct bpf_program *program)
{
	return name && !strcmp(name, bpf_program__name(program));
}

bool libc_probes_has(const struct bpf_program *program)
{
	for (size_t i = 0; i < PROBES_NR; i++)
		if (is_called(probes[i].enter, program) || is_called(probes[i].leave, program))
			return true;
	return false;
}

static int program_choose(struct bpf_object *object, const char *name)
{
	struct bpf_program *program;

	if (!name)
		return 0;
	program = bpf_object__find_program_by_name(object, name);
	if (!program)
		return -ENOENT;
	bpf_program__set_autoload(program, true);
	return 0;
}

int libc_probes_choose(struct bpf_object *object)
{
	int err = 0;

	for (size_t i = 0; i < PROBES_NR && !err; i++) {
		err = program_choose(object, probes[i].enter);
		if (!err)
			err = program_choose(object, probes[i].leave);
	}
	return err;
}

struct attachment {
	struct bpf_object *object;
	int (*take)(void *context, struct bpf_link *link);
	void *context;
};

static int attach_one(const struct attachment *attachment, const char *name, bool is_return,
		      const char *path, size_t offset)
{
	struct bpf_program *program =
		name ? bpf_object__find_program_by_name(attachment->object, name) : NULL;
	struct bpf_link *link;

	if (!program)
		return name ? -ENOENT : 0;
	link = bpf_program__attach_uprobe(program, is_return, ALL_PROCESSES, path, offset);
	return link ? attachment->take(attachment->context, link) : -errno;
}

int libc_probes_attach(struct bpf_object *object, int (*take)(void *context, struct bpf_link *link),
		       void *context)
{
	struct attachment attachment = { .object = object, .take = take, .context = context };
	struct libc_symbols *symbols = libc_symbols_open();
	int err = symbols ? 0 : -ENOLINK;

	for (size_t i = 0; i < PROBES_NR && !err; i++) {
		const char *path;
		size_t offset;

		if (libc_symbols_find(symbols, probes[i].function, &path, &offset))
			continue;
		/* the return first: else one that was entered between the two would be lost */
		err = attach_one(&attachment, probes[i].leave, true, path, offset);
		if (!err)
			err = attach_one(&attachment, probes[i].enter, false, path, offset);
	}
	libc_symbols_close(symbols);
	return err;
}

bool capture_tell_uprobes(char *ret, size_t size)
{
	struct libc_symbols *symbols = libc_symbols_open();
	bool is_complete = false;

	if (access("/sys/bus/event_source/devices/uprobe", F_OK))
		snprintf(ret, size, "this kernel has no uprobes (CONFIG_UPROBE_EVENTS)");
	else if (!symbols)
		snprintf(ret, size, "no C library that can be probed");
	else
		is_complete = true;
	for (size_t i = 0; i < PROBES_NR && is_complete; i++) {
		const char *path;
		size_t offset;

		is_complete = !libc_symbols_find(symbols, probes[i].function, &path, &offset);
		if (!is_complete)
			snprintf(ret, size, "%s has no %s", libc_symbols_path(symbols),
				 probes[i].function);
	}
	if (is_complete)
		snprintf(ret, size, "%s", libc_symbols_path(symbols));
	libc_symbols_close(symbols);
	return is_complete;
}
