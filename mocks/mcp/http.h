/*
 * An MCP server over Streamable HTTP, both eras on one endpoint, on io/httpd.
 * Source: Model Context Protocol 2025-03-26 to 2025-11-25 (sessions, event streams,
 * resuming) and 2026-07-28 (headers that repeat the body, cancelling by leaving).
 *
 * Answers are JSON, or an event stream as soon as there is something to say before the
 * answer. A client that leaves a legacy request has not cancelled it.
 */
#ifndef MOCKS_MCP_HTTP_H
#define MOCKS_MCP_HTTP_H

#include "io/httpd.h"
#include "mocks/mcp/server.h"
#include <stdbool.h>
#include <stdint.h>

struct mcp_http;

struct mcp_http_options {
    struct mcp_server *server; /* borrowed; freed after the binding */
    int64_t session_idle_ms;   /* a session that long without a request is forgotten; 0 =
                                  half an hour */
    bool resume;               /* GET streams, and streams that can be taken up again */
    const char *bearer;        /* borrowed: the token that is wanted; NULL = none */
    const char *metadata_url;  /* borrowed: RFC 9728 metadata named in a 401; or NULL */
};

/* opt is copied. Never NULL. */
struct mcp_http *mcp_http_new(const struct mcp_http_options *opt);
/* After httpd_stop, before the server is freed. Takes NULL. */
void mcp_http_free(struct mcp_http *h);
/* Answers a request to the endpoint, whatever its path and method, now or later. */
void mcp_http_handle(struct mcp_http *h, struct httpd_req *req);

/* Whether an Origin, or a Host, is on this machine ("http://localhost:1234"). */
bool mcp_origin_is_local(const char *origin);
bool mcp_host_is_local(const char *host);
/* Why a request is refused (403), whatever it asks for: a page of another site sent it,
 * or it came by a name that is not of this machine; NULL = it is not. */
const char *mcp_why_unwelcome(const struct httpd_req *req);

#endif
