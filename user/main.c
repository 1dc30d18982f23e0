/* SPDX-License-Identifier: GPL-2.0-only */
#include <argp.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <ipctrace/capture_file.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"
#include "base/suggest.h"
#include "command/command.h"

#ifndef IPCTRACE_VERSION
#define IPCTRACE_VERSION "0.1.0"
#endif

static const struct command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "command/commands.def"
#undef COMMAND
};

#define COMMANDS_NR (sizeof(commands) / sizeof(commands[0]))

static void print_usage(FILE *stream)
{
	fputs("usage: ipctrace COMMAND [OPTIONS]\n"
	      "       ipctrace [OPTIONS] -- PROGRAM [ARGUMENTS]\n",
	      stream);
}

static int print_help(void)
{
	size_t i;

	print_usage(stdout);
	fputs("\nShows how the processes of a machine talk to each other: who sends to whom, over\n"
	      "which channel, how many messages and bytes.\n\nCommands:\n",
	      stdout);
	for (i = 0; i < COMMANDS_NR; i++)
		printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n  --help     this text; 'ipctrace COMMAND --help' for a command\n"
	      "  --version  versions of ipctrace, its capture format, libbpf and the kernel\n"
	      "\nExamples:\n"
	      "  ipctrace -- sh -c 'seq 100000 | sort -n | tail -1'\n"
	      "  ipctrace record -a -d 10s\n"
	      "  ipctrace report --by process\n"
	      "  ipctrace graph -f svg -o graph.svg\n"
	      "  ipctrace trace -p 812 -e unix\n",
	      stdout);
	return fflush(stdout) ? EXIT_CODE_IO : EXIT_CODE_OK;
}

static int print_version(void)
{
	struct utsname kernel;

	printf("ipctrace %s\ncapture format %d\nlibbpf %s\n", IPCTRACE_VERSION,
	       IPCT_CAPTURE_VERSION, libbpf_version_string());
	if (!uname(&kernel))
		printf("%s %s %s\n", kernel.sysname, kernel.release, kernel.machine);
	return fflush(stdout) ? EXIT_CODE_IO : EXIT_CODE_OK;
}

static int print_no_command(void)
{
	print_usage(stderr);
	fputs("Try 'ipctrace --help'.\n", stderr);
	return EXIT_CODE_USAGE;
}

/* Runs the command with "ipctrace NAME" as argv[0], which getopt and argp put before errors. */
static int run_command(const struct command *command, int argc, char **argv)
{
	char *name;
	int status;

	if (asprintf(&name, "ipctrace %s", command->name) < 0) {
		log_err("out of memory");
		return EXIT_CODE_IO;
	}
	argv[0] = name;
	status = command->run(argc, argv);
	free(name);
	return status;
}

static int find_command(const char *name)
{
	const char *names[COMMANDS_NR];
	char hint[200], *shown;
	size_t i;
	int index;

	for (i = 0; i < COMMANDS_NR; i++)
		names[i] = commands[i]->name;
	index = suggest_choose(name, names, COMMANDS_NR, hint, sizeof(hint));
	if (index >= 0)
		return index;
	shown = escape_line(name, strlen(name));
	log_err("there is no command '%s'%s", shown ? shown : "?", hint);
	free(shown);
	return -1;
}

static bool is_one_of(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || !strcmp(word, b);
}

int main(int argc, char **argv)
{
	int index;

	argp_err_exit_status = EXIT_CODE_USAGE;
	if (argc < 2)
		return print_no_command();
	if (is_one_of(argv[1], "--help", "-h") || is_one_of(argv[1], "help", "-?"))
		return print_help();
	if (is_one_of(argv[1], "--version", "-V"))
		return print_version();
	if (argv[1][0] == '-')
		return run_command(&command_run, argc, argv);
	index = find_command(argv[1]);
	if (index < 0)
		return EXIT_CODE_USAGE;
	return run_command(commands[index], argc - 1, argv + 1);
}
