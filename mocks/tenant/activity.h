/*
 * The activity rows of a workspace. Wire shapes: the group "activity" of
 * mocks/contracts/routes.json.
 */
#ifndef TENANT_ACTIVITY_H
#define TENANT_ACTIVITY_H

#include "mocks/server/state.h"
#include <jansson.h>

/* Adds a row; texts (NULL = null) are borrowed; duration_ms (NULL = null), bodies and
 * trace (NULL = left out) are taken. Bounded: the oldest row goes when there are too
 * many. */
struct activity {
    const char *activity_type, *method, *source_id, *target_id, *summary, *status,
        *error_detail;
    json_t *duration_ms, *request_body, *response_body, *tool_trace;
};
void activity_add(struct workspace *ws, const struct activity *row);
/* Whether a row for this message is there already. */
bool activity_has_message(struct workspace *ws, const char *message_id);

#endif
