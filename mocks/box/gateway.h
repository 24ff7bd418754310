/*
 * The gateway: MCP over Streamable HTTP for each server that the box loaded.
 *
 * Source: Model Context Protocol 2025-03-26 to 2025-11-25, Streamable HTTP: one endpoint
 * /mcp/<server>, sessions by Mcp-Session-Id, answers as JSON, no server-sent streams (GET
 * is 405). The handshake is answered here from what the server said to the box; every
 * other request goes to the server with an id of the box's own.
 */
#ifndef BOX_GATEWAY_H
#define BOX_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>

/* The revision that the gateway speaks with a client that asks for one: that one when it
 * is known, else the newest. Never NULL. */
const char *gateway_revision(const char *asked);
bool gateway_knows_revision(const char *revision);
/* Whether a browser's Origin is on this machine ("http://localhost:1234"). */
bool gateway_origin_is_local(const char *origin);

#endif
