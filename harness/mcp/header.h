/*
 * HTTP headers of the modern revisions: values that mirror the body of a request.
 * Source: Model Context Protocol 2026-07-28, "Streamable HTTP", request metadata
 * (Mcp-Method, Mcp-Name, Mcp-Param-*, x-mcp-header).
 *
 * A value that a header cannot carry as it is travels as "=?base64?...?=". No I/O.
 */
#ifndef MCP_HEADER_H
#define MCP_HEADER_H

#include "base/buf.h"
#include "base/strv.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The value of a header that stands for these bytes (UTF-8). Caller frees. */
char *mcp_header_encode(const char *value, size_t len);
/* The other way round; blanks around it do not count. NULL = it cannot be read: bytes
 * that no header may have, or a wrapper whose content is no base64. Caller frees; a NUL
 * follows. */
char *mcp_header_decode(const char *value, size_t *ret_len);
/* Whether a header's value stands for an argument: text and booleans exactly, integers
 * by their number ("42.0" is 42). */
bool mcp_header_matches(const char *value, const json_t *argument);

/* The member of params that Mcp-Name repeats: "name" or "uri"; NULL = the method has no
 * such header. */
const char *mcp_header_name_member(const char *method);
/* Its value, borrowed; NULL = no such header, or no text for it. */
const json_t *mcp_header_name_source(const char *method, const json_t *params);

/* One argument of a tool that a header repeats. */
struct mcp_param {
    char *header;     /* "Mcp-Param-Region" */
    struct strv path; /* of the argument: names of nested members */
};
struct mcp_params {
    struct mcp_param *v; /* owned */
    size_t n;
};
#define MCP_PARAMS_INIT                                                                  \
    {                                                                                    \
        .v = NULL, .n = 0                                                                \
    }
void mcp_params_release(struct mcp_params *p);

/* Reads the x-mcp-header annotations of a tool's inputSchema. False when one breaks the
 * rules; why then says which and how. *ret must be initialised. */
bool mcp_params_read(const json_t *schema, struct mcp_params *ret, struct buf *why);
/* The argument that a header repeats, borrowed; NULL when absent or null: no header. */
const json_t *mcp_param_value(const struct mcp_param *p, const json_t *arguments);
/* Appends "Mcp-Param-X: value" for every argument that has a header. */
void mcp_params_headers(const struct mcp_params *p, const json_t *arguments,
                        struct strv *headers);

#endif
