/*
 * Is a frame what its revision says? Every rule that is broken is one sentence.
 * Source: JSON-RPC 2.0; Model Context Protocol 2024-11-05 to 2026-07-28 (base protocol,
 * transports, lifecycle, tools, versioning).
 *
 * Judges one message by itself: shape, what may be sent in which direction over which
 * transport, and of the results that waybill knows their members. What needs a memory
 * (an id used twice, progress that goes back) is the business of client and server.
 */
#ifndef MCP_FRAME_H
#define MCP_FRAME_H

#include "base/strv.h"
#include "mcp/revision.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum mcp_wire { MCP_WIRE_STDIO, MCP_WIRE_HTTP };
enum mcp_sender { MCP_FROM_CLIENT, MCP_FROM_SERVER };

struct mcp_frame_context {
    const struct mcp_revision *revision; /* NULL = not agreed on yet: common rules only */
    enum mcp_wire wire;
    enum mcp_sender sender;
    const char *method; /* of the request that a response answers; NULL = not known */
    /* Or, where responses of several requests may come: looks the method up by id. */
    const char *(*method_of)(const json_t *id, void *arg);
    void *method_of_arg;
    bool no_logs; /* the client is known not to have asked for log messages */
};

/* Appends one sentence for each rule that is broken ("a result without an 'id'"). True
 * when there was none. */
bool mcp_frame_check(const char *text, size_t len, const struct mcp_frame_context *cx,
                     struct strv *findings);
/* The same for a message that is parsed already; an array is a batch. */
bool mcp_frame_check_json(const json_t *message, const struct mcp_frame_context *cx,
                          struct strv *findings);
/* Appends one sentence of one line, whatever the peer's names in it hold. */
void mcp_finding_add(struct strv *findings, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
