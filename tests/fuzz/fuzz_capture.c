/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes, as a capture file: through the reader, the model, the graph and the outputs.
 *
 * Mutations know what a capture looks like. They unpack its blocks, change bytes, records or
 * fields, and write it with sizes, sequence and checksums that are right again, so that what
 * stands behind the checksums is reached. What is found is a capture file that ipctrace reads.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include <ipctrace/capture_file.h>

#include "graph/graph_build.h"
#include "graph/graph_diff.h"
#include "graph/graph_view.h"
#include "output/diff.h"
#include "output/output.h"
#include "store/capture_info.h"
#include "store/capture_reader.h"
#include "verify/evaluate.h"
#include "verify/learn.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- what is tested ---- */

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* What we write as JSON is JSON, whatever we read. */
static void write_json(const struct graph *graph)
{
	const struct output_options options = { 0 };
	json_error_t error;
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);
	json_t *json;

	must(stream && !output_json.write(graph, &options, stream) && !fclose(stream),
	     "the graph can be written");
	json = json_loadb(text, len, 0, &error);
	if (!json)
		fprintf(stderr, "%s at %d\n%.*s\n", error.text, error.position, (int)len, text);
	must(json, "the graph is JSON");
	json_decref(json);
	free(text);
}

static void write_text(const struct graph *graph, unsigned int choice)
{
	FILE *stream = fopen("/dev/null", "w");
	struct output_options options = {
		.table = (enum output_table)(choice % OUTPUT_TABLE_NR),
		.sort = (enum graph_sort)(choice / OUTPUT_TABLE_NR % GRAPH_SORT_NR),
	};

	must(stream, "/dev/null is there");
	must(!output_report.write(graph, &options, stream), "the report can be written");
	must(!output_dot.write(graph, &options, stream), "DOT can be written");
	fclose(stream);
}

/* Nothing is different from itself, and all that was left out is gone. */
static void compare(const struct graph *graph, unsigned int choice)
{
	const struct diff_format *format = diff_formats[choice % 2]; /* text, JSON */
	struct diff_view view = { .graphs = { graph, graph },
				  .files = { "a", "b" },
				  .group_by = "program" };
	FILE *stream = fopen("/dev/null", "w");
	struct graph_diff *diff;
	struct graph *cut;
	size_t left_out;

	must(stream, "/dev/null is there");
	must(!graph_diff_new(graph, graph, GRAPH_GROUP_PROGRAM, &diff), "it is compared");
	must(diff->changes[GRAPH_CHANGE_NONE] == diff->edges_nr, "it is no different from itself");
	graph_diff_free(diff);
	must(!graph_view_top(graph, 1, &cut, &left_out), "it is cut");
	must(!graph_diff_new(graph, cut, GRAPH_GROUP_PROGRAM, &diff), "it is compared");
	must(!diff->changes[GRAPH_CHANGE_NEW], "what was left out is not new");
	view.diff = diff;
	must(!format->write(&view, stream), "the difference can be written");
	must(!diff_dot.write(&view, stream), "the difference can be drawn");
	fclose(stream);
	graph_diff_free(diff);
	graph_free(cut);
}

/* Whatever was recorded can be judged, and what is learnt from it is a specification. */
static void judge(const struct graph *graph)
{
	static const char text[] =
		"ipctrace: 1\nclosed: true\nat_exit: {sysv: 0}\nrequire: [\"* -> * "
		"via all where bytes > 9, peers = 1, unread = 0, p99 < 1s\"]\n";
	const struct evaluate_options options = { 0 };
	struct text_problem problem;
	struct verdicts verdicts;
	struct spec *spec;
	FILE *stream = fopen("/dev/null", "w");

	must(stream, "/dev/null is there");
	must(!spec_parse(text, strlen(text), &spec, &problem), "the specification is read");
	must(!evaluate(spec, graph, &options, &verdicts), "it is judged");
	must(!learn_write(&graph, 1, stream), "a specification is learnt");
	verdicts_fini(&verdicts);
	spec_free(spec);
	fclose(stream);
}

