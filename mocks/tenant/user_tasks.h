/*
 * What a workspace asks of its user. Wire shapes: the group "user-tasks"
 * of mocks/contracts/routes.json.
 * Rows: {id, title, detail, status, created_at, resolved_at, resolved_by}.
 */
#ifndef TENANT_USER_TASKS_H
#define TENANT_USER_TASKS_H

#include "mocks/server/state.h"
#include <jansson.h>
#include <stdbool.h>

/* The new row, borrowed; emits USER_TASK_REQUESTED. */
json_t *user_task_add(struct workspace *ws, const char *title, const char *detail);
/* The workspace's rows, oldest first; borrowed. */
json_t *user_task_rows(struct workspace *ws);
/* Sets title, detail and status where they are not NULL. */
enum user_task_result { USER_TASK_OK, USER_TASK_ABSENT, USER_TASK_BAD_STATUS };
enum user_task_result user_task_update(struct workspace *ws, const char *id,
                                       const char *title, const char *detail,
                                       const char *status);
bool user_task_remove(struct workspace *ws, const char *id);

#endif
