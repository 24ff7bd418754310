/*
 * An MCP client over stdio and Streamable HTTP.
 * Source: Model Context Protocol, revisions 2024-11-05 to 2025-11-25 (initialize
 * handshake, sessions, JSON and SSE answers) and 2026-07-28 (requests that stand alone).
 *
 * One client talks with one server; calls wait for their answer. What a server answers,
 * an error included, is data in struct mcp_answer, and the three kinds of error (of the
 * tool, of JSON-RPC, of HTTP) are kept apart; a negative return means that there was no
 * answer to read. Every frame is checked against its revision: what the server broke is
 * a finding, not an error, as long as the answer can be read. A Streamable HTTP session
 * that the server has forgotten (404) is opened anew once. Not thread safe.
 */
#ifndef MCP_CLIENT_H
#define MCP_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "mcp/frame.h"
#include "mcp/revision.h"
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct http;

#define MCP_LATEST "2025-11-25" /* of the revisions that begin with initialize */
#define MCP_MODERN_LATEST "2026-07-28"

enum mcp_outcome {
    MCP_OK,             /* a result; for tools/call without isError */
    MCP_TOOL_ERROR,     /* a tools/call result with isError: true */
    MCP_RPC_ERROR,      /* a JSON-RPC error object */
    MCP_HTTP_ERROR,     /* an HTTP status that is not 2xx and no JSON-RPC error in it */
    MCP_INPUT_REQUIRED, /* 2026-07-28: a result that asks for input; see mcp_call_again */
};

struct mcp_answer {
    enum mcp_outcome outcome;
    int http_status;   /* 0 over stdio */
    int rpc_code;      /* MCP_RPC_ERROR */
    char *rpc_message; /* owned, MCP_RPC_ERROR, else NULL */
    json_t *rpc_data;  /* owned, MCP_RPC_ERROR: error.data, or NULL */
    json_t *result;    /* owned; NULL after MCP_RPC_ERROR and MCP_HTTP_ERROR */
    char *http_body;   /* owned, MCP_HTTP_ERROR, mcp_send_text: its text, else NULL */
    char *challenge;   /* owned; all of WWW-Authenticate of a refusal, or NULL */
    char *location;    /* owned; where a 3xx points to (it is not followed), or NULL */
    int64_t elapsed_ms;
};
#define MCP_ANSWER_INIT                                                                  \
    {                                                                                    \
        .outcome = MCP_OK                                                                \
    }
void mcp_answer_release(struct mcp_answer *a);
/* The answer as one sentence without a full stop, for people: "HTTP 401: ...". */
void mcp_answer_words(const struct mcp_answer *a, struct buf *out);

enum mcp_direction { MCP_SENT, MCP_RECEIVED, MCP_JUNK /* not a frame: a log line */ };
struct mcp_frame_seen {
    enum mcp_direction direction;
    const char *text; /* not terminated by a newline */
    size_t len;
    enum mcp_wire wire;
    const struct mcp_revision *revision; /* NULL = not agreed on yet */
    bool valid;
    bool raw; /* sent by mcp_send_text or after mcp_mean: it is the caller's will */
    const struct strv *findings; /* why it is not valid, in sentences */
};
/* Sees every frame as it goes over the wire; all of it borrowed during the call. */
typedef void mcp_frame_fn(const struct mcp_frame_seen *seen, void *arg);
/* Sees every notification of the server. params: borrowed, may be NULL. */
typedef void mcp_notification_fn(const char *method, const json_t *params, void *arg);
/* Sees every line of a child's stderr, without its end; a very long one in pieces. */
typedef void mcp_stderr_fn(const char *line, size_t len, void *arg);

