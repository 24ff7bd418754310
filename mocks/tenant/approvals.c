#include "mocks/tenant/approvals.h"

#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"

static json_t *rows_of(struct org *org)
{
    return rest_array(org->rest, "approvals");
}

/* The newest approval of this operation in this state that was not used yet. */
static json_t *find_row(struct org *org, const char *ws_id, const char *action,
                        const char *context, const char *status)
{
    json_t *rows = rows_of(org);
    for (size_t i = json_array_size(rows); i-- > 0;) {
        json_t *row = json_array_get(rows, i);
        if (strcmp(json_str(row, "workspace_id", ""), ws_id) == 0 &&
            strcmp(json_str(row, "action", ""), action) == 0 &&
            strcmp(json_str(row, "context", ""), context) == 0 &&
            strcmp(json_str(row, "status", ""), status) == 0 &&
            !json_bool(row, "consumed", false))
            return row;
    }
    return NULL;
}

static json_t *add_row(struct workspace *ws, const char *action, const char *reason,
                       const char *context)
{
    char id[37];
    id_uuid4(id);
    json_t *row =
        json_make("{s:s,s:s,s:n,s:s,s:o,s:s,s:s,s:n,s:n,s:o}", "id", id, "workspace_id",
                  ws->id, "task_id", "action", action, "reason", rest_string(reason),
                  "context", context, "status", "pending", "decided_by", "decided_at",
                  "created_at", rest_time(clock_wall_ms()));
    json_array_append_new(rows_of(ws->org), row);
    event_add(ws->org, ws, "APPROVAL_REQUESTED",
              json_make("{s:s,s:s,s:o}", "approval_id", id, "action", action, "reason",
                        rest_string(reason)));
    const struct workspace *parent = ws_parent(ws);
    if (parent)
        event_add(ws->org, parent, "APPROVAL_ESCALATED",
                  json_make("{s:s,s:s}", "approval_id", id, "action", action));
    return row;
}

static bool gate(struct call *call, struct workspace *anchor, const char *action,
                 const char *reason, const char *context)
{
    char hash[65];
    sha256_hex(context, strlen(context), hash);
    json_t *row = find_row(call->org, anchor->id, action, hash, "approved");
    if (row) {
        json_object_set_new(row, "consumed", json_true());
        call_decide(call, "approval consumed");
        return true;
    }
    row = find_row(call->org, anchor->id, action, hash, "pending");
    if (!row)
        row = add_row(anchor, action, reason, hash);
    call_decide(call, "approval pending");
    call_json(call, 202,
              json_make("{s:s,s:s,s:s,s:s}", "action", action, "approval_id",
                        json_str(row, "id", ""), "reason", reason, "status",
                        "pending_approval"));
    return false;
}

bool approval_need_secret_write(struct call *call, struct workspace *anchor,
                                const char *key)
{
    bool by_org_token = call->auth && strcmp(call->auth, "org_token") == 0;
    if (!by_org_token || !anchor || switch_is(call->org, "approvals_gate", "off"))
        return true;
    char *reason CLEANUP(free_ptr) = xasprintf("write secret %s", key);
    return gate(call, anchor, "secret_write", reason, reason);
}

bool approval_need_org_token(struct call *call, const char *name)
{
    if (switch_is(call->org, "approvals_gate", "off"))
        return true;
    struct workspace *anchor =
        call->token ? call->token->ws : ws_platform_root(call->org);
    if (!anchor) {
        call_error(call, 400,
                   "no approval anchor for this caller class \xe2\x80\x94 set "
                   "MOLECULE_PLATFORM_WORKSPACE_ID for admin-token callers, or call via "
                   "an org-token with a valid org");
        return false;
    }
    char *reason CLEANUP(free_ptr) = xasprintf("mint org token %s", name);
    return gate(call, anchor, "org_token_mint", reason, reason);
}

/* ---- routes ---- */

