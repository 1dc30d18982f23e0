/* SPDX-License-Identifier: GPL-2.0-only */
#include "capture/capture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <ipctrace/capture_file.h>

#include "capture/feature.h"
#include "capture/internal.h"
#include "capture/titles.h"
#include "capture/libc_probes.h"
#include "capture/procfs.h"
#include "ipctrace.skel.h"

#define RING_DEFAULT_BYTES (8u << 20)
#define RING_DEFAULT_MIN_BYTES (1u << 20)
#define RINGS_DEFAULT_BYTES (256u << 20) /* all together */
#define RING_CONTROL_PART 4		 /* 1/4 of each ring is kept for control records */
#define WAKE_PART 8

static int problem_set(char *problem, size_t size, int err, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int problem_set(char *problem, size_t size, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(problem, size, format, args);
	va_end(args);
	return err;
}

static int libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	return level <= LIBBPF_INFO ? vfprintf(stderr, format, args) : 0;
}

static __u32 groups_of(__u64 mechanisms)
{
	__u32 groups = 0;

#define MECHANISM(symbol, number, name, group, model)                                              \
	if (mechanisms >> number & 1)                                                              \
		groups |= IPCT_GROUP_##group;
#include <ipctrace/mechanisms.def>
#undef MECHANISM
	return groups;
}

static bool program_is_iterator(const struct bpf_program *program)
{
	return !strncmp(bpf_program__section_name(program), "iter/", 5);
}

static bool hook_is_wanted(const struct feature_hook *hook, __u32 groups)
{
	return !hook->groups || (hook->groups & groups);
}

/* The program of a hook, or the one that takes its place where tracepoints can be preempted. */
static const char *program_of(const struct feature_hook *hook, bool is_preemptible)
{
	return is_preemptible && hook->classic ? hook->classic : hook->program;
}

static int programs_choose(struct capture *capture, const struct capture_options *options,
			   char *problem, size_t size)
{
	__u32 groups = groups_of(options->mechanisms);
	bool is_preemptible = feature_is_preemptible() && !feature_mount_tracefs();

	for (size_t i = 0; i < feature_hooks_nr; i++) {
		const struct feature_hook *hook = &feature_hooks[i];
		const char *name = program_of(hook, is_preemptible);
		struct bpf_program *program =
			bpf_object__find_program_by_name(capture->skel->obj, name);

		if (!program)
			return problem_set(problem, size, -ENOENT, "no program %s", name);
		if (!hook_is_wanted(hook, groups) ||
		    (options->is_snapshot && !program_is_iterator(program)))
			continue;
		if (feature_has_hook(hook))
			bpf_program__set_autoload(program, true);
		else if (hook->is_required)
			return problem_set(problem, size, -EOPNOTSUPP,
					   "this kernel has no %s: Linux 5.10 or newer with "
					   "CONFIG_DEBUG_INFO_BTF is needed",
					   hook->hook);
	}
	if (is_preemptible)
		bpf_program__set_autoload(capture->skel->progs.tcp_state_classic,
					  bpf_program__autoload(capture->skel->progs.tcp_state));
	if ((groups & IPCT_GROUP_MEMORY) && !bpf_program__autoload(capture->skel->progs.task_vmas))
		bpf_program__set_autoload(capture->skel->progs.task_vma_at, true);
	return options->uses_uprobes ? libc_probes_choose(capture->skel->obj) : 0;
}

/* There is a ring for every possible CPU: one that comes later must not be without. */
static __u32 ring_default(__u32 cpus)
{
	__u32 bytes = RING_DEFAULT_BYTES;

	while (bytes > RING_DEFAULT_MIN_BYTES && (__u64)bytes * cpus > RINGS_DEFAULT_BYTES)
		bytes /= 2;
	return bytes;
}

static __u32 ring_size(__u32 wanted, __u32 cpus)
{
	__u32 bytes = sysconf(_SC_PAGESIZE);

	if (!wanted)
		wanted = ring_default(cpus);
	while (bytes < wanted && bytes < 1u << 30)
		bytes *= 2;
	return bytes;
}

static bool has_uring(const struct capture *capture)
{
	return bpf_program__autoload(capture->skel->progs.uring_complete_cqe) ||
	       bpf_program__autoload(capture->skel->progs.uring_complete_parts) ||
	       bpf_program__autoload(capture->skel->progs.uring_complete_classic);
}

