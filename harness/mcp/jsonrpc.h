/*
 * JSON-RPC 2.0 frames as MCP uses them: read one, and build one.
 * Source: JSON-RPC 2.0; Model Context Protocol 2025-11-25, "Base protocol" (an id is a
 * string or an integer and never null in a request; no batches).
 *
 * Nothing here does I/O. Functions that build return a new value that the caller owns.
 */
#ifndef MCP_JSONRPC_H
#define MCP_JSONRPC_H

#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum rpc_code {
    RPC_PARSE_ERROR = -32700,      /* the text is no JSON */
    RPC_INVALID_REQUEST = -32600,  /* JSON, but no frame */
    RPC_METHOD_NOT_FOUND = -32601, /* no such method */
    RPC_INVALID_PARAMS = -32602,   /* in MCP also: unknown tool, bad cursor */
    RPC_INTERNAL_ERROR = -32603,
    RPC_SERVER_ERROR = -32000, /* the platform's bridge: "tool call failed" */
};

enum rpc_kind { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESPONSE };

/* Everything but root is borrowed from it. */
struct rpc_frame {
    json_t *root; /* owned; NULL when the text was no JSON object */
    enum rpc_kind kind;
    json_t *id;         /* string or integer; NULL in a notification, and in an error
                           response to something unreadable */
    const char *method; /* request and notification, else NULL */
    json_t *params;     /* object or array; NULL when absent or null */
    json_t *result;     /* response: exactly one of result and error is set */
    json_t *error;      /* object with an integer code and a string message */
    int code;           /* of error, else 0 */
};
#define RPC_FRAME_INIT                                                                   \
    {                                                                                    \
        .root = NULL                                                                     \
    }
void rpc_frame_release(struct rpc_frame *f);

/* Reads one frame. ERR_SHAPE when it is none; then *ret_code (may be NULL) is the code
 * that a server answers with, and ret->id the id when there was a usable one (else NULL).
 * *ret must be initialised and is released first. */
MUST_CHECK int rpc_parse(const char *text, size_t len, struct rpc_frame *ret,
                         enum rpc_code *ret_code, struct err *err);
/* The same for a value that is parsed already. root: taken, also on failure. */
MUST_CHECK int rpc_parse_take(json_t *root, struct rpc_frame *ret,
                              enum rpc_code *ret_code, struct err *err);

/* id, params: borrowed; params NULL = none. Members in the order jsonrpc, id, method,
 * params. */
json_t *rpc_request(json_t *id, const char *method, json_t *params);
json_t *rpc_notification(const char *method, json_t *params);
/* id: borrowed. result: taken, NULL = {}. */
json_t *rpc_result(json_t *id, json_t *result);
/* id: borrowed, NULL = no id was readable: the member is left out. */
json_t *rpc_error(json_t *id, int code, const char *message);

/* A tools/call result of one text: {"content":[{"type":"text","text":..}]} and, when
 * is_error, "isError":true. */
json_t *rpc_tool_text(const char *text, bool is_error);

/* One line on the wire, without the newline; never contains one. Caller frees. frame:
 * taken. */
char *rpc_text(json_t *frame);

/* Same type and value; NULL equals nothing. */
bool rpc_id_equal(const json_t *a, const json_t *b);

#endif
