#include "mocks/tenant/a2a_queue.h"

#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "io/http.h"
#include "io/json.h"
#include "mocks/tenant/a2a.h"
#include "mocks/tenant/delegation.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

/* A message whose answer nobody waits for any more (the platform ended meanwhile) is
 * dispatched again after the time that an agent has for an answer. */
enum { ROWS_MAX = 200, ATTEMPTS_MAX = 5, LOST_MS = 300000 };

static json_t *rows_of(struct workspace *ws)
{
    return rest_array(ws->rest, "a2a_queue");
}

static bool has_status(const json_t *row, const char *status)
{
    return strcmp(json_str(row, "status", ""), status) == 0;
}

const char *a2a_queue_add(struct workspace *target, const struct workspace *from,
                          const json_t *message, const char *delegation_id)
{
    char id[37];
    json_t *rows = rows_of(target);
    id_uuid4(id);
    json_t *row =
        json_make("{s:s,s:s,s:I,s:o,s:s*,s:s*}", "id", id, "status", "queued", "attempts",
                  (json_int_t)1, "message", json_deep_copy(message), "from",
                  from ? from->id : NULL, "delegation_id", delegation_id);
    json_object_set_new(row, "enqueued_at", json_integer(clock_wall_ms()));
    json_array_append_new(rows, row);
    if (json_array_size(rows) > ROWS_MAX)
        json_array_remove(rows, 0);
    return json_str(row, "id", "");
}

size_t a2a_queue_depth(struct workspace *target)
{
    size_t n = 0;
    size_t i = 0;
    const json_t *row = NULL;
    json_array_foreach(rows_of(target), i, row) n += has_status(row, "queued") ? 1 : 0;
    return n;
}

/* ---- dispatch ---- */

struct dispatch {
    json_t *row; /* owned */
};

static void settle(json_t *row, struct workspace *target,
                   const struct http_response *resp)
{
    json_t *answer = NULL;
    struct err err = ERR_INIT;
    const char *from = json_str(row, "from", NULL);
    const char *delegation = json_str(row, "delegation_id", NULL);
    char *text CLEANUP(free_ptr) = a2a_reply_text(resp);
    if (json_parse(resp->body.data, resp->body.len, &answer, &err) < 0)
        answer = rest_text(resp->body.data, resp->body.len);
    json_object_set_new(row, "status", json_string("completed"));
    json_object_set_new(row, "completed_at", json_integer(clock_wall_ms()));
    json_object_set_new(row, "response_body", answer);
    struct workspace *owner = from ? ws_by_id(target->org, from) : NULL;
    if (owner && delegation)
        delegation_settle(owner, delegation, text);
}

static void dispatched(struct workspace *target, enum a2a_post how,
                       const struct http_response *resp, void *arg)
{
    struct dispatch *d = arg;
    bool busy = how == A2A_POST_ANSWERED && (resp->status == 503 || resp->status == 429);
    if (how == A2A_POST_ANSWERED && !busy) {
        settle(d->row, target, resp);
    } else {
        bool over = json_int(d->row, "attempts", 0) >= ATTEMPTS_MAX && !busy;
        json_object_set_new(d->row, "status", json_string(over ? "failed" : "queued"));
        json_object_set_new(d->row, "last_error",
                            json_string(busy ? "workspace agent busy"
                                             : "failed to reach workspace agent"));
    }
    json_decref(d->row);
    free(d);
}

static bool is_due(const json_t *row)
{
    return has_status(row, "queued") ||
           (has_status(row, "dispatched") &&
            clock_wall_ms() - json_int(row, "dispatched_at", 0) > LOST_MS);
}

void a2a_queue_drain(struct workspace *target)
{
    size_t i = 0;
    json_t *row = NULL;
    bool up =
        strcmp(target->status, "online") == 0 || strcmp(target->status, "degraded") == 0;
    if (!up || !target->url[0] || target->active_tasks >= target->max_concurrent_tasks)
        return;
    json_array_foreach(rows_of(target), i, row)
    {
        if (!is_due(row))
            continue;
        struct dispatch *d = xcalloc(1, sizeof(*d));
        d->row = json_incref(row);
        json_object_set_new(row, "status", json_string("dispatched"));
        json_object_set_new(row, "attempts",
                            json_integer(json_int(row, "attempts", 0) + 1));
        json_object_set_new(row, "dispatched_at", json_integer(clock_wall_ms()));
        a2a_post(target, json_str(row, "from", NULL), json_object_get(row, "message"),
                 dispatched, d);
        return;
    }
}

/* ---- route ---- */

static void add_time(json_t *view, const json_t *row, const char *name)
{
    int64_t at = json_int(row, name, 0);
    if (at)
        json_object_set_new(view, name, rest_time(at));
}

static json_t *view_of(const struct workspace *ws, const json_t *row)
{
    json_t *view =
        json_make("{s:s,s:s,s:s,s:i,s:I}", "queue_id", json_str(row, "id", ""),
                  "workspace_id", ws->id, "status", json_str(row, "status", ""),
                  "priority", 50, "attempts", (json_int_t)json_int(row, "attempts", 0));
    json_t *error = json_object_get(row, "last_error");
    json_t *answer = json_object_get(row, "response_body");
    if (error)
        json_object_set(view, "last_error", error);
    add_time(view, row, "enqueued_at");
    add_time(view, row, "dispatched_at");
    add_time(view, row, "completed_at");
    if (answer)
        json_object_set(view, "response_body", answer);
    return view;
}

/* The user, the sender and the target may ask. */
static bool may_see(const char *caller, const struct workspace *ws, const json_t *row)
{
    return !caller || strcmp(caller, ws->id) == 0 ||
           strcmp(caller, json_str(row, "from", "")) == 0;
}

void a2a_queue_get(struct call *call)
{
    const char *id = call->req ? httpd_header(call->req, "X-Workspace-ID") : NULL;
    const char *caller = id && id[0] ? id : NULL;
    if (!caller && strcmp(call->auth, "open") == 0) {
        call_error(call, 401, "caller identity required");
        return;
    }
    if (!caller && call->token && call->token->kind != TOKEN_ORG)
        caller = call->token->ws->id;
    struct workspace *ws = rest_ws(call);
    int at = ws && call->params[1] ? rest_row_index(rows_of(ws), call->params[1]) : -1;
    const json_t *row = at < 0 ? NULL : json_array_get(rows_of(ws), (size_t)at);
    if (!row || !may_see(caller, ws, row))
        call_json(
            call, 404,
            json_make("{s:s,s:b}", "error", "queue item not found", "retryable", 1));
    else
        call_struct(call, 200, view_of(ws, row));
}
