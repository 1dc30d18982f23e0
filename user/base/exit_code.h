/* SPDX-License-Identifier: GPL-2.0-only */
/* Exit statuses of every command. With `-- CMD`, record and trace exit with CMD's own. */
#ifndef IPCTRACE_EXIT_CODE_H
#define IPCTRACE_EXIT_CODE_H

enum exit_code {
	EXIT_CODE_OK = 0,
	EXIT_CODE_VIOLATION = 1,    /* verify and diff found something */
	EXIT_CODE_USAGE = 2,	    /* usage, bad specification */
	EXIT_CODE_CANNOT_TRACE = 3, /* privilege or kernel; the message says what to do */
	EXIT_CODE_INCOMPLETE = 4,   /* more lost than --max-lost allows */
	EXIT_CODE_IO = 5,	    /* I/O error, corrupted file */
	EXIT_CODE_NOT_EXECUTABLE = 126,
	EXIT_CODE_NOT_FOUND = 127,
};

#endif
