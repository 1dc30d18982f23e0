/* SPDX-License-Identifier: GPL-2.0-only */
/* A picture: what dot.c writes, drawn by Graphviz' dot. */
#include "output/dot_draw.h"
#include "output/output.h"

struct picture {
	const struct graph *graph;
	const struct output_options *options;
};

static int picture_write(const void *what, FILE *stream)
{
	const struct picture *picture = what;

	return output_dot.write(picture->graph, picture->options, stream);
}

static int svg_write(const struct graph *graph, const struct output_options *options, FILE *stream)
{
	const struct picture picture = { graph, options };

	return dot_draw(picture_write, &picture, stream);
}

const struct output_format output_svg = {
	.name = "svg",
	.summary = "a picture, drawn by Graphviz",
	.write = svg_write,
};
