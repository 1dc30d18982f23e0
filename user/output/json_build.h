/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * JSON objects for the writers: values are put in one by one, and the first failure sticks
 * until the object is written. Text from outside is escaped.
 */
#ifndef IPCTRACE_JSON_BUILD_H
#define IPCTRACE_JSON_BUILD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "graph/graph.h"

struct json_build {
	json_t *json; /* owned until it is put into another one or written */
	int err;      /* 0 or -errno */
};

struct json_build json_build_new(void);

/* `value` is taken over; NULL is a lack of memory. */
void json_put(struct json_build *object, const char *key, json_t *value);
void json_put_u64(struct json_build *object, const char *key, uint64_t value);
void json_put_s64(struct json_build *object, const char *key, int64_t value);
void json_put_bool(struct json_build *object, const char *key, bool value);
void json_put_null(struct json_build *object, const char *key);
void json_put_text(struct json_build *object, const char *key, const char *text);
void json_put_texts(struct json_build *object, const char *key, char *const *texts);
/* Takes over `value`, with its error. */
void json_put_object(struct json_build *object, const char *key, struct json_build *value);

/* Ids are the letter and the index from 1: "p1", "c1"; of GRAPH_NONE null. */
void json_put_id(struct json_build *object, const char *key, char letter, uint32_t index);

/* "messages" and "bytes" of the object, and an object of them. */
void json_put_count_fields(struct json_build *object, const struct graph_count *count);
void json_put_count(struct json_build *object, const char *key, const struct graph_count *count);

/* What a capture says of itself, and its ledger: the objects `capture` and `ledger` of a graph. */
struct json_build json_capture_new(const struct graph_capture *capture);
struct json_build json_ledger_new(const struct graph_ledger *ledger);

/* Text from outside as a string; NULL without memory. */
json_t *json_text_new(const char *text);

/* Writes and frees the object. 0 or -errno. */
int json_build_write(struct json_build *object, FILE *stream);

#endif
