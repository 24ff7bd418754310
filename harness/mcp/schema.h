/*
 * JSON Schema, as far as tools use it: does a value fit, and if not, where and why?
 * Source: JSON Schema 2020-12 (the dialect of the Model Context Protocol when a schema
 * names none) and draft-07 (what the SDKs of 2024 and 2025 write).
 *
 * A schema is read whole before it is used. One that uses what is not understood here is
 * refused in words and never passed in silence: another dialect, '$ref' to another
 * document (nothing is ever fetched), '$id' inside the schema, '$dynamicRef'. 'format',
 * 'content...' and names that no dialect knows are annotations and decide nothing.
 * Depth is bounded, and so are the steps of a check, by the size of the value; patterns
 * take of them, and are looked for in 1 MiB of text at most. No I/O.
 */
#ifndef MCP_SCHEMA_H
#define MCP_SCHEMA_H

#include "base/err.h"
#include <jansson.h>

struct mcp_schema;

/* schema: borrowed, a reference is kept; it must not change. ERR_SHAPE says what is wrong
 * with it, or not understood. */
MUST_CHECK int mcp_schema_read(json_t *schema, struct mcp_schema **ret, struct err *err);
void mcp_schema_free(struct mcp_schema *s); /* takes NULL */

enum mcp_schema_fit { MCP_SCHEMA_FITS, MCP_SCHEMA_MISFIT };
/* Appends one row per fault, up to a hundred, to issues (borrowed, may be NULL):
 * {"keyword","message","path":[names and indexes]}. Looks no further than somebody wants
 * to know. Negative when a limit was reached before it was known. */
MUST_CHECK int mcp_schema_check(const struct mcp_schema *s, const json_t *value,
                                json_t *issues, struct err *err);
/* "'tier': Number must be at most 4; 'name': Required". Caller frees. */
char *mcp_schema_issues_text(const json_t *issues);

#endif
