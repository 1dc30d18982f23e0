/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/titles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ipctrace/capture_file.h>
#include <ipctrace/event.h>
#include <uthash.h>

#include "capture/procfs_internal.h"

#define PROCESSES_MAX 65536 /* that are looked at */
#define LOOKS_AT_ONCE 512   /* of all processes, so that the rings are not kept waiting */

/* Ages at which a process is looked at; after the last one only at the end. */
static const __u64 ages_ns[] = { 10000000, 200000000, 2000000000, 20000000000 };

#define AGES_NR (sizeof(ages_ns) / sizeof(ages_ns[0]))

struct title {
	struct {
		__u64 start_ns;
		__u64 pid;
	} key;
	__u64 begin_ns; /* it was forked, or ran its program, or was looked at */
	size_t looks;	/* so far */
	__u64 hash;	/* of its arguments; 0: not known */
	UT_hash_handle hh;
};

struct titles {
	struct title *all; /* in the order in which they began */
};

struct titles *titles_new(void)
{
	return calloc(1, sizeof(struct titles));
}

void titles_free(struct titles *titles)
{
	struct title *title, *next;

	if (!titles)
		return;
	HASH_ITER (hh, titles->all, title, next) {
		HASH_DEL(titles->all, title);
		free(title);
	}
	free(titles);
}

/* FNV-1a; never 0. */
static __u64 hash_of(const char *bytes, size_t len)
{
	__u64 hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 0x100000001b3;
	return hash | 1;
}

static struct title *title_find(struct titles *titles, __u32 pid, __u64 start_ns)
{
	struct title key = { .key = { start_ns, pid } }, *title;

	HASH_FIND(hh, titles->all, &key.key, sizeof(key.key), title);
	return title;
}

static struct title *title_get(struct titles *titles, __u32 pid, __u64 start_ns)
{
	struct title *title = title_find(titles, pid, start_ns);

	if (title || HASH_COUNT(titles->all) >= PROCESSES_MAX)
		return title;
	title = calloc(1, sizeof(*title));
	if (!title)
		return NULL;
	title->key.pid = pid;
	title->key.start_ns = start_ns;
	HASH_ADD(hh, titles->all, key, sizeof(title->key), title);
	return title;
}

static void title_begin(struct title *title, __u64 time_ns, __u64 hash)
{
	if (!title)
		return;
	title->begin_ns = time_ns;
	title->looks = 0;
	title->hash = hash;
}

static void title_drop(struct titles *titles, struct title *title)
{
	HASH_DEL(titles->all, title);
	free(title);
}

void titles_note(struct titles *titles, const struct ipct_event *event)
{
	const struct ipct_fork *fork = (const void *)event;
	const struct ipct_exec *exec = (const void *)event;
	struct title *title;

	switch (event->type) {
	case IPCT_EVENT_FORK:
		title = title_find(titles, event->pid, event->start_ns);
		title_begin(title_get(titles, fork->child_pid, fork->child_start_ns),
			    event->time_ns, title ? title->hash : 0);
		return;
	case IPCT_EVENT_EXEC:
		title_begin(title_get(titles, event->pid, event->start_ns), event->time_ns,
			    hash_of(exec->text + exec->file_len, exec->text_len - exec->file_len));
		return;
	case IPCT_EVENT_EXIT:
		title = title_find(titles, event->pid, event->start_ns);
		if (title)
			title_drop(titles, title);
		return;
	}
}

/* -ESRCH: it is gone. */
static int title_read(const struct title *title, struct ipct_text *text)
{
	int process = procfs_open(title->key.pid);
	struct procfs_stat stat;
	int err = -ESRCH;

	if (process < 0)
		return -ESRCH;
	if (!procfs_read_stat(process, &stat) && procfs_started_at(&stat, title->key.start_ns)) {
		text->text_len = procfs_read(process, "cmdline", text->text, sizeof(text->text));
		/* a process that ends has no arguments any more, but may still be there */
		err = text->text_len ? 0 : -ENODATA;
	}
	close(process);
	return err;
}

static int title_look(struct titles *titles, struct title *title, __u64 now_ns, capture_sink sink,
		      void *context)
{
	struct ipct_text text = {
		.event = {
			.type = IPCT_EVENT_TEXT,
			.size = sizeof(text),
			.pid = title->key.pid,
			.tid = title->key.pid,
			.start_ns = title->key.start_ns,
			.time_ns = now_ns,
		},
		.kind = IPCT_TEXT_TITLE,
	};
	int err = title_read(title, &text);
	__u64 hash;

	title->looks++;
	if (err == -ESRCH)
		title_drop(titles, title);
	if (err)
		return 0;
	hash = hash_of(text.text, text.text_len);
	if (hash == title->hash)
		return 0;
	title->hash = hash;
	return sink(context, IPCT_STREAM_SNAPSHOT, &text.event);
}

static bool is_due(const struct title *title, bool is_end, __u64 now_ns)
{
	return is_end ||
	       (title->looks < AGES_NR && now_ns >= title->begin_ns + ages_ns[title->looks]);
}

int titles_look(struct titles *titles, bool is_end, capture_sink sink, void *context)
{
	__u64 now_ns = procfs_now_ns();
	size_t looks = 0;
	struct title *title, *next;
	int err = 0;

	HASH_ITER (hh, titles->all, title, next) {
		if (err || (!is_end && looks == LOOKS_AT_ONCE))
			break;
		if (!is_due(title, is_end, now_ns))
			continue;
		looks++;
		err = title_look(titles, title, now_ns, sink, context);
	}
	return err;
}