static void configure(struct capture *capture, const struct capture_options *options)
{
	struct ipct_config *config = (struct ipct_config *)&capture->skel->rodata->capture_config;
	__u32 ring = ring_size(options->ring_bytes, capture->cpus);

	capture->ring_bytes = ring;
	*config = (struct ipct_config){
		.self_pid = getpid(),
		.command_pid = options->command_pid,
		.mechanisms = options->mechanisms,
		.is_system_wide = options->is_system_wide,
		.has_task_storage = feature_has_task_storage(),
		.has_uring = has_uring(capture),
		.ring_bytes = ring,
		.data_limit = ring - ring / RING_CONTROL_PART,
		.wake_bytes = ring / WAKE_PART,
	};
	bpf_map__set_autocreate(capture->skel->maps.task_states, config->has_task_storage);
	bpf_map__set_autocreate(capture->skel->maps.task_states_by_address,
				!config->has_task_storage);
	bpf_map__set_autocreate(capture->skel->maps.libc_calls, options->uses_uprobes);
	bpf_map__set_max_entries(capture->skel->maps.rings, capture->cpus);
	bpf_map__set_max_entries(capture->skel->maps.counters, capture->cpus);
}

static size_t counters_bytes(const struct capture *capture)
{
	size_t page = sysconf(_SC_PAGESIZE), bytes = capture->cpus * sizeof(*capture->counters);

	return (bytes + page - 1) / page * page;
}

static int counters_map(struct capture *capture)
{
	void *memory = mmap(NULL, counters_bytes(capture), PROT_READ, MAP_SHARED,
			    bpf_map__fd(capture->skel->maps.counters), 0);

	if (memory == MAP_FAILED)
		return -errno;
	capture->counters = memory;
	return 0;
}

static int rings_make(struct capture *capture)
{
	int map = bpf_map__fd(capture->skel->maps.rings);

	capture->ring_fds = calloc(capture->cpus, sizeof(*capture->ring_fds));
	capture->streams = calloc(capture->cpus, sizeof(*capture->streams));
	if (!capture->ring_fds || !capture->streams)
		return -ENOMEM;
	for (__u32 cpu = 0; cpu < capture->cpus; cpu++)
		capture->ring_fds[cpu] = -1;
	for (__u32 cpu = 0; cpu < capture->cpus; cpu++) {
		struct capture_stream *stream = &capture->streams[cpu];
		int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, capture->ring_bytes,
					NULL);
		int err;

		if (fd < 0)
			return fd;
		capture->ring_fds[cpu] = fd;
		if (bpf_map_update_elem(map, &cpu, &fd, BPF_ANY))
			return -errno;
		*stream = (struct capture_stream){ .capture = capture, .cpu = cpu };
		if (!capture->rings) {
			capture->rings = ring_buffer__new(fd, capture_take_sample, stream, NULL);
			err = capture->rings ? 0 : -errno;
		} else {
			err = ring_buffer__add(capture->rings, fd, capture_take_sample, stream);
		}
		if (err)
			return err;
	}
	return 0;
}

static int roots_set(struct capture *capture, const struct capture_options *options)
{
	int map = bpf_map__fd(capture->skel->maps.roots);
	__u8 one = 1;

	for (size_t i = 0; i < options->pids_nr; i++) {
		__u32 pid = options->pids[i];

		if (bpf_map_update_elem(map, &pid, &one, BPF_ANY))
			return -errno;
	}
	return 0;
}

static int load_problem(int err, char *problem, size_t size)
{
	if (err == -EPERM || err == -EACCES)
		return problem_set(problem, size, err,
				   "cannot load the BPF programs: %s; run as root, and check "
				   "kernel.unprivileged_bpf_disabled and lockdown "
				   "(`ipctrace check` tells more)",
				   strerror(-err));
	return problem_set(problem, size, err,
			   "cannot load the BPF programs: %s; `ipctrace check` tells what this "
			   "kernel lacks, -v shows the verifier's words",
			   strerror(-err));
}

