/*
 * A JSON-RPC batch: several messages in one array, answered by one array.
 * Source: JSON-RPC 2.0, "Batch"; Model Context Protocol 2025-03-26 (has to be received;
 * initialize must not be in one). Later revisions have none.
 */
#ifndef MOCKS_MCP_BATCH_H
#define MOCKS_MCP_BATCH_H

#include "mocks/mcp/server_part.h"

/* Who received it. */
struct mcp_batch_owner {
    enum mcp_wire wire;
    /* A notification that belongs to one of its requests. frame: taken. */
    void (*note)(json_t *frame, void *arg);
    /* The end of it. answers: taken; NULL = there was nothing to answer. */
    void (*done)(json_t *answers, void *arg);
    const char *(*header)(const char *name, void *arg); /* of HTTP; or NULL */
};

/* Takes each message; done is called once, when the last one is answered, perhaps from
 * within. owner: borrowed until then. messages: borrowed, an array. */
void mcp_batch_take(struct mcp_server *s, const struct mcp_batch_owner *owner, void *arg,
                    struct mcp_peer *peer, json_t *messages);

#endif
