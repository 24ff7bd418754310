#include "mocks/tenant/activity.h"

#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/num.h"
#include "base/strv.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/rows.h"

enum { ROWS_MAX = 500, PAGE = 100, SEARCH_MAX = 200, SEARCH_PAGE = 50 };
enum { SECS_MAX = 30 * 24 * 60 * 60 };

static json_t *rows_of(struct workspace *ws)
{
    return rest_array(ws->rest, "activity");
}

void activity_add(struct workspace *ws, const struct activity *a)
{
    const struct {
        const char *key;
        json_t *value;
    } optional[] = {{"request_body", a->request_body},
                    {"response_body", a->response_body},
                    {"tool_trace", a->tool_trace}};
    json_t *row = row_new();
    row_set(row, "workspace_id", ws->id);
    row_set(row, "activity_type", a->activity_type);
    row_set(row, "method", a->method);
    row_set(row, "source_id", a->source_id);
    row_set(row, "target_id", a->target_id);
    row_set(row, "summary", a->summary);
    row_set(row, "status", a->status);
    json_object_set_new(row, "duration_ms",
                        a->duration_ms ? a->duration_ms : json_null());
    row_set(row, "error_detail", a->error_detail);
    row_set_now(row, "created_at");
    for (size_t i = 0; i < ARRAY_SIZE(optional); i++)
        if (optional[i].value)
            json_object_set_new(row, optional[i].key, optional[i].value);
    (void)rows_add(rows_of(ws), row, ROWS_MAX);
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

/* ---- reading ---- */

struct filter {
    const char *type, *source, *peer; /* NULL or "" = any */
    int64_t before_ms, since_ms;      /* wall clock, 0 = any */
};

static const char *query_text(struct call *call, const char *name)
{
    const char *text = rest_query(call, name);
    return text ? text : "";
}

/* What is wrong with the query; NULL = nothing, and f is filled. */
static const char *read_filter(struct call *call, struct filter *f)
{
    const char *before = query_text(call, "before_ts");
    const char *since = query_text(call, "since_secs");
    int64_t seconds = 0;
    f->type = query_text(call, "type");
    f->source = query_text(call, "source");
    f->peer = query_text(call, "peer_id");
    if (f->peer[0] && !id_is_uuid(f->peer))
        return "peer_id must be a UUID";
    if (before[0] && !rest_parse_time(before, &f->before_ms))
        return "before_ts must be an RFC3339 timestamp (e.g. 2026-05-01T00:00:00Z)";
    if (since[0] && !num_parse(since, 1, INT64_MAX, &seconds))
        return "since_secs must be a positive integer";
    if (f->source[0] && strcmp(f->source, "canvas") != 0 &&
        strcmp(f->source, "agent") != 0)
        return "source must be 'canvas' or 'agent'";
    /* Real seconds under every pace, as the time stamps are real. */
    if (seconds > 0)
        f->since_ms = clock_wall_ms() - (seconds < SECS_MAX ? seconds : SECS_MAX) * 1000;
    return NULL;
}

static bool fits(const json_t *row, const struct filter *f)
{
    bool from_agent = json_is_string(json_object_get(row, "source_id"));
    if (f->type[0] && !row_is(row, "activity_type", f->type))
        return false;
    if (f->source[0] && from_agent != (strcmp(f->source, "agent") == 0))
        return false;
    if (f->peer[0] && !row_is(row, "source_id", f->peer) &&
        !row_is(row, "target_id", f->peer))
        return false;
    if (f->before_ms == 0 && f->since_ms == 0)
        return true;
    int64_t at = row_time(row, "created_at");
    return (f->before_ms == 0 || at < f->before_ms) && at >= f->since_ms;
}

/* include=a,b,c */
static bool includes(struct call *call, const char *flag)
{
    struct strv flags CLEANUP(strv_release) = STRV_INIT;
    strv_split(&flags, query_text(call, "include"), ',');
    return strv_has(&flags, flag);
}

static void add_peer_info(struct org *org, json_t *row)
{
    const char *peer_id = json_str(row, "source_id", "");
    const struct workspace *peer = ws_by_id(org, peer_id);
    if (!peer_id[0])
        return;
    if (peer && peer->name)
        row_set(row, "peer_name", peer->name);
    if (peer && peer->role && peer->role[0])
        row_set(row, "peer_role", peer->role);
    char *url CLEANUP(free_ptr) = xasprintf("%s/registry/discover/%s", org->url, peer_id);
    row_set(row, "agent_card_url", url);
}

void activity_list(struct call *call)
{
    struct filter f = {.before_ms = 0};
    const char *since = query_text(call, "since_id");
    int64_t limit = rest_query_limit(call, ROWS_MAX, PAGE);
    const char *fault = read_filter(call, &f);
    if (fault) {
        call_error(call, 400, fault);
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    const json_t *rows = rows_of(ws);
    size_t n = json_array_size(rows);
    int after = since[0] ? rest_row_index(rows, since) : -1;
    if (since[0] && after < 0) {
        call_error(call, 410,
                   "since_id cursor not found (row may have been pruned or belongs to a "
                   "different workspace); omit since_id to reset");
        return;
    }
    bool peer_info = includes(call, "peer_info");
    json_t *list = json_array();
    for (size_t k = after < 0 ? 0 : (size_t)after + 1; k < n; k++) {
        json_t *row = json_array_get(rows, since[0] ? k : n - 1 - k);
        if ((int64_t)json_array_size(list) >= limit || !fits(row, &f))
            continue;
        json_t *shown = json_copy(row);
        if (peer_info)
            add_peer_info(call->org, shown);
        json_array_append_new(list, shown);
    }
    call_json(call, 200, list);
}

/* Whether the text of the member has q in it, in any case. */
static bool mentions(const json_t *row, const char *key, const char *q)
{
    const json_t *value = json_object_get(row, key);
    if (json_is_string(value))
        return strcasestr(json_string_value(value), q) != NULL;
    if (!json_is_object(value) && !json_is_array(value))
        return false;
    char *text CLEANUP(free_ptr) = json_text(value, JSON_STRUCT);
    return strcasestr(text, q) != NULL;
}

static bool is_found(const json_t *row, const void *q)
{
    static const char *const where[] = {"summary", "activity_type", "method",
                                        "status",  "request_body",  "response_body"};
    for (size_t i = 0; i < ARRAY_SIZE(where); i++)
        if (mentions(row, where[i], q))
            return true;
    return *(const char *)q == '\0';
}

void session_search(struct call *call)
{
    static const char *const kept[] = {"id", "workspace_id", "created_at", "request_body",
                                       "response_body"};
    int64_t limit = rest_query_limit(call, SEARCH_MAX, SEARCH_PAGE);
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *found CLEANUP(json_drop) =
        rows_newest(rows_of(ws), (size_t)limit, is_found, query_text(call, "q"));
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(found); i++) {
        const json_t *row = json_array_get(found, i);
        json_t *item = json_make("{s:s}", "kind", "activity");
        row_set(item, "label", json_str(row, "activity_type", ""));
        row_set(item, "content", json_str(row, "summary", ""));
        row_set(item, "method", json_str(row, "method", ""));
        row_set(item, "status", json_str(row, "status", ""));
        for (size_t k = 0; k < ARRAY_SIZE(kept); k++)
            if (json_object_get(row, kept[k]))
                json_object_set(item, kept[k], json_object_get(row, kept[k]));
        json_array_append_new(list, item);
    }
    call_json(call, 200, list);
}

/* ---- writing ---- */

static bool is_type(const char *type)
{
    static const char *const types[] = {"a2a_send",  "a2a_receive",     "task_update",
                                        "agent_log", "skill_promotion", "memory_write",
                                        "error"};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

/* A copy of the first of the two members that is there and not null; NULL = neither. */
static json_t *copy_of(const json_t *body, const char *key, const char *instead)
{
    const json_t *value = json_object_get(body, key);
    if (!value || json_is_null(value))
        value = json_object_get(body, instead);
    return value && !json_is_null(value) ? json_deep_copy(value) : NULL;
}

void activity_create(struct call *call)
{
    static const struct rest_field fields[] = {
        {"activity_type", 's'}, {"method", 's'},     {"summary", 's'},
        {"target_id", 's'},     {"source_id", 's'},  {"status", 's'},
        {"error_detail", 's'},  {"duration_ms", 'i'}};
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *type = rest_given(body, "activity_type");
    if (!type || !rest_fields_ok(body, fields, ARRAY_SIZE(fields))) {
        call_error(call, 400, "invalid request body");
        return;
    }
    if (!is_type(type)) {
        call_error(call, 400,
                   "invalid activity_type, must be one of: a2a_send, a2a_receive, "
                   "task_update, agent_log, skill_promotion, memory_write, error");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    const char *source_id = rest_given(body, "source_id");
    if (source_id && strcmp(source_id, ws->id) != 0) {
        call_error(call, 403, "source_id must match authenticated workspace");
        return;
    }
    const char *status = rest_given(body, "status");
    activity_add(ws,
                 &(struct activity){
                     .activity_type = type,
                     .method = rest_given(body, "method"),
                     .source_id = ws->id,
                     .target_id = rest_given(body, "target_id"),
                     .summary = rest_given(body, "summary"),
                     .status = status ? status : "ok",
                     .error_detail = rest_given(body, "error_detail"),
                     .duration_ms = copy_of(body, "duration_ms", "duration_ms"),
                     .tool_trace = copy_of(body, "tool_trace", "tool_trace"),
                     .request_body = copy_of(body, "request_body", "metadata"),
                     .response_body = copy_of(body, "response_body", "response_body")});
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
            json_array_append_new(list, json_copy(event));
    }
    call_json(call, 200, list);
}
