/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/record_graph.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "base/log.h"

void record_graph_end(void)
{
	const struct timespec now = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	while (sigtimedwait(&set, NULL, &now) > 0)
		continue;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int record_at(const struct record_options *asked, const char *path,
		     struct examples *examples, struct graph **ret_graph)
{
	struct record_options record = *asked;
	int status, loaded = EXIT_CODE_OK;
	bool is_recorded;

	record.path = path;
	status = record_to_file(&record, &is_recorded);
	if (is_recorded)
		loaded = load_graph_examples(path, examples, ret_graph);
	if (loaded)
		*ret_graph = NULL;
	return status ? status : loaded;
}

static int record_in(const struct record_options *asked, const char *directory,
		     struct examples *examples, struct graph **ret_graph)
{
	char *path;
	int status;

	if (asprintf(&path, "%s/%s", directory, LOAD_GRAPH_FILE) < 0)
		return EXIT_CODE_IO;
	status = record_at(asked, path, examples, ret_graph);
	unlink(path);
	free(path);
	rmdir(directory);
	return status;
}

/* A directory of our own: nobody else can put a link at the file's name. */
static int record_temporary(const struct record_options *asked, struct examples *examples,
			    struct graph **ret_graph)
{
	const char *base = getenv("TMPDIR");
	int status = EXIT_CODE_IO;
	char *directory;

	base = base && *base ? base : "/tmp";
	if (asprintf(&directory, "%s/ipctrace.XXXXXX", base) < 0)
		return EXIT_CODE_IO;
	if (mkdtemp(directory))
		status = record_in(asked, directory, examples, ret_graph);
	else
		log_err("cannot make a directory in %s: %s", base, strerror(errno));
	free(directory);
	return status;
}

int record_graph(const struct record_options *record, struct examples *examples,
		 struct graph **ret_graph)
{
	*ret_graph = NULL;
	if (record->path)
		return record_at(record, record->path, examples, ret_graph);
	return record_temporary(record, examples, ret_graph);
}