/* One of the ways to look at it; `choice` goes with the input. */
static void look_at(const struct graph *graph, unsigned int choice)
{
	enum graph_grouping by = (enum graph_grouping)(choice / 5 % GRAPH_GROUP_NR);
	struct graph *view;
	size_t left_out;

	switch (choice % 5) {
	case 0:
		must(!graph_view_group(graph, by, &view), "it is grouped");
		write_json(view);
		break;
	case 1:
		must(!graph_view_top(graph, 3, &view, &left_out), "it is cut");
		write_text(view, choice);
		break;
	case 2:
		write_text(graph, choice);
		return;
	case 3:
		compare(graph, choice / 5);
		return;
	default:
		write_json(graph);
		return;
	}
	graph_free(view);
}

static void build(struct capture_reader *reader, const struct capture_info *info,
		  const struct ledger_info *ledger, unsigned int choice)
{
	struct world *world = world_new(!strcmp(info->scope, "system"));
	struct event_source *events = capture_reader_events(reader);
	const struct ipct_event *event;
	struct graph *graph;

	must(world, "there is memory");
	while (events->next(events, &event) > 0)
		must(!world_apply(world, event), "a checked record is applied");
	must(!graph_build(world, info, ledger, capture_reader_is_complete(reader), &graph),
	     "the graph is built");
	world_free(world);
	look_at(graph, choice);
	if (choice % 8 == 0)
		judge(graph);
	graph_free(graph);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ledger_info ledger = { 0 };
	struct capture_reader *reader;
	struct capture_info info;
	unsigned int version;

	if (capture_reader_open_memory(data, size, &reader, &version))
		return 0;
	if (!capture_info_decode(capture_reader_head(reader), &info)) {
		if (!capture_reader_ledger(reader) ||
		    !ledger_info_decode(capture_reader_ledger(reader), &ledger))
			build(reader, &info, &ledger, crc32(0, data, size));
		capture_info_fini(&info);
	}
	capture_reader_close(reader);
	return 0;
}

/* ---- how it is mutated ---- */

/* A capture whose blocks are not compressed. */
struct plain {
	uint8_t *bytes;
	size_t len, cap;
};

static unsigned int random_below(unsigned int *seed, size_t limit)
{
	return limit ? (unsigned int)rand_r(seed) % limit : 0;
}

static void block_seal(struct ipct_block *block, uint64_t sequence, const uint8_t *payload)
{
	block->magic = IPCT_BLOCK_MAGIC;
	block->version = IPCT_CAPTURE_VERSION;
	block->sequence = sequence;
	block->stored_bytes = block->raw_bytes;
	block->payload_crc = crc32(0, payload, block->stored_bytes);
	block->block_crc = crc32(0, (const uint8_t *)block, offsetof(struct ipct_block, block_crc));
}

/* Appends the payload, unpacked where that can be done; returns its size there. */
static size_t plain_add_payload(struct plain *plain, const struct ipct_block *block,
				const uint8_t *payload, size_t stored)
{
	size_t room = plain->cap - plain->len, size;

	if (block->raw_bytes != block->stored_bytes) {
		size = ZSTD_decompress(plain->bytes + plain->len, room, payload, stored);
		if (!ZSTD_isError(size))
			return size;
	}
	size = stored < room ? stored : room;
	memcpy(plain->bytes + plain->len, payload, size);
	return size;
}

/* Copies what can be taken for blocks, and makes blocks of it that hold. */
static void plain_fill(struct plain *plain, const uint8_t *data, size_t size)
{
	struct ipct_block block;
	size_t at = 0, head, stored;

	plain->len = 0;
	for (uint64_t sequence = 0;
	     size - at >= sizeof(block) && plain->cap - plain->len >= sizeof(block); sequence++) {
		memcpy(&block, data + at, sizeof(block));
		at += sizeof(block);
		stored = block.stored_bytes < size - at ? block.stored_bytes : size - at;
		head = plain->len;
		plain->len += sizeof(block);
		block.raw_bytes = plain_add_payload(plain, &block, data + at, stored);
		at += stored;
		block_seal(&block, sequence, plain->bytes + plain->len);
		memcpy(plain->bytes + head, &block, sizeof(block));
		plain->len += block.raw_bytes;
	}
}

