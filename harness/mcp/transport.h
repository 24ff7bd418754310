/*
 * What a transport does for the client, and what both transports share: the reading of
 * incoming frames. Internal to harness/mcp.
 * Source: Model Context Protocol 2025-11-25, "Transports" (stdio, Streamable HTTP).
 *
 * One request is under way at a time. Frames that are not its answer are dealt with here:
 * a ping of the server is answered, any other request is refused with -32601,
 * notifications and late answers to earlier requests are dropped.
 */
#ifndef MCP_TRANSPORT_H
#define MCP_TRANSPORT_H

#include "base/err.h"
#include "mcp/client.h"
#include "mcp/jsonrpc.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* What came back for one request. */
struct mcp_exchange {
    int http_status; /* 0 over stdio */
    struct rpc_frame
        frame;  /* the response; root NULL when there was none (http_status) */
    char *body; /* owned; the HTTP body when there is no frame, else NULL */
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
    /* Sends a notification or a response. */
    int (*send)(struct mcp_transport *t, const char *text, int64_t deadline_ms,
                struct err *err);
    void (*free)(struct mcp_transport *t);

    struct mcp_options
        opt;              /* revision NULL unless asked for; strings owned by client.c */
    const char *revision; /* negotiated, borrowed from client.c; NULL before */
    bool handshake;       /* the exchange is initialize: a session id may come */
    char *session;        /* owned, NULL = none */
    int junk_lines;
};

void mcp_note_frame(const struct mcp_transport *t, enum mcp_direction direction,
                    const char *text, size_t len);

/* Deals with one incoming message. *ret_found says whether it was the response to id,
 * which is then in *answer. id NULL: none is awaited. deadline_ms is for replies. */
MUST_CHECK int mcp_receive(struct mcp_transport *t, const char *text, size_t len,
                           const json_t *id, int64_t deadline_ms,
                           struct rpc_frame *answer, bool *ret_found, struct err *err);

/* Constructors; opt is copied, what it points to is borrowed. */
MUST_CHECK int mcp_stdio_new(char *const *argv, const struct strv *env, const char *cwd,
                             const struct mcp_options *opt, struct mcp_transport **ret,
                             struct err *err);
MUST_CHECK int mcp_http_new(struct http *http, const char *url,
                            const struct mcp_options *opt, struct mcp_transport **ret,
                            struct err *err);

#endif
