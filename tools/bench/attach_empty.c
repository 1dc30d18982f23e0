/* SPDX-License-Identifier: GPL-2.0-only */
/* attach_empty OBJECT: attaches the program of empty.bpf.c, says so, waits for a signal. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_object *object;

	if (argc != 2) {
		fputs("usage: attach_empty OBJECT\n", stderr);
		return 2;
	}
	object = bpf_object__open(argv[1]);
	if (!object || bpf_object__load(object)) {
		fprintf(stderr, "attach_empty: cannot load %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	program = bpf_object__find_program_by_name(object, "empty");
	if (!program || !bpf_program__attach(program)) {
		fprintf(stderr, "attach_empty: cannot attach: %s\n", strerror(errno));
		return 1;
	}
	fputs("attached\n", stderr);
	pause();
	return 0;
}
