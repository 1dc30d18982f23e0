/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Talk to the person: one line on stderr, prefixed "ipctrace: ". Only command/ and main.c
 * call these. Nothing is escaped here: what a traced process controls goes through
 * escape_line() first.
 */
#ifndef IPCTRACE_LOG_H
#define IPCTRACE_LOG_H

void log_err(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
