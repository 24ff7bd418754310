/*
 * JSON compared to the letter: whether a text is exactly the compact rendering of a
 * pattern, members in its order, `<`, `>` and `&` escaped, with placeholders where
 * values vary.
 *
 * A pattern is JSON. A string that is one placeholder stands for a value: "<uuid>"
 * "<token>" (43 characters of base64url) "<time>" (RFC 3339) "<hex>" "<text>" "<url>" are
 * strings, "<int>" "<number>" "<bool>" "<any>" are other values; "<uuid|null>" is that or
 * null. Within a longer string a placeholder stands for a piece of it: "v<int>". A member
 * "name?" may be absent. ["<each>", P] is any list whose elements fit P, ["<some>", P]
 * the same with at least one; {"<each>": P} is any object, its keys sorted, whose values
 * fit P.
 */
#ifndef SCENARIO_WIRE_H
#define SCENARIO_WIRE_H

#include "base/buf.h"
#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Otherwise why is appended: "$.path: expected ..., came ...". */
bool wire_fits(const json_t *pattern, const char *text, size_t len, struct buf *why);
/* The same for a text that is no JSON: placeholders are pieces of it. */
bool wire_text_fits(const char *pattern, const char *text, size_t len, struct buf *why);
/* A placeholder that is none ("<uid>"), or a list pattern without its one element:
 * ERR_CONFIG. */
MUST_CHECK int wire_check(const json_t *pattern, struct err *err);

#endif
