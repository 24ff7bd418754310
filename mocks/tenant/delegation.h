/*
 * Tasks that one workspace gave another: rows of workspace.rest "delegations" of the one
 * that gave them, oldest first.
 * Wire shapes: the groups "delegation" and "bridge" of mocks/contracts/routes.json.
 */
#ifndef TENANT_DELEGATION_H
#define TENANT_DELEGATION_H

#include "mocks/server/state.h"
#include <jansson.h>

/* Makes a row and sends the task; the row is told what came of it. attachments: as of
 * a2a_text_message. Borrowed row. */
json_t *delegation_start(struct workspace *from, const char *target_id, const char *task,
                         const json_t *attachments);
/* NULL = none of this workspace's. Borrowed. */
json_t *delegation_find(struct workspace *from, const char *delegation_id);
/* An answer came; text NULL = none that can be read. */
void delegation_settle(struct workspace *from, const char *delegation_id,
                       const char *text);

#endif
