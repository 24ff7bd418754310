#include "mocks/tenant/activity.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/num.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

enum { ROWS_MAX = 500, PAGE = 100 };

static json_t *rows_of(struct workspace *ws)
{
    return rest_array(ws->rest, "activity");
}

void activity_add(struct workspace *ws, const struct activity *a)
{
    char id[37];
    json_t *rows = rows_of(ws);
    id_uuid4(id);
    json_t *row = json_make(
        "{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:o,s:n,s:n,s:o}", "id", id, "workspace_id", ws->id,
        "activity_type", a->activity_type, "method", rest_string(a->method), "source_id",
        rest_string(a->source_id), "target_id", rest_string(a->target_id), "summary",
        rest_string(a->summary), "status", rest_string(a->status), "duration_ms",
        "error_detail", "created_at", rest_time(clock_wall_ms()));
    if (a->request_body)
        json_object_set_new(row, "request_body", a->request_body);
    if (a->response_body)
        json_object_set_new(row, "response_body", a->response_body);
    json_array_append_new(rows, row);
    if (json_array_size(rows) > ROWS_MAX)
        json_array_remove(rows, 0);
}

static const char *message_id_of(const json_t *row)
{
    const json_t *request = json_object_get(row, "request_body");
    const json_t *params = json_object_get(request, "params");
    return json_str(json_object_get(params, "message"), "messageId", "");
}

bool activity_has_message(struct workspace *ws, const char *message_id)
{
    json_t *rows = rows_of(ws);
    for (size_t i = json_array_size(rows); i-- > 0;)
        if (strcmp(message_id_of(json_array_get(rows, i)), message_id) == 0)
            return true;
    return false;
}

/* ---- routes ---- */

void activity_list(struct call *call)
{
    const char *type = rest_query(call, "type");
    const char *source = rest_query(call, "source");
    const char *since = rest_query(call, "since_id");
    const char *limit_text = rest_query(call, "limit");
    int64_t limit = PAGE;
    if (source && source[0] && strcmp(source, "canvas") != 0 &&
        strcmp(source, "agent") != 0) {
        call_error(call, 400, "source must be 'canvas' or 'agent'");
        return;
    }
    if (limit_text && !num_parse(limit_text, 1, ROWS_MAX, &limit))
        limit = PAGE;
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *rows = rows_of(ws);
    size_t n = json_array_size(rows);
    bool oldest_first = since && since[0];
    int after = oldest_first ? rest_row_index(rows, since) : -1;
    if (oldest_first && after < 0) {
        call_error(call, 410,
                   "since_id cursor not found (row may have been pruned or belongs to a "
                   "different workspace); omit since_id to reset");
        return;
    }
    json_t *list = json_array();
    size_t first = oldest_first ? (size_t)after + 1 : 0;
    for (size_t k = first; k < n && (int64_t)json_array_size(list) < limit; k++) {
        json_t *row = json_array_get(rows, oldest_first ? k : n - 1 - k);
        bool from_agent = json_is_string(json_object_get(row, "source_id"));
        if (type && type[0] && strcmp(json_str(row, "activity_type", ""), type) != 0)
            continue;
        if (source && source[0] && from_agent != (strcmp(source, "agent") == 0))
            continue;
        json_array_append(list, row);
    }
    call_json(call, 200, list);
}

void activity_create(struct call *call)
{
    static const char *const types[] = {"a2a_send",  "a2a_receive",     "task_update",
                                        "agent_log", "skill_promotion", "memory_write",
                                        "error"};
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *type = json_str(body, "activity_type", "");
    bool known = false;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        known = known || strcmp(types[i], type) == 0;
    if (!known) {
        call_error(call, 400,
                   "invalid activity_type, must be one of: a2a_send, a2a_receive, "
                   "task_update, agent_log, skill_promotion, memory_write, error");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    const char *source_id = json_str(body, "source_id", ws->id);
    if (strcmp(source_id, ws->id) != 0) {
        call_error(call, 403, "source_id must match authenticated workspace");
        return;
    }
    json_t *request = json_object_get(body, "request_body");
    json_t *response = json_object_get(body, "response_body");
    activity_add(ws, &(struct activity){
                         .activity_type = type,
                         .method = json_str(body, "method", NULL),
                         .source_id = source_id,
                         .target_id = json_str(body, "target_id", NULL),
                         .summary = json_str(body, "summary", NULL),
                         .status = json_str(body, "status", "ok"),
                         .request_body = request ? json_deep_copy(request) : NULL,
                         .response_body = response ? json_deep_copy(response) : NULL});
    call_json(call, 200, json_make("{s:s}", "status", "logged"));
}

void event_list(struct call *call)
{
    const char *ws_id = call->params[0];
    const json_t *events = call->org->events;
    json_t *list = json_array();
    for (size_t i = json_array_size(events); i-- > 0 && json_array_size(list) < PAGE;) {
        json_t *event = json_array_get(events, i);
        if (!ws_id || strcmp(json_str(event, "workspace_id", ""), ws_id) == 0)
            json_array_append(list, event);
    }
    call_json(call, 200, list);
}

void audit_list(struct call *call)
{
    const char *from = rest_query(call, "from");
    struct tm tm = {.tm_isdst = 0};
    if (from && from[0] && !strptime(from, "%Y-%m-%dT%H:%M:%S", &tm)) {
        call_error(call, 400, "from must be RFC 3339 (e.g. 2026-04-17T00:00:00Z)");
        return;
    }
    const struct workspace *ws = rest_ws(call);
    json_t *events = json_array();
    size_t n = ws ? json_array_size(ws->audit) : 0;
    for (size_t i = 0; i < n; i++) {
        json_t *row = json_array_get(ws->audit, i);
        /* Both are in the same form, so the text compares as the time does. */
        if (!from || strcmp(json_str(row, "ts", ""), from) >= 0)
            json_array_append(events, row);
    }
    if (fault_mode(call->org, "audit"))
        rest_fault(call, "audit");
    call_json(call, 200,
              json_make("{s:n,s:o,s:I}", "chain_valid", "events", events, "total",
                        (json_int_t)json_array_size(events)));
}
