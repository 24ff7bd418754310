/*
 * How far a workflow of an agent got: one row for each step, the one completed last at
 * the end of the table. Wire shapes: the group "checkpoints" of
 * mocks/contracts/routes.json.
 */
#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/rows.h"

enum { TABLE_MAX = 5000 };

static json_t *table(struct workspace *ws)
{
    return rest_array(ws->rest, "checkpoints");
}

static json_t *find_step(const json_t *rows, const char *workflow, const char *step)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        if (row_is(row, "workflow_id", workflow) && row_is(row, "step_name", step))
            return row;
    }
    return NULL;
}

void checkpoint_put(struct call *call)
{
    static const struct rest_field fields[] = {
        {"workflow_id", 's'}, {"step_name", 's'}, {"step_index", 'i'}};
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *workflow = json_str(body, "workflow_id", "");
    const char *step = json_str(body, "step_name", "");
    if (!rest_fields_ok(body, fields, ARRAY_SIZE(fields)) || !workflow[0] || !step[0]) {
        call_error(call, 400, "invalid request body");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *row = row_new();
    const json_t *before = find_step(table(ws), workflow, step);
    if (before)
        row_set(row, "id", json_str(before, "id", ""));
    row_set(row, "workspace_id", ws->id);
    row_set(row, "workflow_id", workflow);
    row_set(row, "step_name", step);
    json_object_set_new(row, "step_index", json_integer(json_int(body, "step_index", 0)));
    row_set_now(row, "completed_at");
    json_t *payload = json_object_get(body, "payload");
    if (payload && !json_is_null(payload))
        json_object_set(row, "payload", payload);
    if (before)
        (void)rows_remove(table(ws), json_str(before, "id", ""));
    (void)rows_add(table(ws), row, TABLE_MAX);
    call_json(call, 201,
              json_make("{s:O,s:s,s:s,s:s}", "id", json_object_get(row, "id"),
                        "step_name", step, "workflow_id", workflow, "workspace_id",
                        ws->id));
}

void checkpoint_latest(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    size_t n = ws ? json_array_size(table(ws)) : 0;
    if (!ws)
        return;
    if (n == 0)
        call_error(call, 404, "no checkpoints found for workspace");
    else
        call_struct(call, 200, json_copy(json_array_get(table(ws), n - 1)));
}

static bool is_of(const json_t *row, const void *workflow)
{
    return row_is(row, "workflow_id", workflow);
}

/* Highest step first; what came later before what came earlier. */
static json_t *by_step(json_t *newest)
{
    json_t *sorted = json_array();
    for (size_t i = 0; i < json_array_size(newest); i++) {
        json_t *row = json_array_get(newest, i);
        size_t at = 0;
        while (at < json_array_size(sorted) &&
               json_int(json_array_get(sorted, at), "step_index", 0) >=
                   json_int(row, "step_index", 0))
            at++;
        json_array_insert(sorted, at, row);
    }
    json_decref(newest);
    return sorted;
}

void checkpoint_list(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *list = by_step(rows_newest(table(ws), TABLE_MAX, is_of, call->params[1]));
    if (json_array_size(list) > 0) {
        call_struct(call, 200, list);
        return;
    }
    json_decref(list);
    call_error(call, 404, "no checkpoints found for workflow");
}

void checkpoint_delete(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_int_t deleted = 0;
    for (size_t i = json_array_size(table(ws)); i-- > 0;) {
        if (is_of(json_array_get(table(ws), i), call->params[1])) {
            json_array_remove(table(ws), i);
            deleted++;
        }
    }
    if (deleted == 0) {
        call_error(call, 404, "no checkpoints found for workflow");
        return;
    }
    call_json(call, 200,
              json_make("{s:I,s:s}", "deleted", deleted, "workflow_id", call->params[1]));
}
