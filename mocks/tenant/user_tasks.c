#include "mocks/tenant/user_tasks.h"

#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/rows.h"

enum { TABLE_MAX = 10000 };

json_t *user_task_rows(struct workspace *ws)
{
    return rest_array(ws->rest, "user_tasks");
}

json_t *user_task_add(struct workspace *ws, const char *title, const char *detail)
{
    json_t *row = row_new();
    row_set(row, "title", title);
    row_set(row, "detail", detail ? detail : "");
    row_set(row, "status", "pending");
    row_set_now(row, "created_at");
    row_set(row, "resolved_at", NULL);
    row_set(row, "resolved_by", NULL);
    event_add(ws->org, ws, "USER_TASK_REQUESTED",
              json_make("{s:O,s:O}", "user_task_id", json_object_get(row, "id"), "title",
                        json_object_get(row, "title")));
    return rows_add(user_task_rows(ws), row, TABLE_MAX);
}

static void resolve(json_t *row, const char *status, const char *by)
{
    bool pending = strcmp(status, "pending") == 0;
    row_set(row, "status", status);
    row_set(row, "resolved_at", NULL);
    if (!pending)
        row_set_now(row, "resolved_at");
    row_set(row, "resolved_by", pending ? NULL : by);
}

enum user_task_result user_task_update(struct workspace *ws, const char *id,
                                       const char *title, const char *detail,
                                       const char *status)
{
    if (status && strcmp(status, "pending") != 0 && strcmp(status, "done") != 0 &&
        strcmp(status, "dismissed") != 0)
        return USER_TASK_BAD_STATUS;
    json_t *row = rows_find(user_task_rows(ws), id);
    if (!row)
        return USER_TASK_ABSENT;
    if (title)
        row_set(row, "title", title);
    if (detail)
        row_set(row, "detail", detail);
    if (status)
        resolve(row, status, ws->id);
    return USER_TASK_OK;
}

bool user_task_remove(struct workspace *ws, const char *id)
{
    return rows_remove(user_task_rows(ws), id);
}

/* ---- routes ---- */

void user_task_create(struct call *call)
{
    const char *title = rest_need_text(call, "title", "invalid request body");
    struct workspace *ws = title ? rest_need_ws(call) : NULL;
    if (!ws)
        return;
    json_t *row = user_task_add(ws, title, json_str(call_body(call), "detail", NULL));
    call_json(call, 201,
              json_make("{s:s,s:s}", "status", "pending", "user_task_id",
                        json_str(row, "id", "")));
}

void user_task_list(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (ws)
        call_struct(call, 200, json_deep_copy(user_task_rows(ws)));
}

void user_task_pending(struct call *call)
{
    json_t *list = json_array();
    for (size_t i = 0; i < call->org->ws_n; i++) {
        struct workspace *ws = call->org->ws[i];
        for (size_t k = 0; ws_live(ws) && k < json_array_size(user_task_rows(ws)); k++) {
            json_t *row = json_array_get(user_task_rows(ws), k);
            if (!row_is(row, "status", "pending"))
                continue;
            json_t *shown = json_copy(row);
            row_set(shown, "workspace_id", ws->id);
            row_set(shown, "workspace_name", ws->name);
            json_array_append_new(list, shown);
        }
    }
    call_struct(call, 200, list);
}

void user_task_resolve(struct call *call)
{
    json_t *body = call_body(call);
    const char *status = json_str(body, "status", "");
    if (strcmp(status, "done") != 0 && strcmp(status, "dismissed") != 0) {
        call_error(call, 400, "status must be 'done' or 'dismissed'");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *row = rows_find(user_task_rows(ws), call->params[1]);
    if (!row || !row_is(row, "status", "pending")) {
        call_error(call, 404, "user task not found or already resolved");
        return;
    }
    resolve(row, status, json_str(body, "resolved_by", "user"));
    call_json(call, 200,
              json_make("{s:s,s:s}", "status", status, "user_task_id",
                        json_str(row, "id", "")));
}

void user_task_patch(struct call *call)
{
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    const char *id = call->params[1] ? call->params[1] : "";
    switch (user_task_update(ws, id, json_str(body, "title", NULL),
                             json_str(body, "detail", NULL),
                             json_str(body, "status", NULL))) {
    case USER_TASK_BAD_STATUS:
        call_error(call, 400, "status must be 'pending', 'done' or 'dismissed'");
        return;
    case USER_TASK_ABSENT:
        call_error(call, 404, "user task not found");
        return;
    case USER_TASK_OK:
        break;
    }
    call_json(call, 200, json_make("{s:s,s:s}", "status", "updated", "user_task_id", id));
}

void user_task_delete(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    const char *id = call->params[1] ? call->params[1] : "";
    if (!user_task_remove(ws, id)) {
        call_error(call, 404, "user task not found");
        return;
    }
    call_json(call, 200, json_make("{s:s,s:s}", "status", "deleted", "user_task_id", id));
}
