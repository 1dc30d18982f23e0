/* SPDX-License-Identifier: GPL-2.0-only */
#include "command/open_capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ipctrace/capture_file.h>

#include "base/escape.h"
#include "base/exit_code.h"
#include "base/log.h"

static int open_failed(const char *path, int err, unsigned int version)
{
	char *name = escape_line(path, strlen(path));
	const char *shown = name ? name : "";

	if (err == -ENOENT)
		log_err("there is no capture %s; make one with `ipctrace record -- CMD`", shown);
	else if (err == -EPROTO)
		log_err("%s is a capture of version %u, and this ipctrace reads up to %u: "
			"use the newer one",
			shown, version, (unsigned int)IPCT_CAPTURE_VERSION);
	else if (err == -EBADMSG)
		log_err("%s is no capture of ipctrace, or damaged at its start", shown);
	else
		log_err("cannot read %s: %s", shown, strerror(-err));
	free(name);
	return EXIT_CODE_IO;
}

int open_capture(const char *path, struct opened_capture *ret_opened)
{
	unsigned int version = 0;
	const char *ledger;
	int err = capture_reader_open(path, &ret_opened->reader, &version);

	if (err)
		return open_failed(path, err, version);
	ret_opened->ledger = (struct ledger_info){};
	err = capture_info_decode(capture_reader_head(ret_opened->reader), &ret_opened->info);
	ledger = capture_reader_ledger(ret_opened->reader);
	if (!err && ledger)
		err = ledger_info_decode(ledger, &ret_opened->ledger);
	if (!err)
		return EXIT_CODE_OK;
	open_capture_close(ret_opened);
	return open_failed(path, err, version);
}

void open_capture_close(struct opened_capture *opened)
{
	capture_reader_close(opened->reader);
	capture_info_fini(&opened->info);
}

void open_capture_warn(const char *path, const struct opened_capture *opened)
{
	const char *damage = capture_reader_damage(opened->reader);
	const char *gap = capture_reader_gap(opened->reader);
	char *name = escape_line(path, strlen(path));

	if (damage)
		log_warn("%s is damaged after %llu bytes (%s); shown is what stands before",
			 name ? name : "",
			 (unsigned long long)capture_reader_good_bytes(opened->reader), damage);
	else if (!capture_reader_is_complete(opened->reader))
		log_warn("%s is incomplete: the recorder did not end it; shown is what it holds",
			 name ? name : "");
	if (gap)
		log_warn("%s is damaged inside (%s): some of the records that follow are not shown",
			 name ? name : "", gap);
	free(name);
}
