/*
 * Messages that wait for a busy agent: rows of workspace.rest "a2a_queue", oldest first.
 * Each heartbeat of an agent that has a hand free gives it the next one.
 * Wire shapes: the group "a2a" of mocks/contracts/routes.json.
 */
#ifndef TENANT_A2A_QUEUE_H
#define TENANT_A2A_QUEUE_H

#include "mocks/server/state.h"
#include <jansson.h>
#include <stddef.h>

/* Its id, borrowed from the row. message: borrowed. from NULL = a user. */
const char *a2a_queue_add(struct workspace *target, const struct workspace *from,
                          const json_t *message, const char *delegation_id);
/* How many wait. */
size_t a2a_queue_depth(struct workspace *target);
/* Posts the next message when the agent is up and has a hand free. */
void a2a_queue_drain(struct workspace *target);

#endif
