/*
 * JSON over jansson: parsing with our errors and limits, rendering as the platform
 * renders it, and short access to members.
 */
#ifndef IO_JSON_H
#define IO_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* For CLEANUP on a json_t pointer. */
void json_drop(json_t **j);

/* Any JSON value, nested up to LIMIT_DEPTH; an integer that 64 bits do not hold is read
 * as a real number. ERR_SHAPE with line and column. Caller owns *ret. */
MUST_CHECK int json_parse(const char *text, size_t len, json_t **ret, struct err *err);
/* The same, nested up to `depth`: whatever walks the value has to bear that. */
MUST_CHECK int json_parse_deep(const char *text, size_t len, int depth, json_t **ret,
                               struct err *err);
MUST_CHECK int json_read_file(const char *path, json_t **ret, struct err *err);

enum json_style {
    JSON_WIRE,   /* compact, object keys sorted, < > & escaped: a Go map's rendering */
    JSON_STRUCT, /* compact, keys in insertion order, < > & escaped: a Go struct's */
    JSON_PRETTY, /* 2-space indent, insertion order */
};
/* Appends. */
void json_render(const json_t *j, enum json_style style, struct buf *out);
/* Caller frees. */
char *json_text(const json_t *j, enum json_style style);

/* Members, borrowed; the fallback when absent, of another type, or a string with a NUL
 * inside. obj may be NULL. */
const char *json_str(const json_t *obj, const char *key, const char *fallback);
int64_t json_int(const json_t *obj, const char *key, int64_t fallback);
bool json_bool(const json_t *obj, const char *key, bool fallback);

/* The string "text" of each member of an array that has one, joined by newlines: the
 * parts of an A2A message, the content of a tool's result. parts may be NULL. A NUL
 * inside becomes U+FFFD, as nothing may be cut off. Caller frees. */
char *json_texts(const json_t *parts);

/* A string value of any bytes: what is not UTF-8 becomes U+FFFD. Never NULL; s == NULL
 * gives null. New reference. */
json_t *json_str_new(const char *s);
json_t *json_strn_new(const char *s, size_t len);

/* Sets a member, or appends, where only memory could fail: aborts then, as it does for a
 * NULL or a key that is not UTF-8. value: taken. */
void json_put(json_t *object, const char *key, json_t *value);
void json_push(json_t *array, json_t *value);

/* json_pack that cannot fail: s, s# (int), s% (size_t), i, I, b, f, n, o, O, {}, [], and
 * '*' after s, o, O to leave a NULL member out. Without it NULL becomes null (so '?' is
 * allowed and changes nothing). Bytes that are not UTF-8 become U+FFFD. A bad format is a
 * bug and aborts. New reference. */
json_t *json_make(const char *fmt, ...);

#endif
