/*
 * One of the box's MCP servers, by its list of tools: over stdin and stdout, or for tests
 * over HTTP.
 * Source: MCP 2024-11-05 to 2026-07-28; the manners "shipped" are those of
 * @molecule-ai/mcp-server 1.6.1 on TypeScript SDK 1.x.
 */
#ifndef MOCKS_MANAGEMENT_MCP_SERVE_H
#define MOCKS_MANAGEMENT_MCP_SERVE_H

#include "base/err.h"
#include "mocks/management_mcp/tools.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tool_server {
    const char *name;                  /* of serverInfo */
    const char *revision;              /* the only one that it has; NULL = all */
    bool shipped;                      /* manners, see mcp.h */
    const struct tool *tools[64 + 64]; /* in listing order, borrowed */
    size_t n_tools;
    bool diagnostics;        /* and the tools that the conformance suite asks for */
    int64_t page;            /* tools on a page of the list, 0 = all */
    int http_port;           /* 0 = any, -1 = stdio */
    int64_t session_idle_ms; /* 0 = the usual */
    const char *bearer;      /* HTTP: the token that is wanted; NULL = none */
    struct rest rest;        /* of the run */
};

/* Answers until SIGTERM or SIGINT, over stdio until the end of stdin at most; over HTTP
 * the first line on stdout is {"url","frames_url","pid"} once it listens. ERR_SYS when it
 * cannot listen, read or write, ERR_SHAPE when a line has no end. */
MUST_CHECK int tool_server_run(struct tool_server *s, struct err *err);

#endif
