/*
 * The core of an MCP server, without a transport: which era a message belongs to, the
 * handshake, what a revision allows, and who waits for an answer.
 * Source: Model Context Protocol 2024-11-05 to 2026-07-28.
 *
 * Bindings (http.h, stdio.h) bring messages; the owner's functions answer them. One
 * thread, one event loop.
 */
#ifndef MOCKS_MCP_SERVER_H
#define MOCKS_MCP_SERVER_H

#include "mocks/mcp/exchange.h"
#include <stdbool.h>

struct mcp_frames;
struct mcp_server;

typedef void exchange_fn(struct exchange *x, void *arg);

struct mcp_server_options {
    const char *name; /* for who reads its frames; NULL = none */
    /* initialize and server/discover: answered by exchange_hello, or by an error. */
    exchange_fn *hello;
    /* Every other request that the revision has. */
    exchange_fn *request;
    /* x was cancelled, or its client is gone: it must not be answered; NULL = nothing to
     * do then. */
    exchange_fn *gone;
    void *arg;
    const char *revision; /* a legacy one: the only one that it has; NULL = all of them */
    /* The manners of servers on the TypeScript SDK 1.x as 1.6.1 of the management server
     * shows them: legacy only, any revision is agreed to, silence on what is no frame. */
    bool sdk1;
    struct mcp_frames
        *frames; /* borrowed: keeps what goes over the wire; NULL = nobody */
};

/* Everything in opt is copied, but what arg and revision point to. Never NULL. */
struct mcp_server *mcp_server_new(const struct mcp_server_options *opt);
/* Whoever still waits is forgotten without an answer: bindings end before. Takes NULL. */
void mcp_server_free(struct mcp_server *s);
/* Who answers: goes into every modern result. info: borrowed, {"name","version"}. */
void mcp_server_set_info(struct mcp_server *s, json_t *info);

/* The legacy revision that is agreed on with a client that asks for one: that one when
 * it is known, else the newest. */
const struct mcp_revision *mcp_negotiate(const char *asked);

#endif