int capture_open(const struct capture_options *options, struct capture **ret_capture,
		 char *ret_problem, size_t size)
{
	struct capture *capture;
	int err;

	if (feature_privilege_problem())
		return problem_set(ret_problem, size, -EPERM, "%s", feature_privilege_problem());
	if (feature_namespace_problem())
		return problem_set(ret_problem, size, -EOPNOTSUPP, "%s",
				   feature_namespace_problem());
	if (!feature_has_btf())
		return problem_set(ret_problem, size, -EOPNOTSUPP,
				   "this kernel has no BTF (/sys/kernel/btf/vmlinux): "
				   "boot one built with CONFIG_DEBUG_INFO_BTF");
	libbpf_set_print(options->is_verbose ? libbpf_print : NULL);
	capture = calloc(1, sizeof(*capture));
	if (!capture)
		return problem_set(ret_problem, size, -ENOMEM, "out of memory");
	capture->cpus = feature_cpus();
	capture->is_system_wide = options->is_system_wide;
	capture->is_verbose = options->is_verbose;
	capture->uses_uprobes = options->uses_uprobes;
	capture->titles = titles_new();
	if (!capture->titles) {
		err = load_problem(-ENOMEM, ret_problem, size);
		goto fail;
	}
	capture->skel = ipctrace__open();
	if (!capture->skel) {
		err = load_problem(-errno, ret_problem, size);
		goto fail;
	}
	err = programs_choose(capture, options, ret_problem, size);
	if (err)
		goto fail;
	configure(capture, options);
	err = ipctrace__load(capture->skel);
	if (!err)
		err = counters_map(capture);
	if (!err)
		err = rings_make(capture);
	if (!err) {
		capture->barrier = barrier_new(capture->cpus);
		capture->made = made_new();
		err = capture->barrier && capture->made ? 0 : -ENOMEM;
	}
	if (!err)
		err = roots_set(capture, options);
	if (err) {
		load_problem(err, ret_problem, size);
		goto fail;
	}
	*ret_capture = capture;
	return 0;
fail:
	capture_close(capture);
	return err;
}

static int link_add(void *context, struct bpf_link *link)
{
	struct capture *capture = context;
	struct bpf_link **links;

	links = reallocarray(capture->links, capture->links_nr + 1, sizeof(*links));
	if (!links) {
		bpf_link__destroy(link);
		return -ENOMEM;
	}
	capture->links = links;
	capture->links[capture->links_nr++] = link;
	return 0;
}

static int uprobes_attach(struct capture *capture, char *ret_problem, size_t size)
{
	int err = libc_probes_attach(capture->skel->obj, link_add, capture);

	if (err == -ENOLINK)
		return problem_set(ret_problem, size, err,
				   "--uprobes: no C library that can be probed; ipctrace must be "
				   "linked with glibc's libc.so.6");
	if (err)
		return problem_set(
			ret_problem, size, err,
			"--uprobes: cannot probe the C library: %s (does the kernel have "
			"CONFIG_UPROBE_EVENTS?)",
			strerror(-err));
	capture->skel->bss->libc_is_watched = 1;
	return 0;
}

int capture_attach(struct capture *capture, char *ret_problem, size_t size)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, capture->skel->obj) {
		struct bpf_link *link;

		if (!bpf_program__autoload(program) || program_is_iterator(program) ||
		    libc_probes_has(program))
			continue;
		link = bpf_program__attach(program);
		if (!link)
			return problem_set(ret_problem, size, -errno, "cannot attach to %s: %s",
					   bpf_program__section_name(program), strerror(errno));
		if (link_add(capture, link))
			return problem_set(ret_problem, size, -ENOMEM, "out of memory");
	}
	return capture->uses_uprobes ? uprobes_attach(capture, ret_problem, size) : 0;
}

static void links_drop(struct capture *capture)
{
	for (size_t i = 0; i < capture->links_nr; i++)
		bpf_link__destroy(capture->links[i]);
	free(capture->links);
	capture->links = NULL;
	capture->links_nr = 0;
}

/* Interrupts tell the one nothing that it notes, and the other is there for what another misses. */
static bool is_skipped_in_vain(const struct capture *capture, const struct bpf_program *program)
{
	return program == capture->skel->progs.data_ready_classic ||
	       program == capture->skel->progs.tcp_state_classic;
}

/* Of the calls that a program was skipped for, those for which no other one stood in. */
static __u64 calls_missed(const struct capture *capture, const struct bpf_program *program,
			  __u64 misses)
{
	__u64 stood_in = 0;

	if (program != capture->skel->progs.tcp_state)
		return misses;
	for (__u32 cpu = 0; cpu < capture->cpus; cpu++)
		stood_in += capture->counters[cpu].stood_in;
	return misses > stood_in ? misses - stood_in : 0;
}

