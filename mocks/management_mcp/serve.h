/*
 * An MCP server over stdin and stdout: one thread, one list of tools.
 * Source: MCP 2024-11-05 to 2025-11-25, stdio transport and tools; the manners "shipped"
 * are those of @molecule-ai/mcp-server 1.6.1 on TypeScript SDK 1.x.
 */
#ifndef MOCKS_MANAGEMENT_MCP_SERVE_H
#define MOCKS_MANAGEMENT_MCP_SERVE_H

#include "base/err.h"
#include "mocks/management_mcp/tools.h"
#include <stdbool.h>
#include <stddef.h>

struct mcp_server {
    const char *name;                  /* of serverInfo */
    const char *revision;              /* answered whatever is asked; NULL = negotiated */
    bool shipped;                      /* manners, see mcp.h */
    const struct tool *tools[64 + 64]; /* in listing order, borrowed */
    size_t n_tools;
    struct rest rest;
};

/* Answers what comes on in until its end. ERR_SYS when out cannot be written. */
MUST_CHECK int mcp_serve(struct mcp_server *s, int in, int out, struct err *err);

#endif
