/*
 * What an agent tells the user without being asked. Wire shapes: the group "activity" of
 * mocks/contracts/routes.json.
 */
#ifndef TENANT_NOTIFY_H
#define TENANT_NOTIFY_H

#include "mocks/server/state.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Each has a uri and a name; else *ret_bad is the index of the first that has not. NULL
 * is good. */
bool notify_attachments_ok(const json_t *attachments, size_t *ret_bad);
/* The activity row. Both are borrowed; attachments NULL = none. */
void notify_user(struct workspace *ws, const char *message, const json_t *attachments);

#endif
