/*
 * The tool surface of a server: what its tools are called, what they say of themselves
 * and what they take, in an order that does not depend on the server, to be kept in a
 * file and compared with later.
 * Source: our own file: {"waybill": "tools", "tools": [{"name", "title"?, "description"?,
 * "inputSchema", "outputSchema"?, "annotations"?}]}, tools by name.
 */
#ifndef SCENARIO_SURFACE_H
#define SCENARIO_SURFACE_H

#include "base/buf.h"
#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* From the tools array of tools/list. New reference. */
json_t *surface_make(const json_t *tools);
/* As it stands in the file: keys sorted, so that a diff of two files says what changed.
 */
void surface_render(const json_t *surface, struct buf *out);
/* ERR_CONFIG when the file cannot be read or is no surface. Caller owns *ret. */
MUST_CHECK int surface_read(const char *path, json_t **ret, struct err *err);
/* An array of {"tool", "change": "added"|"removed"|"changed", "path"?, "before"?,
 * "after"?}; before and after are left out where there was nothing. New reference. */
json_t *surface_differences(const json_t *expected, const json_t *actual);
/* Appends one of them in words: "- tool 'x'", "+ tool 'y'",
 * "~ tool 'z': inputSchema.properties.n.type: \"string\" is now \"integer\"". */
void surface_words(const json_t *difference, struct buf *out);
/* Appends a line for each difference. Returns how many there are. */
size_t surface_diff(const json_t *expected, const json_t *actual, struct buf *out);

#endif
