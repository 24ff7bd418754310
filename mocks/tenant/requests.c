/*
 * Requests between agents and users: one asks for a task or an approval, the other
 * settles it, both may talk about it. Routes below a workspace act as that workspace, the
 * routes without one act as the user. Wire shapes: the group "requests" of
 * mocks/contracts/routes.json.
 */
#include <string.h>

#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/rows.h"

enum { PAGE = 50, MESSAGES_MAX = 200, TABLE_MAX = 10000 };

static const char not_found[] = "request not found";
static const char not_open[] = "request not found or already resolved";
static const char bad_party[] = "request: type must be 'user' or 'agent'";

static json_t *table(struct call *call)
{
    return rest_array(call->org->rest, "requests");
}

static json_t *messages(struct call *call)
{
    return rest_array(call->org->rest, "request_messages");
}

static bool is_party_type(const char *type)
{
    return strcmp(type, "user") == 0 || strcmp(type, "agent") == 0;
}

static bool is_open(const json_t *row)
{
    return row_is(row, "status", "pending") || row_is(row, "status", "info_requested");
}

/* role: "requester" or "recipient". */
static bool is_agent(const json_t *row, const char *role, const char *id)
{
    bool requester = strcmp(role, "requester") == 0;
    return row_is(row, requester ? "requester_type" : "recipient_type", "agent") &&
           row_is(row, requester ? "requester_id" : "recipient_id", id);
}

/* The request and who acts on it. */
struct act {
    json_t *row;
    const char *ws_id; /* NULL = the user */
};

/* Fills act; false: 404 with this text was answered. */
static bool need_request(struct call *call, const char *absent, struct act *act)
{
    bool as_workspace = call->params[1] != NULL;
    act->ws_id = as_workspace ? call->params[0] : NULL;
    act->row = rows_find(table(call), call->params[as_workspace ? 1 : 0]);
    if (act->row)
        return true;
    call_error(call, 404, absent);
    return false;
}

/* Whether it is the workspace that acts. */
static bool is_role(const struct act *act, const char *role)
{
    return act->ws_id && is_agent(act->row, role, act->ws_id);
}

static bool is_participant(const struct act *act)
{
    return is_role(act, "requester") || is_role(act, "recipient");
}

/* False: 403 was answered. The user may do what any party may. */
static bool need_role(struct call *call, const struct act *act, bool allowed,
                      const char *text)
{
    if (!act->ws_id || allowed)
        return true;
    call_error(call, 403, text);
    return false;
}

/* An event tells the agent that has to look: the one named first if it is one of the
 * organisation's, else the other. payload: taken. */
static void tell(struct call *call, const json_t *row, const char *first,
                 const char *second, const char *event_type, json_t *payload)
{
    struct workspace *ws = ws_by_id(call->org, json_str(row, first, ""));
    if (!ws)
        ws = ws_by_id(call->org, json_str(row, second, ""));
    json_object_set_new(payload, "request_id", json_string(json_str(row, "id", "")));
    if (ws)
        event_add(call->org, ws, event_type, payload);
    else
        json_decref(payload);
}

/* ---- asking ---- */

/* The id of the workspace that is above all others here. */
static const char *root_of(const struct workspace *ws)
{
    const struct workspace *at = ws;
    for (size_t hops = 0; hops <= ws->org->ws_n && ws_parent(at); hops++)
        at = ws_parent(at);
    return at->id;
}

static json_t *new_request(const struct workspace *ws, json_t *body)
{
    static const char *const given[] = {"recipient_type", "recipient_id", "title"};
    static const char *const later[] = {"responder_type", "responder_id"};
    json_t *row = row_new();
    row_set(row, "kind", json_str(body, "kind", ""));
    row_set(row, "requester_type", "agent");
    row_set(row, "requester_id", ws->id);
    row_set(row, "org_id", root_of(ws));
    for (size_t i = 0; i < ARRAY_SIZE(given); i++)
        row_set(row, given[i], json_str(body, given[i], ""));
    row_set(row, "detail", rest_given(body, "detail"));
    row_set(row, "status", "pending");
    for (size_t i = 0; i < ARRAY_SIZE(later); i++)
        row_set(row, later[i], NULL);
    json_t *priority = json_object_get(body, "priority");
    json_object_set_new(row, "priority", priority ? json_incref(priority) : json_null());
    row_set_now(row, "created_at");
    json_object_set(row, "updated_at", json_object_get(row, "created_at"));
    row_set(row, "responded_at", NULL);
    return row;
}

