/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A subcommand: one file that ends in one `const struct command command_NAME`, one row in
 * commands.def.
 */
#ifndef IPCTRACE_COMMAND_H
#define IPCTRACE_COMMAND_H

struct command {
	const char *name;
	const char *summary; /* one line of `ipctrace --help` */
	/* argv[0] is "ipctrace NAME"; returns the exit status (exit_code.h). */
	int (*run)(int argc, char **argv);
};

#define COMMAND(name) extern const struct command command_##name;
#include "command/commands.def"
#undef COMMAND

#endif
