/*
 * A JSON-RPC batch: several messages in one array, answered by one array.
 * Source: JSON-RPC 2.0, "Batch"; Model Context Protocol 2025-03-26 (has to be received;
 * initialize must not be in one). Later revisions have none.
 */
#ifndef MOCKS_MCP_BATCH_H
#define MOCKS_MCP_BATCH_H

#include "mocks/mcp/server_part.h"

/* answers: taken; NULL = there was no request in it. */
typedef void mcp_batch_fn(json_t *answers, void *arg);

/* Takes each message; done is called once, when the last one is answered, perhaps from
 * within. messages: borrowed, an array. */
void mcp_batch_take(struct mcp_server *s, enum mcp_wire wire, struct mcp_peer *peer,
                    json_t *messages, mcp_batch_fn *done, void *arg);

#endif
