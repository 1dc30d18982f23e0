/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pseudo-terminals: which end it is, what waits in them, what the line discipline does. */
#ifndef IPCTRACE_TERMINAL_BPF_H
#define IPCTRACE_TERMINAL_BPF_H

#include "object.bpf.h"

/* include/uapi/asm-generic/termbits.h; alike on x86 and arm64 */
#define TERMINAL_INPUT_CHANGED 03750   /* PARMRK ISTRIP INLCR IGNCR ICRNL IUCLC IXON */
#define TERMINAL_OUTPUT_CHANGED 01     /* OPOST */
#define TERMINAL_LOCAL_CHANGED 0100003 /* ISIG ICANON IEXTEN */
#define TERMINAL_ECHOES 0000110	       /* ECHO ECHONL */
#define TERMINAL_BUFFERS_WALKED 64

static __always_inline bool terminal_is_master(const struct object *object)
{
	return object->kernel == object->key.object;
}

static __always_inline struct tty_struct *terminal_other_end(const struct object *object)
{
	struct tty_struct *tty = (struct tty_struct *)object->kernel;

	return BPF_CORE_READ(tty, link);
}

/*
 * Do bytes go through as they are? The settings are those of the slave. What the master sends
 * is its input, what the slave sends its output, to which it adds what it echoes.
 */
static __always_inline bool terminal_is_raw(const struct object *object, bool from_slave)
{
	struct tty_struct *slave = (struct tty_struct *)object->kernel;
	__u32 local;

	if (terminal_is_master(object))
		slave = BPF_CORE_READ(slave, link);
	if (BPF_CORE_READ(slave, termios.c_line)) /* not N_TTY */
		return false;
	local = BPF_CORE_READ(slave, termios.c_lflag);
	if (from_slave)
		return !(local & TERMINAL_ECHOES) &&
		       !(BPF_CORE_READ(slave, termios.c_oflag) & TERMINAL_OUTPUT_CHANGED);
	return !(local & TERMINAL_LOCAL_CHANGED) &&
	       !(BPF_CORE_READ(slave, termios.c_iflag) & TERMINAL_INPUT_CHANGED);
}

/* Bytes on their way to this end that its line discipline has not taken yet. */
static __always_inline __u64 terminal_flip_level(struct tty_struct *tty)
{
	struct tty_port *port = BPF_CORE_READ(tty, port);
	struct tty_buffer *buffer = BPF_CORE_READ(port, buf.head);
	__u64 bytes = 0;

	for (int i = 0; i < TERMINAL_BUFFERS_WALKED && buffer; i++) {
		bytes += BPF_CORE_READ(buffer, used) - BPF_CORE_READ(buffer, read);
		buffer = BPF_CORE_READ(buffer, next);
	}
	return buffer ? IPCT_LEVEL_UNKNOWN : bytes;
}

/* Bytes that wait to be read at this end: for the snapshot, too long for a hook. */
static __always_inline __u64 terminal_level(struct tty_struct *tty)
{
	struct n_tty_data___compat *line = BPF_CORE_READ(tty, disc_data);
	__u64 flip = terminal_flip_level(tty);

	if (!bpf_core_type_exists(struct n_tty_data___compat) || flip == IPCT_LEVEL_UNKNOWN ||
	    BPF_CORE_READ(tty, termios.c_line))
		return IPCT_LEVEL_UNKNOWN;
	if (!line)
		return flip;
	return flip + BPF_CORE_READ(line, read_head) - BPF_CORE_READ(line, read_tail);
}

static __always_inline void terminal_fill(const struct object *object, struct ipct_object *record)
{
	record->id = object->key.inode - 1;
	record->size = IPCT_LEVEL_UNKNOWN;
}

/* Both ends. */
static __always_inline void terminal_fill_level(const struct object *object,
						struct ipct_object *record)
{
	struct tty_struct *master = (struct tty_struct *)object->key.object;

	record->queued_bytes = terminal_level(BPF_CORE_READ(master, link));
	record->size = terminal_level(master);
}

#endif