/* Where the records of all data blocks begin; each lies within its block. */
static size_t plain_find_records(const struct plain *plain, size_t *ret_offsets, size_t max)
{
	struct ipct_event event;
	struct ipct_block block;
	size_t nr = 0, end;

	for (size_t at = 0; plain->len - at >= sizeof(block); at = end) {
		memcpy(&block, plain->bytes + at, sizeof(block));
		at += sizeof(block);
		end = at + block.raw_bytes;
		while (block.type == IPCT_BLOCK_DATA && nr < max && end - at >= sizeof(event)) {
			memcpy(&event, plain->bytes + at, sizeof(event));
			if (event.size < sizeof(event) || event.size > end - at)
				break;
			ret_offsets[nr++] = at;
			at += event.size;
		}
	}
	return nr;
}

static size_t record_size(const struct plain *plain, size_t offset)
{
	struct ipct_event event;

	memcpy(&event, plain->bytes + offset, sizeof(event));
	return event.size;
}

/* Somewhere in the record; mostly its size and type stay. */
static void mutate_record(struct plain *plain, size_t offset, unsigned int *seed)
{
	size_t size = record_size(plain, offset), len;
	struct ipct_event before, after;

	memcpy(&before, plain->bytes + offset, sizeof(before));
	len = LLVMFuzzerMutate(plain->bytes + offset, size, size);
	memset(plain->bytes + offset + len, 0, size - len);
	if (!random_below(seed, 8))
		return;
	memcpy(&after, plain->bytes + offset, sizeof(after));
	after.size = before.size;
	after.type = before.type;
	memcpy(plain->bytes + offset, &after, sizeof(after));
}

/* A record says what another says in the same place: keys, processes, times that fit. */
static void copy_field(struct plain *plain, size_t to, size_t from, unsigned int *seed)
{
	size_t size = record_size(plain, to), other = record_size(plain, from);
	size_t width = 4u << random_below(seed, 2);
	size_t field = random_below(seed, (size < other ? size : other) / width) * width;

	memmove(plain->bytes + to + field, plain->bytes + from + field, width);
}

/* Two records in the same place of the file change their contents. */
static void swap_records(struct plain *plain, size_t a, size_t b)
{
	size_t size = record_size(plain, a);
	uint8_t copy[IPCT_RECORD_MAX];

	if (size != record_size(plain, b) || size > sizeof(copy))
		return;
	memcpy(copy, plain->bytes + a, size);
	memmove(plain->bytes + a, plain->bytes + b, size);
	memcpy(plain->bytes + b, copy, size);
}

#define RECORDS_MAX 4096

static void mutate_records(struct plain *plain, unsigned int *seed)
{
	static size_t offsets[RECORDS_MAX];
	size_t nr = plain_find_records(plain, offsets, RECORDS_MAX);
	size_t one = offsets[random_below(seed, nr)], other = offsets[random_below(seed, nr)];

	if (!nr)
		return;
	switch (random_below(seed, 4)) {
	case 0:
		swap_records(plain, one, other);
		break;
	case 1:
		copy_field(plain, one, other, seed);
		break;
	default:
		mutate_record(plain, one, seed);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned int seed)
{
	struct plain plain = { .bytes = malloc(size_max), .cap = size_max };

	must(plain.bytes, "there is memory");
	if (random_below(&seed, 3)) {
		plain_fill(&plain, data, size);
		for (unsigned int i = random_below(&seed, 4); i < 4; i++)
			mutate_records(&plain, &seed);
		memcpy(data, plain.bytes, plain.len);
		size = plain.len;
	} else {
		size = LLVMFuzzerMutate(data, size, size_max);
	}
	if (random_below(&seed, 16)) {
		plain_fill(&plain, data, size);
		memcpy(data, plain.bytes, plain.len);
		size = plain.len;
	}
	free(plain.bytes);
	return size;
}
