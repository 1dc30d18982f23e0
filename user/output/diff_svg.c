/* SPDX-License-Identifier: GPL-2.0-only */
/* A picture: what diff_dot.c writes, drawn by Graphviz' dot. */
#include "output/diff.h"
#include "output/dot_draw.h"

static int picture_write(const void *what, FILE *stream)
{
	return diff_dot.write(what, stream);
}

static int svg_write(const struct diff_view *view, FILE *stream)
{
	return dot_draw(picture_write, view, stream);
}

const struct diff_format diff_svg = {
	.name = "svg",
	.summary = "a picture, drawn by Graphviz",
	.write = svg_write,
};
