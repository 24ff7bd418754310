#include "mocks/tenant/approvals.h"

#include <string.h>

#include "base/ids.h"
#include "io/json.h"
#include "mocks/tenant/handlers.h"
#include "mocks/tenant/rest.h"
#include "mocks/tenant/rows.h"

enum { PAGE = 50, TABLE_MAX = 10000 };

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
        if (row_is(row, "workspace_id", ws_id) && row_is(row, "action", action) &&
            row_is(row, "context", context) && row_is(row, "status", status) &&
            !json_bool(row, "consumed", false))
            return row;
    }
    return NULL;
}

static json_t *add_row(struct workspace *ws, const char *task_id, const char *action,
                       const char *reason, const char *context)
{
    json_t *row = row_new();
    const char *id = json_str(row, "id", "");
    row_set(row, "workspace_id", ws->id);
    row_set(row, "task_id", task_id);
    row_set(row, "action", action);
    row_set(row, "reason", reason);
    row_set(row, "context", context);
    row_set(row, "status", "pending");
    row_set(row, "decided_by", NULL);
    row_set(row, "decided_at", NULL);
    row_set_now(row, "created_at");
    (void)rows_add(rows_of(ws->org), row, TABLE_MAX);
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
        row = add_row(anchor, NULL, action, reason, hash);
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
    const char *action = rest_need_text(call, "action", "invalid request body");
    struct workspace *ws = action ? rest_need_ws(call) : NULL;
    if (!ws)
        return;
    const json_t *body = call_body(call), *given = json_object_get(body, "context");
    char *context CLEANUP(free_ptr) = given ? json_text(given, JSON_WIRE) : xstrdup("");
    char hash[65];
    sha256_hex(context, strlen(context), hash);
    json_t *row = add_row(ws, rest_given(body, "task_id"), action,
                          json_str(body, "reason", NULL), hash);
    call_json(call, 201,
              json_make("{s:s,s:s}", "approval_id", json_str(row, "id", ""), "status",
                        "pending"));
}

/* Of one workspace: its rows; ws NULL: the organisation's that wait. */
static bool is_listed(const json_t *row, const void *ws)
{
    return ws ? row_is(row, "workspace_id", ((const struct workspace *)ws)->id)
              : row_is(row, "status", "pending");
}

static json_t *listing(struct org *org, const struct workspace *ws)
{
    static const char *const of_one[] = {"context", "consumed", "workspace_id"};
    static const char *const of_all[] = {"context", "consumed", "task_id", "decided_by",
                                         "decided_at"};
    const char *const *hidden = ws ? of_one : of_all;
    size_t hidden_n = ws ? ARRAY_SIZE(of_one) : ARRAY_SIZE(of_all);
    json_t *list = rows_newest(rows_of(org), PAGE, is_listed, ws);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *row = json_array_get(list, i);
        const struct workspace *owner = ws_by_id(org, json_str(row, "workspace_id", ""));
        if (!ws)
            row_set(row, "workspace_name", owner ? owner->name : NULL);
        for (size_t k = 0; k < hidden_n; k++)
            json_object_del(row, hidden[k]);
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

/* The approval of the second parameter. *ret_own: it is one of the workspace of the
 * first. NULL = none. */
static json_t *find_approval(struct call *call, bool *ret_own)
{
    json_t *row = rows_find(rows_of(call->org), call->params[1]);
    *ret_own = row && call->params[0] && row_is(row, "workspace_id", call->params[0]);
    return row;
}

static void answer_status(struct call *call, const json_t *row)
{
    call_json(call, 200,
              json_make("{s:O,s:O}", "approval_id", json_object_get(row, "id"), "status",
                        json_object_get(row, "status")));
}

void approval_decide(struct call *call)
{
    bool own = false;
    json_t *body = call_body(call);
    const char *decision = json_str(body, "decision", "");
    if (strcmp(decision, "approved") != 0 && strcmp(decision, "denied") != 0) {
        call_error(call, 400, "decision must be 'approved' or 'denied'");
        return;
    }
    json_t *row = find_approval(call, &own);
    if (!own || !row_is(row, "status", "pending")) {
        call_error(call, 404, "approval not found or already decided");
        return;
    }
    row_set(row, "status", decision);
    row_set(row, "decided_by", json_str(body, "decided_by", rest_actor(call)));
    row_set_now(row, "decided_at");
    answer_status(call, row);
}

void approval_withdraw(struct call *call)
{
    bool own = false;
    json_t *row = find_approval(call, &own);
    if (!row) {
        call_error(call, 404, "approval not found");
        return;
    }
    if (!own) {
        call_error(call, 403, "not the requester");
        return;
    }
    if (!row_is(row, "status", "pending")) {
        call_error(call, 409, "approval not pending (already decided or withdrawn)");
        return;
    }
    row_set(row, "status", "withdrawn");
    answer_status(call, row);
}
