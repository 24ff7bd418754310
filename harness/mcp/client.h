/*
 * An MCP client over stdio and Streamable HTTP.
 * Source: Model Context Protocol, revisions 2024-11-05, 2025-03-26, 2025-06-18 and
 * 2025-11-25 (initialize handshake, sessions, JSON and SSE answers).
 *
 * One client is one session with one server; calls wait for their answer. What a server
 * answers, an error included, is data in struct mcp_answer, and the three kinds of error
 * (of the tool, of JSON-RPC, of HTTP) are kept apart; a negative return means that there
 * was no answer to read. A Streamable HTTP session that the server has forgotten (404) is
 * opened anew once. Not thread safe.
 */
#ifndef MCP_CLIENT_H
#define MCP_CLIENT_H

#include "base/err.h"
#include "base/strv.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct http;

#define MCP_LATEST "2025-11-25"

enum mcp_outcome {
    MCP_OK,         /* a result; for tools/call without isError */
    MCP_TOOL_ERROR, /* a tools/call result with isError: true */
    MCP_RPC_ERROR,  /* a JSON-RPC error object */
    MCP_HTTP_ERROR, /* an HTTP status that is not 2xx and no JSON-RPC error in it */
};

struct mcp_answer {
    enum mcp_outcome outcome;
    int http_status;   /* 0 over stdio */
    int rpc_code;      /* MCP_RPC_ERROR */
    char *rpc_message; /* owned, MCP_RPC_ERROR, else NULL */
    json_t *result;    /* owned, MCP_OK and MCP_TOOL_ERROR, else NULL */
    char *http_body;   /* owned, MCP_HTTP_ERROR: its text, else NULL */
    int64_t elapsed_ms;
};
#define MCP_ANSWER_INIT                                                                  \
    {                                                                                    \
        .outcome = MCP_OK                                                                \
    }
void mcp_answer_release(struct mcp_answer *a);

enum mcp_direction { MCP_SENT, MCP_RECEIVED, MCP_JUNK /* not a frame: a log line */ };
/* Sees every frame as it goes over the wire. text is not terminated by a newline. */
typedef void mcp_frame_fn(enum mcp_direction direction, const char *text, size_t len,
                          void *arg);

struct mcp_options {
    const char *revision;   /* asked for in initialize; NULL = MCP_LATEST */
    int64_t timeout_ms;     /* per request, 0 = 60 s */
    mcp_frame_fn *on_frame; /* NULL = none */
    void *on_frame_arg;
    const struct strv *headers; /* HTTP: added to every request; NULL = none */
    const char *ca_file;
};

struct mcp_client;

/* Nothing is sent yet. http: borrowed for the client's life. */
MUST_CHECK int mcp_open_http(struct http *http, const char *url,
                             const struct mcp_options *opt, struct mcp_client **ret,
                             struct err *err);
/* Starts the command, in a process group of its own. */
MUST_CHECK int mcp_open_stdio(char *const *argv, const struct strv *env, const char *cwd,
                              const struct mcp_options *opt, struct mcp_client **ret,
                              struct err *err);
/* HTTP: DELETE of the session. stdio: stdin closed, TERM, KILL. Takes NULL. */
void mcp_close(struct mcp_client *c);
void mcp_drop(struct mcp_client **c); /* for CLEANUP */

/* initialize and notifications/initialized. The negotiated revision and the server's
 * name are then known. */
MUST_CHECK int mcp_initialize(struct mcp_client *c, struct mcp_answer *ret,
                              struct err *err);
const char *mcp_revision(const struct mcp_client *c);    /* NULL before initialize */
const char *mcp_server_name(const struct mcp_client *c); /* NULL before initialize */
const char *mcp_session(const struct mcp_client *c);     /* NULL = none */
int mcp_junk_lines(const struct mcp_client *c); /* stdio: lines that are no frames */

/* All pages; result is {"tools":[...]} over every page. */
MUST_CHECK int mcp_list_tools(struct mcp_client *c, struct mcp_answer *ret,
                              struct err *err);
/* arguments: borrowed, NULL = none sent. */
MUST_CHECK int mcp_call_tool(struct mcp_client *c, const char *name, json_t *arguments,
                             struct mcp_answer *ret, struct err *err);
/* Any method. params: borrowed, NULL = none sent. */
MUST_CHECK int mcp_request(struct mcp_client *c, const char *method, json_t *params,
                           struct mcp_answer *ret, struct err *err);
MUST_CHECK int mcp_notify(struct mcp_client *c, const char *method, json_t *params,
                          struct err *err);

#endif
