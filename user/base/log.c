/* SPDX-License-Identifier: GPL-2.0-only */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static void log_print(const char *level, const char *format, va_list args)
{
	flockfile(stderr);
	fprintf(stderr, "ipctrace: %s", level);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	funlockfile(stderr);
}

void log_err(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_print("", format, args);
	va_end(args);
}

void log_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_print("warning: ", format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_print("", format, args);
	va_end(args);
}
