/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop CPU PAIRS CALLS: on that CPU, PAIRS times a write and a read of one byte through a pipe,
 * then CALLS times getppid(). Prints "WHAT NS", the time of one call, a line each.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("loop: sched_setaffinity");
}

static void pipe_pairs(const int *fds, uint64_t pairs)
{
	char byte = 0;

	for (uint64_t i = 0; i < pairs; i++)
		if (write(fds[1], &byte, 1) != 1 || read(fds[0], &byte, 1) != 1)
			fail("loop: pipe");
}

static double pipe_ns(uint64_t pairs)
{
	uint64_t start_ns, end_ns;
	int fds[2];

	if (pipe(fds))
		fail("loop: pipe");
	pipe_pairs(fds, 1); /* the first write allocates the page */
	start_ns = now_ns();
	pipe_pairs(fds, pairs);
	end_ns = now_ns();
	return (double)(end_ns - start_ns) / (2 * pairs);
}

static double getppid_ns(uint64_t calls)
{
	uint64_t start_ns = now_ns();

	for (uint64_t i = 0; i < calls; i++)
		(void)getppid(); /* for its cost only */
	return (double)(now_ns() - start_ns) / calls;
}

int main(int argc, char **argv)
{
	uint64_t pairs = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t calls = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;

	if (!pairs || !calls) {
		fputs("usage: loop CPU PAIRS CALLS\n", stderr);
		return 2;
	}
	pin(atoi(argv[1]));
	printf("pipe %.2f\n", pipe_ns(pairs));
	printf("getppid %.2f\n", getppid_ns(calls));
	return 0;
}
