/*
 * The activity rows of a workspace. Source: platform contract, section 2.17.
 */
#ifndef TENANT_ACTIVITY_H
#define TENANT_ACTIVITY_H

#include "mocks/server/state.h"
#include <jansson.h>

/* Adds a row; activity_type, method, source_id, target_id, summary, status (NULL = null)
 * are borrowed, request and response (NULL = left out) are taken. Bounded: the oldest row
 * goes when there are too many. */
struct activity {
    const char *activity_type, *method, *source_id, *target_id, *summary, *status;
    json_t *request_body, *response_body;
};
void activity_add(struct workspace *ws, const struct activity *row);
/* Whether a row for this message is there already. */
bool activity_has_message(struct workspace *ws, const char *message_id);

#endif