void request_create(struct call *call)
{
    static const struct rest_field fields[] = {
        {"kind", 's'},  {"recipient_type", 's'}, {"recipient_id", 's'},
        {"title", 's'}, {"detail", 's'},         {"priority", 'i'}};
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *kind = rest_given(body, "kind");
    const char *type = rest_given(body, "recipient_type");
    if (!rest_fields_ok(body, fields, ARRAY_SIZE(fields)) || !kind || !type ||
        !rest_given(body, "title")) {
        call_error(call, 400, "invalid request body");
        return;
    }
    if (strcmp(kind, "task") != 0 && strcmp(kind, "approval") != 0) {
        call_error(call, 400, "request: kind must be 'task' or 'approval'");
        return;
    }
    if (!is_party_type(type)) {
        call_error(call, 400, bad_party);
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    json_t *row = rows_add(table(call), new_request(ws, body), TABLE_MAX);
    tell(call, row, "recipient_id", "requester_id", "REQUEST_CREATED",
         json_make("{s:s,s:O,s:O,s:O}", "kind", kind, "recipient_type",
                   json_object_get(row, "recipient_type"), "recipient_id",
                   json_object_get(row, "recipient_id"), "title",
                   json_object_get(row, "title")));
    call_json(call, 201,
              json_make("{s:s,s:s}", "request_id", json_str(row, "id", ""), "status",
                        "pending"));
}

/* ---- lists ---- */

struct wanted {
    const char *role, *ws_id;           /* ws_id NULL = everybody's open ones */
    const char *status, *kind, *org_id; /* NULL or "" = any */
};

static bool fits_text(const json_t *row, const char *key, const char *value)
{
    return !value || !value[0] || row_is(row, key, value);
}

static bool fits(const json_t *row, const void *arg)
{
    const struct wanted *w = arg;
    bool mine = w->ws_id ? is_agent(row, w->role, w->ws_id) : is_open(row);
    return mine && fits_text(row, "status", w->status) &&
           fits_text(row, "kind", w->kind) && fits_text(row, "org_id", w->org_id);
}

static void list_of(struct call *call, const char *role)
{
    struct wanted w = {
        .role = role, .ws_id = call->params[0], .status = rest_query(call, "status")};
    if (rest_need_ws(call))
        call_struct(call, 200, rows_newest(table(call), PAGE, fits, &w));
}

void request_list(struct call *call)
{
    list_of(call, "requester");
}

void request_inbox(struct call *call)
{
    list_of(call, "recipient");
}

void request_pending(struct call *call)
{
    struct wanted w = {.kind = rest_query(call, "kind"),
                       .org_id = rest_query(call, "org_id")};
    if (w.kind && w.kind[0] && strcmp(w.kind, "task") != 0 &&
        strcmp(w.kind, "approval") != 0) {
        call_error(call, 400, "kind must be 'task' or 'approval'");
        return;
    }
    json_t *list = rows_newest(table(call), PAGE, fits, &w);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *row = json_array_get(list, i);
        const struct workspace *ws =
            ws_by_id(call->org, json_str(row, "requester_id", ""));
        if (ws)
            row_set(row, "workspace_name", ws->name);
    }
    call_struct(call, 200, list);
}

/* ---- one ---- */

static bool is_about(const json_t *message, const void *request_id)
{
    return row_is(message, "request_id", request_id);
}

void request_get(struct call *call)
{
    struct act act;
    if (!need_request(call, not_found, &act) ||
        !need_role(call, &act, is_participant(&act), "not a participant"))
        return;
    json_t *newest =
        rows_newest(messages(call), MESSAGES_MAX, is_about, json_str(act.row, "id", ""));
    json_t *oldest = json_array();
    for (size_t i = json_array_size(newest); i-- > 0;)
        json_array_append(oldest, json_array_get(newest, i));
    json_decref(newest);
    call_struct(
        call, 200,
        json_make("{s:o,s:o}", "messages", oldest, "request", json_copy(act.row)));
}

