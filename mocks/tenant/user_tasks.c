#include "mocks/tenant/user_tasks.h"

#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

json_t *user_task_rows(struct workspace *ws)
{
    return rest_array(ws->rest, "user_tasks");
}

json_t *user_task_add(struct workspace *ws, const char *title, const char *detail)
{
    char id[37];
    id_uuid4(id);
    json_t *row = json_object();
    json_object_set_new(row, "id", json_string(id));
    json_object_set_new(row, "title", rest_string(title));
    json_object_set_new(row, "detail", rest_string(detail ? detail : ""));
    json_object_set_new(row, "status", json_string("pending"));
    json_object_set_new(row, "created_at", rest_time(clock_wall_ms()));
    json_object_set_new(row, "resolved_at", json_null());
    json_object_set_new(row, "resolved_by", json_null());
    json_array_append_new(user_task_rows(ws), row);
    event_add(ws->org, ws, "USER_TASK_REQUESTED",
              json_make("{s:s,s:o}", "user_task_id", id, "title", rest_string(title)));
    return row;
}

static json_t *find_row(struct workspace *ws, const char *id)
{
    int at = rest_row_index(user_task_rows(ws), id);
    return at < 0 ? NULL : json_array_get(user_task_rows(ws), (size_t)at);
}

static void resolve(json_t *row, const char *status, const char *by)
{
    bool pending = strcmp(status, "pending") == 0;
    json_object_set_new(row, "status", json_string(status));
    json_object_set_new(row, "resolved_at",
                        pending ? json_null() : rest_time(clock_wall_ms()));
    json_object_set_new(row, "resolved_by", pending ? json_null() : rest_string(by));
}

enum user_task_result user_task_update(struct workspace *ws, const char *id,
                                       const char *title, const char *detail,
                                       const char *status)
{
    if (status && strcmp(status, "pending") != 0 && strcmp(status, "done") != 0 &&
        strcmp(status, "dismissed") != 0)
        return USER_TASK_BAD_STATUS;
    json_t *row = find_row(ws, id);
    if (!row)
        return USER_TASK_ABSENT;
    if (title)
        json_object_set_new(row, "title", rest_string(title));
    if (detail)
        json_object_set_new(row, "detail", rest_string(detail));
    if (status)
        resolve(row, status, ws->id);
    return USER_TASK_OK;
}

bool user_task_remove(struct workspace *ws, const char *id)
{
    int at = rest_row_index(user_task_rows(ws), id);
    return at >= 0 && json_array_remove(user_task_rows(ws), (size_t)at) == 0;
}

/* ---- routes ---- */

void user_task_create(struct call *call)
{
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *title = json_str(body, "title", "");
    if (!title[0]) {
        call_error(call, 400, "invalid request body");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *row = user_task_add(ws, title, json_str(body, "detail", NULL));
    call_json(call, 201,
              json_make("{s:s,s:s}", "status", "pending", "user_task_id",
                        json_str(row, "id", "")));
}

void user_task_list(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (ws)
        call_struct(call, 200, json_incref(user_task_rows(ws)));
}

void user_task_pending(struct call *call)
{
    json_t *list = json_array();
    for (size_t i = 0; i < call->org->ws_n; i++) {
        struct workspace *ws = call->org->ws[i];
        for (size_t k = 0; ws_live(ws) && k < json_array_size(user_task_rows(ws)); k++) {
            json_t *row = json_array_get(user_task_rows(ws), k);
            if (strcmp(json_str(row, "status", ""), "pending") != 0)
                continue;
            json_t *shown = json_copy(row);
            json_object_set_new(shown, "workspace_id", json_string(ws->id));
            json_object_set_new(shown, "workspace_name", rest_string(ws->name));
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
    json_t *row = call->params[1] ? find_row(ws, call->params[1]) : NULL;
    if (!row || strcmp(json_str(row, "status", ""), "pending") != 0) {
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
