/* SPDX-License-Identifier: GPL-2.0-only */
#include <argp.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include <ipctrace/types.h>

#include "base/exit_code.h"
#include "base/log.h"
#include "base/output_file.h"
#include "capture/capture.h"
#include "capture/feature.h"
#include "command/command.h"

#define PROBLEM_MAX 512

static void line(bool is_good, const char *what, const char *note)
{
	printf("  %-4s %-34s %s\n", is_good ? "yes" : "NO", what, note);
}

static void check_task_storage(bool is_privileged)
{
	bool has = is_privileged && feature_has_task_storage();

	if (is_privileged)
		line(has, "task storage",
		     has ? "" : "a hash keyed by task is used instead (Linux < 5.11)");
	else
		printf("  %-4s %-34s %s\n", "?", "task storage",
		       "cannot be told without privileges");
}

static void check_basics(void)
{
	const char *problem = feature_privilege_problem();
	const char *foreign = feature_namespace_problem();

	puts("This user and kernel:");
	line(!problem, "privileges", problem ? problem : "");
	line(!foreign, "process ids of the host", foreign ? foreign : "");
	line(feature_has_btf(), "BTF",
	     feature_has_btf() ? "/sys/kernel/btf/vmlinux" :
				 "boot a kernel built with CONFIG_DEBUG_INFO_BTF");
	check_task_storage(!problem);
	line(true, feature_is_preemptible() ? "classic tracepoints" : "BTF tracepoints",
	     feature_is_preemptible() ? "tracepoints of this kernel can be preempted" : "");
}

/* Rows for one hook follow each other: programs for the arguments of different kernels. */
static void check_hooks(void)
{
	bool has = false;

	puts("Hooks:");
	for (size_t i = 0; i < feature_hooks_nr; i++) {
		const struct feature_hook *hook = &feature_hooks[i];

		has |= feature_has_hook(hook);
		if (i + 1 < feature_hooks_nr && !strcmp(hook->hook, hook[1].hook))
			continue;
		line(has, hook->hook, has ? "" : hook->without);
		has = false;
	}
}

/* A mechanism works if every required hook of its group is there. */
static bool group_works(__u32 group)
{
	for (size_t i = 0; i < feature_hooks_nr; i++) {
		const struct feature_hook *hook = &feature_hooks[i];

		if ((!hook->groups || (hook->groups & group)) && hook->is_required &&
		    !feature_has_hook(hook))
			return false;
	}
	return true;
}

/* Optional: only --uprobes wants them. */
static void check_uprobes(void)
{
	char text[PROBLEM_MAX];
	bool has = capture_tell_uprobes(text, sizeof(text));

	line(has, "uprobes on the C library", text);
}

static void check_mechanisms(void)
{
	puts("Mechanisms:");
#define MECHANISM(symbol, number, name, group, model)                                              \
	line(group_works(IPCT_GROUP_##group), name, "");
#include <ipctrace/mechanisms.def>
#undef MECHANISM
}

/* The proof: load and attach everything once. */
static int check_load(void)
{
	char problem[PROBLEM_MAX] = "";
	struct capture_options options = {
		.mechanisms = ~0ULL,
		.is_system_wide = true,
		.uses_uprobes = capture_tell_uprobes(problem, sizeof(problem)),
	};
	struct capture *capture = NULL;
	int err;

	problem[0] = '\0';
	err = capture_open(&options, &capture, problem, sizeof(problem));

	if (!err)
		err = capture_attach(capture, problem, sizeof(problem));
	puts("Trial:");
	line(!err, "load and attach all programs", problem);
	capture_close(capture);
	return err ? EXIT_CODE_CANNOT_TRACE : EXIT_CODE_OK;
}

static int check_run(int argc, char **argv)
{
	static const struct argp argp = {
		NULL,
		NULL,
		NULL,
		"Tell what this kernel and this user can trace, and what to do where they can't.\v"
		"Exit status 3 if nothing can be traced.\n\n"
		"Examples:\n"
		"  ipctrace check\n"
		"  ipctrace check | grep NO\n"
		"  ipctrace check || echo 'cannot trace here'",
		NULL,
		NULL,
		NULL,
	};
	struct utsname name;
	int status, err;

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL))
		return EXIT_CODE_USAGE;
	if (!uname(&name))
		printf("Linux %s %s\n", name.release, name.machine);
	check_basics();
	check_hooks();
	check_uprobes();
	check_mechanisms();
	status = check_load();
	err = output_file_end_stdout();
	if (err) {
		log_err("cannot write to stdout: %s", strerror(-err));
		return EXIT_CODE_IO;
	}
	return status;
}

const struct command command_check = {
	.name = "check",
	.summary = "tell what this kernel and this user can trace",
	.run = check_run,
};
