/* SPDX-License-Identifier: GPL-2.0-only */
#include "output/output.h"

#include <errno.h>
#include <string.h>

const char *const output_table_names[OUTPUT_TABLE_NR] = {
	[OUTPUT_TABLE_EDGE] = "edge",
	[OUTPUT_TABLE_PROCESS] = "process",
	[OUTPUT_TABLE_CHANNEL] = "channel",
	[OUTPUT_TABLE_MECHANISM] = "mechanism",
};

const struct output_format *const output_formats[] = {
#define FORMAT(name) &output_##name,
#include "output/formats.def"
#undef FORMAT
	NULL,
};

const char *output_error_text(int err)
{
	const char *text;

	switch (err) {
	case -ENOPKG:
		return "Graphviz' dot is not there: install graphviz, or write -f dot";
	case -ETIME:
		return "dot took more than 20 s: draw less with --top 50 or --group-by comm";
	case -EPROTO:
		return "Graphviz' dot failed: see what it said above, or write -f dot";
	default:
		text = strerrordesc_np(-err);
		return text ? text : "unknown error";
	}
}