/* Programs skipped because one ran on the same CPU already (bpf_prog_info, since 5.12). */
static __u64 hook_misses(const struct capture *capture)
{
	struct bpf_program *program;
	__u64 misses = 0;

	bpf_object__for_each_program (program, capture->skel->obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (bpf_program__fd(program) < 0 || program_is_iterator(program))
			continue;
		if (is_skipped_in_vain(capture, program))
			continue;
		if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			continue;
		misses += calls_missed(capture, program, info.recursion_misses);
		if (capture->is_verbose && info.recursion_misses)
			fprintf(stderr, "ipctrace: %s was skipped %llu times\n",
				bpf_program__name(program), info.recursion_misses);
	}
	return misses;
}

/*
 * Returns when no program of ours runs any more: they run under RCU, and both calls wait for
 * its grace period. membarrier does not with one CPU, and is refused with nohz_full; an update
 * of a map of maps always does (maybe_wait_bpf_programs).
 */
static void programs_wait(const struct capture *capture)
{
	__u32 zero = 0;

	if (sysconf(_SC_NPROCESSORS_ONLN) > 1 &&
	    !syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return;
	(void)bpf_map_update_elem(bpf_map__fd(capture->skel->maps.rings), &zero,
				  &capture->ring_fds[0], BPF_ANY); /* nothing else to try */
}

int capture_finish(struct capture *capture, capture_sink sink, void *context)
{
	int barrier_err = barrier_pass(capture, sink, context);
	int err, end_err;

	capture->skel->bss->libc_is_watched = 0; /* to take off a uprobe takes 0.1 s */
	links_drop(capture);
	programs_wait(capture);
	do {
		err = capture_drain(capture, 0, sink, context);
	} while (err > 0);
	if (!err)
		err = barrier_err;
	capture->skipped = hook_misses(capture);
	end_err = capture_read_aggregates(capture, sink, context);
	if (!end_err) /* all that was made is known now */
		end_err = standing_list(capture, IPCT_ORIGIN_END, sink, context);
	return err ? err : end_err;
}

void capture_read_ledger(const struct capture *capture, struct capture_ledger *ret_ledger)
{
	*ret_ledger = (struct capture_ledger){ .recorded = capture->recorded,
					       .aggregated = capture->aggregated };
	for (__u32 cpu = 0; capture->counters && cpu < capture->cpus; cpu++) {
		const volatile struct ipct_counters *counters = &capture->counters[cpu];

		ret_ledger->seen += counters->seen;
		ret_ledger->filtered += counters->filtered;
		for (int i = 0; i < IPCT_LOSS_NR; i++)
			ret_ledger->lost[i] += counters->lost[i];
	}
	/* nobody counted a program that did not run: it is seen here, and lost */
	ret_ledger->lost[IPCT_LOSS_HOOK_SKIPPED] = capture->skipped;
	ret_ledger->seen += capture->skipped;
	barrier_tell(capture->barrier, ret_ledger);
}

void capture_close(struct capture *capture)
{
	if (!capture)
		return;
	links_drop(capture);
	if (capture->counters)
		munmap((void *)capture->counters, counters_bytes(capture));
	ring_buffer__free(capture->rings);
	barrier_free(capture->barrier);
	made_free(capture->made);
	titles_free(capture->titles);
	for (__u32 cpu = 0; capture->ring_fds && cpu < capture->cpus; cpu++)
		if (capture->ring_fds[cpu] >= 0)
			close(capture->ring_fds[cpu]);
	free(capture->ring_fds);
	free(capture->streams);
	ipctrace__destroy(capture->skel);
	free(capture);
}

const char *capture_loss_name(enum ipct_loss cause)
{
	static const char *const names[IPCT_LOSS_NR] = {
		[IPCT_LOSS_RING_FULL] = "ring-full",
		[IPCT_LOSS_AGGREGATE_FULL] = "aggregate-full",
		[IPCT_LOSS_TASK_STATE] = "task-state",
		[IPCT_LOSS_FOLLOWED_FULL] = "followed-full",
		[IPCT_LOSS_DECODE] = "decode",
		[IPCT_LOSS_HOOK_SKIPPED] = "hook-skipped",
		[IPCT_LOSS_URING_UNSEEN] = "io-uring-unseen",
	};

	return names[cause];
}
