/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of `-o`: without a path or with "-" it is stdout. A regular file or a new one is
 * written beside and renamed into place on commit, so a reader never sees half of it and a
 * failure leaves what was there. What is no regular file (/dev/null, a FIFO, a symbolic
 * link) is written as it is.
 */
#ifndef IPCTRACE_OUTPUT_FILE_H
#define IPCTRACE_OUTPUT_FILE_H

#include <stdio.h>

struct output_file;

/* `path` is copied. 0 or -errno; end it with commit or abort. */
int output_file_open(const char *path, struct output_file **ret_file);

/* Borrowed, valid until commit or abort; do not close it. */
FILE *output_file_stream(struct output_file *file);

/*
 * Writes out, closes, renames into place and frees. 0 or -errno, of a full disk or a broken
 * stdout also; on failure nothing is put into place and the temporary file is removed.
 */
int output_file_commit(struct output_file *file);

/*
 * After a writer that returned `err`: commits if that is 0, else aborts. Returns the first
 * error there was; in place of the -EIO of a stream, what the stream really failed on.
 */
int output_file_end(struct output_file *file, int err);

/* Closes, removes the temporary file and frees. NULL is accepted. */
void output_file_abort(struct output_file *file);

/* Ends what was printed to stdout: 0, or -errno of what kept it from getting there. */
int output_file_end_stdout(void);

#endif
