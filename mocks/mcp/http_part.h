/*
 * What the files of the HTTP binding share. For mocks/mcp/http*.c alone.
 */
#ifndef MOCKS_MCP_HTTP_PART_H
#define MOCKS_MCP_HTTP_PART_H

#include "mocks/mcp/http.h"
#include "mocks/mcp/server_part.h"

struct http_session {
    struct http_session *next;
    char id[33];
    struct mcp_peer peer;
    int64_t used_ms; /* monotonic */
};

/* One POST with a request or a batch, or one GET: where its frames go. */
struct http_turn {
    struct http_turn *prev, *next;
    struct mcp_http *h;
    struct http_session *session; /* NULL = modern, or its handshake */
    struct exchange *x;           /* NULL = answered, a batch, or a GET */
    bool batch;                   /* cannot be taken up again */
    struct httpd_req *req;        /* not answered yet; NULL = streaming or left */
    struct httpd_stream *stream;  /* NULL = none */
    bool json_ok, sse_ok;         /* what the client reads */
    bool modern;
    bool resumable;
    unsigned number; /* of the stream, in event ids */
    json_t *events;  /* resumable: texts of all frames; the n-th has id n */
    bool finished;   /* resumable: the answer is among them */
};

struct mcp_http {
    struct mcp_http_options opt;
    struct http_session *sessions; /* last made first */
    size_t n_sessions;
    struct http_turn *turns;
    unsigned last_number;
};

/* ---- sessions (http_session.c) ---- */

/* NULL = there are too many, and all are in use. */
struct http_session *http_session_new(struct mcp_http *h);
/* False while it is being ended. */
bool http_session_lives(const struct mcp_http *h, const struct http_session *s);
/* With everything that is open in it. */
void http_session_end(struct mcp_http *h, struct http_session *s);
/* The session that the request names; NULL with the request answered. frame: as of
 * http_refuse_frame. */
struct http_session *http_session_of(struct mcp_http *h, struct httpd_req *req,
                                     const json_t *frame);

/* ---- turns (http_turn.c) ---- */

extern const struct mcp_port http_port;

struct http_turn *http_turn_new(struct mcp_http *h, struct http_session *session,
                                struct httpd_req *req, bool modern);
void http_turn_free(struct http_turn *t);
/* GET: a stream of the session, or one that is taken up again. */
void http_turn_listen(struct mcp_http *h, struct http_session *session,
                      struct httpd_req *req);
/* messages: borrowed, an array that is not empty, in a session that has batches. */
void http_turn_batch(struct mcp_http *h, struct http_session *session,
                     struct httpd_req *req, json_t *messages);
/* Ends what is open of a session. */
void http_turns_end(struct mcp_http *h, const struct http_session *session);
/* Whether the client reads a media type. */
bool http_accepts(const struct httpd_req *req, const char *major, const char *full);

/* ---- headers (http_check.c) ---- */

/* Whether a request has more than one header of that name: which one counts is not for
 * us to guess. */
bool http_has_twice(const struct httpd_req *req, const char *name);
/* Every check of a modern request or notification, in the order that clients may rely on.
 */
bool http_check_modern(const struct httpd_req *req, const struct rpc_frame *f,
                       struct mcp_refusal *why);

/* ---- refusals (http.c) ---- */

/* An error of the transport. id: borrowed, NULL = none. */
void http_refuse(struct mcp_http *h, struct httpd_req *req, int status, json_t *id,
                 int code, const char *why);
/* The same for a request without a session to answer in. frame: borrowed, what it
 * brought and nobody has recorded yet; NULL = nothing. */
void http_refuse_frame(struct mcp_http *h, struct httpd_req *req, int status,
                       const json_t *frame, const char *why);

#endif