struct mcp_options {
    /* NULL = find out: a modern request first, then initialize. Else this one; a legacy
     * one is asked for in initialize, and the server may answer another. */
    const char *revision;
    int64_t timeout_ms;       /* per request, 0 = 60 s; progress does not prolong it */
    int64_t probe_timeout_ms; /* stdio: how long a modern answer may take before the
                                 server is taken for a legacy one; 0 = 3 s */
    mcp_frame_fn *on_frame;   /* NULL = none */
    void *on_frame_arg;
    mcp_notification_fn *on_notification; /* NULL = none */
    void *on_notification_arg;
    mcp_stderr_fn *on_stderr; /* NULL = none; its last line is in errors anyway */
    void *on_stderr_arg;
    bool progress;                     /* tools/call asks to be told how far it is */
    const volatile sig_atomic_t *stop; /* non-zero: the request under way is cancelled,
                                          ERR_TIMEOUT; NULL = never */
    const struct strv *headers;        /* HTTP: added to every request; NULL = none */
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
/* HTTP: DELETE of the session. stdio: stdin closed, TERM, KILL. What the server says
 * until then is checked too, so that the findings are complete; nothing can be asked any
 * more. */
void mcp_finish(struct mcp_client *c);
/* Finishes first, if that was not done. Takes NULL. */
void mcp_close(struct mcp_client *c);
void mcp_drop(struct mcp_client **c); /* for CLEANUP */

/* Gets to know the server: initialize and notifications/initialized, or server/discover,
 * whose answer it is. The era, once found, holds for the client's life. */
MUST_CHECK int mcp_initialize(struct mcp_client *c, struct mcp_answer *ret,
                              struct err *err);
/* What is known after that, borrowed; NULL before, and where the server does not say. */
const char *mcp_revision(const struct mcp_client *c);
const struct mcp_revision *mcp_revision_in_force(const struct mcp_client *c);
const char *mcp_server_name(const struct mcp_client *c);
const json_t *mcp_server_info(const struct mcp_client *c);  /* name, version, ... */
const json_t *mcp_capabilities(const struct mcp_client *c); /* of the server */
const char *mcp_instructions(const struct mcp_client *c);
const char *mcp_session(const struct mcp_client *c); /* NULL = none */
int mcp_junk_lines(const struct mcp_client *c);      /* stdio: lines that are no frames */
int mcp_restarts(const struct mcp_client *c); /* stdio: how often it was started anew */
/* What the server broke so far, and what we did; sentences, each once. Borrowed. */
const struct strv *mcp_findings(const struct mcp_client *c);
const struct strv *mcp_own_findings(const struct mcp_client *c);

/* All pages, within timeout_ms and LIMIT_RESPONSE_BODY together, and from the first on
 * when the session is lost on the way; result is {"tools":[...]} over every page. Over
 * HTTP, from 2026-07-28 on, without the tools whose x-mcp-header annotations break the
 * rules: each is a finding, and calling one is refused (ERR_SHAPE). */
MUST_CHECK int mcp_list_tools(struct mcp_client *c, struct mcp_answer *ret,
                              struct err *err);
/* arguments: borrowed, NULL = none sent. */
MUST_CHECK int mcp_call_tool(struct mcp_client *c, const char *name, json_t *arguments,
                             struct mcp_answer *ret, struct err *err);
/* The call again, after MCP_INPUT_REQUIRED, with what it asked for. asked: its result.
 * responses: one member for each of inputRequests; NULL when there was none. All
 * borrowed. */
MUST_CHECK int mcp_call_again(struct mcp_client *c, const char *name, json_t *arguments,
                              const json_t *asked, json_t *responses,
                              struct mcp_answer *ret, struct err *err);
/* ping; where the revision has none, server/discover. */
MUST_CHECK int mcp_ping(struct mcp_client *c, struct mcp_answer *ret, struct err *err);
/* Any method. params: borrowed, NULL = none sent. A modern request gets its _meta and its
 * headers here. */
MUST_CHECK int mcp_request(struct mcp_client *c, const char *method, json_t *params,
                           struct mcp_answer *ret, struct err *err);
/* A message as the caller wrote it, right or wrong: nothing is added, and what is wrong
 * with it is no finding. The answer is whatever comes for it: a result, an error, with
 * or without its id, or over HTTP a status and http_body (MCP_OK when it is 2xx). Over
 * stdio a notification is not waited for. */
MUST_CHECK int mcp_send_text(struct mcp_client *c, const char *text,
                             struct mcp_answer *ret, struct err *err);
/* What is sent from here on is what the caller means, right or wrong, as mcp_send_text.
 */
void mcp_mean(struct mcp_client *c);
/* ret: MCP_OK, over HTTP with its status, or how it was refused. */
MUST_CHECK int mcp_notify(struct mcp_client *c, const char *method, json_t *params,
                          struct mcp_answer *ret, struct err *err);

#endif