void approval_create(struct call *call)
{
    json_t *body = rest_need_body(call, "invalid request body");
    if (!body)
        return;
    const char *action = json_str(body, "action", "");
    if (!action[0]) {
        call_error(call, 400, "invalid request body");
        return;
    }
    struct workspace *ws = rest_need_ws(call);
    if (!ws)
        return;
    const json_t *given = json_object_get(body, "context");
    char *context CLEANUP(free_ptr) = given ? json_text(given, JSON_WIRE) : xstrdup("");
    char hash[65];
    sha256_hex(context, strlen(context), hash);
    json_t *row = add_row(ws, action, json_str(body, "reason", NULL), hash);
    call_json(call, 201,
              json_make("{s:s,s:s}", "approval_id", json_str(row, "id", ""), "status",
                        "pending"));
}

/* Newest first; pending_only over the whole organisation when ws is NULL. */
static json_t *listing(struct org *org, const struct workspace *ws)
{
    enum { MAX = 50 };
    static const char *const hidden[] = {"context", "consumed"};
    json_t *list = json_array();
    json_t *rows = rows_of(org);
    for (size_t i = json_array_size(rows); i-- > 0 && json_array_size(list) < MAX;) {
        const json_t *row = json_array_get(rows, i);
        const char *ws_id = json_str(row, "workspace_id", "");
        if (ws ? strcmp(ws_id, ws->id) != 0
               : strcmp(json_str(row, "status", ""), "pending") != 0)
            continue;
        json_t *shown = json_copy(json_array_get(rows, i));
        for (size_t k = 0; k < ARRAY_SIZE(hidden); k++)
            json_object_del(shown, hidden[k]);
        if (ws) {
            json_object_del(shown, "workspace_id");
        } else {
            const struct workspace *owner = ws_by_id(org, ws_id);
            json_object_set_new(shown, "workspace_name",
                                rest_string(owner ? owner->name : NULL));
            json_object_del(shown, "task_id");
            json_object_del(shown, "decided_by");
            json_object_del(shown, "decided_at");
        }
        json_array_append_new(list, shown);
    }
    return list;
}

void approval_list(struct call *call)
{
    struct workspace *ws = rest_need_ws(call);
    if (ws)
        call_json(call, 200, listing(call->org, ws));
}

void approval_pending(struct call *call)
{
    call_json(call, 200, listing(call->org, NULL));
}

/* The approval of the second parameter if it belongs to the workspace of the first. */
static json_t *own_row(struct call *call)
{
    json_t *rows = rows_of(call->org);
    int at = call->params[1] ? rest_row_index(rows, call->params[1]) : -1;
    json_t *row = at < 0 ? NULL : json_array_get(rows, (size_t)at);
    const char *owner = json_str(row, "workspace_id", "");
    return row && call->params[0] && strcmp(owner, call->params[0]) == 0 ? row : NULL;
}

void approval_decide(struct call *call)
{
    json_t *body = call_body(call);
    const char *decision = json_str(body, "decision", "");
    if (strcmp(decision, "approved") != 0 && strcmp(decision, "denied") != 0) {
        call_error(call, 400, "decision must be 'approved' or 'denied'");
        return;
    }
    json_t *row = own_row(call);
    if (!row || strcmp(json_str(row, "status", ""), "pending") != 0) {
        call_error(call, 404, "approval not found or already decided");
        return;
    }
    json_object_set_new(row, "status", json_string(decision));
    json_object_set_new(row, "decided_by",
                        json_string(json_str(body, "decided_by", rest_actor(call))));
    json_object_set_new(row, "decided_at", rest_time(clock_wall_ms()));
    call_json(call, 200,
              json_make("{s:s,s:s}", "approval_id", json_str(row, "id", ""), "status",
                        decision));
}

void approval_withdraw(struct call *call)
{
    json_t *rows = rows_of(call->org);
    int at = call->params[1] ? rest_row_index(rows, call->params[1]) : -1;
    if (at < 0) {
        call_error(call, 404, "approval not found");
        return;
    }
    json_t *row = own_row(call);
    if (!row) {
        call_error(call, 403, "not the requester");
        return;
    }
    if (strcmp(json_str(row, "status", ""), "pending") != 0) {
        call_error(call, 409, "approval not pending (already decided or withdrawn)");
        return;
    }
    json_object_set_new(row, "status", json_string("withdrawn"));
    call_json(call, 200,
              json_make("{s:s,s:s}", "approval_id", json_str(row, "id", ""), "status",
                        "withdrawn"));
}
