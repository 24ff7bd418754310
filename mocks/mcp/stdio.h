/*
 * An MCP server over two descriptors: one JSON-RPC message a line, nothing else.
 * Source: Model Context Protocol 2024-11-05 to 2026-07-28, stdio transport.
 *
 * The flags of the descriptors, which other processes may share, are not changed, and
 * neither reading nor writing blocks: what the client does not take waits for it, at most
 * LIMIT_RESPONSE_BODY, and past a part of that nothing more is read; an answer for which
 * there is no room gives way to an error. A line of more than LIMIT_LINE is thrown away
 * and refused. in may be a file.
 */
#ifndef MOCKS_MCP_STDIO_H
#define MOCKS_MCP_STDIO_H

#include "base/err.h"
#include "mocks/mcp/server.h"

struct loop;
struct mcp_stdio;

/* The peer has closed its end and everything is answered (what does not come within two
 * seconds is given up) and read by it, or *err says why it cannot go on: also that it
 * reads nothing for two seconds of what it was answered last. */
typedef void mcp_stdio_end_fn(const struct err *err, void *arg);

/* in, out: borrowed, two numbers. Never NULL. */
struct mcp_stdio *mcp_stdio_start(struct loop *loop, struct mcp_server *server, int in,
                                  int out, mcp_stdio_end_fn *end, void *arg);
/* Never from within a function of the server. Takes NULL. */
void mcp_stdio_free(struct mcp_stdio *t);

#endif