/* What settles a request of this kind. */
static bool action_fits(const json_t *row, const char *action)
{
    static const struct {
        const char *kind, *action;
    } pairs[] = {{"task", "done"},
                 {"task", "rejected"},
                 {"approval", "approved"},
                 {"approval", "rejected"}};
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        if (row_is(row, "kind", pairs[i].kind) && strcmp(pairs[i].action, action) == 0)
            return true;
    return false;
}

static void answer_status(struct call *call, const json_t *row, const char *status)
{
    call_json(
        call, 200,
        json_make("{s:s,s:s}", "request_id", json_str(row, "id", ""), "status", status));
}

static void settle(struct call *call, const struct act *act, const char *action,
                   const char *type, const char *id)
{
    row_set(act->row, "status", action);
    row_set(act->row, "responder_type", type);
    row_set(act->row, "responder_id", id[0] ? id : "human");
    row_set_now(act->row, "responded_at");
    row_set_now(act->row, "updated_at");
    tell(call, act->row, "requester_id", "recipient_id", "REQUEST_RESPONDED",
         json_make("{s:O,s:O,s:s,s:O,s:O}", "kind", json_object_get(act->row, "kind"),
                   "title", json_object_get(act->row, "title"), "status", action,
                   "responder_type", json_object_get(act->row, "responder_type"),
                   "responder_id", json_object_get(act->row, "responder_id")));
}

void request_respond(struct call *call)
{
    struct act act;
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *action = rest_given(body, "action");
    if (!action) {
        call_error(call, 400, "invalid request body");
        return;
    }
    if (!need_request(call, not_open, &act) ||
        !need_role(call, &act, is_role(&act, "recipient"), "not the recipient"))
        return;
    /* Below a workspace the route tells who answers, whatever the body says. */
    const char *said = rest_given(body, "responder_type");
    const char *type = act.ws_id ? "agent" : said ? said : "user";
    if (said && !is_party_type(said)) {
        call_error(call, 400, bad_party);
        return;
    }
    if (!action_fits(act.row, action)) {
        call_error(call, 400, "request: invalid action for this request kind");
        return;
    }
    if (!is_open(act.row)) {
        call_error(call, 404, not_open);
        return;
    }
    settle(call, &act, action, type,
           act.ws_id ? act.ws_id : json_str(body, "responder_id", ""));
    answer_status(call, act.row, action);
}

void request_message(struct call *call)
{
    struct act act;
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *text = rest_given(body, "body");
    const char *type = rest_given(body, "author_type");
    if (!text || !type) {
        call_error(call, 400, "invalid request body");
        return;
    }
    if (!need_request(call, not_found, &act) ||
        !need_role(call, &act, is_participant(&act), "not a participant"))
        return;
    if (!is_party_type(type)) {
        call_error(call, 400, bad_party);
        return;
    }
    json_t *row = row_new();
    row_set(row, "request_id", json_str(act.row, "id", ""));
    row_set(row, "author_type", act.ws_id ? "agent" : type);
    row_set(row, "author_id", act.ws_id ? act.ws_id : json_str(body, "author_id", ""));
    row_set(row, "body", text);
    row_set_now(row, "created_at");
    (void)rows_add(messages(call), row, TABLE_MAX);
    /* A question from the one who was asked: it is the requester's turn. */
    bool by_requester = row_is(row, "author_type", "agent") &&
                        is_agent(act.row, "requester", json_str(row, "author_id", ""));
    if (!by_requester && is_open(act.row)) {
        row_set(act.row, "status", "info_requested");
        row_set_now(act.row, "updated_at");
    }
    tell(call, act.row, "requester_id", "recipient_id", "REQUEST_MESSAGE",
         json_make("{s:O,s:O,s:O}", "message_id", json_object_get(row, "id"),
                   "author_type", json_object_get(row, "author_type"), "author_id",
                   json_object_get(row, "author_id")));
    call_json(call, 201,
              json_make("{s:O,s:O,s:s}", "message_id", json_object_get(row, "id"),
                        "request_id", json_object_get(act.row, "id"), "status",
                        "created"));
}

void request_cancel(struct call *call)
{
    struct act act;
    if (!need_request(call, not_open, &act) ||
        !need_role(call, &act, is_role(&act, "requester"), "not the requester"))
        return;
    if (!is_open(act.row)) {
        call_error(call, 404, not_open);
        return;
    }
    row_set(act.row, "status", "cancelled");
    row_set_now(act.row, "updated_at");
    answer_status(call, act.row, "cancelled");
}
