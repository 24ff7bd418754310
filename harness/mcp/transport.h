/*
 * What a transport does for the client, and what both transports share: the reading of
 * incoming frames. Internal to harness/mcp.
 * Source: Model Context Protocol 2025-11-25, "Transports" (stdio, Streamable HTTP).
 *
 * One request is under way at a time. Frames that are not its answer are dealt with here:
 * a ping of the server is answered, any other request is refused with -32601 (a modern
 * server may ask nothing, and gets no answer), notifications go to who wants them, late
 * answers to requests that nobody waits for any more are dropped. Every frame is checked
 * and shown.
 */
#ifndef MCP_TRANSPORT_H
#define MCP_TRANSPORT_H

#include "base/err.h"
#include "mcp/asked.h"
#include "mcp/client.h"
#include "mcp/frame.h"
#include "mcp/jsonrpc.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What came back for one request. */
struct mcp_exchange {
    int http_status; /* 0 over stdio */
    struct rpc_frame
        frame;       /* the response; root NULL when there was none (http_status) */
    char *body;      /* owned; the HTTP body when there is no frame, else NULL */
    char *challenge; /* owned; WWW-Authenticate of a refusal, several joined by ", ", else
                        NULL */
    char *location;  /* owned; Location of a 3xx, else NULL */
};
#define MCP_EXCHANGE_INIT                                                                \
    {                                                                                    \
        .http_status = 0                                                                 \
    }
void mcp_exchange_release(struct mcp_exchange *x);

struct mcp_transport {
    /* Sends a request frame and waits for the response with its id. ERR_TIMEOUT,
     * ERR_NET (the peer is gone), ERR_SHAPE (it broke the protocol). */
    int (*exchange)(struct mcp_transport *t, const char *text, const json_t *id,
                    int64_t deadline_ms, struct mcp_exchange *ret, struct err *err);
    /* Sends a notification or a response. HTTP: how it was answered is in *ret, its
     * http_status not 0; without one (NULL) a refusal is ERR_SHAPE. */
    int (*send)(struct mcp_transport *t, const char *text, int64_t deadline_ms,
                struct mcp_exchange *ret, struct err *err);
    /* Looks without waiting whether the server has ended; NULL = nobody can know. */
    bool (*has_ended)(struct mcp_transport *t);
    /* Starts a server that has ended anew; NULL = there is nothing to start. */
    int (*restart)(struct mcp_transport *t, struct err *err);
    /* Ends the session or the server, and notes what it still says. Once more does
     * nothing. */
    void (*finish)(struct mcp_transport *t);
    void (*free)(struct mcp_transport *t);

    struct mcp_options
        opt; /* revision NULL unless asked for; strings owned by client.c */
    enum mcp_wire wire;
    const struct mcp_revision *revision; /* in force; NULL before it is agreed on */
    const char *method;       /* of the request under way, borrowed; NULL = none */
    const struct strv *extra; /* HTTP: headers of this message, borrowed; NULL = none */
    struct asked asked;       /* the requests so far */
    struct rpc_frame aside;   /* stdio: an error without an id, that came while an answer
                                 was awaited; root NULL = none */
    bool handshake;           /* the exchange is initialize: a session id may come */
    bool to_the_letter;       /* the message is a user's: any answer will do, and what it
                                 breaks is not ours */
    bool meant;               /* the same of a message that is asked as usual */
    bool ended;               /* stdio: the server is gone */
    bool unsent;              /* stdio: ... and was so before anything was sent */
    char *session;            /* owned, NULL = none */
    int junk_lines, restarts;
    size_t received;          /* bytes of frames so far */
    struct strv findings;     /* what the server broke, in sentences */
    struct strv own_findings; /* what we broke */
};

/* Shows a frame that was sent, or a line that is none, to who wants to see it. */
void mcp_note_frame(struct mcp_transport *t, enum mcp_direction direction,
                    const char *text, size_t len);
/* Checks a frame that came and shows it. root: parsed from text, or NULL: it is no JSON.
 */
void mcp_note_received(struct mcp_transport *t, const char *text, size_t len,
                       const json_t *root);
/* The same for what comes when nothing is awaited any more. */
void mcp_note_rest(struct mcp_transport *t, const char *text, size_t len,
                   const json_t *root);
/* Keeps a sentence about the server; each once, and not without end. */
void mcp_found(struct mcp_transport *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void mcp_transport_release(struct mcp_transport *t); /* what both transports own */
/* The caller wants the request under way to end. */
bool mcp_stopped(const struct mcp_transport *t);

/* Deals with one incoming message. *ret_found says whether it was the response to id,
 * which is then in *answer. id NULL: none is awaited. deadline_ms is for replies. */
MUST_CHECK int mcp_receive(struct mcp_transport *t, const char *text, size_t len,
                           const json_t *id, int64_t deadline_ms,
                           struct rpc_frame *answer, bool *ret_found, struct err *err);
/* The same for a message that is parsed already and was noted. root: taken. */
MUST_CHECK int mcp_receive_take(struct mcp_transport *t, json_t *root, const json_t *id,
                                int64_t deadline_ms, struct rpc_frame *answer,
                                bool *ret_found, struct err *err);

/* Constructors; opt is copied, what it points to is borrowed. */
MUST_CHECK int mcp_stdio_new(char *const *argv, const struct strv *env, const char *cwd,
                             const struct mcp_options *opt, struct mcp_transport **ret,
                             struct err *err);
MUST_CHECK int mcp_http_new(struct http *http, const char *url,
                            const struct mcp_options *opt, struct mcp_transport **ret,
                            struct err *err);

#endif
