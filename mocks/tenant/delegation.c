#include "mocks/tenant/delegation.h"

#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/tenant/a2a.h"
#include "mocks/tenant/discovery.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

enum { ROWS_MAX = 500 };

static json_t *rows_of(struct workspace *ws)
{
    return rest_array(ws->rest, "delegations");
}

static json_t *row_add(struct workspace *from, const char *id, const char *target_id,
                       const char *task, const char *status)
{
    json_t *rows = rows_of(from);
    char now[32];
    json_t *row =
        json_make("{s:s,s:s,s:s,s:s,s:o,s:s,s:n,s:n,s:s,s:s}", "id", id, "delegation_id",
                  id, "source_id", from->id, "target_id", target_id, "task",
                  rest_string(task), "status", status, "result", "error", "created_at",
                  clock_rfc3339(clock_wall_ms(), now), "updated_at", now);
    json_array_append_new(rows, row);
    if (json_array_size(rows) > ROWS_MAX)
        json_array_remove(rows, 0);
    return row;
}

json_t *delegation_find(struct workspace *from, const char *delegation_id)
{
    int at = rest_row_index(rows_of(from), delegation_id);
    return at < 0 ? NULL : json_array_get(rows_of(from), (size_t)at);
}

/* result, error: NULL = left as they are. */
static void row_set(json_t *row, const char *status, const char *result,
                    const char *error)
{
    json_object_set_new(row, "status", json_string(status));
    json_object_set_new(row, "updated_at", rest_time(clock_wall_ms()));
    if (result)
        json_object_set_new(row, "result", rest_string(result));
    if (error)
        json_object_set_new(row, "error", rest_string(error));
}

void delegation_settle(struct workspace *from, const char *delegation_id,
                       const char *text)
{
    json_t *row = delegation_find(from, delegation_id);
    if (row)
        row_set(row, text ? "completed" : "failed", text,
                text ? NULL : "the agent gave no answer");
}

struct task {
    struct workspace *from;
    char id[37];
};

static void delivered(struct workspace *target, const struct a2a_result *result,
                      void *arg)
{
    struct task *task = arg;
    json_t *row = delegation_find(task->from, task->id);
    (void)target;
    if (result->outcome == A2A_ANSWERED) {
        char *text CLEANUP(free_ptr) = a2a_reply_text(result->resp);
        delegation_settle(task->from, task->id, text);
    } else if (row && (result->outcome == A2A_QUEUED || result->outcome == A2A_POLLED)) {
        row_set(row, "queued", NULL, NULL);
    } else if (row) {
        row_set(row, "failed", NULL, "failed to reach workspace agent");
    }
    free(task);
}

json_t *delegation_start(struct workspace *from, const char *target_id, const char *task,
                         const json_t *attachments)
{
    char id[37];
    id_uuid4(id);
    json_t *row = row_add(from, id, target_id, task, "pending");
    struct workspace *target = ws_by_id(from->org, target_id);
    if (!target || !ws_live(target) || !discovery_allowed(from, target)) {
        row_set(row, "failed", NULL, "target workspace cannot be reached from here");
        return row;
    }
    struct task *t = xcalloc(1, sizeof(*t));
    t->from = from;
    memcpy(t->id, id, sizeof(id));
    row_set(row, "dispatched", NULL, NULL);
    a2a_deliver(target, from, a2a_text_message(task, attachments), id, delivered, t);
    return row;
}

/* ---- routes ---- */

/* Reads target_id and task of a delegation; false = answered. */
static bool read_target(struct call *call, const struct workspace *from,
                        const char **target, const char **task)
{
    const json_t *body = call_body(call);
    *target = json_str(body, "target_id", "");
    *task = json_str(body, "task", "");
    const char *refusal = !json_is_object(body) || !(*target)[0] || !(*task)[0]
                              ? "invalid delegation request"
                          : !id_is_uuid(*target) ? "target_id must be a valid UUID"
                          : strcmp(*target, from->id) == 0
                              ? "self-delegation not permitted"
                              : NULL;
    if (refusal)
        call_error(call, 400, refusal);
    return refusal == NULL;
}

/* Of a client that repeats its request; NULL = it is new. */
static json_t *find_same(struct workspace *from, const char *key)
{
    size_t i = 0;
    json_t *row = NULL;
    json_array_foreach(rows_of(from), i, row)
    {
        if (strcmp(json_str(row, "idempotency_key", ""), key) == 0 &&
            strcmp(json_str(row, "status", ""), "failed") != 0)
            return row;
    }
    return NULL;
}

void delegation_create(struct call *call)
{
    const char *target = NULL;
    const char *task = NULL;
    struct workspace *from = rest_need_ws(call);
    if (!from || !read_target(call, from, &target, &task))
        return;
    const char *key = json_str(call_body(call), "idempotency_key", "");
    json_t *row = key[0] ? find_same(from, key) : NULL;
    if (!row) {
        row = delegation_start(from, target, task, NULL);
        if (key[0])
            json_object_set_new(row, "idempotency_key", rest_string(key));
    }
    call_json(call, 202,
              json_make("{s:s,s:s,s:s}", "delegation_id", json_str(row, "id", ""),
                        "status", "delegated", "target_id",
                        json_str(row, "target_id", "")));
}

void delegation_list(struct call *call)
{
    struct workspace *from = rest_need_ws(call);
    if (!from)
        return;
    json_t *list = json_array();
    for (size_t i = json_array_size(rows_of(from)); i-- > 0;)
        json_array_append(list, json_array_get(rows_of(from), i));
    call_json(call, 200, list);
}

void delegation_record(struct call *call)
{
    char fresh[37];
    const char *target = NULL;
    const char *task = NULL;
    struct workspace *from = rest_need_ws(call);
    if (!from || !read_target(call, from, &target, &task))
        return;
    id_uuid4(fresh);
    const char *id = json_str(call_body(call), "delegation_id", fresh);
    if (!delegation_find(from, id))
        (void)row_add(from, id, target, task, "dispatched");
    call_json(
        call, 202,
        json_make("{s:o,s:s}", "delegation_id", rest_string(id), "status", "recorded"));
}

void delegation_update(struct call *call)
{
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    struct workspace *from = rest_need_ws(call);
    if (!from)
        return;
    const char *status = json_str(body, "status", "");
    if (!status[0]) {
        call_error(call, 400, "invalid request body");
        return;
    }
    json_t *row = call->params[1] ? delegation_find(from, call->params[1]) : NULL;
    if (!row) {
        call_error(call, 404, "delegation not found");
        return;
    }
    row_set(row, status, json_str(body, "response_preview", NULL),
            json_str(body, "error", NULL));
    call_json(call, 200,
              json_make("{s:s,s:s}", "delegation_id", json_str(row, "id", ""), "status",
                        status));
}
